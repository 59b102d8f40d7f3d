//! One pass over a text, which checks it whole and notes its values.
//!
//! In: a text that begins with an object or a list. Out: its [`Node`]s.

use serde::de::IgnoredAny;

use super::{Fault, Kind, MOST_VALUES, Node, Object, hash, unescape};

/// How many levels of objects and lists are noted. Values below them are checked and passed over.
pub(super) const DEEPEST: usize = 10;

/// Checks a text that begins with `{` or `[` and notes its values. Of a list, the members are the objects in it; there are none if it
/// holds anything else.
///
/// # Errors
/// The text is not one JSON value, or it has too many values.
pub fn scan<'a>(text: &'a str, nodes: &'a mut Vec<Node>) -> Result<Object<'a>, Fault> {
    nodes.clear();
    // Places are 32 bits wide.
    if u32::try_from(text.len()).is_err() {
        return Err(Fault::TooManyValues);
    }
    let mut scanner = Scanner { text, at: 0, string: (0, 0), nodes };
    scanner.value((0, 0), 0)?;
    if scanner.at != text.len() {
        return Err(Fault::NotJson);
    }
    Ok(Object::new(text, nodes, 0))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Where the content of the last string lies.
    string: (u32, u32),
    nodes: &'a mut Vec<Node>,
}

impl Scanner<'_> {
    /// Passes over space and returns the byte after it.
    #[inline]
    fn peek(&mut self) -> Result<u8, Fault> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(Fault::NotJson),
            }
        }
    }

    #[inline]
    fn note(&mut self, key: (u32, u32), value: (u32, u32), kind: Kind) -> Result<usize, Fault> {
        let index = self.nodes.len();
        if index == MOST_VALUES {
            return Err(Fault::TooManyValues);
        }
        let hash = hash(&self.text.as_bytes()[key.0 as usize..key.1 as usize]);
        // There are at most 2^20 nodes.
        self.nodes.push(Node { key, value, next: index as u32 + 1, kind, hash, key_is_escaped: false });
        Ok(index)
    }

    #[inline]
    fn value(&mut self, key: (u32, u32), depth: usize) -> Result<(), Fault> {
        let byte = self.peek()?;
        let start = self.at;
        match byte {
            b'"' => {
                let escaped = self.string()?;
                self.note(key, self.string, if escaped { Kind::EscapedText } else { Kind::Text })?;
            }
            b'-' | b'0'..=b'9' => {
                self.number()?;
                self.note(key, self.span(start), Kind::Number)?;
            }
            b'{' => {
                let index = self.note(key, (0, 0), Kind::Object)?;
                if depth < DEEPEST {
                    self.object(depth + 1)?
                } else {
                    self.pass_over()?
                }
                self.close(index, start);
            }
            b'[' => {
                let index = self.note(key, (0, 0), Kind::List)?;
                if depth < DEEPEST {
                    self.list(index, depth + 1)?
                } else {
                    self.pass_over()?
                }
                self.close(index, start);
            }
            _ => {
                let (word, kind) = match byte {
                    b't' => ("true", Kind::True),
                    b'f' => ("false", Kind::False),
                    _ => ("null", Kind::Null),
                };
                if !self.text.as_bytes()[start..].starts_with(word.as_bytes()) {
                    return Err(Fault::NotJson);
                }
                self.at += word.len();
                self.note(key, self.span(start), kind)?;
            }
        }
        Ok(())
    }

    fn close(&mut self, index: usize, start: usize) {
        let (value, next) = (self.span(start), self.nodes.len() as u32);
        let node = &mut self.nodes[index];
        (node.value, node.next) = (value, next);
    }

    /// Returns the place from `start` to here; the text is shorter than 2^32 bytes.
    fn span(&self, start: usize) -> (u32, u32) {
        (start as u32, self.at as u32)
    }

    fn object(&mut self, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek()? != b'"' {
                return Err(Fault::NotJson);
            }
            let (escaped, key, noted) = (self.string()?, self.string, self.nodes.len());
            if self.peek()? != b':' {
                return Err(Fault::NotJson);
            }
            self.at += 1;
            self.value(key, depth)?;
            if escaped {
                self.unescape_key(noted);
            }
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b',' => {}
                b'}' => return Ok(()),
                _ => return Err(Fault::NotJson),
            }
        }
    }

    /// Notes what the key of a node says without its backslashes.
    #[cold]
    fn unescape_key(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let mut key = String::new();
        // Half of a surrogate pair is in no shape's key.
        if unescape(&self.text[node.key.0 as usize..node.key.1 as usize], &mut key).is_some() {
            (node.hash, node.key_is_escaped) = (hash(key.as_bytes()), true);
        }
    }

    fn list(&mut self, index: usize, depth: usize) -> Result<(), Fault> {
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek()? != b'{' {
                self.nodes[index].kind = Kind::MixedList;
            }
            let noted = self.nodes.len();
            self.value((0, 0), depth)?;
            if self.nodes[index].kind == Kind::MixedList {
                self.nodes.truncate(noted);
            }
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b',' => {}
                b']' => return Ok(()),
                _ => return Err(Fault::NotJson),
            }
        }
    }

    /// Passes over a value that lies too deep to be noted.
    #[cold]
    fn pass_over(&mut self) -> Result<(), Fault> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => self.at += values.byte_offset(),
            _ => return Err(Fault::NotJson),
        }
        Ok(())
    }

    /// Reads a string, and returns whether it has a backslash.
    #[inline(always)]
    fn string(&mut self) -> Result<bool, Fault> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let end = start + plain_bytes(&bytes[start..]);
        if bytes.get(end) != Some(&b'"') {
            return self.escaped_string(start, end);
        }
        (self.at, self.string) = (end, (start as u32, end as u32));
        self.at += 1;
        Ok(false)
    }

    /// Reads the rest of a string that is not plain from `at` on.
    fn escaped_string(&mut self, start: usize, mut at: usize) -> Result<bool, Fault> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(at) {
                Some(b'"') => {
                    self.at = at;
                    self.string = self.span(start);
                    self.at += 1;
                    return Ok(true);
                }
                Some(b'\\') => {
                    at += match bytes.get(at + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                        Some(b'u')
                            if bytes
                                .get(at + 2..at + 6)
                                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) =>
                        {
                            6
                        }
                        _ => return Err(Fault::NotJson),
                    };
                }
                // A control character, or the end of the text.
                _ => return Err(Fault::NotJson),
            }
            at += plain_bytes(&bytes[at..]);
        }
    }

    #[inline]
    fn number(&mut self) -> Result<(), Fault> {
        let bytes = self.text.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut at = self.at;
        if bytes[at] == b'-' {
            at += 1;
        }
        let whole = digits(at);
        if whole == 0 || whole > 1 && bytes[at] == b'0' {
            return Err(Fault::NotJson);
        }
        at += whole;
        if bytes.get(at) == Some(&b'.') {
            let fraction = digits(at + 1);
            if fraction == 0 {
                return Err(Fault::NotJson);
            }
            at += 1 + fraction;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1;
            if let Some(b'+' | b'-') = bytes.get(at) {
                at += 1;
            }
            let exponent = digits(at);
            if exponent == 0 {
                return Err(Fault::NotJson);
            }
            at += exponent;
        }
        self.at = at;
        Ok(())
    }
}

/// Returns how many bytes come before the first quote, backslash or control character.
///
/// Eight bytes are looked at together; Hacker's Delight, second edition, section 6-1, finds a zero byte in a word.
#[inline(always)]
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    // The lowest marked byte is exact. Bytes above it may be marked in error, because the subtraction borrows.
    let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word & HIGH_BITS;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (number, chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        let special = below(word ^ (ONES * u64::from(b'"')), 1)
            | below(word ^ (ONES * u64::from(b'\\')), 1)
            | below(word, u64::from(b' '));
        if special != 0 {
            return number * 8 + (special.trailing_zeros() / 8) as usize;
        }
    }
    chunks.len() * 8 + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..b' ')).count()
}
