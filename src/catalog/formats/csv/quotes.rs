//! Quotes in CSV that do not end, and empty lines of files with one column.
//!
//! A reader takes all that follows such a quote for one value, and says nothing. It also leaves out empty lines, which are rows if a file
//! has one column: NULL, as in DuckDB. In: the bytes of a file. Out: the same, with a pair of quotes on these lines; an open quote is an
//! error.

use crate::catalog::formats::text::{Fault, Watch};

/// What a file's options say of quotes.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    pub delimiter: u8,
    pub quote: u8,
    pub escape: Option<u8>,
    pub comment: Option<u8>,
    pub line_end: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A value may begin here; the flag says that a line may.
    Start {
        line: bool,
    },
    /// In a value without quotes.
    Plain,
    Quoted,
    /// Behind an escape in quotes.
    Escaped,
    /// Behind a quote in quotes, which ends the value unless another one follows.
    Closing,
    Comment,
}

/// Follows the quotes of a file.
#[derive(Debug)]
pub struct Quotes {
    marks: Marks,
    state: State,
    /// The place of the next byte.
    at: u64,
    /// The place of the last quote that opened a value.
    opened: u64,
    /// How many lines are still left out.
    skipped_lines: usize,
    /// Whether the file has one column.
    is_single: bool,
    /// Whether a record has begun. Empty lines before the header are not rows.
    has_begun: bool,
    /// Whether the byte before was `\r`, which forms one line end with `\n`.
    after_return: bool,
}

/// What a file may begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Quotes {
    /// Follows a file of so many columns, or a part of it. `is_start` says whether the part begins where the file does.
    pub fn new(marks: Marks, columns: usize, is_start: bool) -> Quotes {
        Quotes {
            marks,
            state: State::Start { line: true },
            at: 0,
            opened: 0,
            skipped_lines: 0,
            is_single: columns == 1,
            has_begun: !is_start,
            after_return: false,
        }
    }

    /// Leaves out so many lines at the start.
    pub fn without(mut self, lines: usize) -> Quotes {
        self.skipped_lines = lines;
        self
    }

    /// Removes from a piece the lines that are left out.
    fn skip_lines(&mut self, piece: &mut Vec<u8>) {
        let line_end = self.marks.line_end.unwrap_or(b'\n');
        let mut rest = &piece[..];
        while self.skipped_lines > 0 && !rest.is_empty() {
            match rest.iter().position(|byte| *byte == line_end) {
                Some(end) => {
                    rest = &rest[end + 1..];
                    self.skipped_lines -= 1;
                }
                None => rest = &[],
            }
        }
        let skipped = piece.len() - rest.len();
        self.at += skipped as u64;
        piece.drain(..skipped);
    }

    fn is_line_end(&self, byte: u8) -> bool {
        self.marks.line_end.map_or(matches!(byte, b'\n' | b'\r'), |end| byte == end)
    }

    /// Returns how many bytes of a piece change nothing.
    fn skipped(&self, piece: &[u8]) -> usize {
        let wanted = |byte: u8| match self.state {
            State::Plain => byte == self.marks.delimiter || self.is_line_end(byte),
            State::Quoted => byte == self.marks.quote || Some(byte) == self.marks.escape,
            State::Comment => self.is_line_end(byte),
            State::Start { .. } | State::Escaped | State::Closing => true,
        };
        piece.iter().position(|byte| wanted(*byte)).unwrap_or(piece.len())
    }

    fn next(&mut self, byte: u8) {
        let marks = self.marks;
        self.state = match self.state {
            State::Start { line: true } if Some(byte) == marks.comment => State::Comment,
            State::Start { .. } if byte == marks.quote => {
                self.opened = self.at;
                State::Quoted
            }
            State::Quoted if Some(byte) == marks.escape && byte != marks.quote => State::Escaped,
            State::Quoted if byte == marks.quote => State::Closing,
            State::Quoted | State::Escaped => State::Quoted,
            State::Closing if byte == marks.quote => State::Quoted,
            State::Comment if !self.is_line_end(byte) => State::Comment,
            _ if byte == marks.delimiter => State::Start { line: false },
            _ if self.is_line_end(byte) => State::Start { line: true },
            _ => State::Plain,
        };
        self.has_begun |= !matches!(self.state, State::Start { line: true } | State::Comment);
        self.after_return = byte == b'\r' && self.marks.line_end.is_none();
    }

    /// Returns whether a byte ends an empty line that is a row.
    fn is_empty_row(&self, byte: u8) -> bool {
        self.is_single
            && self.has_begun
            && self.state == State::Start { line: true }
            && self.is_line_end(byte)
            && !(self.after_return && byte == b'\n')
    }

    /// Puts a pair of quotes before these places.
    fn fill(&self, piece: &mut Vec<u8>, places: &[usize]) {
        let mut filled = Vec::with_capacity(piece.len() + 2 * places.len());
        let mut from = 0;
        for place in places {
            filled.extend_from_slice(&piece[from..*place]);
            filled.extend([self.marks.quote; 2]);
            from = *place;
        }
        filled.extend_from_slice(&piece[from..]);
        *piece = filled;
    }
}

impl Watch for Quotes {
    fn see(&mut self, piece: &mut Vec<u8>) -> Result<(), Fault> {
        self.skip_lines(piece);
        let mark = if self.at == 0 && piece.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        self.at += mark as u64;
        let mut rest = &piece[mark..];
        // Of a piece without quotes, only the last byte matters: a value may begin behind it, and have a quote in the next piece.
        let calm = matches!(self.state, State::Start { .. } | State::Plain | State::Comment);
        if calm && !self.is_single && self.marks.comment.is_none() && !rest.contains(&self.marks.quote) {
            self.at += rest.len() as u64;
            if let Some(last) = rest.last() {
                self.state = State::Plain;
                self.next(*last);
            }
            return Ok(());
        }
        let mut empty_rows = Vec::new();
        loop {
            let skipped = self.skipped(rest);
            self.at += skipped as u64;
            let Some((byte, after)) = rest[skipped..].split_first() else { break };
            if self.is_empty_row(*byte) {
                empty_rows.push(piece.len() - after.len() - 1);
            }
            self.next(*byte);
            self.at += 1;
            rest = after;
        }
        if !empty_rows.is_empty() {
            self.fill(piece, &empty_rows);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Quoted | State::Escaped => Err(Fault {
                at: self.opened,
                what: "has a quote that does not end",
                hint: "end the value with a quote; a quote within a value is written twice",
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns where a quote opens that does not end.
    fn open(text: &str, piece: usize, marks: Marks) -> Option<u64> {
        let mut quotes = Quotes::new(marks, 2, true);
        text.as_bytes().chunks(piece).for_each(|piece| quotes.see(&mut piece.to_vec()).unwrap());
        quotes.end().err().map(|fault| fault.at)
    }

    #[test]
    fn quotes_end() {
        let marks = Marks { delimiter: b',', quote: b'"', escape: None, comment: None, line_end: None };
        for (text, expected) in [
            ("a,b\n1,x\n2,\"abc\n3,y\n", Some(10)),
            ("a,b\n1,\"x\"\"\n\"\n", None),
            ("a,b\n1,5\" pipe\n2,y\n", None),
            ("a,b\n1,\"x\"y\"z\n", None),
            ("\u{feff}\"a\",\"b\n", Some(7)),
            ("\"\"", None),
            ("\"", Some(0)),
            ("a,\"b\\\"\n", None),
        ] {
            for piece in 1..=text.len() {
                // A byte order mark is in one piece: files are not read byte by byte.
                if piece >= 3 || !text.starts_with('\u{feff}') {
                    assert_eq!(open(text, piece, marks), expected, "{text} {piece}");
                }
            }
        }
        let marks = Marks { escape: Some(b'\\'), comment: Some(b'#'), ..marks };
        for (text, expected) in [
            ("a,\"b\\\"\n", Some(2)),
            ("a,\"b\\\"\"\n", None),
            ("# it is \"\n#\"\n\"a\"\n", None),
            ("a,#\n,\"\n", Some(5)),
        ] {
            for piece in 1..=text.len() {
                assert_eq!(open(text, piece, marks), expected, "{text} {piece}");
            }
        }
    }

    #[test]
    fn empty_lines_are_rows_of_one_column() {
        let marks = Marks { delimiter: b',', quote: b'"', escape: None, comment: Some(b'#'), line_end: None };
        for (text, expected) in [
            ("a\n1\n\n2\n", "a\n1\n\"\"\n2\n"),
            ("\n\na\r\n\r\n\r\n1", "\n\na\r\n\"\"\r\n\"\"\r\n1"),
            ("a\r\r1\r", "a\r\"\"\r1\r"),
            ("a\n\"1\n\n2\"\n#\n\n", "a\n\"1\n\n2\"\n#\n\"\"\n"),
        ] {
            for piece in 1..=text.len() {
                let mut quotes = Quotes::new(marks, 1, true);
                let mut seen = Vec::new();
                for piece in text.as_bytes().chunks(piece) {
                    let mut piece = piece.to_vec();
                    quotes.see(&mut piece).unwrap();
                    seen.extend(piece);
                }
                assert_eq!(String::from_utf8(seen).unwrap(), expected, "{text:?} {piece}");
            }
        }
        let text = "\u{feff}x, \"\n\na,b\n1,\"2\n";
        for size in 3..=text.len() {
            let mut quotes = Quotes::new(marks, 2, true).without(2);
            let mut seen = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                let mut piece = piece.to_vec();
                quotes.see(&mut piece).unwrap();
                seen.extend(piece);
            }
            assert_eq!((seen.as_slice(), quotes.end().unwrap_err().at), (&b"a,b\n1,\"2\n"[..], 15), "{size}");
        }
        let mut piece = b"\n1\n".to_vec();
        Quotes::new(marks, 1, false).see(&mut piece).unwrap();
        assert_eq!(piece, b"\"\"\n1\n");
    }
}
