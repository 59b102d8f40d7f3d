//! Chooses which model a report is about, and which stand beside it.
//!
//! In: models with their figures on validation rows. Only these rows may choose: the test rows must not choose their own winner, and a name
//! says nothing of how good a model is.

use super::arguments as given;
use super::named;
use super::subject::Role;
use crate::report::query::{Literal, Row};
use crate::report::{Error, Request};

/// How many models stand side by side; more lines could not be told apart.
pub const MOST_MODELS: usize = 6;
/// How many of those that are left out are named.
const MOST_NAMES: usize = 20;

/// A model that a report may be about, or show beside another.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub name: String,
    pub role: Role,
    /// The average precision on validation rows; `None` if it is not known.
    pub validated: Option<f64>,
}

impl Candidate {
    /// Returns a model of `ml_models()` with its figure on the validation rows of its training.
    ///
    /// # Errors
    /// The query fails.
    pub async fn of_training(request: &Request<'_>, row: &Row<'_>) -> Result<Candidate, Error> {
        let reference = row.text("reference").or(row.text("model")).unwrap_or_default();
        let values = [("model", Literal::Text(reference))];
        let rows = request.query("eval/validated.sql", &values)?.rows(request.context).await?;
        Ok(Candidate {
            name: row.text("model").unwrap_or_default().into(),
            role: Role::parse(row.text("role")),
            validated: rows.first().and_then(|row| row.number("average_precision")),
        })
    }
}

/// Returns the model that a report is about: a trained model before a rule, the best on validation rows first. Without a model there is none.
///
/// # Errors
/// There are several, and no validation rows compare them.
pub fn best<'a>(candidates: &[&'a Candidate]) -> Result<Option<&'a Candidate>, Error> {
    let is_trained = |candidate: &Candidate| candidate.role == Role::Model;
    let has_trained = candidates.iter().any(|candidate| is_trained(candidate));
    let eligible: Vec<&Candidate> =
        candidates.iter().copied().filter(|candidate| !has_trained || is_trained(candidate)).collect();
    if eligible.len() < 2 {
        return Ok(eligible.first().copied());
    }
    let known = eligible.iter().copied().filter(|candidate| candidate.validated.is_some());
    let best = known.reduce(|best, next| if next.validated > best.validated { next } else { best });
    match best {
        Some(best) => Ok(Some(best)),
        None => Err(Error::Argument {
            problem: format!(
                "which of {} the report is about is not known, because no validation rows compare them",
                listed(&eligible.iter().map(|candidate| candidate.name.as_str()).collect::<Vec<_>>())
            ),
            hint: "--model names it; the test rows must not choose their own winner".into(),
        }),
    }
}

/// Returns the models of which one may be in question: all but the baseline that was asked for.
///
/// # Errors
/// The baseline is the only model.
pub fn beside_baseline<'a>(request: &Request<'_>, candidates: &'a [Candidate]) -> Result<Vec<&'a Candidate>, Error> {
    let baseline = request.argument(given::BASELINE);
    let is_other = |candidate: &&Candidate| baseline != Some(candidate.name.as_str());
    let others: Vec<&Candidate> = candidates.iter().filter(is_other).collect();
    match baseline.filter(|_| others.is_empty() && !candidates.is_empty()) {
        Some(name) => Err(same(name)),
        None => Ok(others),
    }
}

/// A model cannot be what it has to beat.
pub fn same(name: &str) -> Error {
    Error::Argument {
        problem: format!("`{name}` is the model in question, so it cannot be the baseline too"),
        hint: "--baseline names another model, `name@2` for another version, or a column; --model names the model in question".into(),
    }
}

/// Puts what the model in question has to beat first, then the best on validation rows: the baseline that was asked for, or else the best
/// naive rule. So the baseline is never left out.
pub fn in_order(mut others: Vec<Candidate>, baseline: Option<&str>) -> Vec<Candidate> {
    let figure = |candidate: &Candidate| candidate.validated.unwrap_or(f64::NEG_INFINITY);
    others.sort_by(|a, b| figure(b).total_cmp(&figure(a)));
    let is_baseline = |candidate: &Candidate| match baseline {
        Some(name) => candidate.name == name,
        None => candidate.role == Role::Naive,
    };
    if let Some(place) = others.iter().position(is_baseline) {
        let first = others.remove(place);
        others.insert(0, first);
    }
    others
}

/// Returns how many models may stand beside the one in question, given those in order: a baseline that is not among them takes a place.
pub fn places(others: &[Candidate], baseline: Option<&str>) -> usize {
    let comes_later = baseline.is_some_and(|name| others.iter().all(|other| other.name != name));
    MOST_MODELS - 1 - usize::from(comes_later)
}

/// Says which models are left out because there are too many; `None` if there are none.
pub fn too_many(names: &[String]) -> Option<String> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    (!names.is_empty()).then(|| format!("{MOST_MODELS} models are shown at most, so {} {are} left out", listed(&names)))
}

/// Returns names between commas. Of very many, the first are named and the others counted.
fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_NAMES).map(|name| named(name)).collect();
    match (names.len().saturating_sub(MOST_NAMES), shown.split_last()) {
        (0, Some((last, others))) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        (0, _) => shown.join(", "),
        (more, _) => format!("{} and {more} others", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, best, in_order, places, too_many};
    use crate::report::evaluation::Role;

    fn candidate(name: &str, role: Role, validated: Option<f64>) -> Candidate {
        Candidate { name: name.into(), role, validated }
    }

    fn chosen(candidates: &[Candidate]) -> Result<Option<String>, String> {
        let all: Vec<&Candidate> = candidates.iter().collect();
        best(&all).map(|best| best.map(|best| best.name.clone())).map_err(|error| error.to_string())
    }

    #[test]
    fn validation_rows_choose_and_names_do_not() {
        let (a, z) = (candidate("a", Role::Model, Some(0.2)), candidate("z", Role::Model, Some(0.4)));
        let rule = candidate("naive", Role::Naive, Some(0.9));
        assert_eq!(chosen(&[a.clone(), rule.clone(), z.clone()]), Ok(Some("z".into())));
        assert_eq!(
            chosen(std::slice::from_ref(&rule)),
            Ok(Some("naive".into())),
            "without a trained model, the best rule"
        );
        assert_eq!(chosen(&[]), Ok(None));
        let unknown = |name| candidate(name, Role::Model, None);
        assert_eq!(chosen(&[rule, unknown("b")]), Ok(Some("b".into())));
        assert_eq!(
            chosen(&[unknown("a"), unknown("b"), unknown("c")]),
            Err("which of a, b and c the report is about is not known, because no validation rows compare them".into())
        );
    }

    #[test]
    fn the_baseline_stands_first_and_those_left_out_are_named() {
        let others = vec![
            candidate("a", Role::Model, Some(0.2)),
            candidate("b", Role::Model, None),
            candidate("dull", Role::Naive, Some(0.05)),
            candidate("naive", Role::Naive, Some(0.1)),
            candidate("z", Role::Model, Some(0.3)),
        ];
        let names = |baseline| -> Vec<String> {
            in_order(others.clone(), baseline).into_iter().map(|candidate| candidate.name).collect()
        };
        assert_eq!(names(None), ["naive", "z", "a", "dull", "b"]);
        assert_eq!(names(Some("b")), ["b", "z", "a", "naive", "dull"]);
        assert_eq!((places(&others, Some("b")), places(&others, Some("column"))), (5, 4));
        assert_eq!(too_many(&[]), None);
        assert_eq!(too_many(&["a".into(), "b".into()]).unwrap(), "6 models are shown at most, so a and b are left out");
        let many: Vec<String> = (0..25).map(|number| format!("m{number}")).collect();
        assert!(too_many(&many).unwrap().ends_with("m19 and 5 others are left out"));
    }
}
