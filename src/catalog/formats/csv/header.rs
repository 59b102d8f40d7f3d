//! The header of a CSV file: the names of its columns, and whether it is one.
//!
//! The engine always takes the first line for names, and commas for what is between values. In: the first line, and the kinds of the
//! values below it. Out: names as DuckDB has them, each once; an error if the line looks like a row, or has another delimiter.

use std::collections::HashSet;

use super::kinds::Kinds;
use crate::catalog::formats::text::Fault;

/// What other files have between their values.
const OTHER_DELIMITERS: [(char, &str); 4] = [
    (';', "read_csv('…', delim => ';') reads it; read_csv('…', delim => ',') takes it as it is"),
    ('|', "read_csv('…', delim => '|') reads it; read_csv('…', delim => ',') takes it as it is"),
    ('\t', "read_csv('…', delim => '\\t') reads it; read_csv('…', delim => ',') takes it as it is"),
    (',', "read_csv('…', delim => ',') reads it; read_csv('…', delim => '\\t') takes it as it is"),
];

/// Returns the names of columns: a column without a name is named by its place, and a name that comes again gets a number.
pub fn names<'a>(header: impl Iterator<Item = &'a str>, has_header: bool) -> Vec<String> {
    let mut known = HashSet::new();
    let names = header.enumerate().map(|(place, name)| {
        let name = if has_header && !name.is_empty() { name.to_string() } else { format!("column{place}") };
        let mut unique = name.clone();
        for again in 1.. {
            if known.insert(unique.clone()) {
                break;
            }
            unique = format!("{name}_{again}");
        }
        unique
    });
    names.collect()
}

/// Checks that the first line holds names, if no option says so. It may be a row if its values have the types of the columns and are not
/// all text.
pub fn check_names(columns: &[(String, Kinds)]) -> Result<(), Fault> {
    let mut is_row = false;
    for (name, kinds) in columns {
        let name = Kinds::of(name);
        if name.has_text() {
            if !kinds.has_text() {
                return Ok(());
            }
            continue;
        }
        if kinds.has_values() && !kinds.holds(name) {
            return Ok(());
        }
        is_row |= !kinds.has_text();
    }
    if !is_row {
        return Ok(());
    }
    Err(Fault {
        at: 0,
        what: "begins with a line that may be names or a row",
        hint: "read_csv('…', header => false) takes it for a row, and header => true for names",
    })
}

/// Checks that a file with one column has no other delimiter, if no option says which one it has.
pub fn check_delimiter(columns: &[(String, Kinds)], delimiter: u8) -> Result<(), Fault> {
    let [(name, _)] = columns else { return Ok(()) };
    let found = OTHER_DELIMITERS.iter().find(|(other, _)| *other != char::from(delimiter) && name.contains(*other));
    let Some((_, hint)) = found else { return Ok(()) };
    Err(Fault { at: 0, what: "has one column, whose name has another delimiter in it", hint })
}

/// Says why bytes are not text, if they begin as another kind of file does.
pub fn not_text(bytes: &[u8]) -> Fault {
    let (what, hint) = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            ("is UTF-16 and not UTF-8", "iconv -f utf16 -t utf8 old.csv > new.csv writes it as UTF-8")
        }
        [0x1f, 0x8b, ..] => ("is compressed", "read_csv('…', compression => 'gzip') reads it, or name it .csv.gz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            ("is compressed", "read_csv('…', compression => 'zstd') reads it, or name it .csv.zst")
        }
        _ => ("is not UTF-8", "iconv -f latin1 -t utf8 old.csv > new.csv writes it as UTF-8"),
    };
    Fault { at: 0, what, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(lines: &[&str]) -> Vec<(String, Kinds)> {
        let mut columns: Vec<_> = lines[0].split(',').map(|name| (name.to_string(), Kinds::default())).collect();
        for line in &lines[1..] {
            columns.iter_mut().zip(line.split(',')).for_each(|((_, kinds), value)| kinds.see(value));
        }
        columns
    }

    #[test]
    fn each_column_has_a_name_of_its_own() {
        assert_eq!(
            names(["a", "a", "", "a_1", "a", ""].into_iter(), true),
            ["a", "a_1", "column2", "a_1_1", "a_2", "column5"]
        );
        assert_eq!(names(["a", "a"].into_iter(), false), ["column0", "column1"]);
    }

    #[test]
    fn a_first_line_of_values_is_an_error() {
        for lines in [&["1,2", "3,4"][..], &["x,1", "y,2"], &["1,x", "2.5,y"], &["2024-01-01", "2024-01-02"], &["1,2"]]
        {
            assert!(check_names(&columns(lines)).is_err(), "{lines:?}");
        }
        for lines in [
            &["a,b", "1,2"][..],
            &["a,2019", "x,y"],
            &["a,1", "2,3"],
            &["a,b", "x,y"],
            &["2019-01-01,b", "1,x"],
            &["a,b"],
            &["1.5,a", "1,x"],
            &["a", ""],
        ] {
            assert!(check_names(&columns(lines)).is_ok(), "{lines:?}");
        }
    }

    #[test]
    fn another_delimiter_is_an_error() {
        let of = |name: &str, delimiter| check_delimiter(&[(name.to_string(), Kinds::default())], delimiter);
        assert!(of("a;b", b',').unwrap_err().hint.starts_with("read_csv('…', delim => ';')"));
        assert!(of("a;b", b';').is_ok());
        assert!(of("a,b", b'\t').is_err());
        assert!(of("a b", b',').is_ok());
    }
}
