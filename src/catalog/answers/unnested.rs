//! UNNEST over lists of a table beside it.
//!
//! The engine has no plan for `FROM t, unnest(t.l) AS u (x)` and `FROM t, LATERAL (SELECT unnest(t.l) AS x)`. In: a new plan. Out: the same
//! plan, in which such a subquery reads the rows of the table itself. With LEFT JOIN, a row with an empty list stays.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, JoinType, Result, ScalarValue, TableReference};
use datafusion::functions_nested::expr_fn::{cardinality, make_array};
use datafusion::logical_expr::{
    Expr, Join, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias, Unnest, col, lit, when,
};
use datafusion::optimizer::AnalyzerRule;

/// Puts the rows of a table below the UNNEST that depends on them.
#[derive(Debug)]
pub struct UnnestBeside;

impl AnalyzerRule for UnnestBeside {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Join(join) => Ok(match beside(&join)? {
                Some(plan) => Transformed::yes(plan),
                None => Transformed::no(LogicalPlan::Join(join)),
            }),
            plan => Ok(Transformed::no(plan)),
        });
        plan.data()
    }

    fn name(&self) -> &str {
        "squall_unnest_beside"
    }
}

/// Returns a join as a query over its left side; `None` if its right side is something else than such a subquery.
fn beside(join: &Join) -> Result<Option<LogicalPlan>> {
    let (alias, subquery) = match join.right.as_ref() {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => (Some(alias), input.as_ref()),
        right => (None, right),
    };
    let LogicalPlan::Subquery(subquery) = subquery else { return Ok(None) };
    let fills = match (join.join_type, &join.filter) {
        _ if !join.on.is_empty() => return Ok(None),
        (JoinType::Inner, _) => false,
        (JoinType::Left, None | Some(Expr::Literal(ScalarValue::Boolean(Some(true)), _))) => true,
        _ => return Ok(None),
    };
    let left = join.left.schema();
    // The left side's columns have names that nothing below the join can have.
    let own = |place: usize| format!("squall_beside_{place}");
    let columns: Vec<(Option<TableReference>, String)> =
        left.iter().map(|(table, field)| (table.cloned(), field.name().clone())).collect();
    let renamed = left.columns().into_iter().enumerate();
    let renamed: Vec<Expr> = renamed.map(|(place, column)| Expr::Column(column).alias(own(place))).collect();
    let rows = LogicalPlanBuilder::new_from_arc(Arc::clone(&join.left)).project(renamed)?.build()?;
    let names = left.columns().into_iter().enumerate().map(|(place, column)| (column, own(place))).collect();
    let Some(plan) = (Below { rows, names, fills }).of(&subquery.subquery, false)? else { return Ok(None) };

    let mut items: Vec<Expr> = (columns.into_iter().enumerate())
        .map(|(place, (table, name))| col(Column::from_name(own(place))).alias_qualified(table, name))
        .collect();
    for (table, field) in subquery.subquery.schema().iter() {
        let inner = Expr::Column(Column::new(table.cloned(), field.name()));
        items.push(inner.alias_qualified(alias.or(table).cloned(), field.name()));
    }
    let plan = LogicalPlanBuilder::new(plan).project(items)?;
    match &join.filter {
        Some(condition) if !fills => plan.filter(condition.clone())?.build().map(Some),
        _ => plan.build().map(Some),
    }
}

struct Below {
    /// The rows of the left side.
    rows: LogicalPlan,
    /// What its columns are called there.
    names: HashMap<Column, String>,
    /// Whether a row without elements stays.
    fills: bool,
}

impl Below {
    /// Returns a part of the subquery with the left side's rows below it; `None` if it has another part than UNNEST and what it needs.
    fn of(&self, plan: &LogicalPlan, below_unnest: bool) -> Result<Option<LogicalPlan>> {
        match plan {
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row && below_unnest => Ok(Some(self.rows.clone())),
            LogicalPlan::Projection(projection) => {
                let are_columns = projection.expr.iter().all(|expr| matches!(expr.clone().unalias(), Expr::Column(_)));
                if self.fills && !below_unnest && !are_columns {
                    return Ok(None);
                }
                let Some(input) = self.of(&projection.input, below_unnest)? else { return Ok(None) };
                self.with_rows(&projection.expr, input, Ok).map(Some)
            }
            LogicalPlan::Filter(filter) if !self.fills => {
                let Some(input) = self.of(&filter.input, below_unnest)? else { return Ok(None) };
                let condition = self.inner(filter.predicate.clone())?;
                LogicalPlanBuilder::new(input).filter(condition)?.build().map(Some)
            }
            LogicalPlan::Unnest(unnest) if !below_unnest => self.unnest(unnest),
            _ => Ok(None),
        }
    }

    fn unnest(&self, unnest: &Unnest) -> Result<Option<LogicalPlan>> {
        let is_flat =
            unnest.struct_type_columns.is_empty() && unnest.options.recursions.iter().all(|one| one.depth == 1);
        let LogicalPlan::Projection(lists) = unnest.input.as_ref() else { return Ok(None) };
        if self.fills && !(is_flat && lists.expr.len() == unnest.exec_columns.len()) {
            return Ok(None);
        }
        let Some(input) = self.of(&lists.input, true)? else { return Ok(None) };
        let input = self.with_rows(&lists.expr, input, |list| {
            if !self.fills {
                return Ok(list);
            }
            let nothing = make_array(vec![lit(ScalarValue::Null)]);
            when(cardinality(list.clone()).gt(lit(0_u64)), list).otherwise(nothing)
        })?;
        let unnest = Unnest::try_new(Arc::new(input), unnest.exec_columns.clone(), unnest.options.clone())?;
        Ok(Some(LogicalPlan::Unnest(unnest)))
    }

    /// Returns a projection that keeps the left side's columns.
    fn with_rows(
        &self,
        items: &[Expr],
        input: LogicalPlan,
        change: impl Fn(Expr) -> Result<Expr>,
    ) -> Result<LogicalPlan> {
        let mut all = Vec::with_capacity(items.len() + self.names.len());
        for item in items {
            let (table, name) = item.qualified_name();
            all.push(change(self.inner(item.clone().unalias())?)?.alias_qualified(table, name));
        }
        all.extend(self.rows.schema().columns().into_iter().map(Expr::Column));
        Ok(LogicalPlan::Projection(Projection::try_new(all, Arc::new(input))?))
    }

    /// Returns an expression of the subquery with the left side's columns in the place of references to them.
    fn inner(&self, expr: Expr) -> Result<Expr> {
        let own = expr.transform(|expr| match &expr {
            Expr::OuterReferenceColumn(_, column) => Ok(match self.names.get(column) {
                Some(name) => Transformed::yes(col(Column::from_name(name))),
                None => Transformed::no(expr),
            }),
            _ => Ok(Transformed::no(expr)),
        });
        own.data()
    }
}
