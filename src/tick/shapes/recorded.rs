//! The recorder's clock, stored beside a message.

use super::super::Problem;
use super::super::field::Value;
use super::super::json::Object;
use super::super::problem::RECORDERS_TIME;
use super::super::time;

/// The keys under which recorders write their own time; the first one that can be read is used.
const CLOCKS: [&str; 6] = ["timestamp", "ts", "time", "received_at", "recorded_at", "ingest_time"];

/// When a recorder stored a message; used only if the message has no time of its own.
#[derive(Debug, Clone, Default)]
pub struct Recorded(Option<Result<i64, Problem>>);

impl Recorded {
    /// Reads the clock among an object's members; if there is none, `outer` stays in force.
    pub fn beside(object: Object<'_>, outer: &Recorded) -> Recorded {
        let mut unreadable = None;
        for clock in CLOCKS {
            match object.value(clock).time(clock) {
                Ok(Some(time)) => return Recorded(Some(Ok(time))),
                Ok(None) => {}
                Err(problem) => unreadable = unreadable.or(Some(Err(problem))),
            }
        }
        unreadable.map_or_else(|| outer.clone(), |problem| Recorded(Some(problem)))
    }

    /// Splits off a time that stands before the message. Space, a colon or a comma may separate them.
    pub fn before(text: &str) -> Result<(Recorded, &str), Problem> {
        let Some(at) = text.find(['{', '[']) else {
            // If there is only a time, the line was cut off before its message.
            let cut_off = time::from_text(text).is_ok();
            return Err(if cut_off { Problem::Truncated { bytes: text.len() } } else { Problem::UnknownShape });
        };
        let (time, message) = text.split_at(at);
        let time = time.trim_end_matches(|c: char| c.is_ascii_whitespace() || matches!(c, ':' | ','));
        let time = time::from_text(time).map_err(|fault| Value::Text(time).wrong(RECORDERS_TIME, fault))?;
        Ok((Recorded(Some(Ok(time))), message))
    }

    /// Returns the message's own time, else the recorder's.
    ///
    /// # Errors
    /// There is neither (the problem then says that the message lacks `field`), or the recorder's time cannot be read.
    pub fn unless(&self, own: Option<i64>, field: &'static str) -> Result<i64, Problem> {
        match (own, &self.0) {
            (Some(own), _) => Ok(own),
            (None, Some(recorded)) => recorded.clone(),
            (None, None) => Err(Problem::Missing { field }),
        }
    }

    /// Returns the message's own time, else the recorder's if it can be read. A control message needs no time.
    pub fn if_any(&self, own: Option<i64>) -> Option<i64> {
        own.or_else(|| self.0.as_ref().and_then(|recorded| recorded.as_ref().ok().copied()))
    }
}
