//! The comment at the start of a query's file: what the query is, its grain, and how far it looks.
//!
//! In: the file's text with its placeholders filled. Out: a [`Header`]. An entry is `-- key: text`; any other comment line
//! continues the entry before it.

use std::path::Path;

use super::error::Error;

/// The entries of the comment that begins a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    pub description: String,
    /// The columns that identify a row; a materialised table is sorted by them.
    pub grain: Vec<String>,
    pub time_column: Option<String>,
    pub lookback: Option<String>,
    pub horizon: Option<String>,
    /// Columns and their units, in the order written.
    pub units: Vec<(String, String)>,
    /// What lint lets pass: the name of a rule, and the reason.
    pub allow: Vec<(String, String)>,
}

/// The rule that a header may allow: lint cannot tell how far the query looks.
pub const UNKNOWN_REACH: &str = "unknown-reach";

const KEYS: [&str; 7] = ["description", "grain", "time column", "lookback", "horizon", "units", "allow"];

impl Header {
    /// Reads the leading comment.
    pub fn parse(text: &str) -> Header {
        let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in text.lines() {
            let Some(line) = line.trim().strip_prefix("--") else { break };
            let line = line.trim();
            let entry = line.split_once(':').and_then(|(key, rest)| {
                let key = KEYS.into_iter().find(|known| known.eq_ignore_ascii_case(key.trim()))?;
                Some((key, rest.trim()))
            });
            match (entry, entries.last_mut()) {
                (Some((key, rest)), _) => entries.push((key, vec![rest])),
                (None, Some((_, lines))) => lines.push(line),
                (None, None) => {}
            }
        }
        let find = |key: &str| entries.iter().find(|(known, _)| *known == key).map(|(_, lines)| lines.as_slice());
        let joined =
            |key: &str| find(key).map(|lines| lines.join(" ").trim().to_string()).filter(|text| !text.is_empty());
        Header {
            description: joined("description").unwrap_or_default(),
            grain: joined("grain")
                .map(|text| text.split(',').map(|name| name.trim().into()).collect())
                .unwrap_or_default(),
            time_column: joined("time column"),
            lookback: joined("lookback"),
            horizon: joined("horizon"),
            units: find("units").map(units).unwrap_or_default(),
            allow: entries.iter().filter(|(key, _)| *key == "allow").map(|(_, lines)| allowance(lines)).collect(),
        }
    }

    /// Checks that all entries in `required` exist.
    pub fn require(&self, file: &Path, required: &[&'static str]) -> Result<(), Error> {
        let missing: Vec<_> = required.iter().copied().filter(|key| !self.has(key)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::Header { file: file.into(), missing }) }
    }

    fn has(&self, key: &str) -> bool {
        match key {
            "description" => !self.description.is_empty(),
            "grain" => !self.grain.is_empty(),
            "time column" => self.time_column.is_some(),
            "lookback" => self.lookback.is_some(),
            "horizon" => self.horizon.is_some(),
            "units" => !self.units.is_empty(),
            _ => false,
        }
    }
}

/// Reads `rule, reason`.
fn allowance(lines: &[&str]) -> (String, String) {
    let text = lines.join(" ");
    let (rule, reason) = text.split_once(',').unwrap_or((&text, ""));
    (rule.trim().into(), reason.trim().into())
}

/// Reads lines `column, column: unit`.
fn units(lines: &[&str]) -> Vec<(String, String)> {
    let mut units = Vec::new();
    for (columns, unit) in lines.iter().filter_map(|line| line.split_once(':')) {
        units.extend(columns.split(',').map(|column| (column.trim().to_string(), unit.trim().to_string())));
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_continue_over_lines() {
        let header = Header::parse(
            "-- description: One thing: and\n--   another.\n-- grain: product_id, ts\n-- units:\n--   a, b: USD\n--   c: 1\n\nSELECT 1 -- horizon: 3",
        );
        assert_eq!(header.description, "One thing: and another.");
        assert_eq!(header.grain, ["product_id", "ts"]);
        assert_eq!(header.units, [("a", "USD"), ("b", "USD"), ("c", "1")].map(|(c, u)| (c.into(), u.into())));
        assert_eq!(header.horizon, None);
    }

    #[test]
    fn an_allowance_has_a_rule_and_a_reason() {
        let header = Header::parse(
            "-- allow: unknown-reach, the file is written\n--   before trading, daily\n-- allow: other\n",
        );
        let expected = [("unknown-reach", "the file is written before trading, daily"), ("other", "")];
        assert_eq!(header.allow, expected.map(|(rule, reason)| (rule.into(), reason.into())));
    }

    #[test]
    fn what_is_missing_is_named() {
        let header = Header::parse("-- description: x\nSELECT 1");
        let error = header.require(Path::new("a.sql"), &["description", "grain", "units"]).unwrap_err();
        assert_eq!(error.to_string(), "a.sql: the header comment lacks `grain`, `units`");
    }
}
