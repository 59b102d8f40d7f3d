//! What batch computed a value from: the frames of the windows that a column of a row depends on, with their rows, and the row's tick.
//!
//! In: the plan of a query over landed ticks, a column, and a row's product and time. Out: for each window the text of its call, how
//! many rows its frame has, and those at both ends. The frame is found by the engine: it counts the rows of the same frame, and names
//! the first and the last.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::execution::context::SessionContext;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, LogicalPlan, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, col, ident, lit,
};
use datafusion::prelude::DataFrame;

use crate::catalog::{LANDED_TICKS, LandedTicks};
use crate::rolling::{Exclusion, WITHOUT_FRAMES};

/// So many rows of a frame are shown at each of its ends.
const SHOWN: usize = 5;
/// The name of a time in what is asked of a window.
const AT: &str = "squall_at";

/// What a value was computed from.
#[derive(Debug, Clone)]
pub struct Computed {
    /// The windows that the value depends on; those whose results a window reads come after it.
    pub windows: Vec<Framed>,
    /// The columns of the row's tick that the value depends on; `None` if it depends on none, or the tick has not landed.
    pub tick: Option<RecordBatch>,
}

/// The frame of a window at a row.
#[derive(Debug, Clone)]
pub struct Framed {
    /// The call of the window.
    pub call: String,
    /// The rows of the frame; `None` if the window is not one over the row's own tick.
    pub rows: Option<FrameRows>,
}

/// The rows of a frame.
#[derive(Debug, Clone)]
pub struct FrameRows {
    pub count: u64,
    /// The times and arguments of its first rows; all rows if they are few.
    pub first: RecordBatch,
    /// Those of its last rows, if not all were shown before.
    pub last: Option<RecordBatch>,
}

/// Returns what a column of the row of a product and time was computed from.
///
/// # Errors
/// The engine cannot plan or compute it.
pub async fn computed(
    state: &SessionState,
    plan: &LogicalPlan,
    column: &str,
    (product, ts): (&str, i64),
) -> Result<Computed> {
    let Some(index) = plan.schema().index_of_column_by_name(None, column) else {
        return Ok(Computed { windows: Vec::new(), tick: None });
    };
    let mut trace = Trace::default();
    trace.follow(plan, index)?;
    let row = Row { state, product, at: ScalarValue::TimestampNanosecond(Some(ts), Some("UTC".into())) };
    let mut windows = Vec::new();
    for (input, call) in &trace.windows {
        windows.push(Framed { call: text(call), rows: row.frame(input, call).await? });
    }
    let tick = row.tick(&trace.columns).await?;
    Ok(Computed { windows, tick })
}

/// What a column depends on.
#[derive(Default)]
struct Trace {
    /// The windows, each with the plan of its input.
    windows: Vec<(Arc<LogicalPlan>, WindowFunction)>,
    /// Columns of landed ticks.
    columns: BTreeSet<String>,
    /// Columns of other tables; they do not change.
    others: BTreeSet<String>,
}

impl Trace {
    /// Follows a column of a plan down to where it comes from.
    fn follow(&mut self, plan: &LogicalPlan, index: usize) -> Result<()> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let name = plan.schema().field(index).name().clone();
                // A part of the ticks has no name.
                let provider = source_as_provider(&scan.source).ok();
                let is_tick = provider.is_some_and(|provider| provider.downcast_ref::<LandedTicks>().is_some());
                let columns = if is_tick { &mut self.columns } else { &mut self.others };
                columns.insert(name);
                Ok(())
            }
            LogicalPlan::Projection(projection) => self.of(&projection.expr[index], &projection.input),
            LogicalPlan::Window(window) => {
                let width = window.input.schema().fields().len();
                let Some(call) = index.checked_sub(width).and_then(|at| window.window_expr.get(at)) else {
                    return self.follow(&window.input, index);
                };
                if let Expr::WindowFunction(call) = call.clone().unalias()
                    && !self.windows.iter().any(|(_, known)| *known == *call)
                {
                    self.windows.push((Arc::clone(&window.input), *call));
                }
                self.of(call, &window.input)
            }
            LogicalPlan::SubqueryAlias(alias) => self.follow(&alias.input, index),
            LogicalPlan::Union(union) => union.inputs.iter().try_for_each(|input| self.follow(input, index)),
            other => {
                let column = Column::from(other.schema().qualified_field(index));
                let inputs = other.inputs();
                let found =
                    inputs.iter().find_map(|input| Some((*input, input.schema().maybe_index_of_column(&column)?)));
                found.map_or(Ok(()), |(input, index)| self.follow(input, index))
            }
        }
    }

    /// Follows the columns of an expression.
    fn of(&mut self, expression: &Expr, input: &LogicalPlan) -> Result<()> {
        let mut indexes = BTreeSet::new();
        for column in expression.column_refs() {
            indexes.extend(input.schema().maybe_index_of_column(column));
        }
        indexes.into_iter().try_for_each(|index| self.follow(input, index))
    }
}

/// A row by its product and time.
struct Row<'a> {
    state: &'a SessionState,
    product: &'a str,
    at: ScalarValue,
}

impl Row<'_> {
    /// Returns the rows of a window's frame at this row; `None` if the window has no such row.
    async fn frame(&self, input: &Arc<LogicalPlan>, call: &WindowFunction) -> Result<Option<FrameRows>> {
        let params = &call.params;
        let [order] = params.order_by.as_slice() else { return Ok(None) };
        let order = order.expr.clone();
        let keys: Vec<&Expr> = params.partition_by.iter().filter(|key| !is_constant(key)).collect();
        let Some(product) = keys.iter().position(|key| is_product(key, input)) else { return Ok(None) };
        let rows = || DataFrame::new(self.state.clone(), input.as_ref().clone());
        let name = |number: usize| format!("squall_key_{number}");
        let mut asked: Vec<Expr> =
            keys.iter().enumerate().map(|(number, key)| (*key).clone().alias(name(number))).collect();
        asked.push(order.clone().alias(AT));
        for (what, name) in [(count(lit(1_i64)), "rows"), (min(order.clone()), "first"), (max(order.clone()), "last")] {
            asked.push(over_frame(what, call)?.alias(format!("squall_{name}")));
        }
        let own = ident(AT).eq(lit(self.at.clone())).and(ident(name(product)).eq(lit(self.product)));
        let found = rows().select(asked)?.filter(own)?.collect().await?;
        let Some(found) = found.iter().find(|found| found.num_rows() > 0) else { return Ok(None) };
        let value = |name: &str| ScalarValue::try_from_array(found.column(found.schema().index_of(name)?), 0);
        let counted = found.column(found.schema().index_of("squall_rows")?).as_primitive_opt::<Int64Type>();
        let count = counted.map_or(0, |counts| counts.value(0).unsigned_abs());
        let (first, last) = (value("squall_first")?, value("squall_last")?);
        let mut inside = order.clone().gt_eq(lit(first)).and(order.clone().lt_eq(lit(last)));
        for (number, key) in keys.iter().enumerate() {
            let value = value(&name(number))?;
            inside = inside.and(if value.is_null() { (*key).clone().is_null() } else { (*key).clone().eq(lit(value)) });
        }
        let shown = shown(&order, call);
        let ordered = async |is_ascending: bool, most: usize| {
            let rows = rows().filter(inside.clone())?.sort(vec![order.clone().sort(is_ascending, true)])?;
            let rows = rows.limit(0, Some(most))?.select(shown.clone())?;
            let schema = Arc::new(rows.schema().as_arrow().clone());
            Ok::<_, DataFusionError>(concat_batches(&schema, &rows.collect().await?)?)
        };
        let all = usize::try_from(count).unwrap_or(usize::MAX);
        if all <= 2 * SHOWN {
            return Ok(Some(FrameRows { count, first: ordered(true, all).await?, last: None }));
        }
        let last = ordered(false, SHOWN).await?;
        let places: Vec<usize> = (0..last.num_rows()).rev().collect();
        let last = concat_batches(&last.schema(), &places.iter().map(|at| last.slice(*at, 1)).collect::<Vec<_>>())?;
        Ok(Some(FrameRows { count, first: ordered(true, SHOWN).await?, last: Some(last) }))
    }

    /// Returns columns of the row's tick.
    async fn tick(&self, columns: &BTreeSet<String>) -> Result<Option<RecordBatch>> {
        if columns.is_empty() {
            return Ok(None);
        }
        let own = ident("product_id").eq(lit(self.product)).and(ident("ts").eq(lit(self.at.clone())));
        let shown = columns.iter().filter(|name| !["product_id", "ts"].contains(&name.as_str()));
        let shown: Vec<Expr> = ["product_id", "ts"].into_iter().chain(shown.map(String::as_str)).map(ident).collect();
        let context = SessionContext::new_with_state(self.state.clone());
        let ticks = context.table(LANDED_TICKS).await?.filter(own)?.select(shown)?.collect().await?;
        Ok(ticks.into_iter().find(|ticks| ticks.num_rows() > 0))
    }
}

/// Returns an aggregate over the frame of a call.
fn over_frame(aggregate: Expr, call: &WindowFunction) -> Result<Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = aggregate else {
        return Err(DataFusionError::Internal("an aggregate is not one".into()));
    };
    let WindowFunctionParams { partition_by, order_by, .. } = call.params.clone();
    let params = WindowFunctionParams {
        args: params.args,
        partition_by,
        order_by,
        window_frame: frame_of(call),
        filter: None,
        null_treatment: None,
        distinct: false,
    };
    Ok(WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(func), params }.into())
}

/// Returns the frame of a call: of a function that does not look at it, the rows that the function reads.
fn frame_of(call: &WindowFunction) -> WindowFrame {
    let name = call.fun.name();
    if !WITHOUT_FRAMES.contains(&name) {
        return call.params.window_frame.clone();
    }
    let back = match (name, call.params.args.get(1)) {
        ("lag", None) => ScalarValue::UInt64(Some(1)),
        ("lag", Some(Expr::Literal(value, _))) => value.cast_to(&DataType::UInt64).unwrap_or(ScalarValue::UInt64(None)),
        _ => ScalarValue::UInt64(None),
    };
    WindowFrame::new_bounds(WindowFrameUnits::Rows, WindowFrameBound::Preceding(back), WindowFrameBound::CurrentRow)
}

/// Returns what is shown of a frame's rows: the time, and what the call reads.
fn shown(order: &Expr, call: &WindowFunction) -> Vec<Expr> {
    let mut shown: Vec<Expr> = Vec::new();
    let args = call.params.args.iter().chain(call.params.filter.as_deref());
    for part in [order].into_iter().chain(args).filter(|part| !is_constant(part)) {
        let part = part.clone().alias(plain(part));
        if !shown.contains(&part) {
            shown.push(part);
        }
    }
    shown
}

fn is_constant(expression: &Expr) -> bool {
    expression.column_refs().is_empty()
}

/// Returns whether an expression is the product of a tick.
fn is_product(key: &Expr, input: &LogicalPlan) -> bool {
    let mut trace = Trace::default();
    let is_followed = matches!(key, Expr::Column(_)) && trace.of(key, input).is_ok();
    is_followed && trace.others.is_empty() && trace.columns.iter().eq(["product_id"])
}

/// Returns an expression as people write it, without the names of tables.
fn plain(expression: &Expr) -> String {
    let bare = expression.clone().transform(|part| {
        Ok(match part {
            Expr::Column(column) => Transformed::yes(col(Column::new_unqualified(column.name))),
            other => Transformed::no(other),
        })
    });
    bare.map_or_else(|_| expression.to_string(), |bare| bare.data.human_display().to_string())
}

/// Returns a call of a window as people write it.
fn text(call: &WindowFunction) -> String {
    let list = |parts: &[Expr]| parts.iter().map(plain).collect::<Vec<_>>().join(", ");
    let WindowFunctionParams { args, partition_by, order_by, window_frame, filter, distinct, .. } = &call.params;
    let keys: Vec<Expr> = partition_by.iter().filter(|key| !is_constant(key)).cloned().collect();
    let marks = partition_by.iter().filter_map(|key| match key {
        Expr::Literal(value, _) => Exclusion::of_mark(value.try_as_str()??),
        _ => None,
    });
    let exclusion: String = marks.map(|exclusion| format!(" EXCLUDE {}", exclusion.words())).collect();
    let orders: Vec<Expr> = order_by.iter().map(|order| order.expr.clone()).collect();
    let distinct = if *distinct { "DISTINCT " } else { "" };
    let filter = filter.as_ref().map(|filter| format!(" FILTER (WHERE {})", plain(filter))).unwrap_or_default();
    let frame = match WITHOUT_FRAMES.contains(&call.fun.name()) {
        true => String::new(),
        false => format!(" {window_frame}{exclusion}"),
    };
    format!(
        "{}({distinct}{}){filter} OVER (PARTITION BY {} ORDER BY {}{frame})",
        call.fun.name(),
        list(args),
        list(&keys),
        list(&orders)
    )
}
