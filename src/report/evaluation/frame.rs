//! What every query of the report is given: the rows, the judged split, and the lengths of time that intervals and episodes depend on.

use super::named;
use super::subject::{ALL_ROWS, Scored, Subject};
use crate::report::query::{Literal, Query, Row, Rows};
use crate::report::{Error, Request};
use crate::text::identifier;

/// The shortest block by default, in seconds.
const SHORTEST_BLOCK_S: u64 = 600;
/// If the horizon is not known, the time is cut into so many blocks at least.
const BLOCKS: i64 = 50;
/// Rows without a time stand a tenth of a second apart; with more of them than this, a block of a second would be too short.
const ROWS_A_SECOND: u64 = 200_000;
/// With more rows than this, fewer resamples do: their number limits how exactly the ends of an interval are known, the rows how wide it is.
const MANY_ROWS: f64 = 300_000.0;
const NANOSECONDS: i64 = 1_000_000_000;

/// The surroundings of a query.
pub struct Frame<'a> {
    pub request: &'a Request<'a>,
    pub subject: &'a Subject,
    /// The table of the rows, as SQL.
    pub rows: String,
    /// The split whose rows judge the model.
    pub split: String,
    /// Every split, the judged one first.
    pub splits: Vec<String>,
    pub block_s: u64,
    /// The horizon in seconds, as SQL. NULL stands for one that is not known, and for rows without times.
    horizon: String,
    resamples: u64,
    pub facts: Rows,
    pub facts_query: Query,
}

impl<'a> Frame<'a> {
    /// Reads what the rows are.
    pub async fn new(request: &'a Request<'a>, subject: &'a Subject, table: &str) -> Result<Frame<'a>, Error> {
        let rows = identifier(table);
        let score = subject.scores[0].column();
        let known = subject.horizon_s.filter(|_| subject.time.is_some());
        let horizon = known.map_or("NULL".into(), |seconds| seconds.to_string());
        let values =
            [("rows", Literal::Sql(&rows)), ("score", Literal::Sql(&score)), ("horizon_s", Literal::Sql(&horizon))];
        let facts_query = request.query("eval/facts.sql", &values)?;
        let facts = facts_query.rows(request.context).await?;
        let mut splits: Vec<String> = ["test", "validation", "train"].map(String::from).into();
        let known: Vec<&str> = facts.iter().filter_map(|row| row.text("split")).collect();
        splits.retain(|split| known.contains(&split.as_str()));
        for split in &known {
            if !splits.iter().any(|listed| listed == split) {
                splits.push(split.to_string());
            }
        }
        // Rows from which a model learned, or by which its threshold was chosen, must not judge it.
        let is_project = splits.iter().any(|split| ["validation", "train"].contains(&split.as_str()));
        let split = match splits.first() {
            _ if is_project => "test".into(),
            Some(split) => split.clone(),
            None => ALL_ROWS.into(),
        };
        let of_split = facts.find("split", &split);
        let count: f64 = facts.iter().filter_map(|row| row.number("rows")).sum();
        let block_s = match (&subject.time, subject.horizon_s) {
            (None, _) => (count as u64).div_ceil(ROWS_A_SECOND).max(1),
            (Some(_), Some(horizon_s)) => (10 * horizon_s).max(SHORTEST_BLOCK_S),
            (Some(_), None) => {
                let time = |row: &Row<'_>, name: &str| row.integer(name);
                let span = of_split.and_then(|row| Some(time(&row, "last_time")? - time(&row, "first_time")?));
                let part = span.unwrap_or(0) / NANOSECONDS / BLOCKS;
                u64::try_from(part).unwrap_or(0).clamp(SHORTEST_BLOCK_S, 1_000_000_000)
            }
        };
        let resamples = if count > MANY_ROWS { 200 } else { 1000 };
        Ok(Frame { request, subject, rows, split, splits, block_s, horizon, resamples, facts, facts_query })
    }

    /// Returns the length of the blocks in which a feature is shuffled, in seconds, as SQL: that of the intervals; 0 shuffles single rows.
    pub fn shuffled_block_s(&self) -> String {
        self.subject.time.as_ref().map_or("0".into(), |_| self.block_s.to_string())
    }

    /// Returns what the judged rows are called in a sentence.
    pub fn called(&self) -> String {
        self.rows_of(&self.split)
    }

    /// Returns what the rows of a split are called in a sentence.
    pub fn rows_of(&self, split: &str) -> String {
        if split == ALL_ROWS { "given rows".into() } else { format!("{} rows", named(split)) }
    }

    /// Returns the facts of the judged rows.
    pub fn judged(&self) -> Option<Row<'_>> {
        self.facts.find("split", &self.split)
    }

    /// Returns whether the judged rows are of several products.
    pub fn has_several_parts(&self) -> bool {
        self.judged().and_then(|row| row.number("parts")).is_some_and(|parts| parts > 1.0)
    }

    /// Returns what the model has to beat, as SQL: the baseline's score, or one that is the same everywhere.
    pub fn baseline(&self) -> String {
        match self.subject.baseline() {
            Some(scored) => scored.column(),
            None => "CAST(0 AS DOUBLE)".into(),
        }
    }

    /// Returns a query about the model in question.
    pub fn query(&self, name: &str, more: &[(&str, Literal<'_>)]) -> Result<Query, Error> {
        self.about(&self.subject.scores[0], name, more)
    }

    /// Returns a query that puts the answers for several scores below each other, in an order of the rows.
    pub fn each(
        &self,
        name: &str,
        order: &str,
        which: impl Fn(usize, &Scored) -> bool,
        more: &[(&str, Literal<'_>)],
    ) -> Result<Option<Query>, Error> {
        let chosen = self.subject.scores.iter().enumerate().filter(|(place, scored)| which(*place, scored));
        let queries: Vec<Query> =
            chosen.map(|(_, scored)| self.about(scored, name, more)).collect::<Result<_, Error>>()?;
        let Some(first) = queries.first() else { return Ok(None) };
        // What the query says of itself is said once.
        let comment: Vec<&str> = first.sql.lines().take_while(|line| line.starts_with("--")).collect();
        let body = |query: &Query| query.sql.lines().skip(comment.len()).collect::<Vec<_>>().join("\n");
        let bodies: Vec<String> = queries.iter().map(body).collect();
        let comment: String = comment.iter().map(|line| format!("{line}\n")).collect();
        let sql = format!("{comment}SELECT * FROM (\n{}\n)\nORDER BY {order}", bodies.join("\nUNION ALL\n"));
        Ok(Some(Query { sql, ..first.clone() }))
    }

    fn about(&self, scored: &Scored, name: &str, more: &[(&str, Literal<'_>)]) -> Result<Query, Error> {
        let (score, baseline) = (scored.column(), self.baseline());
        let numbers = [self.block_s, self.resamples].map(|number| number.to_string());
        let threshold = scored.threshold.map_or("CAST(NULL AS DOUBLE)".into(), |threshold| format!("{threshold:?}"));
        let mut values = more.to_vec();
        values.extend([
            ("rows", Literal::Sql(&self.rows)),
            ("split", Literal::Text(&self.split)),
            ("model", Literal::Text(&scored.name)),
            ("score", Literal::Sql(&score)),
            ("baseline", Literal::Sql(&baseline)),
            ("threshold", Literal::Sql(&threshold)),
            ("probability", Literal::Sql(if scored.probability { "true" } else { "false" })),
            ("block_s", Literal::Sql(&numbers[0])),
            ("horizon_s", Literal::Sql(&self.horizon)),
            ("pause_s", Literal::Sql(&numbers[0])),
            ("resamples", Literal::Sql(&numbers[1])),
        ]);
        self.request.query(&format!("eval/{name}.sql"), &values)
    }
}
