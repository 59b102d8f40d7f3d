//! JSON files that are one array.
//!
//! In: the bytes of a file. Out: the objects of the array, with spaces in place of its brackets and commas, so that each byte keeps its
//! place. What follows the array, or an array that does not end, is an error. The bytes of other files stay, but for a byte order mark.

use crate::catalog::formats::text::{Fault, Watch};

/// How far the brackets of a file are closed.
#[derive(Debug, Default)]
pub struct Outline {
    /// Whether the file is an array; `None` before its first byte that is not a space.
    is_array: Option<bool>,
    depth: usize,
    in_text: bool,
    escaped: bool,
    closed: bool,
    /// The last byte outside of texts that is not a space.
    last: u8,
    /// The place of the next byte.
    at: u64,
    /// The place of the byte before.
    last_at: u64,
}

/// What a file may begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const HINT: &str = "a file is one array, or objects one after the other";

impl Outline {
    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.last_at, what, hint: HINT }
    }

    /// Reads a byte of an array. Returns whether it belongs to the array and not to what it holds.
    fn next(&mut self, byte: u8) -> Result<bool, Fault> {
        if self.in_text {
            (self.in_text, self.escaped) = (byte != b'"' || self.escaped, byte == b'\\' && !self.escaped);
            return Ok(false);
        }
        if byte.is_ascii_whitespace() {
            return Ok(false);
        }
        self.last_at = self.at;
        if self.closed {
            return Err(self.fault("goes on after its array"));
        }
        let mut is_own = false;
        match byte {
            b'"' => self.in_text = true,
            b'[' | b'{' => {
                if self.depth == 1 && !matches!(self.last, b'[' | b',') {
                    return Err(self.fault("has no comma between two values of its array"));
                }
                is_own = self.depth == 0;
                self.depth += 1;
            }
            b']' | b'}' => {
                if self.last == b',' {
                    return Err(self.fault("has a comma before a bracket that closes"));
                }
                if self.depth == 1 && byte == b'}' {
                    return Err(self.fault("ends its array with } in place of ]"));
                }
                self.depth = self.depth.saturating_sub(1);
                self.closed = self.depth == 0;
                is_own = self.closed;
            }
            b',' => {
                if matches!(self.last, b',' | b'[') {
                    return Err(self.fault("has a comma without a value before it"));
                }
                is_own = self.depth == 1;
            }
            _ => {}
        }
        self.last = byte;
        Ok(is_own)
    }
}

impl Watch for Outline {
    fn see(&mut self, piece: &mut Vec<u8>) -> Result<(), Fault> {
        if self.at == 0 && piece.starts_with(BYTE_ORDER_MARK) {
            piece[..BYTE_ORDER_MARK.len()].fill(b' ');
        }
        if self.is_array.is_none() {
            let first = piece.iter().find(|byte| !byte.is_ascii_whitespace());
            self.is_array = first.map(|first| *first == b'[');
        }
        if self.is_array != Some(true) {
            self.at += piece.len() as u64;
            return Ok(());
        }
        for byte in piece {
            if self.next(*byte)? {
                *byte = b' ';
            }
            self.at += 1;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.is_array {
            Some(true) if !self.closed => Err(self.fault("ends within its array")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pieces: &[&str]) -> Result<String, &'static str> {
        let mut outline = Outline::default();
        let mut seen = String::new();
        for piece in pieces {
            let mut piece = piece.as_bytes().to_vec();
            outline.see(&mut piece).map_err(|fault| fault.what)?;
            seen += std::str::from_utf8(&piece).unwrap();
        }
        outline.end().map_err(|fault| fault.what)?;
        Ok(seen)
    }

    #[test]
    fn an_array_ends_where_its_file_does() {
        assert_eq!(
            seen(&[r#"[{"a": "]}\"", "b": [1, 2]}"#, ",{}", " ]\n "]).unwrap(),
            r#" {"a": "]}\"", "b": [1, 2]} {}  "#.to_string() + "\n "
        );
        assert_eq!(seen(&["[", "]"]).unwrap(), "  ");
        assert_eq!(seen(&["[{}]", "\n[{}]"]), Err("goes on after its array"));
        assert_eq!(seen(&[r#"[{"a": "x]"#]), Err("ends within its array"));
        assert_eq!(seen(&["[{}", " {}]"]), Err("has no comma between two values of its array"));
        assert_eq!(seen(&["[{},,{}]"]), Err("has a comma without a value before it"));
        assert_eq!(seen(&["[,{}]"]), Err("has a comma without a value before it"));
        assert_eq!(seen(&["[{}, ", "]"]), Err("has a comma before a bracket that closes"));
        assert_eq!(seen(&["[{}", "}"]), Err("ends its array with } in place of ]"));
    }

    #[test]
    fn other_files_stay_as_they_are() {
        let lines = "{\"a\": [1,]}\n[1]\n";
        assert_eq!(seen(&[lines]).unwrap(), lines);
        assert_eq!(seen(&["\u{feff}{}"]).unwrap(), "   {}");
        assert_eq!(seen(&["\u{feff}[{},{}]"]).unwrap(), "    {} {} ");
    }
}
