//! Quotes in CSV that do not end.
//!
//! A reader takes all that follows such a quote for one value, and says nothing. In: the bytes of a file. Out: the same; an open quote is
//! an error.

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
}

/// What a file may begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Quotes {
    pub fn new(marks: Marks) -> Quotes {
        Quotes { marks, state: State::Start { line: true }, at: 0, opened: 0 }
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
    }
}

impl Watch for Quotes {
    fn see(&mut self, piece: &mut [u8]) -> Result<(), Fault> {
        let mark = if self.at == 0 && piece.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        self.at += mark as u64;
        let mut rest = &piece[mark..];
        // Without a quote, only the last value matters, in which a quote may follow in the next piece.
        let calm = matches!(self.state, State::Start { .. } | State::Plain | State::Comment);
        if calm && self.marks.comment.is_none() && !rest.contains(&self.marks.quote) {
            self.at += rest.len() as u64;
            if let Some(last) = rest.last() {
                self.state = State::Plain;
                self.next(*last);
            }
            return Ok(());
        }
        loop {
            let skipped = self.skipped(rest);
            self.at += skipped as u64;
            let Some((byte, after)) = rest[skipped..].split_first() else { return Ok(()) };
            self.next(*byte);
            self.at += 1;
            rest = after;
        }
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
        let mut quotes = Quotes::new(marks);
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
}
