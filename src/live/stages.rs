//! Divides a plan into stages, one for each window and each right side of an ASOF JOIN of ticks, so that their state stays from poll to
//! poll.
//!
//! In: a plan over the ticks of a poll. Out: [`Stages`]: each window with the plan of its input, in the order in which they must
//! run; and the plan that is left, which reads the windows' results. Each stage runs to its end, so a window sees every row of the
//! poll, whoever reads its results. The right side of an ASOF JOIN with another product has stages of its own, which see ticks as they
//! come; the others see them once that product has passed them.
//!
//! Everything else in a plan is right poll by poll: filters, expressions, UNION ALL, joins of rows of one tick, joins with tables
//! that do not change. What is not is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, displayable};

use super::flow::{Flow, Join, column};
use super::held::{HeldExec, Slot};
use super::refusal::{Refusal, refused};
use super::rights::{Right, Rows};
use super::stage::{Stage, Window};
use super::step::Step;
use crate::asof::AsofJoinExec;
use crate::rolling::{Carried, RollingWindowExec};
use crate::tick;

/// A plan whose windows keep their state.
pub struct Stages {
    /// The stages that see ticks as they come.
    pub early: Vec<Stage>,
    /// The others. In both, each comes after those whose results it reads.
    pub stages: Vec<Stage>,
    /// The parts that do not change; they are read once.
    pub fixed: Vec<(Arc<dyn ExecutionPlan>, Arc<Slot>)>,
    /// What is left: it reads the ticks and the windows' results.
    pub rest: Step,
    /// What is known about the rows of the rest.
    pub flow: Flow,
}

/// Divides a plan over the ticks in `poll`; what sees ticks as they come reads `arrivals`.
///
/// # Errors
/// The plan needs rows of other polls in a way that no state is kept for.
pub fn divide(
    plan: &Arc<dyn ExecutionPlan>,
    poll: &Arc<Slot>,
    arrivals: &Arc<Slot>,
    scans: usize,
) -> Result<Stages, Refusal> {
    let mut cutter = Cutter::new(poll, arrivals);
    let (rest, flow) = cutter.cut(plan)?;
    if cutter.leaves < scans {
        return refused("a function in it reads all ticks at once", &["FROM"]);
    }
    let Cutter { early, stages, fixed, .. } = cutter;
    Ok(Stages { early, stages, fixed, rest: Step::new(rest)?, flow })
}

/// A part of a plan, and what is known about its rows.
type Part = (Arc<dyn ExecutionPlan>, Flow);

struct Cutter {
    poll: Arc<Slot>,
    arrivals: Arc<Slot>,
    /// Whether the leaves become leaves over the arrivals.
    is_early: bool,
    early: Vec<Stage>,
    stages: Vec<Stage>,
    fixed: Vec<(Arc<dyn ExecutionPlan>, Arc<Slot>)>,
    /// How many leaves return ticks.
    leaves: usize,
}

impl Cutter {
    fn new(poll: &Arc<Slot>, arrivals: &Arc<Slot>) -> Cutter {
        Cutter {
            poll: Arc::clone(poll),
            arrivals: Arc::clone(arrivals),
            is_early: false,
            early: Vec::new(),
            stages: Vec::new(),
            fixed: Vec::new(),
            leaves: 0,
        }
    }

    fn cut(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<Part, Refusal> {
        if let Some(leaf) = plan.downcast_ref::<HeldExec>() {
            let flow = self.leaf(leaf);
            let plan: Arc<dyn ExecutionPlan> = match self.is_early && flow.is_live {
                true => Arc::new(leaf.reading("the ticks as they come".into(), Arc::clone(&self.arrivals))),
                false => Arc::clone(plan),
            };
            return Ok((plan, flow));
        }
        if let Some(join) = plan.downcast_ref::<AsofJoinExec>() {
            return self.asof(plan, join);
        }
        let mut inputs = Vec::new();
        for child in plan.children() {
            inputs.push(self.cut(child)?);
        }
        if inputs.iter().all(|(_, flow)| !flow.is_live) {
            return Ok((Arc::clone(plan), Flow::default()));
        }
        if plan.fetch().is_some() || plan.is::<GlobalLimitExec>() || plan.is::<LocalLimitExec>() {
            return refused("LIMIT needs to know all rows", &["LIMIT", "FETCH", "OFFSET"]);
        }
        if let Some(window) = plan.downcast_ref::<RollingWindowExec>() {
            check_window(window, &inputs[0].1)?;
            return self.window(plan, inputs);
        }
        let flow = if let Some(join) = Join::of(plan) {
            let flow = join.flow(&inputs[0].1, &inputs[1].1)?;
            for input in &mut inputs {
                self.hold(input);
            }
            flow
        } else {
            flow(plan, &inputs)?
        };
        let inputs = inputs.into_iter().map(|(input, _)| input).collect();
        Ok((with_inputs(plan, inputs)?, flow))
    }

    fn leaf(&mut self, leaf: &HeldExec) -> Flow {
        let schema = tick::schema();
        let Some(columns) = leaf.columns_of(&self.poll, schema.fields().len()) else { return Flow::default() };
        self.leaves += 1;
        let of = |name: &str| {
            let places = columns.iter().enumerate();
            places.filter(|(_, column)| schema.field(**column).name() == name).map(|(place, _)| place).collect()
        };
        Flow { is_live: true, product: of("product_id"), time: of("ts"), is_unique: true, only: None }
    }

    /// Cuts an ASOF JOIN: the right side becomes a stage if it reads ticks.
    fn asof(&mut self, plan: &Arc<dyn ExecutionPlan>, join: &AsofJoinExec) -> Result<Part, Refusal> {
        let [left, right] = join.inputs();
        let (left, flow) = self.cut(left)?;
        let mut side = Cutter { is_early: self.is_early, ..Cutter::new(&self.poll, &self.arrivals) };
        let mut input = side.cut(right)?;
        let left_columns = left.schema().fields().len();
        let places: Vec<Option<usize>> =
            join.wanted().iter().map(|column| Some(*column).filter(|column| *column < left_columns)).collect();
        let joined = flow.with_columns(&places);
        if !input.1.is_live {
            if !flow.is_live {
                return Ok((Arc::clone(plan), Flow::default()));
            }
            self.hold(&mut input);
            return Ok((with_inputs(plan, vec![left, input.0])?, joined));
        }
        let rows = Rows::of(join, &flow, (&input.0.schema(), &input.1))?;
        if let Rows::Passed(_) = rows {
            if self.is_early || !side.early.is_empty() {
                return refused(
                    "the right side of an ASOF JOIN would wait for another product itself; only rows that leave may wait",
                    &["ASOF"],
                );
            }
            side = Cutter { is_early: true, ..Cutter::new(&self.poll, &self.arrivals) };
            input = side.cut(right)?;
            self.early.append(&mut side.stages);
        }
        self.early.append(&mut side.early);
        self.stages.append(&mut side.stages);
        self.fixed.append(&mut side.fixed);
        self.leaves += side.leaves;
        let slot = Arc::new(Slot::default());
        let (what, stages) = match &rows {
            Rows::Latest(_) => ("the latest row of each key, and those of the poll".into(), &mut self.stages),
            Rows::Passed(passed) => {
                (format!("the rows of {} so far", passed.products().collect::<Vec<_>>().join(", ")), &mut self.early)
            }
        };
        let held = Arc::new(HeldExec::instead_of(&input.0, what, Arc::clone(&slot)));
        stages.push(Stage::Right(Box::new(Right { input: Step::new(input.0)?, rows, slot })));
        Ok((with_inputs(plan, vec![left, held])?, joined))
    }

    /// Makes a window a stage of its own, and puts its results in its place.
    fn window(&mut self, plan: &Arc<dyn ExecutionPlan>, inputs: Vec<Part>) -> Result<Part, Refusal> {
        let Some((input, flow)) = inputs.into_iter().next() else { return refused("a window has no input", &[]) };
        let plan = with_inputs(plan, vec![Arc::clone(&input)])?;
        let Some(window) = plan.downcast_ref::<RollingWindowExec>() else {
            return refused("a window became another operator", &[]);
        };
        let (names, slot) = (window.expressions(), Arc::new(Slot::default()));
        let state = Carried::of(window)?;
        let what = format!("the results of {}", names.first().map(String::as_str).unwrap_or("a window"));
        let held = HeldExec::instead_of(&plan, what, Arc::clone(&slot));
        self.stages.push(Stage::Window(Box::new(Window { input: Step::new(input)?, state, slot, names })));
        // A window adds columns after those of its input.
        Ok((Arc::new(held), flow))
    }

    /// Makes sure that an input of a join that does not change is read only once.
    fn hold(&mut self, input: &mut Part) {
        if input.1.is_live {
            return;
        }
        let slot = Arc::new(Slot::default());
        let what = "rows that do not change".to_string();
        let held = Arc::new(HeldExec::instead_of(&input.0, what, Arc::clone(&slot)));
        let plan = std::mem::replace(&mut input.0, held);
        self.fixed.push((plan, slot));
    }
}

fn with_inputs(
    plan: &Arc<dyn ExecutionPlan>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>, Refusal> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Ok(Arc::clone(plan).replace_children(inputs, options)?)
}

/// Checks that a window needs nothing but its state and the rows that come.
fn check_window(window: &RollingWindowExec, input: &Flow) -> Result<(), Refusal> {
    let expressions = window.expressions();
    let others = expressions.len().saturating_sub(1);
    let others = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    let expressions = format!("{}{others}", expressions.first().map(String::as_str).unwrap_or_default());
    if window.looks_ahead() {
        let reason = format!("a window looks ahead, or at its whole partition: {expressions}");
        let words = ["FOLLOWING", "lead", "last_value", "OVER"].map(String::from).to_vec();
        return Err(Refusal { reason, words });
    }
    let has = |columns: &BTreeSet<usize>, at: Option<usize>| at.is_some_and(|at| columns.contains(&at));
    let by_time = match window.order_by() {
        [only] => has(&input.time, column(&only.expr)) && !only.options.descending,
        _ => false,
    };
    if !by_time {
        let reason = format!("a window is not ordered by ts alone, ascending: {expressions}");
        return Err(Refusal { reason, words: vec!["ORDER".into(), "OVER".into()] });
    }
    if !window.partition_by().iter().any(|by| has(&input.product, column(by))) {
        let reason = format!(
            "a window mixes products, whose ticks do not come in the order of ts; it needs PARTITION BY product_id: {expressions}"
        );
        return Err(Refusal { reason, words: vec!["PARTITION".into(), "OVER".into()] });
    }
    if !input.is_unique {
        let reason = format!("a window reads rows of which a tick may have several: {expressions}");
        return Err(Refusal { reason, words: vec!["UNION".into(), "JOIN".into(), "OVER".into()] });
    }
    Ok(())
}

/// Returns what is known about the rows of an operator that is neither a window nor a join, over ticks.
fn flow(plan: &Arc<dyn ExecutionPlan>, inputs: &[Part]) -> Result<Flow, Refusal> {
    let first = &inputs[0].1;
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let places: Vec<Option<usize>> = projection.expr().iter().map(|given| column(&given.expr)).collect();
        return Ok(first.with_columns(&places));
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let rows = first.filtered(filter.predicate());
        return Ok(match filter.projection() {
            Some(columns) => rows.with_columns(&columns.iter().map(|column| Some(*column)).collect::<Vec<_>>()),
            None => rows,
        });
    }
    let keeps_rows = plan.is::<SortExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<RepartitionExec>();
    if keeps_rows {
        return Ok(first.clone());
    }
    if plan.is::<UnionExec>() {
        let flows: Vec<Flow> = inputs.iter().map(|(_, flow)| flow.clone()).collect();
        if flows.iter().any(|flow| !flow.is_live) {
            return refused(
                "UNION ALL adds rows of a table that does not change, which would come again with every poll",
                &["UNION"],
            );
        }
        return Ok(Flow::union(&flows));
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let functions = aggregate.aggr_expr().iter().map(|call| call.fun().name().to_string());
        let words = ["GROUP", "DISTINCT"].map(String::from).into_iter().chain(functions).collect();
        let reason =
            "a group needs all of its rows, and live each row leaves when its tick comes; use a window instead";
        return Err(Refusal { reason: reason.into(), words });
    }
    if plan.is::<BoundedWindowAggExec>() || plan.is::<WindowAggExec>() {
        return refused(
            "the engine's own window operator would compute a window, and it keeps no state between polls; \
             docs/rolling.md lists the windows that squall computes itself",
            &["OVER"],
        );
    }
    let reason =
        format!("`squall live` does not know whether the operator {} is right for each poll alone", plan.name());
    Err(Refusal { reason, words: vec!["SELECT".into()] })
}

/// Returns a plan as text, one operator a line.
pub fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}
