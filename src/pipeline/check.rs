//! Checks a whole project, and goes on after everything that is wrong.
//!
//! In: a project, and a session with it registered. Out: one [`Checked`] after another, with the faults that were found.

use std::collections::BTreeSet;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::context::SessionContext;

use super::disabled::{Disabled, Why};
use super::error::Error;
use super::fault::{Check, Fault, Severity};
use super::prove::Thoroughness;
use super::{Finding, Kind, Project, Query};
use crate::error::Hint;
use crate::ml;
use crate::text::{counted, grouped};

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The queries to check, with what they read; empty for all.
    pub names: Vec<String>,
    /// Queries that are left out, also if what is checked reads them.
    pub without: Vec<String>,
    /// The only checks to run; empty for all.
    pub checks: Vec<Check>,
    /// Whether to leave out the audits and the grains, which read all of the landed data.
    pub without_data: bool,
    /// Whether and how to recompute features and labels over cut data.
    pub proof: Option<Thoroughness>,
}

/// What one check found.
#[derive(Debug)]
pub struct Checked {
    pub check: Check,
    /// The query, or how many queries.
    pub subject: String,
    pub outcome: Outcome,
    /// The first of the rows that an audit returned.
    pub sample: Option<RecordBatch>,
}

/// How a check ended.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing is wrong; a note says over what, if that is not obvious.
    Ok(Option<String>),
    /// Nothing was checked, for this reason.
    Skipped(String),
    /// These faults were found.
    Faults(Vec<Fault>),
}

/// Receives what a check finds.
pub trait Report: Send {
    /// Tells what is checked now.
    fn begins(&mut self, check: Check, subject: &str);
    /// Tells how a check ended.
    fn ends(&mut self, checked: Checked);
}

/// Why nothing that needs data is checked.
const NO_DATA: &str = "skipped: no data is landed; `squall land` lands it";
const LEFT_OUT: &str = "skipped";

impl Project {
    /// Checks the project; `unplanned` is what [`Project::register`] returned.
    ///
    /// # Errors
    /// A name is unknown, or the session's tables cannot be read. Everything else is a fault.
    pub async fn check(
        &self,
        context: &SessionContext,
        unplanned: &[Disabled],
        options: &Options,
        report: &mut dyn Report,
    ) -> Result<(), Error> {
        let scope = self.scope(&options.names)?;
        let left_out = |name: &str| options.without.iter().any(|without| without == name);
        let wanted = |name: &str| scope.as_ref().is_none_or(|names| names.contains(name)) && !left_out(name);
        let runs = |check: Check| options.checks.is_empty() || options.checks.contains(&check);
        let queries: Vec<&Query> = self.queries.iter().filter(|query| wanted(&query.name)).collect();
        let usable = |query: &Query| !unplanned.iter().any(|disabled| disabled.name == query.name);
        let planned = |query: &&&Query| usable(query) && self.why_not(query, unplanned).is_none();

        if runs(Check::Parse) {
            self.check_files(&wanted, report);
        }
        let without_plan = match runs(Check::Plan) {
            true => self.check_plans(&queries, unplanned, context, report).await,
            false => BTreeSet::new(),
        };
        if runs(Check::Header) {
            self.check_headers(&queries, &usable, context, report).await;
        }
        if runs(Check::Lint) {
            let linted: Vec<&Query> = queries.iter().filter(planned).copied().collect();
            // Another check tells what is wrong with a query that cannot be planned, if it runs.
            let untold = match runs(Check::Plan) {
                true => Vec::new(),
                false => self.unlinted(&wanted, &queries, unplanned),
            };
            self.check_times(&linted, &without_plan, untold, context, report).await;
        }
        if runs(Check::Grain) || runs(Check::Audit) {
            let has_data = self.has_data(context).await?;
            let skipped = match options.without_data {
                true => Some(LEFT_OUT),
                false => (!has_data).then_some(NO_DATA),
            };
            if runs(Check::Grain) {
                self.check_grains(queries.iter().filter(planned).copied(), skipped, context, report).await;
            }
            for audit in queries.iter().filter(|query| query.kind == Kind::Audit && runs(Check::Audit)) {
                report.begins(Check::Audit, &audit.name);
                let (outcome, sample) = match skipped {
                    Some(reason) => (Outcome::Skipped(reason.into()), None),
                    // The fault of its plan has been told.
                    None if !planned(&audit) || without_plan.contains(&audit.name) => continue,
                    None => self.audited(audit, context).await,
                };
                report.ends(Checked { check: Check::Audit, subject: audit.name.clone(), outcome, sample });
            }
        }
        if runs(Check::Test) {
            let names: Vec<&str> = options.names.iter().map(String::as_str).collect();
            for tested in self.tests_of(&names, context).await? {
                if left_out(&tested.query) {
                    continue;
                }
                let fault = |message| Fault {
                    hint: tested.hint.clone(),
                    ..Fault::new(Check::Test, &tested.query, tested.place.clone(), message)
                };
                let faults: Vec<Fault> = tested.failure.clone().map(fault).into_iter().collect();
                let subject = format!("{}, {}", tested.query, tested.case);
                report.ends(Checked { check: Check::Test, subject, outcome: outcome(faults), sample: None });
            }
        }
        match options.proof {
            Some(how) => self.check_proofs(&wanted, unplanned, context, how, report).await,
            None => Ok(()),
        }
    }

    /// Returns why features, labels and models are not linted that cannot be used.
    fn unlinted(&self, wanted: &dyn Fn(&str) -> bool, queries: &[&Query], unplanned: &[Disabled]) -> Vec<Fault> {
        let is_linted = |kind: Kind| matches!(kind, Kind::Feature | Kind::Label | Kind::Model);
        let unread = self.disabled.iter().filter(|disabled| is_linted(disabled.kind) && wanted(&disabled.name));
        let fault = |disabled: &Disabled| match &disabled.why {
            Why::Wrong(error) => Some(Fault::of(Check::Lint, &disabled.name, error)),
            Why::Reads(_) | Why::Waits(_) => None,
        };
        let mut faults: Vec<Fault> = unread.filter_map(fault).collect();
        for query in queries.iter().filter(|query| is_linted(query.kind)) {
            let own =
                unplanned.iter().find(|disabled| disabled.name == query.name).map(|disabled| disabled.why.clone());
            match own.or_else(|| self.why_not(query, unplanned)) {
                Some(Why::Wrong(error)) => faults.push(Fault::of(Check::Lint, &query.name, &error)),
                Some(Why::Reads(needed)) => {
                    let message = format!("it reads `{needed}`, which is disabled");
                    faults.push(Fault::new(Check::Lint, &query.name, query.start(), message));
                }
                None if query.kind != Kind::Model && query.header.time_column.is_none() => {
                    let hint = "add a line such as `-- time column: ts` to the comment at the start of the file";
                    let fault = Fault::new(Check::Lint, &query.name, query.start(), "the header lacks `time column`");
                    faults.push(fault.with_hint(hint));
                }
                Some(Why::Waits(_)) | None => {}
            }
        }
        faults
    }

    /// Reports how features, labels and models look at time; the faults of those in `without_plan` have been told. `faults` are those of
    /// others that cannot be linted.
    async fn check_times(
        &self,
        queries: &[&Query],
        without_plan: &BTreeSet<String>,
        mut faults: Vec<Fault>,
        context: &SessionContext,
        report: &mut dyn Report,
    ) {
        // Without a time column nothing can be said about time. That fault is among `faults`, or another check tells it.
        let is_linted = |query: &Query| match query.kind {
            Kind::Feature | Kind::Label => query.header.time_column.is_some(),
            Kind::Model => true,
            Kind::Plain | Kind::Audit => false,
        };
        let linted: Vec<&&Query> = queries.iter().filter(|query| is_linted(query)).collect();
        let count = linted.len() + faults.len();
        for query in &linted {
            report.begins(Check::Lint, &query.name);
            match self.lint(query, context).await {
                Ok(findings) => {
                    let fault = |found: Finding| Fault::new(Check::Lint, &query.name, found.place, found.message);
                    faults.extend(findings.into_iter().map(fault));
                }
                Err(_) if without_plan.contains(&query.name) => {}
                Err(error) => faults.push(Fault::of(Check::Lint, &query.name, &error)),
            }
        }
        all(Check::Lint, ["feature, label or model", "features, labels and models"], count, faults, report);
    }

    /// Returns the named queries and everything that they read; `None` for all queries.
    fn scope(&self, names: &[String]) -> Result<Option<BTreeSet<String>>, Error> {
        if names.is_empty() {
            return Ok(None);
        }
        let mut scope = BTreeSet::new();
        for name in names {
            let Some(index) = self.queries.iter().position(|query| query.name == *name) else {
                if self.disabled.iter().any(|disabled| disabled.name == *name) {
                    scope.insert(name.clone());
                    continue;
                }
                return Err(self.unknown(name));
            };
            let mut needed = self.upstream(index);
            needed.insert(index);
            for query in needed.into_iter().map(|index| &self.queries[index]) {
                scope.insert(query.name.clone());
                // A disabled query has no place in the graph.
                scope.extend(query.parsed.references.names().into_iter().map(str::to_string));
            }
        }
        Ok(Some(scope))
    }

    fn check_files(&self, wanted: &dyn Fn(&str) -> bool, report: &mut dyn Report) {
        report.begins(Check::Parse, "files");
        let disabled: Vec<&Disabled> = self.disabled.iter().filter(|disabled| wanted(&disabled.name)).collect();
        let fault = |disabled: &&Disabled| match &disabled.why {
            Why::Wrong(error) => Some(Fault::of(Check::Parse, &disabled.name, error)),
            Why::Reads(_) | Why::Waits(_) => None,
        };
        let faults = disabled.iter().filter_map(fault).collect();
        let files = disabled.len() + self.queries.iter().filter(|query| wanted(&query.name)).count();
        all(Check::Parse, ["file", "files"], files, faults, report);
    }

    /// Reports what cannot be planned, and returns the models and audits among it.
    async fn check_plans(
        &self,
        queries: &[&Query],
        unplanned: &[Disabled],
        context: &SessionContext,
        report: &mut dyn Report,
    ) -> BTreeSet<String> {
        let mut faults = Vec::new();
        let mut skipped: Vec<(&str, String)> = Vec::new();
        let mut without_plan = BTreeSet::new();
        for query in queries {
            report.begins(Check::Plan, &query.name);
            // A query that only the plan of a model or of an audit shows to be wrong was not registered.
            let own = matches!(query.kind, Kind::Model | Kind::Audit);
            let why = unplanned.iter().find(|disabled| disabled.name == query.name).map(|disabled| &disabled.why);
            let blocked = if own { self.why_not(query, unplanned) } else { None };
            match why.or(blocked.as_ref()) {
                Some(Why::Wrong(error)) => faults.push(Fault::of(Check::Plan, &query.name, error)),
                Some(Why::Reads(needed)) => {
                    skipped.push((&query.name, format!("it reads `{needed}`, which is disabled")))
                }
                Some(Why::Waits(model)) => {
                    skipped.push((&query.name, format!("it waits for the model `{model}`; `squall train` trains it")));
                }
                None if own => {
                    if let Some(fault) = self.unplannable(query, context).await {
                        without_plan.insert(query.name.clone());
                        faults.push(fault);
                    }
                }
                None => {}
            }
        }
        for (name, reason) in skipped {
            let outcome = Outcome::Skipped(format!("skipped: {reason}"));
            report.ends(Checked { check: Check::Plan, subject: name.into(), outcome, sample: None });
        }
        all(Check::Plan, ["query", "queries"], queries.len(), faults, report);
        without_plan
    }

    /// Plans an audit or the training query of a model, which are not registered.
    async fn unplannable(&self, query: &Query, context: &SessionContext) -> Option<Fault> {
        // The queries that it reads stand for tables there, so that each of them is planned once.
        let measured = match self.measured(query, context).await {
            Ok(measured) => measured,
            Err(error) => return Some(Fault::of(Check::Plan, &query.name, &error)),
        };
        let model = query.parsed.model.as_ref()?;
        let error = ml::check_columns(&model.statement.columns, &measured.schema).err()?;
        let message = crate::error::with_causes(&error);
        let column = message.split('`').nth(1).and_then(|name| query.place_of_word(name));
        let place = column.unwrap_or_else(|| query.start());
        Some(Fault { hint: error.hint(), ..Fault::new(Check::Plan, &query.name, place, message) })
    }

    async fn check_headers(
        &self,
        queries: &[&Query],
        usable: &dyn Fn(&Query) -> bool,
        context: &SessionContext,
        report: &mut dyn Report,
    ) {
        let mut faults = Vec::new();
        for query in queries {
            report.begins(Check::Header, &query.name);
            faults.extend(query.header_faults(context));
            let registered = !matches!(query.kind, Kind::Model | Kind::Audit) && usable(query);
            if let (true, Ok(table)) = (registered, context.table_provider(query.name.as_str()).await) {
                faults.extend(query.column_faults(&table.schema()));
            }
        }
        all(Check::Header, ["header", "headers"], queries.len(), faults, report);
    }

    async fn check_grains(
        &self,
        queries: impl Iterator<Item = &Query>,
        skipped: Option<&str>,
        context: &SessionContext,
        report: &mut dyn Report,
    ) {
        let mut faults = Vec::new();
        let mut count = 0;
        for query in queries.filter(|query| !matches!(query.kind, Kind::Model | Kind::Audit)) {
            let Ok(table) = context.table_provider(query.name.as_str()).await else { continue };
            let schema = table.schema();
            let has = |column: &String| schema.column_with_name(column).is_some();
            // A grain that names other columns is a fault of the header.
            if query.header.grain.is_empty() || !query.header.grain.iter().all(has) {
                continue;
            }
            // Without its model, a query has no rows.
            if self.position(&query.name).is_some_and(|index| self.untrained(index).is_some()) {
                continue;
            }
            count += 1;
            if skipped.is_none() {
                report.begins(Check::Grain, &query.name);
                match self.grain_fault(query, context).await {
                    Ok(fault) => faults.extend(fault),
                    Err(error) => faults.push(Fault::of(Check::Grain, &query.name, &error)),
                }
            }
        }
        match skipped {
            Some(reason) => {
                let (subject, outcome) = (counted(count, "grain"), Outcome::Skipped(reason.into()));
                report.ends(Checked { check: Check::Grain, subject, outcome, sample: None });
            }
            None => all(Check::Grain, ["grain", "grains"], count as usize, faults, report),
        }
    }

    async fn audited(&self, audit: &Query, context: &SessionContext) -> (Outcome, Option<RecordBatch>) {
        match self.audit(audit, context).await {
            Ok(audited) if audited.rows == 0 => (Outcome::Ok(None), None),
            Ok(audited) => {
                let rows = if audited.rows == 1 { "1 row is".into() } else { format!("{} rows are", audited.rows) };
                let message = format!("{rows} wrong: {}", audit.header.description);
                let fault = Fault::new(Check::Audit, &audit.name, audit.start(), message);
                let fault = if audit.header.severity == Some(Severity::Warning) { fault.warning() } else { fault };
                (Outcome::Faults(vec![fault]), audited.sample)
            }
            Err(error) => (Outcome::Faults(vec![Fault::of(Check::Audit, &audit.name, &error)]), None),
        }
    }

    async fn check_proofs(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        unplanned: &[Disabled],
        context: &SessionContext,
        how: Thoroughness,
        report: &mut dyn Report,
    ) -> Result<(), Error> {
        let ticks = self.ticks_to_cut(context, how.seed).await?;
        for query in self.provable().into_iter().map(|index| &self.queries[index]) {
            let is_disabled = unplanned.iter().any(|disabled| disabled.name == query.name);
            if is_disabled || !wanted(&query.name) {
                continue;
            }
            report.begins(Check::Proof, &query.name);
            let proof = self.prove(query, &ticks, context, how).await;
            let outcome = match (proof.faults.is_empty(), proof.skipped) {
                (false, _) => Outcome::Faults(proof.faults),
                (true, None) => Outcome::Ok(Some(proof.over)),
                // A plain query without a time says nothing about time.
                (true, Some(_)) if query.kind == Kind::Plain => continue,
                (true, Some(reason)) => Outcome::Skipped(format!("skipped: {reason}")),
            };
            report.ends(Checked { check: Check::Proof, subject: query.name.clone(), outcome, sample: None });
        }
        Ok(())
    }
}

fn outcome(faults: Vec<Fault>) -> Outcome {
    if faults.is_empty() { Outcome::Ok(None) } else { Outcome::Faults(faults) }
}

/// Reports one check of several subjects: in one line if all is right, else in one for each subject that is not.
fn all(check: Check, nouns: [&str; 2], count: usize, faults: Vec<Fault>, report: &mut dyn Report) {
    let mut wrong: Vec<(String, Vec<Fault>)> = Vec::new();
    for fault in faults {
        match wrong.iter_mut().find(|(name, _)| *name == fault.query) {
            Some((_, faults)) => faults.push(fault),
            None => wrong.push((fault.query.clone(), vec![fault])),
        }
    }
    let right = count.saturating_sub(wrong.len());
    if right > 0 {
        let subject = format!("{} {}", grouped(right as u64), nouns[usize::from(right != 1)]);
        report.ends(Checked { check, subject, outcome: Outcome::Ok(None), sample: None });
    }
    for (subject, faults) in wrong {
        report.ends(Checked { check, subject, outcome: Outcome::Faults(faults), sample: None });
    }
}
