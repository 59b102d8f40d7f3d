//! One look at the rows of the last span of time: their lines, and the drift of features.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimestampNanosecondType};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{col, lit};
use datafusion::scalar::ScalarValue;

use super::drift::{Feature, features};
use super::lines::{Lines, MODELS, files, statement};
use super::{Found, Options, shown};
use crate::catalog::LandedTicks;
use crate::dialect;
use crate::error::with_causes;
use crate::live::error::Error;
use crate::live::sink::Kept;
use crate::model::Registry;
use crate::pipeline::{Lookback, Over, Step};

/// The names of the rows with scores, and of the label's rows, where they are joined.
const ROWS: &str = "squall_outcome_rows";
const LABELS: &str = "squall_outcome_labels";

/// Rows of a query with the same model and version.
pub struct Line {
    pub query: String,
    pub model: String,
    pub version: String,
    /// One row, as [`statement`] gives it.
    row: RecordBatch,
}

impl Line {
    fn new(query: &str, row: RecordBatch) -> Line {
        let text = |name: &str| {
            let column = row.column_by_name(name).and_then(|column| cast(column, &DataType::Utf8).ok());
            column.and_then(|column| column.as_string::<i32>().iter().next().flatten().map(String::from))
        };
        let [model, version] = MODELS.map(|name| text(name).unwrap_or_default());
        Line { query: query.into(), model, version, row }
    }

    /// Returns a number of the line; `None` if it is NULL.
    pub fn number(&self, column: &str) -> Option<f64> {
        let column = cast(self.row.column_by_name(column)?, &DataType::Float64).ok()?;
        column.as_primitive::<Float64Type>().iter().next().flatten()
    }

    /// Returns the models that scored the rows, each with its version.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        self.model.split(',').zip(self.version.split(',')).filter(|(model, _)| !model.is_empty())
    }
}

/// The features of a model among the columns of a query.
pub struct Drift {
    pub query: String,
    pub model: String,
    pub version: String,
    pub features: Vec<Feature>,
}

/// Looks at outcomes.
pub struct Looker {
    options: Options,
    /// What was warned of last, so that it is said once.
    said: Option<String>,
}

impl Looker {
    pub fn new(options: Options) -> Looker {
        Looker { options, said: None }
    }

    /// Looks at all queries, and shows what is found.
    pub async fn look(&mut self) -> Found {
        let (lines, drifts) = match self.find().await {
            Ok(found) => {
                self.said = None;
                found
            }
            Err(error) => {
                let problem = with_causes(&error);
                if self.said.as_ref() != Some(&problem) {
                    self.options.tell.say(&format!("Warning: outcomes are not known: {problem}"));
                    self.said = Some(problem);
                }
                (Vec::new(), Vec::new())
            }
        };
        shown::measure(&self.options.metrics, &lines, &drifts);
        let sentences: Vec<String> = lines.iter().map(|line| shown::sentence(line, &drifts)).collect();
        if let Some(board) = &self.options.board {
            board.outcomes(sentences);
        }
        Found { tables: tables(&lines), drifted: drifts.iter().filter_map(shown::drifted).collect() }
    }

    async fn find(&self) -> Result<(Vec<Line>, Vec<Drift>), Error> {
        let Options { asked, dir, queries, context, project, .. } = &self.options;
        let (mut lines, mut held) = (Vec::new(), Vec::new());
        for name in queries {
            let failed = |source| Error::query(name, source);
            let Some(kept) = Kept::read(dir, name)?.filter(|kept| kept.has("ts")) else { continue };
            if kept.files(dir)?.is_empty() {
                continue;
            }
            let Some(since) = self.since(&kept).await.map_err(failed)? else { continue };
            if kept.has(&asked.score) && kept.has("product_id") {
                lines.extend(self.lines(&kept, since).await?);
            }
            held.push((kept, since));
        }
        let mut drifts = Vec::new();
        let models: BTreeSet<(&str, &str)> = lines.iter().flat_map(Line::models).collect();
        for (model, version) in models {
            let registry = project.models_dir().map(Registry::new);
            // A model that is gone since cannot be compared with.
            let artifact = registry.and_then(|registry| registry.load(&format!("{model}@{version}")).ok());
            let Some(artifact) = artifact else { continue };
            for (kept, since) in &held {
                let found = features(context, &artifact, dir, kept, *since).await;
                let features = found.map_err(|source| Error::query(&kept.query, source))?;
                if !features.is_empty() {
                    let (query, model, version) = (kept.query.clone(), model.into(), version.into());
                    drifts.push(Drift { query, model, version, features });
                }
            }
        }
        Ok((lines, drifts))
    }

    /// Returns where the last span of a query's rows begins, in nanoseconds since 1970; `None` if they have no times.
    async fn since(&self, kept: &Kept) -> Result<Option<i64>, DataFusionError> {
        let sql = format!("SELECT max(ts) FROM {}", files(&self.options.dir, &kept.query));
        let rows = dialect::run(&self.options.context, &sql).await?.collect().await?;
        let times = rows.iter().filter_map(|rows| rows.column(0).as_primitive_opt::<TimestampNanosecondType>());
        let newest = times.flat_map(|times| times.iter().flatten()).max();
        Ok(newest.map(|newest| newest.saturating_sub(nanoseconds(self.options.span))))
    }

    /// Returns the lines of a query's rows from an instant on.
    async fn lines(&self, kept: &Kept, since: i64) -> Result<Vec<Line>, Error> {
        let Options { asked, dir, context, project, .. } = &self.options;
        let Some(label) = project.query(&asked.label) else { return Ok(Vec::new()) };
        let failed = |source| Error::query(&kept.query, source);
        let lookback = project.lookback(label, context).await?;
        let landed = self.ticks(lookback.as_ref(), since).await.map_err(failed)?;
        let labels = project.plan_over(label, &Over { context, landed, configure: |_| {} }).await?;
        let own = SessionContext::new_with_state(labels.clone().into_parts().0);
        own.register_table(LABELS, labels.into_view()).map_err(failed)?;
        // The label's session does not read files.
        let rows =
            dialect::run(context, &format!("SELECT * FROM {}", files(dir, &kept.query))).await.map_err(failed)?;
        own.register_table(ROWS, rows.into_view()).map_err(failed)?;
        let sql = statement(asked, kept, [ROWS, LABELS], Lines::Since(since));
        let rows = async { dialect::run(&own, &sql).await?.collect().await }.await.map_err(failed)?;
        let rows = rows.iter().flat_map(|rows| (0..rows.num_rows()).map(|row| rows.slice(row, 1)));
        Ok(rows.map(|row| Line::new(&kept.query, row)).collect())
    }

    /// Returns the landed ticks that labels from an instant on need; all, if it is not known which. Of steps that count rows it is not
    /// known how far they go back: a span more has to do.
    async fn ticks(&self, lookback: Option<&Lookback>, since: i64) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let context = &self.options.context;
        let landed = context.table_provider("landed_ticks").await?;
        let Some(lookback) = lookback else { return Ok(landed) };
        let back = lookback.back.iter().map(|step| match step {
            Step::Time(ns) => *ns,
            Step::Rows { .. } => nanoseconds(self.options.span),
        });
        let first = back.fold(since, i64::saturating_sub);
        let within: Arc<dyn TableProvider> = match landed.downcast_ref::<LandedTicks>() {
            Some(ticks) => Arc::new(ticks.within(first..i64::MAX)),
            None => landed,
        };
        let at = lit(ScalarValue::TimestampNanosecond(Some(first), Some("UTC".into())));
        Ok(context.read_table(within)?.filter(col("ts").gt_eq(at))?.into_view())
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// Returns lines as tables: neighbours with the same columns are one.
fn tables(lines: &[Line]) -> Vec<RecordBatch> {
    let alike = lines.chunk_by(|one, other| one.row.schema() == other.row.schema());
    alike.filter_map(|lines| concat_batches(&lines[0].row.schema(), lines.iter().map(|line| &line.row)).ok()).collect()
}
