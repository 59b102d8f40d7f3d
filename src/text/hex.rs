//! Bytes written as hexadecimal digits, for bytes that are not text.

/// Returns two lowercase digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Returns the bytes for these digits; `None` unless the text consists of pairs of hexadecimal digits.
pub fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(value(*high)? << 4 | value(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{from_hex, hex};

    #[test]
    fn bytes_come_back() {
        assert_eq!(hex(b"\xff\x00a"), "ff0061");
        assert_eq!(from_hex("ff0061").as_deref(), Some(&b"\xff\x00a"[..]));
        assert_eq!(from_hex("FF").as_deref(), Some(&b"\xff"[..]));
        assert_eq!(from_hex("").as_deref(), Some(&b""[..]));
        for bad in ["f", "fg", "+f", "fff"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }
}
