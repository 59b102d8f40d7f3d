//! Finds the message in a recorder's line: alone, after a time, or under any key, as an object or as a string.
//!
//! One rule reads every recorder's lines, and squall's own file log. If the object is a message as its exchange sends it,
//! that message is read. Otherwise its values are searched: if exactly one of them is a message of a known shape, that one
//! is read. Each value is read once, at most three levels deep, so that the cost stays proportional to the line's length.

use serde::de::IgnoredAny;

use super::super::field::Value;
use super::super::json::{self, Member, Nested, Node, Object};
use super::super::{Problem, Sink};
use super::recorded::Recorded;
use super::{Fit, Message, Shape, binance_bookticker, okx_bbo};

/// How many levels below the line a message may be nested.
const DEEPEST: usize = 3;
/// Memory beyond this size, which an unusual message took, is given back.
const KEPT_BYTES: usize = 1 << 20;

/// Memory that is used again for the next message.
#[derive(Debug, Default)]
pub struct Scratch {
    nodes: Vec<Vec<Node>>,
    texts: Vec<String>,
}

/// What a text was found to be.
struct Found {
    /// `None` if the text is not a message and contains none.
    fit: Option<Fit>,
    message: Result<Message, Problem>,
}

impl Found {
    fn nothing(problem: Problem) -> Found {
        Found { fit: None, message: Err(problem) }
    }

    /// Returns what a list is found to be. Only a control message is a list, which never displaces another message of the line.
    fn list(list: Object<'_>, recorded: &Recorded) -> Found {
        match binance_bookticker::list(list, recorded) {
            Some(message) => Found { fit: Some(Fit::Doubtful), message: Ok(message) },
            None => Found::nothing(Problem::UnknownShape),
        }
    }
}

/// Reads the message that a text is or contains.
pub fn read(text: &str, scratch: &mut Scratch, ticks: &mut dyn Sink) -> Result<Message, Problem> {
    Search { scratch, ticks }.text(text, &Recorded::default(), 0).message
}

/// Returns a message without a byte order mark before it and without space around it.
pub fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

struct Search<'s> {
    scratch: &'s mut Scratch,
    ticks: &'s mut dyn Sink,
}

impl Search<'_> {
    fn text(&mut self, text: &str, recorded: &Recorded, depth: usize) -> Found {
        let text = trimmed(text);
        match text.as_bytes().first() {
            None => Found::nothing(Problem::Empty),
            Some(b'{' | b'[') => self.json(text, recorded, depth),
            Some(b'0'..=b'9') => match Recorded::before(text) {
                Ok((recorded, message)) => self.json(message, &recorded, depth),
                Err(problem) => Found::nothing(problem),
            },
            // A message of the protocol never displaces another message of the line.
            Some(_) if okx_bbo::is_plain(text) => {
                Found { fit: Some(Fit::Doubtful), message: Ok(okx_bbo::plain(recorded)) }
            }
            Some(_) => Found::nothing(Problem::UnknownShape),
        }
    }

    fn json(&mut self, text: &str, recorded: &Recorded, depth: usize) -> Found {
        let mut nodes = self.scratch.nodes.pop().unwrap_or_default();
        let found = match json::scan(text, &mut nodes) {
            Ok(list) if list.is_list() => Found::list(list, recorded),
            Ok(object) => self.object(object, recorded, depth),
            Err(fault) => Found::nothing(unreadable(text, fault)),
        };
        if nodes.capacity() * size_of::<Node>() <= KEPT_BYTES {
            self.scratch.nodes.push(nodes);
        }
        found
    }

    fn object(&mut self, object: Object<'_>, recorded: &Recorded, depth: usize) -> Found {
        let own = Shape::recognised(object);
        let own_fit = own.map(|(fit, _)| fit);
        if depth < DEEPEST
            && own_fit != Some(Fit::Whole)
            && (object.may_nest() || holds_plain(object))
            && let Some(found) = self.below(object, own_fit, recorded, depth)
        {
            return found;
        }
        match own {
            Some((fit, shape)) => Found { fit: Some(fit), message: shape.message(object, recorded, self.ticks) },
            None => Found::nothing(Problem::UnknownShape),
        }
    }

    /// Looks for a message among an object's values; `None` if the object itself is to be read.
    fn below(&mut self, object: Object<'_>, own: Option<Fit>, recorded: &Recorded, depth: usize) -> Option<Found> {
        let mut beside = None;
        let mut best: Option<Found> = None;
        let mut several = false;
        let mut damaged = None;
        let begin = self.ticks.count();
        for nested in object.members().filter_map(candidate) {
            let recorded = beside.get_or_insert_with(|| Recorded::beside(object, recorded));
            let before = self.ticks.count();
            let Some(found) = self.nested(nested, recorded, depth + 1) else { continue };
            let best_fit = best.as_ref().and_then(|best| best.fit);
            match found {
                Found { fit: None, message: Err(problem @ (Problem::Truncated { .. } | Problem::NotJson { .. })) } => {
                    damaged.get_or_insert(problem);
                }
                Found { fit: None, .. } => {}
                found if found.fit > best_fit => {
                    several = false;
                    self.ticks.discard(begin..before);
                    best = Some(found);
                }
                found => {
                    several |= found.fit == best_fit;
                    self.ticks.discard(before..self.ticks.count());
                }
            }
        }
        let own_is_readable = own >= Some(Fit::Selection);
        let found = match best {
            // The recorder's quote was not taken from a control message beside it.
            Some(Found { fit: Some(Fit::Doubtful), .. }) | None if own_is_readable => None,
            Some(_) if several && own_is_readable => None,
            Some(_) if several => Some(Found::nothing(Problem::SeveralMessages)),
            Some(found) => return Some(found),
            None => damaged.map(Found::nothing),
        };
        self.ticks.discard(begin..self.ticks.count());
        found
    }

    fn nested(&mut self, nested: Nested<'_>, recorded: &Recorded, depth: usize) -> Option<Found> {
        match nested {
            Nested::Object(object) => Some(self.object(object, recorded, depth)),
            Nested::List(list) => Some(Found::list(list, recorded)),
            Nested::Text(content) => {
                let mut text = self.scratch.texts.pop().unwrap_or_default();
                let found = json::unescape(content, &mut text).map(|()| self.text(&text, recorded, depth));
                if text.capacity() <= KEPT_BYTES {
                    text.clear();
                    self.scratch.texts.push(text);
                }
                found
            }
        }
    }
}

/// Returns whether a line of our own log holds a message that is not JSON.
fn holds_plain(line: Object<'_>) -> bool {
    matches!(line.value("text"), Value::Text(text) if okx_bbo::is_plain(text))
}

/// Returns what a member may hold a message in: an object, a list of objects, or a text that starts like one of them or like a
/// recorder's time, or that is a message without JSON.
fn candidate(member: Member<'_>) -> Option<Nested<'_>> {
    let nested = member.nested()?;
    if let Nested::Text(content) = nested {
        let begins = content.trim_start_matches('\u{feff}').trim_start();
        let likely = begins.starts_with('{')
            || begins.starts_with("[{")
            || begins.starts_with(|c: char| c.is_ascii_digit()) && begins.contains('{')
            || okx_bbo::is_plain(begins);
        return likely.then_some(nested);
    }
    Some(nested)
}

/// Returns what is wrong with a text that could not be scanned.
#[cold]
fn unreadable(text: &str, fault: json::Fault) -> Problem {
    if fault == json::Fault::TooManyValues {
        return Problem::TooManyValues;
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) if error.is_eof() => Problem::Truncated { bytes: text.len() },
        Err(error) => Problem::NotJson { reason: error.to_string() },
        Ok(IgnoredAny) => Problem::NotJson { reason: "it is not one object".into() },
    }
}
