//! The rows of a text file: one line a row, cells between commas or another character.
//!
//! A cell may stand between double quotes, and then a doubled quote in it is one quote (RFC 4180). Spaces may stand before and after the
//! quotes. A cell does not hold a line end.

use std::io::{self, BufRead, Read};
use std::ops::Range;

use super::super::lines::{EndlessLine, LONGEST_LINE_BYTES, LONGEST_PASSED_OVER_BYTES};
use super::layout::Layout;
use super::{Named, Rows};

/// A text file, after its header.
pub struct Csv {
    text: Box<dyn BufRead + Send>,
    layout: Layout,
    /// The file's name, for rows that cannot be read.
    file: String,
    separator: u8,
    /// Whether nothing shows that the text is whole, so that a last line without its end may be cut off.
    may_be_cut_off: bool,
    /// The number of the line that was read last, from 1.
    number: u64,
    line: Vec<u8>,
    cells: Cells,
}

/// A row that cannot be read is kept up to this length.
const KEPT_BYTES: usize = 4096;

impl Csv {
    /// Starts to read the rows of a text, which follow this many lines.
    pub fn new(
        text: Box<dyn BufRead + Send>,
        layout: Layout,
        named: &Named<'_>,
        separator: u8,
        lines_before: u64,
    ) -> Csv {
        let (file, may_be_cut_off) = (named.outer().to_string(), named.may_be_cut_off);
        Csv {
            text,
            layout,
            file,
            separator,
            may_be_cut_off,
            number: lines_before,
            line: Vec::new(),
            cells: Cells::default(),
        }
    }

    /// Appends the message of the line; `ended` says whether the line has its end.
    fn row(&mut self, ended: bool, out: &mut Vec<u8>) -> Result<(), String> {
        let line = std::str::from_utf8(&self.line).map_err(|_| "it is not UTF-8 text".to_string())?;
        if !self.cells.split(line, self.separator) {
            return Err("a quote does not end".into());
        }
        // A quote at the end shows that the cell is whole.
        let may_be_cut_off = !ended && self.may_be_cut_off && !line.ends_with('"');
        let count = self.cells.count();
        if may_be_cut_off && self.layout.width.is_none_or(|width| width == count) && self.layout.reads(count - 1) {
            return Err("its last cell may be cut off, because the file ends here without a line end".into());
        }
        self.layout.write(count, |at| Some(self.cells.cell(at)), out)
    }
}

impl Rows for Csv {
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            self.line.clear();
            if (&mut self.text).take(LONGEST_LINE_BYTES).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(false);
            }
            self.number += 1;
            let ended = self.line.pop_if(|byte| *byte == b'\n').is_some();
            self.line.pop_if(|byte| *byte == b'\r');
            if !ended && self.line.len() as u64 >= LONGEST_LINE_BYTES {
                self.pass_over()?;
                let row = &self.line[..KEPT_BYTES];
                self.layout.refuse(&self.file, self.number, "it is too long for a row", row, out);
                return Ok(true);
            }
            if is_blank(&self.line, self.separator) {
                continue;
            }
            if let Err(reason) = self.row(ended, out) {
                let row = &self.line[..self.line.len().min(KEPT_BYTES)];
                self.layout.refuse(&self.file, self.number, &reason, row, out);
            }
            return Ok(true);
        }
    }
}

impl Csv {
    /// Passes over the rest of a line.
    fn pass_over(&mut self) -> io::Result<()> {
        let passed = (&mut self.text).take(LONGEST_PASSED_OVER_BYTES).skip_until(b'\n')?;
        if passed as u64 == LONGEST_PASSED_OVER_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, EndlessLine { number: self.number }));
        }
        Ok(())
    }
}

/// Returns whether a line holds nothing, not even an empty cell.
pub fn is_blank(line: &[u8], separator: u8) -> bool {
    line.iter().all(|byte| byte.is_ascii_whitespace() && *byte != separator)
}

/// The cells of a line, in memory that the next line uses again.
#[derive(Default)]
pub struct Cells {
    text: String,
    /// Where each cell is in the text.
    places: Vec<Range<usize>>,
}

impl Cells {
    /// Splits a line; returns false if a quote does not end.
    pub fn split(&mut self, line: &str, separator: u8) -> bool {
        self.text.clear();
        self.places.clear();
        let separator = char::from(separator);
        let spaces = |char: char| matches!(char, ' ' | '\t') && char != separator;
        let mut rest = line;
        loop {
            let start = self.text.len();
            let behind = match rest.trim_start_matches(spaces).strip_prefix('"') {
                Some(quoted) => match self.unquote(quoted) {
                    Some(behind) => behind.trim_start_matches(spaces),
                    None => return false,
                },
                None => {
                    let (cell, behind) = rest.split_at(rest.find(separator).unwrap_or(rest.len()));
                    self.text.push_str(cell);
                    behind
                }
            };
            self.places.push(start..self.text.len());
            match behind.strip_prefix(separator) {
                Some(behind) => rest = behind,
                // Otherwise something follows a closing quote.
                None => return behind.is_empty(),
            }
        }
    }

    /// Adds the text of a cell whose opening quote was read; returns what follows the closing one.
    fn unquote<'l>(&mut self, mut inside: &'l str) -> Option<&'l str> {
        loop {
            let (part, behind) = inside.split_once('"')?;
            self.text.push_str(part);
            let Some(more) = behind.strip_prefix('"') else { return Some(behind) };
            self.text.push('"');
            inside = more;
        }
    }

    /// Returns how many cells the line has.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Returns a cell.
    pub fn cell(&self, at: usize) -> &str {
        &self.text[self.places[at].clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::Cells;

    fn cells(line: &str, separator: u8) -> Option<Vec<String>> {
        let mut cells = Cells::default();
        // What was there before does not matter.
        cells.split("a,b", b',');
        cells.split(line, separator).then(|| (0..cells.count()).map(|at| cells.cell(at).to_string()).collect())
    }

    #[test]
    fn quotes_hold_a_cell_together() {
        for (line, expected) in [
            ("a,b,,c", Some(vec!["a", "b", "", "c"])),
            (r#""a","b,c",d"#, Some(vec!["a", "b,c", "d"])),
            (r#""a""b","#, Some(vec![r#"a"b"#, ""])),
            (r#"a"b,c"#, Some(vec![r#"a"b"#, "c"])),
            ("", Some(vec![""])),
            (r#""a"#, None),
            (r#""a"b,c"#, None),
            (r#"a, "b,c" ,d"#, Some(vec!["a", "b,c", "d"])),
            (r#" a,"b"  "#, Some(vec![" a", "b"])),
        ] {
            let expected = expected.map(|cells: Vec<&str>| cells.into_iter().map(String::from).collect());
            assert_eq!(cells(line, b','), expected, "{line}");
        }
        assert_eq!(cells("a;b,c", b';').expect("cells"), ["a", "b,c"]);
        assert_eq!(cells("\t\"a\"\t", b'\t').expect("cells"), ["", "a", ""]);
        assert_eq!(cells("  \"a\"", b' ').expect("cells"), ["", "", "a"]);
    }
}
