//! `ml_feature_importance`: how much a model needs each of its features.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{
    DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit, TimestampNanosecondType,
};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, exec_err, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, lit};
use futures::FutureExt;

use super::arguments::{LABELLED, MODEL, load};
use super::features::{find, label, numbers};
use super::judged::{self, Judging};
use super::predict::scored;
use crate::dialect;
use crate::functions::label_score::{is_label, not_a_label};
use crate::functions::relation::{query, texts};
use crate::functions::{Compute, Function, Implementation, Snapshot};
use crate::model::bootstrap::Settings;
use crate::model::importance::{self, Importance, LEAST_BLOCKS, REPEATS};
use crate::model::{Artifact, Registry, ranges};
use crate::text::documentation::{Argument, Documentation, Example, Kind, Outcome, Section};

const ML_FEATURE_IMPORTANCE: Documentation = Documentation {
    name: "ml_feature_importance",
    kind: Kind::Table,
    section: Section::Models,
    summary: "Measures how much a model's average precision drops when one feature is shuffled among the rows",
    arguments: &[
        MODEL,
        LABELLED,
        Argument {
            name: "repeats",
            sql_type: "BIGINT",
            meaning: "the number of shuffles, at least 1; default 5",
            required: false,
        },
        Argument {
            name: "seed",
            sql_type: "BIGINT",
            meaning: "what the shuffles are drawn from, at least 0; default 0",
            required: false,
        },
        Argument {
            name: "block_s",
            sql_type: "BIGINT",
            meaning: "the length of the blocks of time that are shuffled, in seconds; 0 shuffles single rows; default ten horizons of the label, and ten minutes at least, or 0 without a time column",
            required: false,
        },
    ],
    result: Outcome {
        sql_type: "TABLE (model, version, rank, feature, importance, importance_stddev, average_precision, rows, block_s, reason)",
        meaning: "one row a feature by falling importance: importance is the mean drop of average_precision, that of the rows as they are; importance_stddev is the standard deviation over the shuffles, as a population. A text is shuffled as a whole. Blocks of time of one product are shuffled rather than rows, because neighbouring rows resemble each other: a shuffled block is still a series that a market could have, and the deviation shows how few independent stretches there are. Every feature meets the same shuffles, and the result has the same bits for any order of the rows and any number of threads. Features that say the same share their importance. An error if rows must not judge the model (docs/models.md)",
        when_null: "rank, importance and importance_stddev where they are not known, and reason says why; average_precision where no row is positive. Rows without a label or a score do not count",
    },
    example: Example {
        query: "SELECT rank, feature, round(importance, 3), round(importance_stddev, 3), round(average_precision, 3) FROM ml_feature_importance('calm_or_wild', 'weather', 10)",
        output: "1 | wind | 0.595 | 0.044 | 0.915\n2 | pressure | 0.018 | 0.012 | 0.915",
    },
    source: "scikit-learn 1.9.1, permutation_importance with scoring = 'average_precision'; the shuffles are squall's own",
};

/// The family's functions.
pub const FUNCTIONS: &[Function] = &[Function {
    documentation: &ML_FEATURE_IMPORTANCE,
    implementation: |host| Implementation::Table(Arc::new(MlFeatureImportance(Arc::clone(&host.models)))),
}];

#[derive(Debug)]
struct MlFeatureImportance(Arc<Registry>);

/// How features are shuffled.
#[derive(Debug, Clone, Copy)]
struct Shuffling {
    repeats: usize,
    seed: u64,
    /// The length of a block; `None` for that of the model's label.
    block_s: Option<u64>,
}

/// The largest number of shuffles: more say nothing that fewer do not.
const MOST_REPEATS: u64 = 10_000;

impl TableFunctionImpl for MlFeatureImportance {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = texts(&ML_FEATURE_IMPORTANCE, args.exprs())?;
        let whole = |index: usize, least: u64, most: u64| -> Result<Option<u64>> {
            let Some(given) = arguments.get(index) else { return Ok(None) };
            match given.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
                _ => plan_err!(
                    "{} of {} must be between {least} and {most}, not {given}",
                    ML_FEATURE_IMPORTANCE.arguments[index].name,
                    ML_FEATURE_IMPORTANCE.syntax()
                ),
            }
        };
        let shuffling = Shuffling {
            repeats: whole(2, 1, MOST_REPEATS)?.map_or(REPEATS, |repeats| repeats as usize),
            seed: whole(3, 0, i64::MAX as u64)?.unwrap_or(0),
            block_s: whole(4, 0, Settings::LONGEST_BLOCK_S)?,
        };
        let models = Arc::clone(&self.0);
        Ok(Arc::new(Snapshot::of_collected(schema(), move |state| {
            let (model, relation) = (load(&models, &arguments[0]), arguments[1].clone());
            async move { measured(&state, model?, &relation, shuffling).await }.boxed()
        })))
    }
}

fn schema() -> SchemaRef {
    let (text, whole, number) = (DataType::Utf8, DataType::Int64, DataType::Float64);
    let columns = [
        ("model", text.clone()),
        ("version", whole.clone()),
        ("rank", whole.clone()),
        ("feature", text.clone()),
        ("importance", number.clone()),
        ("importance_stddev", number.clone()),
        ("average_precision", number),
        ("rows", whole.clone()),
        ("block_s", whole),
        ("reason", text),
    ];
    Arc::new(Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec()))
}

/// Returns the plan of the rows, and what computes the importances from them.
async fn measured(
    state: &SessionState,
    model: Arc<Artifact>,
    relation: &str,
    shuffling: Shuffling,
) -> Result<(LogicalPlan, Compute)> {
    let rows = dialect::plan_text(state, &query(relation)).await?;
    let basis = judged::basis(&model);
    let judging = Judging::of(&basis, rows.schema());
    let scored = scored(state, Arc::clone(&model), relation, &rows, true).await?;
    let schema = Arc::clone(scored.schema());
    let timed = judging.time.is_some() && shuffling.block_s != Some(0);
    let block_s = shuffling.block_s.unwrap_or(Settings::for_horizon(basis.horizon_ns()).block_s);
    let as_time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let no_time = ScalarValue::TimestampNanosecond(Some(0), None);
    let column = |column: &Column| Expr::Column(Column::new_unqualified(column.name.clone()));
    let label = label(&model, relation, &schema)?;
    let mut columns = vec![
        cast(label, &DataType::Float64, &schema)?.alias("label"),
        Expr::Column(Column::new_unqualified("score")).alias("score"),
        match judging.time.as_ref().filter(|_| timed) {
            Some(time) => cast(column(time), &as_time, &schema)?,
            None => lit(no_time),
        }
        .alias("time"),
        match &judging.product {
            Some(product) => cast(column(product), &DataType::Utf8, &schema)?,
            None => lit(""),
        }
        .alias("product"),
    ];
    let inputs = find(&model, relation, &schema)?;
    columns.extend(inputs.into_iter().enumerate().map(|(place, input)| input.alias(format!("input_{place}"))));
    let plan = scored.project(columns)?.build()?;
    let block_s = if timed { block_s } else { 0 };
    Ok((plan, Arc::new(move |batches| compute(&model, &batches, shuffling, block_s))))
}

fn cast(column: Expr, data_type: &DataType, schema: &DFSchema) -> Result<Expr> {
    column.cast_to(data_type, schema)
}

/// The rows that have a label, a score and a time.
#[derive(Default)]
struct Rows {
    products: Vec<String>,
    times: Vec<i64>,
    labels: Vec<bool>,
    /// A column for each feature of the model.
    features: Vec<Vec<f64>>,
}

impl Rows {
    fn append(&mut self, model: &Artifact, batch: &RecordBatch) -> Result<()> {
        let (labels, scores) = (batch.column(0), batch.column(1));
        let (labels, scores) = (labels.as_primitive::<Float64Type>(), scores.as_primitive::<Float64Type>());
        let times = batch.column(2).as_primitive::<TimestampNanosecondType>();
        let products = batch.column(3).as_string::<i32>();
        let inputs = &batch.columns()[4..];
        let columns = numbers(model, inputs);
        for row in 0..batch.num_rows() {
            let label = labels.value(row);
            if labels.is_null(row) || label.is_nan() || scores.is_null(row) || times.is_null(row) {
                continue;
            }
            if !is_label(label) {
                return exec_err!("{}", not_a_label(label));
            }
            self.labels.push(label != 0.0);
            self.times.push(times.value(row));
            self.products.push(if products.is_null(row) { String::new() } else { products.value(row).into() });
            self.features.iter_mut().zip(&columns).for_each(|(feature, column)| feature.push(column[row]));
        }
        Ok(())
    }

    /// Puts the rows into an order that does not depend on the query's.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.labels.len()).collect();
        order.sort_unstable_by(|&a, &b| {
            let features = self.features.iter().map(|column| column[a].total_cmp(&column[b]));
            let place = self.products[a].cmp(&self.products[b]).then(self.times[a].cmp(&self.times[b]));
            place.then_with(|| features.fold(self.labels[a].cmp(&self.labels[b]), |order, next| order.then(next)))
        });
        self.labels = order.iter().map(|&row| self.labels[row]).collect();
        self.times = order.iter().map(|&row| self.times[row]).collect();
        self.products = order.iter().map(|&row| std::mem::take(&mut self.products[row])).collect();
        for column in &mut self.features {
            *column = order.iter().map(|&row| column[row]).collect();
        }
    }
}

fn compute(model: &Artifact, batches: &[RecordBatch], shuffling: Shuffling, block_s: u64) -> Result<RecordBatch> {
    // Without any batch, there is an empty column for each feature.
    let mut rows = Rows { features: vec![Vec::new(); model.scorer.features().len()], ..Rows::default() };
    for batch in batches {
        rows.append(model, batch)?;
    }
    rows.sort();
    let count = rows.labels.len();
    if u32::try_from(count).is_err() {
        return exec_err!("{count} rows are too many for {}: sample them in a query", ML_FEATURE_IMPORTANCE.name);
    }
    let blocks = if block_s == 0 {
        importance::single(count)
    } else {
        let places: Vec<_> = rows.products.iter().map(String::as_str).zip(rows.times.iter().copied()).collect();
        importance::blocks(&places, block_s as i64 * 1_000_000_000)
    };
    let positives = rows.labels.contains(&true);
    let few = format!(
        "the rows fill {} blocks of {block_s} s, and {LEAST_BLOCKS} are needed: give more rows or a smaller block_s",
        blocks.len()
    );
    let reason = match count {
        0 => Some("no row has a label and a score"),
        _ if !positives => Some("no row is positive"),
        _ if block_s > 0 && blocks.len() < LEAST_BLOCKS => Some(few.as_str()),
        _ => None,
    };
    let repeats = if reason.is_none() { shuffling.repeats } else { 0 };
    let inputs = model.inputs();
    let shuffles = importance::shuffles(&blocks, repeats, shuffling.seed);
    let measured = importance::measure(&model.scorer, &rows.features, &ranges(&inputs), &rows.labels, &shuffles)
        .filter(|_| positives);
    let (baseline, found) = measured.unzip();
    let found: Vec<Option<Importance>> = match found.filter(|_| reason.is_none()) {
        Some(found) => found.into_iter().map(Some).collect(),
        None => vec![None; inputs.len()],
    };
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    let mean = |index: usize| found[index].map_or(f64::NEG_INFINITY, |found| found.mean);
    order.sort_by(|&a, &b| mean(b).total_cmp(&mean(a)));
    let width = inputs.len();
    let text = |value: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![value; width])) };
    let whole = |value: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![value as i64; width])) };
    let number = |cell: fn(Importance) -> f64| -> ArrayRef {
        Arc::new(order.iter().map(|&index| found[index].map(cell)).collect::<Float64Array>())
    };
    let ranks = order.iter().enumerate().map(|(place, &index)| found[index].map(|_| place as i64 + 1));
    let columns: Vec<ArrayRef> = vec![
        text(Some(&model.name)),
        whole(model.version),
        Arc::new(ranks.collect::<Int64Array>()),
        Arc::new(StringArray::from_iter_values(order.iter().map(|&index| inputs[index].name.as_str()))),
        number(|found| found.mean),
        number(|found| found.stddev),
        Arc::new(Float64Array::from(vec![baseline; width])),
        whole(count as u64),
        whole(block_s),
        text(reason),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
