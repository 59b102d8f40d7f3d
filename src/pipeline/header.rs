//! The comment at the start of a query's file: what the query is, its grain, and how far it looks.
//!
//! In: the file's text with its placeholders filled. Out: a [`Header`], and what is wrong with it. An entry is `-- key: text`.
//! A comment line that is indented more than the first entry continues the entry before it, and so does a line that does not
//! look like an entry.

use std::ops::Range;

use super::Kind;
use super::fault::Severity;
use super::reach::Extent;
use crate::text::did_you_mean;

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
    /// What may pass although it cannot be found out: the name of a rule, and the reason.
    pub allow: Vec<(String, String)>,
    /// Names by which selectors find the query.
    pub tags: Vec<String>,
    /// How much the rows of an audit matter; `None` if the header does not say so.
    pub severity: Option<Severity>,
    entries: Vec<Entry>,
    pub(super) wrong: Vec<Wrong>,
}

/// Something wrong with a header, at a place in the rendered SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub at: Spot,
    pub message: String,
    pub hint: Option<String>,
}

/// A line and a column in the rendered SQL, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub line: usize,
    pub column: usize,
}

/// One entry: its key, and its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    key: &'static str,
    lines: Vec<Line>,
}

/// The text of a comment line, or of its part after the key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    at: Spot,
    /// How many characters lie between `--` and the text.
    indent: usize,
    text: String,
}

const DESCRIPTION: &str = "description";
const GRAIN: &str = "grain";
const TIME_COLUMN: &str = "time column";
const LOOKBACK: &str = "lookback";
const HORIZON: &str = "horizon";
const UNITS: &str = "units";
const ALLOW: &str = "allow";
const TAGS: &str = "tags";
const SEVERITY: &str = "severity";

const KEYS: [&str; 9] = [DESCRIPTION, GRAIN, TIME_COLUMN, LOOKBACK, HORIZON, UNITS, ALLOW, TAGS, SEVERITY];

/// The rule that a header may allow: nobody can tell how far the query looks.
pub const UNKNOWN_REACH: &str = "unknown-reach";

/// A comment line that begins with at most this many words and a colon looks like an entry.
const MOST_WORDS_OF_A_KEY: usize = 2;

impl Header {
    /// Reads the leading comment.
    pub fn parse(text: &str) -> Header {
        let mut header = Header::default();
        header.read_entries(text);
        let joined = |header: &Header, key: &str| {
            let lines = header.entry(key)?.lines.iter().map(|line| line.text.as_str());
            Some(lines.collect::<Vec<_>>().join(" ").trim().to_string()).filter(|text| !text.is_empty())
        };
        header.description = joined(&header, DESCRIPTION).unwrap_or_default();
        header.time_column = joined(&header, TIME_COLUMN);
        header.lookback = joined(&header, LOOKBACK);
        header.horizon = joined(&header, HORIZON);
        header.grain = header.words(GRAIN).into_iter().map(|(name, _)| name).collect();
        header.read_units();
        let allowances = header.entries.iter().filter(|entry| entry.key == ALLOW);
        header.allow = allowances.map(|entry| allowance(&entry.lines)).collect();
        header.read_tags();
        header.severity = match joined(&header, SEVERITY).as_deref() {
            Some("warn") => Some(Severity::Warning),
            Some("error") => Some(Severity::Error),
            Some(other) => {
                let message = format!("the severity `{other}` is unknown");
                header.refuse(header.spot(SEVERITY), message, "write `warn` or `error`");
                None
            }
            None => None,
        };
        header
    }

    /// Splits the comment into entries.
    fn read_entries(&mut self, text: &str) {
        // How far the first entry is indented.
        let mut base = None;
        for (index, whole) in text.lines().enumerate() {
            let Some(comment) = whole.trim_start().strip_prefix("--") else { break };
            let text = comment.trim();
            let indent = comment.chars().take_while(|c| c.is_whitespace()).count();
            let column = whole.chars().count() - comment.chars().count() + indent + 1;
            let line = Line { at: Spot { line: index + 1, column }, indent, text: text.into() };
            let outer = base.is_none_or(|base| indent <= base);
            let open = self.entries.last().map(|entry| entry.key);
            match key_of(text) {
                Some((Ok(key), rest)) if outer => {
                    base.get_or_insert(indent);
                    if key != ALLOW && self.entry(key).is_some() {
                        self.refuse(line.at, format!("the header has `{key}` twice"), "keep one of the two");
                        continue;
                    }
                    let skipped = text.chars().count() - rest.chars().count();
                    let at = Spot { column: column + skipped, ..line.at };
                    self.entries.push(Entry { key, lines: vec![Line { at, text: rest.into(), ..line }] });
                }
                Some((Ok(key), _)) if open.is_some_and(|open| open != UNITS) => {
                    let message = format!("`{key}` is indented, so it does not begin an entry");
                    self.refuse(line.at, message, "indent it as the first entry is indented");
                }
                Some((Err(key), _)) if outer => {
                    let near = did_you_mean(key, KEYS);
                    let hint = near.unwrap_or_else(|| match open {
                        Some(open) => {
                            format!("indent the line if it continues `{open}`; the keys are {}", KEYS.join(", "))
                        }
                        None => format!("the keys are {}", KEYS.join(", ")),
                    });
                    self.refuse(line.at, format!("unknown key `{key}` in the header"), hint);
                }
                _ => self.entries.last_mut().into_iter().for_each(|entry| entry.lines.push(line.clone())),
            }
        }
    }

    /// Reads lines `column, column: unit`; a line that is indented more than its predecessor continues it.
    fn read_units(&mut self) {
        let lines = self.entry(UNITS).map(|entry| entry.lines.clone()).unwrap_or_default();
        let mut indent = None;
        for line in lines.iter().filter(|line| !line.text.is_empty()) {
            let split = line.text.split_once(':').map(|(columns, unit)| (columns.trim(), unit.trim()));
            match split {
                Some((columns, unit)) if !columns.is_empty() && !unit.is_empty() => {
                    indent.get_or_insert(line.indent);
                    for (column, at) in words(line, columns) {
                        if self.units.iter().any(|(known, _)| *known == column) {
                            self.refuse(at, format!("`{column}` has two units"), "keep one of the two");
                            continue;
                        }
                        self.units.push((column, unit.into()));
                    }
                }
                None if indent.is_some_and(|indent| line.indent > indent) => {
                    if let Some((_, unit)) = self.units.last_mut() {
                        unit.push(' ');
                        unit.push_str(&line.text);
                    }
                }
                _ => {
                    let message = format!("`{}` does not give a unit", line.text);
                    self.refuse(line.at, message, "write `column, column: unit` in a line of its own below `units`");
                }
            }
        }
    }

    /// Reads the tags. A selector has no blanks and separates its parts with commas, so a tag has neither.
    fn read_tags(&mut self) {
        for (tag, at) in self.words(TAGS) {
            if tag.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c)) {
                self.tags.push(tag);
            } else {
                let message = format!("`{tag}` cannot be a tag");
                self.refuse(at, message, "a tag has letters, digits, `_`, `-` and `.`; commas separate tags");
            }
        }
    }

    fn refuse(&mut self, at: Spot, message: String, hint: impl Into<String>) {
        self.wrong.push(Wrong { at, message, hint: Some(hint.into()) });
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Returns where an entry's text begins. Without that entry, it is the start of the file.
    pub(super) fn spot(&self, key: &str) -> Spot {
        let line = self.entry(key).and_then(|entry| entry.lines.first());
        line.map_or(Spot { line: 1, column: 1 }, |line| line.at)
    }

    /// Returns where the time column is named.
    pub(super) fn time_spot(&self) -> Spot {
        self.spot(TIME_COLUMN)
    }

    /// Returns where the units begin.
    pub(super) fn units_spot(&self) -> Spot {
        self.spot(UNITS)
    }

    /// Returns the columns of the grain, each with its place.
    pub(super) fn grain_spots(&self) -> Vec<(String, Spot)> {
        self.words(GRAIN)
    }

    /// Returns the columns that have a unit, each with its place.
    pub(super) fn unit_spots(&self) -> Vec<(String, Spot)> {
        let lines = self.entry(UNITS).map(|entry| entry.lines.as_slice()).unwrap_or_default();
        let columns = lines.iter().filter_map(|line| Some(words(line, line.text.split_once(':')?.0)));
        columns.flatten().collect()
    }

    /// Returns what is wrong with the header of a query of this kind. For a feature's lookback and a label's horizon, lint says
    /// what to write instead.
    pub(super) fn wrong_for(&self, kind: Kind) -> Vec<Wrong> {
        let severity = (self.entry(SEVERITY).is_some() && kind != Kind::Audit).then(|| Wrong {
            at: self.spot(SEVERITY),
            message: "only an audit has a severity".into(),
            hint: Some("remove the entry, or move the file to audits/".into()),
        });
        let lengths = [(LOOKBACK, &self.lookback, Kind::Feature), (HORIZON, &self.horizon, Kind::Label)];
        let wrong = lengths.into_iter().filter_map(|(key, text, linted)| {
            let text = text.as_deref().filter(|text| kind != linted && Extent::parse(text).is_none())?;
            let message = format!("the {key} `{text}` is not a length of time or a number of ticks");
            let hint = "write it like 60 s, 5 min, 60 ticks, 300 s and 1 tick, unbounded or none";
            Some(Wrong { at: self.spot(key), message, hint: Some(hint.into()) })
        });
        wrong.chain(severity).collect()
    }

    /// Returns the words of an entry, which commas separate, each with its place.
    fn words(&self, key: &str) -> Vec<(String, Spot)> {
        let lines = self.entry(key).map(|entry| entry.lines.as_slice()).unwrap_or_default();
        lines.iter().flat_map(|line| words(line, &line.text)).collect()
    }

    /// Returns the unit of a column.
    pub fn unit(&self, column: &str) -> Option<&str> {
        self.units.iter().find(|(known, _)| known == column).map(|(_, unit)| unit.as_str())
    }

    /// Returns whether the header says why a query is right although nobody can tell how far it looks.
    pub fn allows_unknown_reach(&self) -> bool {
        self.allow.iter().any(|(rule, reason)| rule == UNKNOWN_REACH && !reason.is_empty())
    }

    /// Returns how far back the header says that the query looks.
    pub fn lookback(&self) -> Option<Extent> {
        self.lookback.as_deref().and_then(Extent::parse)
    }

    /// Returns how far ahead the header says that the query looks.
    pub fn horizon(&self) -> Option<Extent> {
        self.horizon.as_deref().and_then(Extent::parse)
    }

    /// Returns which of the `required` entries do not exist or are empty.
    pub fn lacks(&self, required: &[&'static str]) -> Vec<&'static str> {
        required.iter().copied().filter(|key| !self.has(key)).collect()
    }

    fn has(&self, key: &str) -> bool {
        match key {
            DESCRIPTION => !self.description.is_empty(),
            GRAIN => !self.grain.is_empty(),
            TIME_COLUMN => self.time_column.is_some(),
            LOOKBACK => self.lookback.is_some(),
            HORIZON => self.horizon.is_some(),
            UNITS => !self.units.is_empty(),
            _ => false,
        }
    }
}

/// Reads `rule, reason`.
fn allowance(lines: &[Line]) -> (String, String) {
    let text = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
    let (rule, reason) = text.split_once(',').unwrap_or((&text, ""));
    (rule.trim().into(), reason.trim().into())
}

/// Splits a line that looks like an entry into its key and its text; an unknown key is an error.
fn key_of(text: &str) -> Option<(Result<&'static str, &str>, &str)> {
    let (key, rest) = text.split_once(':')?;
    let key = key.trim();
    if let Some(known) = KEYS.into_iter().find(|known| known.eq_ignore_ascii_case(key)) {
        return Some((Ok(known), rest.trim_start()));
    }
    let is_word = |word: &str| word.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    let count = key.split_whitespace().count();
    let like_a_key = (1..=MOST_WORDS_OF_A_KEY).contains(&count) && key.split_whitespace().all(is_word);
    // After the colon of a web address comes no blank.
    let separate = rest.is_empty() || rest.starts_with(char::is_whitespace);
    (like_a_key && separate).then_some((Err(key), rest.trim_start()))
}

/// Splits a part of a line at its commas; the part stands at the beginning of the line's text.
fn words(line: &Line, part: &str) -> Vec<(String, Spot)> {
    let mut words = Vec::new();
    let mut start = 0;
    for piece in part.split(',') {
        let Range { start: from, end } = start..start + piece.len();
        let blanks = piece.chars().take_while(|c| c.is_whitespace()).count();
        let column = line.at.column + part[..from].chars().count() + blanks;
        if !piece.trim().is_empty() {
            words.push((piece.trim().into(), Spot { column, ..line.at }));
        }
        start = end + 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_continue_over_lines() {
        let header = Header::parse(
            "-- description: One thing: and\n--   another.\n-- and more\n-- grain: product_id, ts\n-- units:\n--   a, b: USD\n--     a tick\n--   horizon: 1\n\nSELECT 1 -- horizon: 3",
        );
        assert_eq!(header.description, "One thing: and another. and more");
        assert_eq!(header.grain, ["product_id", "ts"]);
        let units = [("a", "USD"), ("b", "USD a tick"), ("horizon", "1")];
        assert_eq!(header.units, units.map(|(c, u)| (c.into(), u.into())));
        assert_eq!(header.horizon, None);
        assert_eq!(header.wrong, []);
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
    fn tags_are_names_and_a_severity_is_an_audit_s() {
        let header = Header::parse("-- tags: quotes, fast-1,\n--   v1.2\n-- severity: warn");
        assert_eq!(header.tags, ["quotes", "fast-1", "v1.2"]);
        assert_eq!((header.severity, &header.wrong), (Some(Severity::Warning), &vec![]));
        assert_eq!(header.wrong_for(Kind::Audit), []);
        assert_eq!(header.wrong_for(Kind::Feature)[0].message, "only an audit has a severity");
        for (text, column, message) in [
            ("-- tags: a, two words", 13, "`two words` cannot be a tag"),
            ("-- severity: fatal", 14, "the severity `fatal` is unknown"),
        ] {
            let header = Header::parse(text);
            assert_eq!((header.wrong[0].at.column, header.wrong[0].message.as_str()), (column, message));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let header = Header::parse("-- description: x\nSELECT 1");
        assert_eq!(header.lacks(&[DESCRIPTION, GRAIN, UNITS]), [GRAIN, UNITS]);
    }

    #[test]
    fn what_is_wrong_is_placed() {
        for (text, line, column, message, hint) in [
            (
                "-- description: x\n-- lookbak: 60 s",
                2,
                4,
                "unknown key `lookbak` in the header",
                "did you mean `lookback`?",
            ),
            ("-- description: x\n-- time_column: ts", 2, 4, "unknown key `time_column`", "did you mean `time column`?"),
            ("-- owner: me", 1, 4, "unknown key `owner`", "the keys are description,"),
            ("--description: x\n--Remark: y", 2, 3, "unknown key `Remark`", "indent the line"),
            ("-- grain: a\n-- grain: b", 2, 4, "the header has `grain` twice", "keep one"),
            ("-- description: a\n--   grain: b", 2, 6, "`grain` is indented", "indent it as"),
            ("-- units:\n--   a USD", 2, 6, "`a USD` does not give a unit", "write `column, column: unit`"),
            ("-- units: USD", 1, 11, "`USD` does not give a unit", "write `column, column: unit`"),
            ("-- units:\n--   a: USD\n--   b, a: s", 3, 9, "`a` has two units", "keep one"),
        ] {
            let header = Header::parse(text);
            let [wrong] = header.wrong.as_slice() else { panic!("{text}: {:?}", header.wrong) };
            assert_eq!((wrong.at.line, wrong.at.column), (line, column), "{text}");
            assert!(wrong.message.starts_with(message), "{text}: {}", wrong.message);
            assert!(wrong.hint.as_deref().is_some_and(|told| told.starts_with(hint)), "{text}: {:?}", wrong.hint);
        }
    }

    #[test]
    fn lengths_are_lengths() {
        for (text, column, message) in [
            ("-- lookback: one minute", 14, "the lookback `one minute` is not a length of time or a number of ticks"),
            ("-- horizon: 60", 13, "the horizon `60` is not a length of time or a number of ticks"),
        ] {
            let wrong = Header::parse(text).wrong_for(Kind::Plain);
            let [wrong] = wrong.as_slice() else { panic!("{text}: {wrong:?}") };
            assert_eq!((wrong.at, wrong.message.as_str()), (Spot { line: 1, column }, message));
        }
        assert_eq!(Header::parse("-- lookback: 60 s\n-- horizon: none").wrong_for(Kind::Plain), []);
    }

    #[test]
    fn text_that_only_looks_like_an_entry_is_left_alone() {
        for text in [
            "-- description: x\n-- see https://example.com: there",
            "-- description: x\n-- a sentence of many words: so",
            "-- description: x\n-- http://example.com",
            "-- A title\n-- description: x",
        ] {
            assert_eq!(Header::parse(text).wrong, [], "{text}");
        }
    }

    #[test]
    fn places_of_columns_are_known() {
        let header = Header::parse("-- grain: product_id,  ts\n-- time column: ts\n-- units:\n--   a, b: USD");
        let at = |line, column| Spot { line, column };
        assert_eq!(header.grain_spots(), [("product_id".into(), at(1, 11)), ("ts".into(), at(1, 24))]);
        assert_eq!(header.unit_spots(), [("a".into(), at(4, 6)), ("b".into(), at(4, 9))]);
        assert_eq!(header.time_spot(), at(2, 17));
    }
}
