//! ASOF JOIN as a node of the logical plan.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchema, DFSchemaRef, JoinType, NullEquality, Result};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Extension, Join, JoinConstraint, LogicalPlan, Operator, UserDefinedLogicalNodeCore, binary_expr,
    build_join_schema,
};

/// What happens to a left row without a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is left out.
    Inner,
    /// It stays, with NULL in the right columns.
    Left,
}

/// The comparison of times: `left operator right`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Match {
    pub left: Expr,
    pub operator: Operator,
    pub right: Expr,
}

impl Match {
    /// Returns whether the join looks for earlier right rows.
    pub fn looks_back(&self) -> bool {
        matches!(self.operator, Operator::GtEq | Operator::Gt)
    }

    /// Returns the condition that the two times are at most `tolerance` apart.
    pub fn within(&self, tolerance: Expr) -> Expr {
        let (left, right) = (self.left.clone(), self.right.clone());
        match self.looks_back() {
            true => binary_expr(right, Operator::GtEq, binary_expr(left, Operator::Minus, tolerance)),
            false => binary_expr(right, Operator::LtEq, binary_expr(left, Operator::Plus, tolerance)),
        }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.operator, self.right)
    }
}

/// The columns of both sides.
pub struct Sides {
    pub left: DFSchemaRef,
    pub right: DFSchemaRef,
}

impl Sides {
    /// Reads a comparison of the two sides, whichever of them stands first; `None` if it is something else.
    pub fn compared(&self, comparison: Expr) -> Option<Match> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = comparison else { return None };
        match (self.is_left(&left)?, self.is_left(&right)?) {
            (true, false) => Some(Match { left: *left, operator: op, right: *right }),
            (false, true) => Some(Match { left: *right, operator: op.swap()?, right: *left }),
            _ => None,
        }
    }

    /// Returns whether an expression reads only the left side, or only the right one; `None` if it reads both or neither.
    fn is_left(&self, expression: &Expr) -> Option<bool> {
        let columns = expression.column_refs();
        let all = |side: &DFSchema| columns.iter().all(|column| side.is_column_from_schema(column));
        match (all(&self.left), all(&self.right)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }
}

/// Joins each left row with the right row of the same key whose time is nearest on the side that the match says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AsofJoin {
    pub left: Arc<LogicalPlan>,
    pub right: Arc<LogicalPlan>,
    /// Pairs of a left and a right expression that are equal.
    pub on: Vec<(Expr, Expr)>,
    pub time: Match,
    /// What the two times must meet besides.
    pub within: Option<Expr>,
    pub kind: Kind,
    schema: DFSchemaRef,
}

impl AsofJoin {
    /// # Errors
    /// Both sides have a column of the same table and name.
    pub fn new(
        left: LogicalPlan,
        right: LogicalPlan,
        on: Vec<(Expr, Expr)>,
        time: Match,
        within: Option<Expr>,
        kind: Kind,
    ) -> Result<AsofJoin> {
        let schema = build_join_schema(left.schema(), right.schema(), &kind.join_type())?;
        Ok(AsofJoin { left: left.into(), right: right.into(), on, time, within, kind, schema: schema.into() })
    }

    pub fn into_plan(self) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(self) })
    }

    /// Returns the node behind a plan, if it is one of these.
    pub fn of(plan: &LogicalPlan) -> Option<&AsofJoin> {
        match plan {
            LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// Returns a join with the same condition, which meets every right row that this one chooses from.
    pub fn as_join(&self) -> Join {
        let Match { left, operator, right } = self.time.clone();
        let filter = binary_expr(left, operator, right);
        let filter = match self.within.clone() {
            Some(within) => filter.and(within),
            None => filter,
        };
        Join {
            left: Arc::clone(&self.left),
            right: Arc::clone(&self.right),
            on: self.on.clone(),
            filter: Some(filter),
            join_type: self.kind.join_type(),
            join_constraint: JoinConstraint::On,
            schema: Arc::clone(&self.schema),
            null_equality: NullEquality::NullEqualsNothing,
            null_aware: false,
        }
    }
}

impl Kind {
    fn join_type(self) -> JoinType {
        match self {
            Kind::Inner => JoinType::Inner,
            Kind::Left => JoinType::Left,
        }
    }
}

impl PartialOrd for AsofJoin {
    /// Plans have an order only where they are equal.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for AsofJoin {
    fn name(&self) -> &str {
        "AsofJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let equal = self.on.iter().map(|(one, other)| binary_expr(one.clone(), Operator::Eq, other.clone()));
        let Match { left, operator, right } = self.time.clone();
        equal.chain([binary_expr(left, operator, right)]).chain(self.within.clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "AsofJoin: {:?} ", self.kind)?;
        for (one, other) in &self.on {
            write!(f, "{one} = {other} AND ")?;
        }
        write!(f, "{}", self.time)?;
        match &self.within {
            Some(within) => write!(f, " AND {within}"),
            None => Ok(()),
        }
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let changed = || DataFusionError::Internal("the condition of an ASOF JOIN lost its form".into());
        let Ok([one, other]) = <[LogicalPlan; 2]>::try_from(inputs) else { return Err(changed()) };
        let sides = Sides { left: Arc::clone(one.schema()), right: Arc::clone(other.schema()) };
        let mut exprs = exprs.into_iter().map(Expr::unalias);
        let mut on = Vec::with_capacity(self.on.len());
        for equal in exprs.by_ref().take(self.on.len()) {
            let Match { left, right, .. } = sides.compared(equal).ok_or_else(changed)?;
            on.push((left, right));
        }
        let time = exprs.next().and_then(|time| sides.compared(time)).ok_or_else(changed)?;
        let within = exprs.next();
        AsofJoin::new(one, other, on, time, within, self.kind)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let width = self.left.schema().fields().len();
        let (left, right): (Vec<usize>, Vec<usize>) = output_columns.iter().partition(|index| **index < width);
        Some(vec![left, right.into_iter().map(|index| index - width).collect()])
    }
}
