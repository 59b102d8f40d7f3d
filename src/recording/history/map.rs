//! A file that says what the columns of any table hold.
//!
//! In: TOML, such as `time = "ts_event"`. Out: a [`Layout`] for the columns of a table.

use std::path::Path;

use serde::Deserialize;

use super::super::Error;
use super::layout::{Key, Layout, Unit};
use crate::text::did_you_mean;

/// What the user says of a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    time: String,
    product: Option<String>,
    /// The product, if no column holds it.
    product_name: Option<String>,
    bid: Option<String>,
    bid_size: Option<String>,
    ask: Option<String>,
    ask_size: Option<String>,
    price: Option<String>,
    size: Option<String>,
    side: Option<String>,
    sequence: Option<String>,
    time_unit: Option<Unit>,
    price_decimals: Option<usize>,
    /// What separates the cells of a text file.
    separator: Option<char>,
    /// The columns' names, if the file has no line with them.
    pub header: Option<Vec<String>>,
}

/// No price has more decimals.
const MOST_DECIMALS: usize = 30;

fn can_separate(separator: char) -> bool {
    separator.is_ascii() && !separator.is_ascii_alphanumeric() && !matches!(separator, '"' | '\n' | '\r' | '.' | '-')
}

impl Map {
    /// Reads a map.
    ///
    /// # Errors
    /// The file cannot be read, is not a map, or leaves out what every tick needs.
    pub fn read(path: &Path) -> Result<Map, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::Missing { path: path.to_path_buf() },
            _ => Error::Read { path: path.to_path_buf(), source },
        })?;
        Map::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Map, Error> {
        let wrong = |reason: String| Error::Map { path: path.to_path_buf(), reason };
        let map: Map = toml::from_str(text).map_err(|error| wrong(error.message().into()))?;
        let missing = match &map {
            Map { product: None, product_name: None, .. } => Some("it names no product"),
            Map { product: Some(_), product_name: Some(_), .. } => Some("it has both product and product_name"),
            Map { bid: Some(_), ask: None, .. } => Some("it names bid but not ask"),
            Map { bid: None, ask: Some(_), .. } => Some("it names ask but not bid"),
            Map { bid: None, price: None, .. } => Some("it names neither bid and ask nor price"),
            Map { price_decimals: Some(decimals), .. } if *decimals > MOST_DECIMALS => {
                Some("price_decimals is above 30")
            }
            Map { separator: Some(separator), .. } if !can_separate(*separator) => {
                Some("separator is not one character of ASCII that cells do not hold, such as `;`")
            }
            _ => None,
        };
        missing.map_or(Ok(map), |reason| Err(wrong(reason.into())))
    }

    /// Returns what separates the cells of a line.
    pub fn separator(&self) -> u8 {
        // `parse` has checked that it is ASCII.
        self.separator.map_or(b',', |separator| separator as u8)
    }

    /// Returns where the columns of a table are.
    ///
    /// # Errors
    /// The table at `table` does not have a column that the map names, or has it twice.
    pub fn layout(&self, columns: &[String], table: &Path) -> Result<Layout, Error> {
        let named = [
            (Key::Product, &self.product),
            (Key::Bid, &self.bid),
            (Key::BidSize, &self.bid_size),
            (Key::Ask, &self.ask),
            (Key::AskSize, &self.ask_size),
            (Key::Price, &self.price),
            (Key::Size, &self.size),
            (Key::Side, &self.side),
            (Key::Sequence, &self.sequence),
        ];
        let named = named.into_iter().filter_map(|(key, name)| Some((key, name.as_ref()?)));
        let place = |(key, name): (Key, &String)| match columns.iter().position(|column| column == name) {
            Some(place) if columns[place + 1..].contains(name) => {
                Err(Error::RepeatedColumn { path: table.to_path_buf(), column: name.clone() })
            }
            Some(place) => Ok((key, place)),
            None => Err(Error::NoColumn {
                path: table.to_path_buf(),
                column: name.clone(),
                columns: columns.join(", "),
                nearest: did_you_mean(name, columns.iter().map(String::as_str)),
            }),
        };
        Ok(Layout {
            name: "map".into(),
            cells: std::iter::once((Key::Time, &self.time)).chain(named).map(place).collect::<Result<_, _>>()?,
            width: Some(columns.len()),
            product: self.product_name.clone(),
            time_unit: self.time_unit,
            time_column: Some(self.time.clone()),
            price_decimals: self.price_decimals,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Key, Map};

    fn refused(text: &str) -> String {
        Map::parse(text, Path::new("m.toml")).expect_err("not a map").to_string()
    }

    #[test]
    fn a_map_names_columns() {
        let text = "time = 'ts'\nproduct = 'sym'\nbid = 'b'\nask = 'a'\ntime_unit = 'us'\nseparator = ';'";
        let map = Map::parse(text, Path::new("m.toml")).expect("a map");
        let columns = ["sym", "x", "b", "a", "ts"].map(String::from);
        let layout = map.layout(&columns, Path::new("t.csv")).expect("all columns");
        assert_eq!(layout.cells, [(Key::Time, 4), (Key::Product, 0), (Key::Bid, 2), (Key::Ask, 3)]);
        assert_eq!((layout.width, map.separator()), (Some(5), b';'));
        let error = map.layout(&columns[..4], Path::new("t.csv")).expect_err("a column is missing");
        assert_eq!(error.to_string(), "t.csv has no column `ts`; it has sym, x, b, a");
        let twice = ["sym", "b", "b", "a", "ts"].map(String::from);
        let error = map.layout(&twice, Path::new("t.csv")).expect_err("a column stands twice");
        assert_eq!(error.to_string(), "t.csv has the column `b` more than once");
    }

    #[test]
    fn a_map_says_all_that_a_tick_needs() {
        for (text, reason) in [
            ("product = 'a'\nprice = 'b'", "missing field `time`"),
            ("time = 't'\nprice = 'b'", "it names no product"),
            ("time = 't'\nproduct = 'p'\nproduct_name = 'B'\nprice = 'b'", "it has both product and product_name"),
            ("time = 't'\nproduct = 'p'\nbid = 'b'", "it names bid but not ask"),
            ("time = 't'\nproduct = 'p'", "it names neither bid and ask nor price"),
            ("time = 't'\nproduct = 'p'\nprice = 'p'\nseparator = '\"'", "separator is not one character"),
            ("time = 't'\nproduct = 'p'\nprice = 'p'\nseparator = \"\\n\"", "separator is not one character"),
        ] {
            let message = refused(text);
            assert!(message.starts_with("m.toml is not a map of columns: ") && message.contains(reason), "{message}");
        }
        assert!(refused("time = 't'\nproduct = 'p'\nprices = 'x'").contains("unknown field `prices`"));
        assert!(refused("time = 't'\nproduct = 'p'\nprice = 'x'\ntime_unit = 'minutes'").contains("minutes"));
    }
}
