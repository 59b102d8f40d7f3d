//! Formats of `strftime` and `strptime`, as chrono reads them.

use chrono::format::{Item, StrftimeItems};
use datafusion::common::{Result, exec_err};

/// Reads a format. `other` lists what stands for another thing in chrono.
///
/// # Errors
/// A letter after % means nothing.
pub fn items(function: &str, format: &str, other: &[(&str, &str)]) -> Result<Vec<Item<'static>>> {
    let mut chrono = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(letter) = rest.chars().next() {
        let (read, written) = match other.iter().find(|(own, _)| rest.starts_with(own)) {
            Some((own, written)) => (own.len(), *written),
            // Two percent signs are a percent sign, and what follows is text.
            None if rest.starts_with("%%") => (2, "%%"),
            None => (letter.len_utf8(), &rest[..letter.len_utf8()]),
        };
        chrono.push_str(written);
        rest = &rest[read..];
    }
    let items: Vec<Item<'static>> = StrftimeItems::new(&chrono).map(Item::to_owned).collect();
    if items.contains(&Item::Error) {
        return exec_err!("the format `{format}` of {function} has a letter after % that means nothing");
    }
    Ok(items)
}
