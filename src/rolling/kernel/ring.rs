//! A queue of values addressed by absolute position.
//!
//! In: values, at the back. Out: a slice of those still held, and the position of its first.

/// How many released values a ring keeps before it moves the others to the front.
const SLACK: usize = 4096;

/// Values at the positions `base()..end()`.
#[derive(Debug, Clone)]
pub struct Ring<T> {
    items: Vec<T>,
    dead: usize,
    base: usize,
}

impl<T: Copy> Ring<T> {
    /// Returns an empty ring whose first value will be at position `base`.
    pub fn starting_at(base: usize) -> Self {
        Ring { items: Vec::new(), dead: 0, base }
    }

    /// Returns the position of the first value held.
    pub fn base(&self) -> usize {
        self.base + self.dead
    }

    /// Returns the position after the last value.
    pub fn end(&self) -> usize {
        self.base + self.items.len()
    }

    /// Returns the values held; the first is at position `base()`.
    pub fn live(&self) -> &[T] {
        &self.items[self.dead..]
    }

    /// Returns the last value.
    pub fn last(&self) -> Option<T> {
        self.live().last().copied()
    }

    /// Returns the value at an absolute position, which must be held.
    #[inline]
    pub fn at(&self, position: usize) -> T {
        self.items[position - self.base]
    }

    pub fn push(&mut self, value: T) {
        self.items.push(value);
    }

    pub fn extend(&mut self, values: impl IntoIterator<Item = T>) {
        self.items.extend(values);
    }

    /// Drops every value before `position`; amortised constant time per value.
    pub fn release(&mut self, position: usize) {
        self.dead = position.saturating_sub(self.base).clamp(self.dead, self.items.len());
        if self.dead > SLACK && self.dead * 2 > self.items.len() {
            self.items.drain(..self.dead);
            self.base += self.dead;
            self.dead = 0;
        }
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.items.capacity() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn positions_survive_release() {
        let mut ring = Ring::starting_at(5);
        ring.extend(5..30_000);
        ring.release(20_000);
        assert_eq!(ring.base(), 20_000);
        assert_eq!(ring.at(20_001), 20_001);
        assert_eq!(ring.live()[0], 20_000);
        ring.push(30_000);
        assert_eq!((ring.end(), ring.last()), (30_001, Some(30_000)));
        ring.release(10);
        assert_eq!(ring.base(), 20_000);
    }
}
