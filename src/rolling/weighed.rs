//! A queue that knows how much memory its items take.
//!
//! In: items, added at the back with their bytes. Out: the items, from the front, and their total bytes without adding them
//! up again.

use std::collections::VecDeque;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};

/// Something whose memory can be measured.
pub trait Bytes {
    /// Returns the bytes of memory held.
    fn bytes(&self) -> usize;
}

impl Bytes for RecordBatch {
    fn bytes(&self) -> usize {
        self.get_array_memory_size()
    }
}

impl Bytes for ArrayRef {
    fn bytes(&self) -> usize {
        self.get_array_memory_size()
    }
}

/// An item at a position takes the item's bytes.
impl<T: Bytes> Bytes for (usize, T) {
    fn bytes(&self) -> usize {
        self.1.bytes()
    }
}

/// Items in a queue, each with its bytes.
#[derive(Debug)]
pub struct Weighed<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
}

impl<T> Default for Weighed<T> {
    fn default() -> Self {
        Weighed { items: VecDeque::new(), bytes: 0 }
    }
}

impl<T: Bytes> Weighed<T> {
    /// Adds an item.
    pub fn push(&mut self, item: T) {
        let bytes = item.bytes();
        self.bytes += bytes;
        self.items.push_back((item, bytes));
    }

    /// Returns the first item.
    pub fn front(&self) -> Option<&T> {
        self.items.front().map(|(item, _)| item)
    }

    /// Returns the first item so that it can be cut; a part of an item keeps the memory of the whole.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.items.front_mut().map(|(item, _)| item)
    }

    /// Removes and returns the first item.
    pub fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some(item)
    }

    /// Removes items from the front, as long as the condition holds for them.
    pub fn pop_while(&mut self, condition: impl Fn(&T) -> bool) {
        while self.front().is_some_and(&condition) {
            self.pop();
        }
    }

    /// Returns the items in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    /// Returns the number of items at the front for which the condition holds; it must not hold for any item after these.
    pub fn partition_point(&self, condition: impl Fn(&T) -> bool) -> usize {
        self.items.partition_point(|(item, _)| condition(item))
    }

    /// Returns the item at an index.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.items.get(index).map(|(item, _)| item)
    }

    /// Returns whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{Bytes, Weighed};

    struct Item<'a>(usize, &'a Cell<usize>);

    impl Bytes for Item<'_> {
        fn bytes(&self) -> usize {
            self.1.set(self.1.get() + 1);
            self.0
        }
    }

    #[test]
    fn each_item_is_weighed_once() {
        let weighings = Cell::new(0);
        let mut queue = Weighed::default();
        for bytes in [5, 7, 11] {
            queue.push(Item(bytes, &weighings));
            queue.bytes();
        }
        assert_eq!((queue.bytes(), weighings.get()), (23, 3));
        queue.pop_while(|item| item.0 < 10);
        assert_eq!((queue.bytes(), queue.front().map(|item| item.0), weighings.get()), (11, Some(11), 3));
        queue.pop();
        assert!(queue.is_empty() && queue.bytes() == 0);
    }
}
