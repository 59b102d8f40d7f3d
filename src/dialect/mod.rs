//! The SQL that people type: text in, a plan of the engine out.
//!
//! Everything that reads a statement of the user reads it here, so that a word means the same in the shell, in a query of the project, in a
//! view and in an argument of a function. In: text. Out: a syntax tree that the engine's planner can plan, or the plan. What the
//! engine would ignore, or answer wrongly, is refused.
//!
//! To add a word: one file, and one line in the list of the step to which it belongs.

mod aliases;
mod calls;
mod casts;
mod clauses;
mod columns;
mod copy_options;
mod depth;
mod escapes;
mod exclusions;
mod exists;
mod filters;
mod frame_bounds;
mod frame_offsets;
mod from_alone;
mod from_first;
mod identifiers;
mod inserted;
mod interval_products;
mod interval_times;
mod json_arrows;
mod lambdas;
mod laterals;
mod lists;
mod misplaced;
mod named_arguments;
mod named_windows;
mod names;
mod natural;
mod nested_with;
mod number_types;
mod numerals;
mod operators;
mod order_all;
mod order_names;
mod pivot;
mod precedence;
mod probe;
mod qualify;
mod samples;
mod scopes;
mod set_all;
mod shift_defaults;
mod slices;
mod star_options;
mod star_words;
mod stars;
mod statements;
mod syntax;
mod twice;
mod types;
mod unpivot;
mod using;
mod using_outer;
mod value_queries;
mod value_types;
mod wide_literals;

use std::ops::ControlFlow;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::{CopyToSource, DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{Expr, Statement as Ast, VisitMut, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{TokenWithSpan, Tokenizer};
use futures::future::BoxFuture;

use crate::asof;
use crate::error::Refused;
pub use copy_options::compressed;
pub use depth::STACK;
pub use misplaced::misplaced_function;
pub use named_windows::insert as insert_windows;
pub use number_types::{beside_doubles, element, places};
pub use syntax::{Complaint, lowercase, one_expression, plain, said};

/// Writes words of a statement, as tokens, in the form that the parser reads.
type Words = fn(Vec<TokenWithSpan>) -> Vec<TokenWithSpan>;

/// Writes parts of a syntax tree in the form that the planner takes, or refuses them.
type Part = fn(&mut Ast) -> std::result::Result<(), Refused>;

/// The first step: words that the parser does not know, as tokens.
const WORDS: &[Words] = &[
    numerals::rewritten,
    statements::rewritten,
    from_alone::rewritten,
    samples::rewritten,
    copy_options::rewritten,
    asof::rewritten,
    exclusions::rewritten,
    filters::rewritten,
    lambdas::rewritten,
    operators::rewritten,
    star_words::rewritten,
];

/// The second step: parts of the syntax tree that need nothing else.
const PARTS: &[Part] = &[
    lambdas::write,
    json_arrows::mend,
    precedence::mend,
    nested_with::rename,
    names::write,
    twice::number,
    from_first::write_star,
    samples::write,
    |statement| {
        asof::nest(statement);
        Ok(())
    },
    types::write,
    operators::write,
    calls::write,
    casts::tell_apart,
    escapes::write,
    value_queries::write,
    exists::write,
    interval_times::write,
    interval_products::write,
    laterals::write,
    named_arguments::write,
    unpivot::write,
    using_outer::write_on,
    using::write_out,
    named_windows::insert,
    frame_offsets::write,
    frame_bounds::check,
    shift_defaults::write,
    qualify::write,
    wide_literals::write_decimals,
    inserted::write,
    slices::write,
    lists::write,
    clauses::check,
];

/// Writes the words of a statement in the form that the parser reads.
pub fn rewritten(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    WORDS.iter().fold(tokens, |tokens, step| step(tokens))
}

/// Parses one statement.
///
/// # Errors
/// The text is not one statement.
pub fn parse(state: &SessionState, text: &str) -> Result<Statement> {
    let options = &state.config_options().sql_parser;
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap_or_default();
    depth::check(&tokens)?;
    let known = rewritten(tokens.clone());
    if known == tokens {
        return state.sql_to_statement(text, &options.dialect);
    }
    let parser = DFParserBuilder::new(known).with_recursion_limit(options.recursion_limit.get()).build();
    let mut statements = parser?.parse_statements()?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        _ => Err(DataFusionError::Plan("this takes one statement".into())),
    }
}

/// Plans one statement.
///
/// # Errors
/// The text is not one statement, or it cannot be planned.
pub async fn plan_text(state: &SessionState, text: &str) -> Result<LogicalPlan> {
    plan(state, parse(state, text)?).await
}

/// Plans one statement of SQL and makes it ready to run.
///
/// # Errors
/// The text is not one statement, or it cannot be planned.
pub async fn run(context: &SessionContext, text: &str) -> Result<DataFrame> {
    let plan = plan_text(&context.state(), text).await?;
    context.execute_logical_plan(plan).await
}

/// Plans a parsed statement.
///
/// # Errors
/// It cannot be planned, or has a clause that the planner would ignore.
pub fn plan(state: &SessionState, statement: Statement) -> BoxFuture<'_, Result<LogicalPlan>> {
    Box::pin(async move {
        let statement = expanded(state, statement).await?;
        let ready = prepared(statement.clone())?;
        match state.statement_to_plan(ready).await {
            Ok(plan) if stars::must_help(&plan) => match with_columns(state, statement).await {
                Some(statement) => state.statement_to_plan(prepared(statement)?).await,
                None => Ok(plan),
            },
            Err(error) if stars::may_help(&error) => match with_columns(state, statement).await {
                Some(statement) => state.statement_to_plan(prepared(statement)?).await.map_err(|_| error),
                None => Err(error),
            },
            Err(error) if aliases::may_help(&error, &statement) => match aliases::written(state, statement).await? {
                Some(statement) => state.statement_to_plan(prepared(statement)?).await,
                None => Err(error),
            },
            planned => planned,
        }
    })
}

/// Writes out the stars of a statement; `None` if there are none that can be.
async fn with_columns(state: &SessionState, mut statement: Statement) -> Option<Statement> {
    let mut parsed = tree(&statement)?;
    let before = parsed.clone();
    probe::write_out(state, &mut parsed, &[&stars::NEED]).await.ok()?;
    let changed = parsed != before;
    put(&mut statement, parsed);
    changed.then_some(statement)
}

/// The third step, before the second: what needs to know the columns of tables.
async fn expanded(state: &SessionState, mut statement: Statement) -> Result<Statement> {
    if let Some(mut parsed) = tree(&statement) {
        probe::expand(state, &mut parsed).await?;
        value_types::unify(state, &mut parsed).await;
        put(&mut statement, parsed);
    }
    Ok(statement)
}

/// Prepares a parsed statement for the engine's planner.
///
/// # Errors
/// The statement has a clause that the planner would ignore, or that it cannot plan.
fn prepared(mut statement: Statement) -> Result<Statement> {
    if let Some(mut parsed) = tree(&statement) {
        for part in PARTS {
            part(&mut parsed).map_err(|refused| DataFusionError::External(Box::new(refused)))?;
        }
        put(&mut statement, parsed);
    }
    Ok(statement)
}

/// Changes the expressions of a part of a syntax tree, those inside first.
fn each_expression(part: &mut impl VisitMut, mut change: impl FnMut(&mut Expr)) {
    // Nothing ends the visit early.
    let _ = visit_expressions_mut(part, |expression| {
        change(expression);
        ControlFlow::<()>::Continue(())
    });
}

/// Returns what a visit was ended for.
fn refused(visited: ControlFlow<Refused>) -> std::result::Result<(), Refused> {
    visited.break_value().map_or(Ok(()), Err)
}

/// Returns the syntax tree of a statement, or of the query inside it.
fn tree(statement: &Statement) -> Option<Ast> {
    match statement {
        Statement::Statement(parsed) => Some(Ast::clone(parsed)),
        Statement::Explain(explain) => tree(&explain.statement),
        Statement::CopyTo(copy) => match &copy.source {
            CopyToSource::Query(query) => Some(Ast::Query(query.clone())),
            CopyToSource::Relation(_) => None,
        },
        _ => None,
    }
}

/// Puts a syntax tree in the place of a statement's own.
fn put(statement: &mut Statement, tree: Ast) {
    match (statement, tree) {
        (Statement::Statement(parsed), tree) => **parsed = tree,
        (Statement::Explain(explain), tree) => put(&mut explain.statement, tree),
        (Statement::CopyTo(copy), Ast::Query(query)) => copy.source = CopyToSource::Query(query),
        _ => {}
    }
}
