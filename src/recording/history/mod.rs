//! Tables of history that people download, CSV and Parquet: their rows become messages, one a line.
//!
//! In: a table, and perhaps the user's [`Map`] of its columns. Out: [`Messages`], the lines of a recording, made while the table is
//! read. A format is one file with a static [`Format`] and one line in [`FORMATS`]; docs/history.md lists them.

mod binance;
mod csv;
mod layout;
mod map;
mod parquet;
mod tardis;

use std::fs::File;
use std::io::{self, BufRead, Cursor, Read};
use std::path::Path;

use super::Error;
use crate::tick;
use csv::{Cells, Csv};
use layout::{Key, Layout};
pub use map::Map;

/// Every format whose columns are known. The first one whose columns a table has is used.
pub static FORMATS: &[&Format] =
    &[&tardis::QUOTES, &tardis::TRADES, &binance::BOOK_TICKER, &binance::AGG_TRADES, &binance::TRADES];

/// A table whose columns are known.
pub struct Format {
    /// The name, which each message has.
    pub name: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
    /// What the columns hold, and the names that each may have. All of them must be there.
    columns: &'static [(Key, &'static [&'static str])],
    /// If the product stands only in the file's name: what comes after it there.
    file_word: Option<&'static str>,
    /// The places of the columns in a file without a header, from 0; empty if every file has one.
    positions: &'static [usize],
}

impl Format {
    /// Returns where the columns are if the names are those of this format.
    fn layout(&self, names: &[String]) -> Option<Layout> {
        let place = |allowed: &[&str]| names.iter().position(|name| allowed.contains(&name.as_str()));
        let cells = self.columns.iter().map(|(key, allowed)| Some((*key, place(allowed)?)));
        Some(self.with(cells.collect::<Option<_>>()?, names.len()))
    }

    /// Returns where the columns are in a file without a header.
    fn layout_by_position(&self, width: usize) -> Layout {
        let keys = self.columns.iter().map(|(key, _)| *key);
        self.with(keys.zip(self.positions.iter().copied()).collect(), width)
    }

    fn with(&self, cells: Vec<(Key, usize)>, width: usize) -> Layout {
        let (name, width) = (self.name.to_string(), Some(width));
        Layout { name, cells, width, product: None, time_unit: None, time_column: None, price_decimals: None }
    }

    /// Returns the product that the file's name begins with.
    fn product_of<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        let word = self.file_word?;
        names.iter().find_map(|name| name.split_once(word).map(|(product, _)| product).filter(|name| !name.is_empty()))
    }
}

/// What a table is called, for messages and for products that stand only in a name.
pub struct Named<'a> {
    /// The file, as the user named it.
    pub path: &'a Path,
    /// Its name inside an archive.
    pub inside: Option<&'a str>,
    /// Whether nothing shows that it is whole: it is neither compressed nor in an archive.
    pub may_be_cut_off: bool,
}

impl Named<'_> {
    fn outer(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    fn names(&self) -> Vec<&str> {
        self.inside.map(|name| name.rsplit('/').next().unwrap_or(name)).into_iter().chain([self.outer()]).collect()
    }
}

/// What a text turned out to be.
pub struct Opened {
    pub lines: Box<dyn BufRead + Send>,
    /// The columns of a text that looks like a table whose columns are not known.
    pub columns: Option<String>,
    /// Whether the lines are rows of a table.
    pub is_table: bool,
    /// Whether it is a table of trades, which have no quotes.
    pub is_trades: bool,
}

/// The first line of a table is not longer; it holds the names of columns.
const LONGEST_HEADER_BYTES: u64 = 1 << 20;
/// A mark that some programs write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How a text begins.
#[derive(Default)]
struct Beginning {
    /// The blank lines before the first line that is not, and how many they are.
    blank: Vec<u8>,
    blank_lines: u64,
    first: Vec<u8>,
    /// What ended the reading before the first line's end.
    failure: Option<io::Error>,
}

impl Beginning {
    fn read(text: &mut impl BufRead, separator: u8) -> Beginning {
        let mut beginning = Beginning::default();
        loop {
            let most = LONGEST_HEADER_BYTES.saturating_sub(beginning.blank.len() as u64);
            beginning.failure = text.take(most).read_until(b'\n', &mut beginning.first).err();
            let is_whole = beginning.failure.is_none() && beginning.first.ends_with(b"\n");
            if !is_whole || !csv::is_blank(without_mark(&beginning.first), separator) {
                return beginning;
            }
            beginning.blank.append(&mut beginning.first);
            beginning.blank_lines += 1;
        }
    }
}

fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Returns a text's lines: those of a table as messages, all others as they are.
///
/// # Errors
/// The text is a table that lacks a column of the map, or whose product is not known.
pub fn open(mut text: Box<dyn BufRead + Send>, named: &Named<'_>, map: Option<&Map>) -> Result<Opened, Error> {
    let separator = map.map_or(b',', Map::separator);
    let Beginning { mut blank, blank_lines, first, failure } = Beginning::read(&mut text, separator);
    let rest: Box<dyn BufRead + Send> = match failure {
        None => text,
        // What could be read comes first, and then the failure again.
        Some(error) => Box::new(io::BufReader::new(Broken(Some(error)))),
    };
    let row = without_mark(&first);
    let header = String::from_utf8_lossy(row).trim_end_matches(['\r', '\n']).to_string();
    let names = names(&header, separator);
    let (layout, has_header) = match map {
        _ if header.is_empty() || is_message(&header, map) => (None, false),
        Some(map) => match &map.header {
            Some(given) => (Some(map.layout(given, named.path)?), false),
            None => (Some(map.layout(&names, named.path)?), true),
        },
        None => known(&names, named)?,
    };
    let Some(layout) = layout else {
        let looks_like_a_table = names.len() > 2 && !header.contains(['{', '}']);
        let columns = looks_like_a_table.then_some(header);
        blank.extend(first);
        let lines = Box::new(Cursor::new(blank).chain(rest));
        return Ok(Opened { lines, columns, is_table: false, is_trades: false });
    };
    let whole = if has_header { rest } else { Box::new(Cursor::new(row.to_vec()).chain(rest)) };
    let is_trades = layout.is_trades();
    let rows = Csv::new(whole, layout, named, separator, blank_lines + u64::from(has_header));
    Ok(Opened { lines: Box::new(Messages::new(Box::new(rows))), columns: None, is_table: true, is_trades })
}

/// Returns whether the first line is a message and not the first line of a table. If there is a map, cells may hold braces.
fn is_message(line: &str, map: Option<&Map>) -> bool {
    match map {
        None => line.contains('{'),
        Some(_) => line.trim_start().starts_with("{\"") || tick::parse(line.as_bytes()).is_ok(),
    }
}

/// Returns the cells of a header.
fn names(header: &str, separator: u8) -> Vec<String> {
    let mut cells = Cells::default();
    if !cells.split(header, separator) {
        return Vec::new();
    }
    (0..cells.count()).map(|at| cells.cell(at).trim().to_string()).collect()
}

/// Returns the lines of a Parquet file's rows.
///
/// # Errors
/// It cannot be read as Parquet, or its columns are not known or hold something else than one value a row.
pub fn open_parquet(file: File, named: &Named<'_>, map: Option<&Map>) -> Result<Opened, Error> {
    let failed = |source| Error::Parquet { path: named.path.to_path_buf(), source };
    let table = parquet::Table::open(file).map_err(failed)?;
    let names = table.columns();
    let layout = match map {
        Some(map) => Some(map.layout(&names, named.path)?),
        None => known(&names, named)?.0,
    };
    let Some(layout) = layout else {
        return Err(Error::UnknownColumns { path: named.path.to_path_buf(), columns: names.join(", ") });
    };
    if let Some((column, kind)) = table.unreadable(&layout) {
        return Err(Error::ColumnType { path: named.path.to_path_buf(), column, kind });
    }
    let is_trades = layout.is_trades();
    let rows = table.rows(layout, named.outer().to_string()).map_err(failed)?;
    Ok(Opened { lines: Box::new(Messages::new(Box::new(rows))), columns: None, is_table: true, is_trades })
}

/// Returns where the columns of a known format are, and whether the names are a header and not a row.
///
/// # Errors
/// The file's name does not say the product.
fn known(names: &[String], named: &Named<'_>) -> Result<(Option<Layout>, bool), Error> {
    let file_names = named.names();
    let by_header = FORMATS.iter().find_map(|format| Some((*format, format.layout(names)?, true)));
    let is_row = names.first().is_some_and(|cell| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit()));
    let by_name = || {
        let fits = |format: &&&Format| {
            let last = format.positions.iter().max();
            last.is_some_and(|last| *last < names.len()) && format.product_of(&file_names).is_some()
        };
        FORMATS
            .iter()
            .filter(|_| is_row)
            .find(fits)
            .map(|format| (*format, format.layout_by_position(names.len()), false))
    };
    let Some((format, mut layout, has_header)) = by_header.or_else(by_name) else { return Ok((None, false)) };
    if format.file_word.is_some() {
        let Some(product) = format.product_of(&file_names) else {
            return Err(Error::NoProductName { path: named.path.to_path_buf(), what: format.what });
        };
        layout.product = Some(product.into());
    }
    Ok((Some(layout), has_header))
}

/// The rows of a table.
trait Rows: Send {
    /// Appends the next row's message and a line end; returns false after the last row.
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool>;
}

/// The rows of a table as lines.
struct Messages {
    rows: Box<dyn Rows>,
    buffer: Vec<u8>,
    at: usize,
    /// What ended the rows before their end; told after the rows before it were read.
    failure: Option<io::Error>,
}

/// How many bytes of messages are made at once.
const MADE_AT_ONCE_BYTES: usize = 64 * 1024;

impl Messages {
    fn new(rows: Box<dyn Rows>) -> Messages {
        Messages { rows, buffer: Vec::new(), at: 0, failure: None }
    }
}

impl BufRead for Messages {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            while self.buffer.len() < MADE_AT_ONCE_BYTES {
                match self.rows.next(&mut self.buffer) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) if self.buffer.is_empty() => return Err(error),
                    Err(error) => {
                        self.failure = Some(error);
                        break;
                    }
                }
            }
        }
        Ok(&self.buffer[self.at..])
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl Read for Messages {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let read = available.len().min(into.len());
        into[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

/// A source that fails once and is then at its end.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::FORMATS;

    #[test]
    fn every_format_has_a_name_of_its_own_and_stands_in_the_documentation() {
        let documentation = include_str!("../../../docs/history.md");
        for (number, format) in FORMATS.iter().enumerate() {
            let names: Vec<String> = format.columns.iter().map(|(_, names)| format!("`{}`", names[0])).collect();
            let row = format!("| `{}` | {} | {} |\n", format.name, format.what, names.join(", "));
            assert!(documentation.contains(&row), "docs/history.md lacks\n{row}");
            assert!(FORMATS[..number].iter().all(|other| other.name != format.name), "{}", format.name);
            assert!(format.positions.is_empty() || format.positions.len() == format.columns.len(), "{}", format.name);
        }
    }
}
