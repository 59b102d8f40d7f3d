//! The rows of a text file: one line a row, cells between commas or another character.
//!
//! A cell may stand between double quotes, and then a doubled quote in it is one quote (RFC 4180). A cell does not hold a line end.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use super::super::file::{LONGEST_LINE_BYTES, LONGEST_PASSED_OVER_BYTES};
use super::Rows;
use super::layout::Layout;

/// A text file, after its header.
pub struct Csv {
    text: Box<dyn BufRead + Send>,
    layout: Layout,
    /// The file's name, for rows that cannot be read.
    file: String,
    separator: u8,
    /// The number of the line that was read last, from 1.
    number: u64,
    line: Vec<u8>,
}

/// A row that cannot be read is kept up to this length.
const KEPT_BYTES: usize = 4096;

impl Csv {
    pub fn new(text: Box<dyn BufRead + Send>, layout: Layout, file: String, separator: u8, lines_before: u64) -> Csv {
        Csv { text, layout, file, separator, number: lines_before, line: Vec::new() }
    }

    fn row(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let line = std::str::from_utf8(&self.line).map_err(|_| "it is not UTF-8 text".to_string())?;
        let cells = cells(line, self.separator).ok_or("a quote does not end")?;
        let cells: Vec<Option<&str>> = cells.iter().map(|cell| Some(cell.as_ref())).collect();
        self.layout.write(&cells, out)
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
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            if let Err(reason) = self.row(out) {
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
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {} does not end", self.number)));
        }
        Ok(())
    }
}

/// Splits a line into its cells; `None` if a quote does not end.
pub fn cells(line: &str, separator: u8) -> Option<Vec<Cow<'_, str>>> {
    let separator = char::from(separator);
    if !line.contains('"') {
        return Some(line.split(separator).map(Cow::Borrowed).collect());
    }
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            match rest.split_once(separator) {
                Some((cell, behind)) => {
                    cells.push(Cow::Borrowed(cell));
                    rest = behind;
                    continue;
                }
                None => {
                    cells.push(Cow::Borrowed(rest));
                    return Some(cells);
                }
            }
        };
        let mut cell = String::new();
        let mut inside = quoted;
        loop {
            let (part, behind) = inside.split_once('"')?;
            cell.push_str(part);
            match behind.strip_prefix('"') {
                Some(more) => {
                    cell.push('"');
                    inside = more;
                }
                None => {
                    inside = behind;
                    break;
                }
            }
        }
        cells.push(Cow::Owned(cell));
        match inside.strip_prefix(separator) {
            Some(behind) => rest = behind,
            None if inside.is_empty() => return Some(cells),
            // Something follows the closing quote.
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cells;

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
        ] {
            let found = cells(line, b',');
            let found = found.as_ref().map(|cells| cells.iter().map(|cell| cell.as_ref()).collect::<Vec<&str>>());
            assert_eq!(found, expected, "{line}");
        }
        assert_eq!(cells("a;b,c", b';').expect("cells"), ["a", "b,c"]);
    }
}
