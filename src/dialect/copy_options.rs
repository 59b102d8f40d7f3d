//! The options of COPY in parentheses, as tokens.
//!
//! In: `COPY t TO 'f.csv' (HEADER, DELIMITER ';')`, as DuckDB and PostgreSQL have it. Out: the engine's `STORED AS CSV PARTITIONED BY (…)
//! OPTIONS (…)`.

use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::text::literal;
use crate::text::tokens::{closing, is_word, next_of, significant};

/// An option, and the engine's name for it.
const NAMES: &[(&str, &str)] = &[
    ("HEADER", "format.has_header"),
    ("DELIMITER", "format.delimiter"),
    ("DELIM", "format.delimiter"),
    ("SEP", "format.delimiter"),
    ("QUOTE", "format.quote"),
    ("ESCAPE", "format.escape"),
    ("NULL", "format.null_value"),
    ("NULLSTR", "format.null_value"),
    ("DATEFORMAT", "format.date_format"),
    ("TIMESTAMPFORMAT", "format.timestamp_format"),
    ("ROW_GROUP_SIZE", "format.max_row_group_size"),
];

/// The codec of Parquet files of which only the level is given.
const DEFAULT_CODEC: &str = "zstd";

/// The levels with which Parquet files are compressed, unless COMPRESSION_LEVEL says another.
const LEVELS: &[(&str, u32)] = &[("zstd", 3), ("gzip", 6), ("brotli", 1)];

/// Writes the options of COPY as the engine has them. Other statements stay as they are.
pub fn rewritten(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let written = Copy::read(&tokens).and_then(|copy| {
        let clauses = match copy.options {
            Some((open, close)) => Clauses::read(&tokens, open, close)?,
            None => Clauses::default(),
        };
        let clauses = clauses.with_ending(&copy.path).written(&copy.path);
        let clauses = Tokenizer::new(&GenericDialect {}, &clauses).tokenize_with_location().ok()?;
        let (from, to) = copy.options.map_or((copy.end, copy.end), |(open, close)| (open, close + 1));
        let mut written = tokens[..from].to_vec();
        written.extend(clauses.into_iter().filter(|token| token.token != Token::EOF));
        written.extend_from_slice(&tokens[to..]);
        Some(written)
    });
    written.unwrap_or(tokens)
}

/// The parts of a COPY, as positions among its tokens.
struct Copy {
    path: String,
    /// One past the path.
    end: usize,
    /// The parentheses around the options.
    options: Option<(usize, usize)>,
}

impl Copy {
    /// Returns `None` if it is not a COPY, or has the engine's own clauses.
    fn read(tokens: &[TokenWithSpan]) -> Option<Copy> {
        let first = significant(tokens, 0).filter(|first| is_word(&tokens[*first], "COPY"))?;
        let to = next_of(tokens, first + 1, &["TO"]);
        let path = significant(tokens, to + 1)?;
        let Token::SingleQuotedString(name) = &tokens[path].token else { return None };
        let mut next = significant(tokens, path + 1);
        if next.is_some_and(|next| is_word(&tokens[next], "WITH")) {
            next = significant(tokens, next? + 1);
        }
        let options = match next.map(|next| (next, &tokens[next].token)) {
            Some((open, Token::LParen)) => Some((open, closing(tokens, open)?)),
            None | Some((_, Token::EOF | Token::SemiColon)) => None,
            Some(_) => return None,
        };
        Some(Copy { path: name.clone(), end: path + 1, options })
    }
}

/// Returns the path without the ending of a compressed file, and that ending, by which the engine knows the compression.
pub fn compressed(path: &str) -> Option<(&str, &str)> {
    let (rest, ending) = path.rsplit_once('.')?;
    let is_known = ending.parse::<FileCompressionType>().is_ok_and(|known| known.is_compressed());
    is_known.then_some((rest, ending))
}

#[derive(Default)]
struct Clauses {
    format: Option<String>,
    partition_by: Option<String>,
    compression: Option<String>,
    level: Option<String>,
    others: Vec<(String, String)>,
}

impl Clauses {
    fn read(tokens: &[TokenWithSpan], open: usize, close: usize) -> Option<Clauses> {
        let mut clauses = Clauses::default();
        let mut depth = 0_usize;
        let mut start = open + 1;
        for index in open + 1..=close {
            match tokens[index].token {
                Token::LParen => depth += 1,
                Token::RParen if index < close => depth = depth.saturating_sub(1),
                Token::Comma if depth > 0 => {}
                Token::Comma | Token::RParen => {
                    clauses.add(&tokens[start..index])?;
                    start = index + 1;
                }
                _ => {}
            }
        }
        Some(clauses)
    }

    fn add(&mut self, tokens: &[TokenWithSpan]) -> Option<()> {
        let first = significant(tokens, 0)?;
        let Token::Word(name) = &tokens[first].token else { return None };
        let name = name.value.to_uppercase();
        let value: String = tokens[first + 1..].iter().map(|token| token.token.to_string()).collect();
        let value = value.trim();
        let inner = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
        let plain = inner.unwrap_or(value).replace("''", "'");
        match name.as_str() {
            "FORMAT" => self.format = Some(plain),
            "PARTITION_BY" => self.partition_by = Some(value.trim_matches(['(', ')']).to_string()),
            "COMPRESSION" | "CODEC" => self.compression = Some(plain.to_lowercase()),
            "COMPRESSION_LEVEL" => self.level = Some(plain),
            name => {
                let known = NAMES.iter().find(|(known, _)| *known == name);
                // The engine names an option that it does not know.
                let key =
                    known.map_or_else(|| format!("format.{}", name.to_lowercase()), |(_, key)| (*key).to_string());
                let value = match (name, value) {
                    ("HEADER", "" | "1") => "true".to_string(),
                    ("HEADER", "0") => "false".to_string(),
                    _ => plain,
                };
                self.others.push((key, value));
            }
        }
        Some(())
    }

    /// Takes from the path what no option says: the format before the ending of a compressed file, and its compression.
    fn with_ending(mut self, path: &str) -> Clauses {
        if let Some((path, codec)) = compressed(path) {
            self.compression.get_or_insert_with(|| codec.to_string());
            let format = path.rsplit_once('.').map(|(_, format)| format.to_string());
            self.format = self.format.or(format);
        }
        self
    }

    fn written(mut self, path: &str) -> String {
        let format = self.format.clone();
        let is_parquet = format
            .as_deref()
            .map_or_else(|| path.to_lowercase().ends_with(".parquet"), |format| format.eq_ignore_ascii_case("parquet"));
        if is_parquet {
            let codec = self.compression.take().or_else(|| self.level.is_some().then(|| DEFAULT_CODEC.to_string()));
            if let Some(codec) = codec {
                let default = LEVELS.iter().find(|(name, _)| *name == codec).map(|(_, level)| level.to_string());
                let level = self.level.take().or(default).map(|level| format!("({level})")).unwrap_or_default();
                self.others.push(("format.compression".into(), format!("{codec}{level}")));
            }
        }
        self.others.extend(self.compression.take().map(|codec| ("format.compression".into(), codec)));
        self.others.extend(self.level.take().map(|level| ("format.compression_level".into(), level)));
        let mut written = String::new();
        if let Some(format) = format {
            written += &format!(" STORED AS {}", format.to_uppercase());
        }
        if let Some(columns) = self.partition_by {
            written += &format!(" PARTITIONED BY ({columns})");
        }
        if !self.others.is_empty() {
            let options = self.others.iter().map(|(key, value)| format!("{} {}", literal(key), literal(value)));
            written += &format!(" OPTIONS ({})", options.collect::<Vec<_>>().join(", "));
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sql: &str) -> String {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().expect("tokens");
        rewritten(tokens).iter().map(|token| token.token.to_string()).collect::<String>().replace("  ", " ")
    }

    #[test]
    fn options_in_parentheses_become_the_engine_s() {
        assert_eq!(
            written("COPY t TO 'f.csv' (HEADER, DELIMITER ';', NULL '-')").trim(),
            "COPY t TO 'f.csv' OPTIONS ('format.has_header' 'true', 'format.delimiter' ';', 'format.null_value' '-')"
        );
        assert_eq!(
            written(
                "COPY (SELECT 1) TO 'f' (FORMAT parquet, PARTITION_BY (a, b), COMPRESSION zstd, ROW_GROUP_SIZE 1000)"
            )
            .trim(),
            "COPY (SELECT 1) TO 'f' STORED AS PARQUET PARTITIONED BY (a, b) OPTIONS ('format.max_row_group_size' '1000', \
             'format.compression' 'zstd(3)')"
        );
    }

    #[test]
    fn other_statements_stay() {
        assert_eq!(
            written("COPY t TO 'f.json' (COMPRESSION gzip, COMPRESSION_LEVEL 9)").trim(),
            "COPY t TO 'f.json' OPTIONS ('format.compression' 'gzip', 'format.compression_level' '9')"
        );
        assert_eq!(
            written("COPY t TO 'f.parquet' (COMPRESSION_LEVEL 9)").trim(),
            "COPY t TO 'f.parquet' OPTIONS ('format.compression' 'zstd(9)')"
        );
        assert_eq!(
            written("COPY t TO 'f.csv.gz'").trim(),
            "COPY t TO 'f.csv.gz' STORED AS CSV OPTIONS ('format.compression' 'gz')"
        );
        for sql in ["SELECT 1", "COPY t TO 'f' STORED AS CSV OPTIONS ('a' 'b')", "SELECT (1)"] {
            assert_eq!(written(sql), sql);
        }
    }
}
