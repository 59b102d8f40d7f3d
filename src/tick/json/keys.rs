//! Keys of objects, which are compared by a short hash first.

/// Returns a number from 0 to 127 that tells most keys apart.
#[inline]
pub const fn hash(key: &[u8]) -> u8 {
    if key.is_empty() {
        return 0;
    }
    let (first, middle, last) = (key[0] as usize, key[key.len() / 2] as usize, key[key.len() - 1] as usize);
    ((key.len() * 41 + first * 7 + middle * 13 + last * 29) % 128) as u8
}

/// Returns the bit that stands for a hash.
#[inline]
pub const fn bit(hash: u8) -> u64 {
    1 << (hash % 64)
}

/// Returns whether two keys are the same; most have between 4 and 16 bytes, which are compared in two parts that may overlap.
#[inline]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        length if length != b.len() => false,
        4..=8 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        9..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        _ => a == b,
    }
}
