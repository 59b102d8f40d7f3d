//! Keeps what the messages of a batch hold, with few allocations: bytes lie together in blocks, and names are shared.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::text::Names;

/// A block holds the bytes of many messages. Its memory is free again when all of them are gone.
const BLOCK_BYTES: usize = 256 << 10;
/// Messages carry few different names, but they may also carry any number of them, of any length.
const MOST_NAMES: usize = 1024;
const MOST_NAME_BYTES: usize = 1 << 20;

/// Makes copies of what a reader hands over for a moment only.
#[derive(Debug, Default)]
pub struct Keeper {
    block: BytesMut,
    names: Names,
}

impl Keeper {
    /// Returns a copy of the bytes, which shares its memory with the copies before and after it.
    pub fn bytes(&mut self, bytes: &[u8]) -> Bytes {
        if self.block.capacity() < bytes.len() {
            self.block = BytesMut::with_capacity(bytes.len().max(BLOCK_BYTES));
        }
        self.block.extend_from_slice(bytes);
        self.block.split().freeze()
    }

    /// Returns a copy of a name; the same name is stored once.
    pub fn name(&mut self, name: &str) -> Arc<str> {
        let number = self.names.number(name);
        let name = Arc::clone(self.names.name(number));
        if self.names.count() > MOST_NAMES || self.names.bytes() > MOST_NAME_BYTES {
            self.names.clear();
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_came() {
        let mut keeper = Keeper::default();
        let sources: Vec<Vec<u8>> = (0..100).map(|n| vec![n as u8; n * 137 % 40_000]).collect();
        let kept: Vec<Bytes> = sources.iter().map(|source| keeper.bytes(source)).collect();
        assert_eq!(kept, sources);
        let large = vec![7; 3 * BLOCK_BYTES];
        assert_eq!(keeper.bytes(&large), large);
        assert_eq!(keeper.bytes(b""), Bytes::new());
    }

    #[test]
    fn a_name_is_stored_once_and_names_have_a_bound() {
        let mut keeper = Keeper::default();
        let first = keeper.name("BTC-USD");
        assert!(Arc::ptr_eq(&first, &keeper.name("BTC-USD")));
        for number in 0..3 * MOST_NAMES {
            assert_eq!(&*keeper.name(&number.to_string()), number.to_string());
        }
        assert!(keeper.names.count() <= MOST_NAMES);
        let long = "x".repeat(MOST_NAME_BYTES / 4);
        for number in 0..16 {
            assert_eq!(&*keeper.name(&format!("{number}{long}")), format!("{number}{long}"));
            assert!(keeper.names.bytes() <= MOST_NAME_BYTES);
        }
    }
}
