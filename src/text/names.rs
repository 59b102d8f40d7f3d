//! Names that come again and again: each is stored once and has a number.
//!
//! Products and connections are named in every message, and there are few of them. So the name that was looked up last in a
//! slot is compared first, and a hash is computed only for a name that is not there.

use std::collections::HashMap;
use std::sync::Arc;

/// A power of two: the names looked up last that are compared first.
const SLOTS: usize = 64;
/// What a name takes beside its text: its entries in the map and in the list, and the counts of the shared text.
const ENTRY_BYTES: usize = 64;

/// Names, each stored once and numbered in the order in which they came.
#[derive(Debug, Clone)]
pub struct Names {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    /// The number of the name looked up last, for each slot.
    recent: [u32; SLOTS],
    bytes: usize,
}

impl Default for Names {
    fn default() -> Names {
        Names { names: Vec::new(), numbers: HashMap::new(), recent: [0; SLOTS], bytes: 0 }
    }
}

impl Names {
    /// Returns a name's number; a new name gets the next one.
    #[inline]
    pub fn number(&mut self, name: &str) -> u32 {
        let slot = slot(name);
        let recent = self.recent[slot];
        if self.names.get(recent as usize).is_some_and(|known| **known == *name) {
            return recent;
        }
        let number = self.look_up(name);
        self.recent[slot] = number;
        number
    }

    fn look_up(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // Each name takes more memory than a count of 2^32 of them leaves.
        let number = self.names.len() as u32;
        let name: Arc<str> = name.into();
        self.bytes += name.len() + ENTRY_BYTES;
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// Returns the name with a number that [`Names::number`] gave.
    #[inline]
    pub fn name(&self, number: u32) -> &Arc<str> {
        &self.names[number as usize]
    }

    /// Returns the names in the order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Returns how many names there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Returns roughly how much memory the names take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all names.
    pub fn clear(&mut self) {
        *self = Names::default();
    }
}

/// Returns the slot of a name. Products that differ mostly differ in one of these bytes, or in their length.
#[inline]
fn slot(name: &str) -> usize {
    let bytes = name.as_bytes();
    let at = |index: usize| bytes.get(index).map_or(0, |byte| usize::from(*byte));
    (at(0) + 5 * at(1) + 11 * at(2) + 17 * at(bytes.len().wrapping_sub(1)) + bytes.len()) % SLOTS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, proptest};

    use super::Names;

    proptest! {
        #[test]
        fn a_name_keeps_its_number(list in prop::collection::vec("[A-C]{0,4}", 0..200)) {
            let mut names = Names::default();
            let numbers: Vec<u32> = list.iter().map(|name| names.number(name)).collect();
            for (name, number) in list.iter().zip(numbers) {
                assert_eq!(names.number(name), number);
                assert_eq!(&**names.name(number), name);
            }
            let mut distinct = list.clone();
            distinct.sort();
            distinct.dedup();
            assert_eq!(names.count(), distinct.len());
            assert_eq!(names.iter().len(), distinct.len());
        }
    }

    #[test]
    fn a_name_that_is_forgotten_comes_again_as_the_first() {
        let mut names = Names::default();
        assert_eq!([names.number("A"), names.number("B"), names.number("A")], [0, 1, 0]);
        assert!(names.bytes() > 2);
        names.clear();
        assert_eq!((names.count(), names.bytes()), (0, 0));
        assert_eq!(names.number("B"), 0);
    }
}
