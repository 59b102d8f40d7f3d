//! One side of an order book, which exchanges write as a list of levels: `[["16493.50","0.006"]]`.
//!
//! In: the text of a list that was scanned. Out: the level, if there is exactly one.

use super::super::field::Value;

/// The levels of one side of an order book.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Levels<'a> {
    /// There is no list, or nothing in it.
    None,
    /// Price and quantity.
    One([Value<'a>; 2]),
    Several,
    /// Something that is not a list of levels.
    Other,
}

/// Reads a list of levels.
pub fn read(text: &str) -> Levels<'_> {
    let Some(inner) = inside(text) else { return Levels::Other };
    if inner.is_empty() {
        return Levels::None;
    }
    // Levels hold no lists, and their texts no brackets.
    let Some((level, rest)) = inner.strip_prefix('[').and_then(|inner| inner.split_once(']')) else {
        return Levels::Other;
    };
    if !rest.trim_ascii().is_empty() {
        return Levels::Several;
    }
    let mut cells = level.split(',').map(cell);
    match [cells.next().flatten(), cells.next().flatten()] {
        [Some(price), Some(quantity)] => Levels::One([price, quantity]),
        _ => Levels::Other,
    }
}

fn inside(text: &str) -> Option<&str> {
    Some(text.strip_prefix('[')?.strip_suffix(']')?.trim_ascii())
}

/// Returns a cell's value; `None` if it is neither a plain text nor a number.
fn cell(cell: &str) -> Option<Value<'_>> {
    let cell = cell.trim_ascii();
    if let Some(text) = cell.strip_prefix('"') {
        let text = text.strip_suffix('"')?;
        return (!text.contains(['"', '\\'])).then_some(Value::Text(text));
    }
    cell.starts_with(|first: char| first.is_ascii_digit() || first == '-').then_some(Value::Number(cell))
}

#[cfg(test)]
mod tests {
    use super::super::super::field::Value::{Number, Text};
    use super::{Levels, read};

    #[test]
    fn only_one_level_is_a_level() {
        for (text, expected) in [
            (r#"[["16493.50","0.006"]]"#, Levels::One([Text("16493.50"), Text("0.006")])),
            (r#"[["41006.8", "0.6", "0", "1"]]"#, Levels::One([Text("41006.8"), Text("0.6")])),
            ("[ [ 1.5e3 , 2 ] ]", Levels::One([Number("1.5e3"), Number("2")])),
            ("[]", Levels::None),
            ("[ ]", Levels::None),
            (r#"[["1","2"],["3","4"]]"#, Levels::Several),
            (r#"[["1"]]"#, Levels::Other),
            (r#"[["1",null]]"#, Levels::Other),
            (r#"[["1","2,5"]]"#, Levels::Other),
            (r#"[["1","a\"b"]]"#, Levels::Other),
            (r#"["1","2"]"#, Levels::Other),
            ("[[]]", Levels::Other),
            ("[1]", Levels::Other),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
