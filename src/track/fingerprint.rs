//! A short name for a text, to see whether two runs trained by the same statement.

/// Returns the 64-bit FNV-1a hash in hexadecimal: equal texts, equal fingerprints; no protection against forgery.
///
/// Fowler, Noll, Vo, Eastlake: The FNV Non-Cryptographic Hash Algorithm, RFC 9923.
pub fn fingerprint(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn fingerprints_are_those_of_the_specification() {
        assert_eq!(fingerprint(""), "cbf29ce484222325");
        assert_eq!(fingerprint("a"), "af63dc4c8601ec8c");
        assert_eq!(fingerprint("foobar"), "85944171f73967e8");
    }
}
