//! The schemes of addresses.

/// Returns the scheme with which an address begins, such as `https` in `https://host`; `None` for the path of a file. A path whose
/// first part has a colon is written with `./` before it.
pub fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let begins = scheme.len() > 1 && scheme.as_bytes()[0].is_ascii_alphabetic();
    (begins && scheme.bytes().all(is_letter)).then_some(scheme)
}

/// Returns whether a text is an address in a store or on a server, and not the path of a file; `file://…` is a path.
pub fn is_address(text: &str) -> bool {
    text.contains("://") && scheme(text).is_some_and(|scheme| !scheme.eq_ignore_ascii_case("file"))
}

#[cfg(test)]
mod tests {
    use super::scheme;

    #[test]
    fn an_address_has_a_scheme_and_a_path_has_none() {
        for (text, expected) in [("https://h", "https"), ("HTTPS:/h", "HTTPS"), ("s3:x", "s3"), ("a+b-c.d:", "a+b-c.d")]
        {
            assert_eq!(scheme(text), Some(expected));
        }
        for path in ["out", "./a:b", "out/2026-01-01T10:00", "2026:01", "C:\\out", "", ":", "a b:c", "é:x"] {
            assert_eq!(scheme(path), None, "{path}");
        }
    }
}
