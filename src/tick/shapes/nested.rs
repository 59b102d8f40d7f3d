//! Finds the message in a recorder's line: alone, after a time, or under any key, as an object or as a string.
//!
//! One rule reads every recorder's lines, and squall's own file log. If the object is a message as its exchange sends it,
//! that message is read. Otherwise its values are searched: if exactly one of them is a message of a known shape, that one
//! is read. Each value is read once, at most three levels deep, so that the cost stays proportional to the line's length.

use super::super::{Parsed, Problem};
use super::outline::Outline;
use super::recorded::Recorded;
use super::{Fit, Shape, from_json};

/// How many levels below the line a message may be nested.
const DEEPEST: usize = 3;

/// What a text was found to be.
struct Found {
    /// `None` if the text is not a message and contains none.
    fit: Option<Fit>,
    parsed: Result<Parsed, Problem>,
}

impl Found {
    fn nothing(problem: Problem) -> Found {
        Found { fit: None, parsed: Err(problem) }
    }
}

/// Reads the message that a text is or contains.
pub fn read(text: &str) -> Result<Parsed, Problem> {
    find(text, &Recorded::default(), 0).parsed
}

fn find(text: &str, recorded: &Recorded, depth: usize) -> Found {
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.as_bytes().first() {
        None => Found::nothing(Problem::Empty),
        Some(b'{') => find_in_object(text, recorded, depth),
        Some(b'0'..=b'9') => match Recorded::before(text) {
            Ok((recorded, message)) if message.starts_with('{') => find_in_object(message, &recorded, depth),
            Ok(_) => Found::nothing(Problem::UnknownShape),
            Err(problem) => Found::nothing(problem),
        },
        Some(_) => Found::nothing(Problem::UnknownShape),
    }
}

fn find_in_object(text: &str, recorded: &Recorded, depth: usize) -> Found {
    // Without a second opening brace nothing is nested, so the values need not be looked at.
    let may_nest = depth < DEEPEST && text.as_bytes()[1..].contains(&b'{');
    let outline = match Outline::read(text, may_nest) {
        Ok(outline) => outline,
        Err(problem) => return Found::nothing(problem),
    };
    let own = Shape::recognised(&outline);
    let own_fit = own.map(|(fit, _)| fit);
    if may_nest
        && own_fit != Some(Fit::Whole)
        && let Some(found) = find_below(&outline, own_fit, recorded, depth)
    {
        return found;
    }
    match own {
        Some((fit, shape)) => Found { fit: Some(fit), parsed: shape.parsed(text, recorded) },
        None => Found::nothing(Problem::UnknownShape),
    }
}

/// Looks for a message among an object's values; `None` if the object itself is to be read.
fn find_below(outline: &Outline<'_>, own: Option<Fit>, recorded: &Recorded, depth: usize) -> Option<Found> {
    let recorded = Recorded::beside(&outline.entries, recorded);
    let mut best: Option<Found> = None;
    let mut several = false;
    let mut damaged = None;
    for (_, value) in &outline.entries {
        let Some(found) = candidate(value, |text| find(text, &recorded, depth + 1)) else { continue };
        let best_fit = best.as_ref().and_then(|best| best.fit);
        match found {
            Found { fit: None, parsed: Err(problem @ (Problem::Truncated { .. } | Problem::NotJson { .. })) } => {
                damaged.get_or_insert(problem);
            }
            Found { fit: None, .. } => {}
            found if found.fit > best_fit => {
                several = false;
                best = Some(found);
            }
            found => several |= found.fit == best_fit,
        }
    }
    let own_is_readable = own >= Some(Fit::Selection);
    match best {
        // The recorder's quote was not taken from a control message beside it.
        Some(Found { fit: Some(Fit::Doubtful), .. }) | None if own_is_readable => None,
        Some(_) if several && own_is_readable => None,
        Some(_) if several => Some(Found::nothing(Problem::SeveralMessages)),
        Some(found) => Some(found),
        None => damaged.map(Found::nothing),
    }
}

/// Looks into a value that may hold a message: an object, or a string that starts like an object or like a recorder's time.
fn candidate(value: &str, look: impl FnOnce(&str) -> Found) -> Option<Found> {
    if value.starts_with('{') {
        return Some(look(value));
    }
    let content = value.strip_prefix('"')?;
    let begins = content.trim_start_matches('\u{feff}').trim_start();
    if !(begins.starts_with('{') || begins.starts_with(|c: char| c.is_ascii_digit()) && begins.contains('{')) {
        return None;
    }
    // The outline could be read, so the string is valid JSON.
    from_json::<String>(value).ok().map(|text| look(&text))
}
