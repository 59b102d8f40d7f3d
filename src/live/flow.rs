//! What is known about the rows of an operator of a live plan: which columns are the product and the `ts` of the row's tick,
//! whether a tick has one row at most, and whether all rows are of one product.

use std::collections::BTreeSet;

use datafusion::common::JoinType;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal};
use datafusion::physical_expr::split_conjunction;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::{ExecutionPlan, joins::JoinOn};
use std::sync::Arc;

use super::refusal::{Refusal, refused};

/// The rows of an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flow {
    /// Whether the rows come from ticks, with each poll. Other rows are the same at every poll.
    pub is_live: bool,
    /// The columns that hold the product of the row's tick.
    pub product: BTreeSet<usize>,
    /// The columns that hold the `ts` of the row's tick.
    pub time: BTreeSet<usize>,
    /// Whether no tick has several rows.
    pub is_unique: bool,
    /// The products that rows can be of, if a condition says it.
    pub only: Option<BTreeSet<String>>,
}

impl Flow {
    /// Returns the rows with other columns; `places` gives, for each new column, the column that it copies.
    pub fn with_columns(&self, places: &[Option<usize>]) -> Flow {
        let moved = |columns: &BTreeSet<usize>| {
            let copies = places.iter().enumerate();
            copies.filter(|(_, from)| from.is_some_and(|from| columns.contains(&from))).map(|(to, _)| to).collect()
        };
        Flow { product: moved(&self.product), time: moved(&self.time), ..self.clone() }
    }

    /// Returns the rows of several inputs together.
    pub fn union(inputs: &[Flow]) -> Flow {
        let common = |columns: fn(&Flow) -> &BTreeSet<usize>| {
            let sets = inputs.iter().map(|input| columns(input).clone());
            sets.reduce(|one, other| one.intersection(&other).copied().collect()).unwrap_or_default()
        };
        let only = inputs.iter().map(|input| input.only.clone()).collect::<Option<Vec<_>>>();
        let only = only.map(|sets| sets.into_iter().flatten().collect());
        let (product, time) = (common(|flow| &flow.product), common(|flow| &flow.time));
        Flow { is_live: true, product, time, is_unique: false, only }
    }

    /// Returns the rows that meet a condition.
    pub fn filtered(&self, condition: &Arc<dyn PhysicalExpr>) -> Flow {
        let parts = split_conjunction(condition).into_iter().filter_map(|part| self.products(part));
        let only = self.only.iter().cloned().chain(parts).reduce(|one, other| &one & &other);
        Flow { only, ..self.clone() }
    }

    /// Returns the products of the rows that can meet a condition, if it says so.
    fn products(&self, condition: &Arc<dyn PhysicalExpr>) -> Option<BTreeSet<String>> {
        let text =
            |value: &Arc<dyn PhysicalExpr>| value.downcast_ref::<Literal>()?.value().try_as_str()?.map(String::from);
        let is_product = |side: &Arc<dyn PhysicalExpr>| column(side).is_some_and(|at| self.product.contains(&at));
        if let Some(list) = condition.downcast_ref::<InListExpr>().filter(|list| !list.negated()) {
            return if is_product(list.expr()) { list.list().iter().map(text).collect() } else { None };
        }
        let binary = condition.downcast_ref::<BinaryExpr>()?;
        match binary.op() {
            Operator::Eq => {
                let sides = [(binary.left(), binary.right()), (binary.right(), binary.left())];
                let value = sides.into_iter().find(|(one, _)| is_product(one)).and_then(|(_, other)| text(other))?;
                Some(BTreeSet::from([value]))
            }
            Operator::Or => Some(&self.products(binary.left())? | &self.products(binary.right())?),
            _ => None,
        }
    }
}

/// Returns the column that an expression copies.
pub fn column(expression: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    Some(expression.downcast_ref::<Column>()?.index())
}

/// A join of the plan.
pub struct Join {
    on: JoinOn,
    kind: JoinType,
    projection: Option<Vec<usize>>,
    /// The number of the left input's columns, and of the right input's.
    columns: [usize; 2],
}

impl Join {
    /// Reads an operator; `None` if it is not a join that finds all matches within its inputs.
    pub fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Join> {
        let (on, kind, projection) = if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            (join.on.clone(), join.join_type, join.projection.as_ref().map(|columns| columns.to_vec()))
        } else if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
            (join.on.clone(), join.join_type, None)
        } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            (Vec::new(), *join.join_type(), join.projection().as_ref().map(|columns| columns.to_vec()))
        } else {
            plan.downcast_ref::<CrossJoinExec>()?;
            (Vec::new(), JoinType::Inner, None)
        };
        let [left, right] = plan.children().try_into().ok()?;
        Some(Join { on, kind, projection, columns: [left.schema().fields().len(), right.schema().fields().len()] })
    }

    /// Returns what is known about the join's rows.
    ///
    /// # Errors
    /// The join would need rows of other polls.
    pub fn flow(&self, left: &Flow, right: &Flow) -> Result<Flow, Refusal> {
        use JoinType::{Full, Left, LeftAnti, LeftMark, LeftSemi, Right, RightAnti, RightMark, RightSemi};
        let keeps_left = matches!(self.kind, Left | Full | LeftSemi | LeftAnti | LeftMark);
        let keeps_right = matches!(self.kind, Right | Full | RightSemi | RightAnti | RightMark);
        let only_one = matches!(self.kind, LeftSemi | LeftAnti | LeftMark | RightSemi | RightAnti | RightMark);
        let is_unique = match (left.is_live, right.is_live) {
            (true, true) if self.kind == Full => {
                return refused(
                    "rows of a FULL JOIN do not carry product_id and ts of their tick, because either side may be NULL; \
                     write LEFT JOIN or RIGHT JOIN",
                    &["FULL"],
                );
            }
            (true, true) => {
                if !self.is_by_tick(left, right) {
                    return refused(
                        "it joins ticks with other ticks than themselves; ticks may be joined ON product_id and ts",
                        &["JOIN"],
                    );
                }
                left.is_unique && right.is_unique
            }
            (true, false) if keeps_right => return Err(repeated()),
            (false, true) if keeps_left => return Err(repeated()),
            // A row of the other table may match several times, unless matches are only looked for.
            (live, _) => only_one && if live { left.is_unique } else { right.is_unique },
        };
        let [left_columns, right_columns] = self.columns;
        let of = |flow: &Flow, is_kept: bool| if is_kept { flow.clone() } else { Flow::default() };
        // An outer join gives NULL to a row without a match.
        let left = of(left, !matches!(self.kind, Right | Full | RightSemi | RightAnti | RightMark));
        let right = of(right, !matches!(self.kind, Left | Full | LeftSemi | LeftAnti | LeftMark));
        let places: Vec<(bool, usize)> = match self.kind {
            LeftSemi | LeftAnti | LeftMark => (0..left_columns).map(|column| (true, column)).collect(),
            RightSemi | RightAnti | RightMark => (0..right_columns).map(|column| (false, column)).collect(),
            _ => (0..left_columns)
                .map(|column| (true, column))
                .chain((0..right_columns).map(|column| (false, column)))
                .collect(),
        };
        let holds = |columns: fn(&Flow) -> &BTreeSet<usize>| -> BTreeSet<usize> {
            let joined = places.iter().enumerate();
            let joined =
                joined.filter(|(_, (is_left, column))| columns(if *is_left { &left } else { &right }).contains(column));
            joined.map(|(place, _)| place).collect()
        };
        let only = left.only.clone().or(right.only.clone());
        let joined = Flow {
            is_live: true,
            product: holds(|flow| &flow.product),
            time: holds(|flow| &flow.time),
            is_unique,
            only,
        };
        Ok(match &self.projection {
            Some(columns) => joined.with_columns(&columns.iter().map(|column| Some(*column)).collect::<Vec<_>>()),
            None => joined,
        })
    }

    /// Returns whether matching rows come from one tick, so that they come with one poll.
    fn is_by_tick(&self, left: &Flow, right: &Flow) -> bool {
        let matches = |columns: fn(&Flow) -> &BTreeSet<usize>| {
            self.on.iter().any(|(one, other)| {
                let (one, other) = (column(one), column(other));
                one.is_some_and(|one| columns(left).contains(&one))
                    && other.is_some_and(|other| columns(right).contains(&other))
            })
        };
        matches(|flow| &flow.product) && matches(|flow| &flow.time)
    }
}

fn repeated() -> Refusal {
    Refusal {
        reason: "it keeps every row of a table that does not change, so these rows would come again with every poll"
            .into(),
        words: vec!["JOIN".into()],
    }
}
