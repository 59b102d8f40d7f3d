//! What a worker says when a plan fails.
//!
//! The distributing engine sends an error's text alone. Errors of ours also have a hint, so both travel in one text.

use datafusion::error::DataFusionError;
use serde::{Deserialize, Serialize};

use super::connection::root;
use crate::error::Refused;

/// Begins the text of an error of ours; nobody types this character.
const MARK: &str = "\u{1}refused ";

#[derive(Serialize, Deserialize)]
struct Sent {
    message: String,
    hint: Option<String>,
}

/// Returns an error in the form in which it is sent.
pub fn to_send(error: DataFusionError) -> DataFusionError {
    let Some(Refused { message, hint }) = Refused::of(&error).cloned() else { return error };
    match serde_json::to_string(&Sent { message, hint }) {
        Ok(text) => DataFusionError::Execution(format!("{MARK}{text}")),
        Err(_) => error,
    }
}

/// Returns an error that a worker has sent: an error of ours as it was, others with the worker's name.
pub fn received(error: &DataFusionError, worker: &str) -> DataFusionError {
    let text = root(error);
    let sent = text.split_once(MARK).and_then(|(_, sent)| serde_json::from_str::<Sent>(sent).ok());
    let refused = match sent {
        Some(Sent { message, hint }) => Refused { message, hint },
        None => {
            let is_file = ["not found", "No such file", "Permission denied"].iter().any(|part| text.contains(part));
            let hint = is_file
                .then(|| "workers read the same files by the same paths or addresses, with their own rights".into());
            Refused { message: format!("worker {worker}: {text}"), hint }
        }
    };
    DataFusionError::External(Box::new(refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_ours_keep_their_hint_and_others_get_the_workers_name() {
        let ours = Refused { message: "4 is too \"large\"".into(), hint: Some("take 3".into()) };
        let sent = to_send(DataFusionError::External(Box::new(ours)));
        let back = received(&DataFusionError::Execution(format!("status: {}", root(&sent))), "w:1");
        let back = Refused::of(&back).unwrap();
        assert_eq!((back.message.as_str(), back.hint.as_deref()), ("4 is too \"large\"", Some("take 3")));
        let other = received(&DataFusionError::Execution("object x not found".into()), "w:1");
        let other = Refused::of(&other).unwrap();
        assert!(other.message.starts_with("worker w:1: ") && other.message.contains("object x not found"), "{other:?}");
        assert!(other.hint.as_deref().unwrap().contains("same files"));
    }
}
