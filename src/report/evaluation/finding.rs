//! Finds out what is evaluated: which rows, which models, and what they have to beat.

use super::arguments as given;
use super::choosing::{Candidate, beside_baseline, best, in_order, places, same, too_many};
use super::columns::{Columns, Facts, facts};
use super::named;
use super::scored_rows::{FOLD, PART, SCORED, body, values};
use super::subject::{Role, Scored, Subject, source};
use crate::report::query::{Literal, Query, Row, Rows};
use crate::report::{Error, Request};
use crate::text::{counted, identifier, literal};

/// The rows of the default project.
const DEFAULT_ROWS: &str = "spike_training";

/// Finds out what is evaluated.
pub async fn subject(request: &Request<'_>) -> Result<Subject, Error> {
    let context = request.context;
    let relation = request.argument(given::ON).unwrap_or(DEFAULT_ROWS).to_string();
    if request.argument(given::ON).is_none() && !context.table_exist(DEFAULT_ROWS).unwrap_or(false) {
        return Err(Error::Missing { name: DEFAULT_ROWS });
    }
    let source = source(&relation);
    let whole = Query::new(given::ON, &format!("SELECT * FROM {source}"), &[]);
    let columns = Columns { relation: relation.clone(), columns: whole.columns(context).await? };

    let known = request.query("eval/models.sql", &[])?;
    let models = match context.state().table_functions().contains_key("ml_models") {
        true => known.rows(context).await?,
        false => Rows::default(),
    };
    if SCORED.iter().all(|name| columns.has(name)) {
        return from_scores(request, columns, &source, &models, known).await;
    }
    from_models(request, columns, &source, &models, known).await
}

/// Makes the subject of rows that models score.
async fn from_models(
    request: &Request<'_>,
    columns: Columns,
    source: &str,
    models: &Rows,
    known: Query,
) -> Result<Subject, Error> {
    let asked = request.argument(given::MODEL);
    // A reference such as `name@2` is listed by itself; otherwise the latest versions are.
    let named = match asked {
        Some(asked) => {
            let query = request.query("eval/named.sql", &[("model", Literal::Text(asked))])?;
            let rows = query.rows(request.context).await?;
            if rows.is_empty() {
                let known = models.iter().filter_map(|row| row.text("model").map(str::to_string)).collect();
                return Err(Error::UnknownModel { name: asked.into(), known });
            }
            Some((rows, query))
        }
        None => None,
    };
    let has_features = |row: &Row<'_>| inputs(row, &columns).iter().all(|name| columns.has(name));
    let fits = |row: &Row<'_>| {
        let label = request.argument(given::LABEL).or(row.text("label"));
        has_features(row) && label.is_some_and(|label| columns.has(label))
    };
    let fitting: Vec<Row<'_>> = models.iter().filter(fits).collect();
    let mut candidates = Vec::new();
    for row in &fitting {
        candidates.push(Candidate::of_training(request, row).await?);
    }
    let find = |name: &str| fitting.iter().copied().find(|row| row.text("model") == Some(name));
    let subject = match &named {
        Some((rows, _)) => rows.first(),
        None => best(&beside_baseline(request, &candidates)?)?.and_then(|best| find(&best.name)),
    };
    let Some(subject) = subject else {
        let relation = columns.relation.clone();
        return Err(if models.is_empty() { Error::NothingEvaluated } else { Error::NoModelFits { relation } });
    };
    let facts = facts(request, &columns, source, Some(subject)).await?;
    let mut queries = vec![known];
    queries.extend(named.as_ref().map(|(_, query)| query.clone()));
    queries.extend(facts.queries.iter().cloned());

    let name = subject.text("model").unwrap_or_default().to_string();
    let own_label = subject.text("label") == Some(facts.label.as_str());
    let same_label = |row: &Row<'_>| row.text("label") == subject.text("label");
    let is_other =
        |candidate: &Candidate| candidate.name != name && find(&candidate.name).as_ref().is_some_and(same_label);
    candidates.retain(is_other);
    let baseline = request.argument(given::BASELINE);
    let others = in_order(candidates, baseline);
    let most = 1 + places(&others, baseline);
    let (mut warnings, mut notes) = (Vec::new(), Vec::new());
    let (mut scores, mut crowded) = (Vec::new(), Vec::new());
    let others = others.iter().filter_map(|other| find(&other.name));
    for (place, row) in std::iter::once(subject).chain(others).enumerate() {
        let reference = row.text("reference").unwrap_or_default();
        let scored = scored(&row, &columns);
        if scores.len() == most {
            crowded.push(scored.name);
            continue;
        }
        // Rows that must not judge a model are refused here, and what differs from its training is told.
        let split = facts.split.as_ref().map(|name| format!(", {}", literal(name))).unwrap_or_default();
        let values =
            [("model", Literal::Text(reference)), ("on", Literal::Text(source)), ("split", Literal::Sql(&split))];
        let file = if own_label { "eval/judged.sql" } else { "eval/guarded.sql" };
        let query = request.query(file, &values)?;
        match query.rows(request.context).await {
            Ok(rows) => {
                let told =
                    rows.iter().filter_map(|row| row.text("warning")).map(|text| format!("{}: {text}", scored.name));
                warnings.extend(told);
                queries.push(query);
                scores.push(scored);
            }
            Err(error) if place == 0 => return Err(error),
            Err(_) => {
                notes.push(format!("{} is left out because these rows must not judge it", super::named(&scored.name)))
            }
        }
    }
    notes.extend(too_many(&crowded));
    warnings.dedup();
    let known = Some(subject).and_then(|row| Some((row.text("reference")?.to_string(), row.integer("version")?)));
    let mut builder = Builder { facts, scores, warnings, notes, queries, known, can_score: own_label };
    builder.baseline(request, &columns, source, models).await?;
    builder.build(request, columns, source, false).await
}

/// Returns the columns that a model reads. The model lists a text as one feature a category, such as `plan=gold`.
fn inputs<'a>(row: &Row<'a>, columns: &Columns) -> Vec<&'a str> {
    let features = row.text("features").unwrap_or_default().split(", ");
    let mut inputs: Vec<&str> = features
        .map(|feature| match feature.split_once('=') {
            Some((column, _)) if !columns.has(feature) => column,
            _ => feature,
        })
        .collect();
    inputs.dedup();
    inputs
}

fn scored(row: &Row<'_>, columns: &Columns) -> Scored {
    let reference = row.text("reference").unwrap_or_default();
    let inputs = inputs(row, columns).into_iter().map(identifier);
    let arguments: Vec<String> = std::iter::once(literal(reference)).chain(inputs).collect();
    Scored {
        name: row.text("model").unwrap_or_default().into(),
        role: Role::parse(row.text("role")),
        probability: row.flag("probability").unwrap_or(true),
        threshold: row.number("threshold"),
        expression: Some(format!("ml_score({})", arguments.join(", "))),
    }
}

/// Makes the subject of rows that have scores already, one row a model, as a query or another program wrote them.
async fn from_scores(
    request: &Request<'_>,
    columns: Columns,
    source: &str,
    models: &Rows,
    known: Query,
) -> Result<Subject, Error> {
    let query = request.query("eval/scored_models.sql", &[("relation", Literal::Sql(source))])?;
    let listed = query.rows(request.context).await?;
    if listed.iter().any(|row| row.text("model").is_none()) {
        return Err(Error::Argument {
            problem: format!(
                "column `model` of {} is NULL in some rows, so nobody knows whose scores they are",
                columns.relation
            ),
            hint: "leave them out with WHERE model IS NOT NULL, or give them a name with coalesce(model, 'NAME')"
                .into(),
        });
    }
    let names: Vec<String> = listed.iter().filter_map(|row| row.text("model").map(str::to_string)).collect();
    let find = |name: &str| models.iter().find(|row| row.text("model") == Some(name));
    let asked = request.argument(given::MODEL);
    if let Some(asked) = asked.filter(|asked| !names.is_empty() && !names.iter().any(|name| name == asked)) {
        return Err(Error::UnknownModel { name: asked.into(), known: names });
    }
    // What the columns are is the same for every model, so one that squall knows can tell.
    let has_label = |row: &Row<'_>| row.text("label").is_some_and(|label| columns.has(label));
    let telling = match asked {
        Some(asked) => find(asked),
        None => names.iter().filter_map(|name| find(name)).find(has_label),
    };
    let described = facts(request, &columns, source, telling).await?;
    let (figures, validation) = validated(request, source, &described).await?;
    let mut candidates = Vec::new();
    for name in &names {
        let known = find(name);
        let figure = figures.find("model", name).and_then(|row| row.number("average_precision"));
        candidates.push(match known {
            Some(row) if figures.is_empty() => Candidate::of_training(request, &row).await?,
            _ => Candidate {
                name: name.clone(),
                role: known.map_or(Role::Model, |row| Role::parse(row.text("role"))),
                validated: figure,
            },
        });
    }
    let name = match asked {
        Some(asked) => asked.to_string(),
        // Without rows there is nothing to name.
        None => best(&beside_baseline(request, &candidates)?)?.map_or("the score".into(), |best| best.name.clone()),
    };
    let facts = if asked.is_some() { described } else { facts(request, &columns, source, find(&name)).await? };
    candidates.retain(|candidate| candidate.name != name);
    let baseline = request.argument(given::BASELINE);
    let mut others = in_order(candidates, baseline);
    let most = places(&others, baseline).min(others.len());
    let crowded: Vec<String> = others.split_off(most).into_iter().map(|candidate| candidate.name).collect();
    let mut scores: Vec<Scored> = Vec::new();
    for name in std::iter::once(&name).chain(others.iter().map(|other| &other.name)) {
        let row = listed.find("model", name);
        let within = row.and_then(|row| row.number("lowest").zip(row.number("highest")));
        let within = within.is_none_or(|(low, high)| low >= 0.0 && high <= 1.0);
        let known = find(name);
        scores.push(Scored {
            name: name.clone(),
            role: known.map_or(Role::Model, |row| Role::parse(row.text("role"))),
            probability: within && known.is_none_or(|row| row.flag("probability").unwrap_or(true)),
            threshold: known.and_then(|row| row.number("threshold")),
            expression: None,
        });
    }
    let notes = Vec::from_iter(too_many(&crowded));
    let reference = find(&name).and_then(|row| Some((row.text("reference")?.to_string(), row.integer("version")?)));
    let queries = [vec![known], facts.queries.clone(), vec![query], Vec::from_iter(validation)].concat();
    let mut builder =
        Builder { facts, scores, warnings: Vec::new(), notes, queries, known: reference, can_score: false };
    builder.baseline(request, &columns, source, models).await?;
    builder.build(request, columns, source, true).await
}

/// Returns the figures of the models on the validation rows that bring scores; no rows if no column says which rows these are.
async fn validated(request: &Request<'_>, source: &str, facts: &Facts) -> Result<(Rows, Option<Query>), Error> {
    let Some(split) = facts.split.as_ref().map(|name| identifier(name)) else { return Ok((Rows::default(), None)) };
    let label = identifier(&facts.label);
    let timed = facts.time.as_ref().map_or("true".into(), |name| format!("{} IS NOT NULL", identifier(name)));
    let values = [
        ("label", Literal::Sql(&label)),
        ("split", Literal::Sql(&split)),
        ("timed", Literal::Sql(&timed)),
        ("relation", Literal::Sql(source)),
    ];
    let query = request.query("eval/scored_validation.sql", &values)?;
    Ok((query.rows(request.context).await?, Some(query)))
}

/// What is known before the rows are described.
struct Builder {
    facts: Facts,
    scores: Vec<Scored>,
    warnings: Vec<String>,
    notes: Vec<String>,
    queries: Vec<Query>,
    /// The reference and version of the model in question.
    known: Option<(String, i64)>,
    can_score: bool,
}

impl Builder {
    /// Puts the baseline second: the model or column that was asked for, or else the naive rule, if there is one.
    async fn baseline(
        &mut self,
        request: &Request<'_>,
        columns: &Columns,
        source: &str,
        models: &Rows,
    ) -> Result<(), Error> {
        let place = match request.argument(given::BASELINE) {
            None => self.scores.iter().skip(1).position(|scored| scored.role == Role::Naive).map(|place| place + 1),
            Some(name) => match self.scores.iter().skip(1).position(|scored| scored.name == name) {
                Some(place) => Some(place + 1),
                None => {
                    let baseline = self.other(request, columns, source, models, name).await?;
                    self.scores.push(baseline);
                    Some(self.scores.len() - 1)
                }
            },
        };
        if let Some(place) = place {
            let baseline = self.scores.remove(place);
            self.scores.insert(1, baseline);
        }
        Ok(())
    }

    /// Returns a baseline that is not among the scores yet: a model, also by `name@2` or `name@alias`, or a column.
    async fn other(
        &mut self,
        request: &Request<'_>,
        columns: &Columns,
        source: &str,
        models: &Rows,
        name: &str,
    ) -> Result<Scored, Error> {
        let query = request.query("eval/named.sql", &[("model", Literal::Text(name))])?;
        let rows = if models.is_empty() { Rows::default() } else { query.rows(request.context).await? };
        let in_question = &self.scores[0].name;
        let Some(row) = rows.first() else {
            return if name == in_question { Err(same(name)) } else { column_score(columns, name) };
        };
        let version = row.integer("version");
        if row.text("model") == Some(in_question.as_str())
            && self.known.as_ref().is_none_or(|(_, known)| Some(*known) == version)
        {
            return Err(same(name));
        }
        if let Some(feature) = inputs(&row, columns).into_iter().find(|feature| !columns.has(feature)) {
            if columns.has(name) {
                return column_score(columns, name);
            }
            return Err(Error::Argument {
                problem: format!(
                    "the baseline `{name}` reads `{feature}`, which is not a column of {}",
                    columns.relation
                ),
                hint: "--on names rows with the columns of both models; --baseline names another model or a column"
                    .into(),
            });
        }
        // Rows that must not judge it are refused.
        let split = self.facts.split.as_ref().map(|name| format!(", {}", literal(name))).unwrap_or_default();
        let reference = row.text("reference").unwrap_or_default();
        let values =
            [("model", Literal::Text(reference)), ("on", Literal::Text(source)), ("split", Literal::Sql(&split))];
        let guard = request.query("eval/guarded.sql", &values)?;
        guard.rows(request.context).await?;
        self.queries.extend([query, guard]);
        let mut baseline = scored(&row, columns);
        if self.scores.iter().any(|scored| scored.name == baseline.name) {
            baseline.name = format!("{}@{}", baseline.name, version.unwrap_or_default());
        }
        Ok(baseline)
    }

    async fn build(
        self,
        request: &Request<'_>,
        columns: Columns,
        source: &str,
        pivoted: bool,
    ) -> Result<Subject, Error> {
        let Builder { facts, mut scores, mut warnings, mut notes, mut queries, known, can_score } = self;
        let left_out = notes.clone();
        if let Some(text) = request.argument(given::THRESHOLD) {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            let number = number.ok_or(Error::NotANumber { argument: given::THRESHOLD, given: text.into() })?;
            scores[0].threshold = Some(number);
        }
        let asked = request.argument(given::BASELINE).is_some();
        let has_baseline = scores.get(1).is_some_and(|scored| asked || scored.role == Role::Naive);
        let by = request.argument(given::BY).map(|name| columns.find(name, "by")).transpose()?;
        let (values, units) = values(request, &columns, &facts).await?;
        queries.extend(units);
        if let Some(time) = facts.time.as_ref().filter(|_| facts.untimed > 0) {
            let (has, is) = if facts.untimed == 1 { ("has", "is") } else { ("have", "are") };
            let rows = counted(facts.untimed, "row");
            warnings.push(format!("{rows} {has} no time in `{}` and {is} left out of every figure", named(time)));
        }
        if facts.time.is_none() {
            notes.push(
                "There is no time column, so there is no timeline and no figure by episode. Intervals take rows as independent \
                 of each other; --time names the column"
                    .into(),
            );
        }
        if facts.time.is_some() && facts.horizon_s.is_none() {
            notes.push(
                "How far ahead the label looks is not known, so neither are episodes, alerts over time and lead times, and the verdict \
                 counts positive rows; --horizon says it"
                    .into(),
            );
        }
        let rows = request.query("eval/scored.sql", &[])?;
        let body = body(&facts, &columns, source, &scores, by.as_deref(), &values, pivoted);
        let rows = Query { sql: format!("{}\n{body}", rows.sql), ..rows };
        Ok(Subject {
            relation: columns.relation.clone(),
            label: facts.label,
            time: facts.time,
            by,
            has_fold: columns.has(FOLD),
            has_parts: columns.has(PART),
            values,
            scores,
            has_baseline,
            horizon_s: facts.horizon_s,
            tau: facts.tau,
            split: facts.split,
            version: known.as_ref().map_or(0, |(_, version)| *version),
            reference: known.map(|(reference, _)| reference),
            can_score,
            warnings,
            notes,
            left_out,
            queries,
            rows,
        })
    }
}

/// Returns a column of the rows as a score.
fn column_score(columns: &Columns, name: &str) -> Result<Scored, Error> {
    let column = columns.find_number(name, "baseline")?;
    let expression = format!("CAST({} AS DOUBLE)", identifier(&column));
    Ok(Scored { name: column, role: Role::Column, probability: false, threshold: None, expression: Some(expression) })
}
