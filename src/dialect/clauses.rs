//! Clauses that the engine's planner ignores, or cannot plan.
//!
//! The parser knows the SQL of many databases. The planner ignores some of it in silence, and answers other parts with its
//! syntax tree as debug text. In: a parsed statement. Out: an error that names the first such clause.
//!
//! [`of_query`], [`of_select`], [`of_table`], [`of_join`] and [`of_expression`] are the tables: one line for each clause.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Fetch, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, Join, JoinConstraint, JoinOperator, LimitClause, Query, Select, Spanned, Statement, TableAlias,
    TableFactor, TableWithJoins, Value, VisitMut, VisitorMut, visit_expressions,
};

use super::qualify::window_of;
use crate::error::Refused;

/// Checks a statement, and writes what the planner has under another name.
///
/// # Errors
/// The statement has a clause that the planner would ignore or cannot plan.
pub fn check(statement: &mut Statement) -> Result<(), Refused> {
    super::refused(statement.visit(&mut Checker))
}

struct Checker;

/// The first clause that is there, in words that name it.
type Found = Option<(&'static str, &'static str)>;

const LEAVE_OUT: &str = "leave it out";

impl VisitorMut for Checker {
    type Break = Refused;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Refused> {
        fetch_as_limit(query);
        refuse(of_query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Refused> {
        refuse(of_select(select))?;
        for from in &mut select.from {
            joins(from)?;
        }
        let groups: &[Expr] = match &select.group_by {
            GroupByExpr::Expressions(expressions, _) => expressions,
            GroupByExpr::All(_) => &[],
        };
        let conditions = select.selection.iter().map(|condition| ("WHERE", condition));
        let conditions = conditions.chain(select.having.iter().map(|condition| ("HAVING", condition)));
        for (clause, condition) in conditions.chain(groups.iter().map(|group| ("GROUP BY", group))) {
            no_windows(clause, condition)?;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Refused> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = table {
            joins(table_with_joins)?;
        }
        refuse(of_table(table))
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Refused> {
        refuse(of_expression(expression))?;
        let Expr::Function(call) = expression else { return ControlFlow::Continue(()) };
        if call.over.is_none() {
            return ControlFlow::Continue(());
        }
        match window_of(&*call) {
            Some(inner) => ControlFlow::Break(at(
                &inner,
                format!("the window function {}(…) stands inside another window function", inner.name),
                "compute the inner one in a subquery: SELECT … FROM (SELECT …, f(…) OVER (…) AS x FROM t)",
            )),
            None => ControlFlow::Continue(()),
        }
    }
}

fn refuse(found: Found) -> ControlFlow<Refused> {
    match found {
        Some((clause, hint)) => {
            ControlFlow::Break(Refused { message: format!("`{clause}` is not supported"), hint: Some(hint.into()) })
        }
        None => ControlFlow::Continue(()),
    }
}

fn first(clauses: &[(bool, &'static str, &'static str)]) -> Found {
    clauses.iter().find(|(is_there, ..)| *is_there).map(|(_, clause, hint)| (*clause, *hint))
}

fn of_query(query: &Query) -> Found {
    let order = query.order_by.as_ref();
    first(&[
        (!query.locks.is_empty(), "FOR", "squall only reads; a query locks nothing"),
        (query.for_clause.is_some(), "FOR", "`--format json` prints results as JSON"),
        (query.settings.is_some(), "SETTINGS", "SET name = value changes a setting"),
        (query.format_clause.is_some(), "FORMAT", "`--format csv` chooses how results are printed"),
        (query.fetch.is_some(), "FETCH", "write LIMIT"),
        (limits_by_query(query), "LIMIT (SELECT …)", "write a number"),
        (order.is_some_and(|order| order.interpolate.is_some()), "INTERPOLATE", LEAVE_OUT),
        (query.with.iter().flat_map(|with| &with.cte_tables).any(|cte| cte.from.is_some()), "FROM", LEAVE_OUT),
    ])
}

/// Writes `FETCH FIRST 5 ROWS ONLY` as LIMIT.
fn fetch_as_limit(query: &mut Query) {
    let Some(fetch) = query.fetch.take_if(|fetch| !fetch.with_ties && !fetch.percent) else { return };
    let rows = fetch.quantity.unwrap_or_else(|| Expr::value(Value::Number("1".into(), false)));
    match &mut query.limit_clause {
        None => {
            let by = Vec::new();
            query.limit_clause = Some(LimitClause::LimitOffset { limit: Some(rows), offset: None, limit_by: by });
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(rows),
        Some(_) => query.fetch = Some(Fetch { quantity: Some(rows), ..fetch }),
    }
}

fn limits_by_query(query: &Query) -> bool {
    let is_query = |limit: &Option<Expr>| matches!(limit, Some(Expr::Subquery(_)));
    match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            is_query(limit) || offset.as_ref().is_some_and(|offset| matches!(offset.value, Expr::Subquery(_)))
        }
        _ => false,
    }
}

fn of_select(select: &Select) -> Found {
    first(&[
        (
            select.select_modifiers.as_ref().is_some_and(|given| given.is_any_set()),
            "SELECT",
            "leave out the word after it",
        ),
        (select.top.is_some(), "TOP", "write LIMIT at the end of the query"),
        (select.exclude.is_some(), "EXCLUDE", "write it after the star: SELECT * EXCLUDE (a)"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW", "write CROSS JOIN UNNEST(…)"),
        (select.prewhere.is_some(), "PREWHERE", "write WHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY", "write WITH RECURSIVE"),
        (!select.cluster_by.is_empty(), "CLUSTER BY", LEAVE_OUT),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY", LEAVE_OUT),
        (!select.sort_by.is_empty(), "SORT BY", "write ORDER BY"),
        (select.value_table_mode.is_some(), "AS", "write the columns' names"),
        (
            matches!(&select.group_by, GroupByExpr::Expressions(_, more) | GroupByExpr::All(more) if !more.is_empty()),
            "GROUP BY … WITH",
            "write GROUP BY ROLLUP (a, b), CUBE (a, b) or GROUPING SETS ((a), (b))",
        ),
    ])
}

fn of_table(table: &TableFactor) -> Found {
    const COLUMNS: &str = "write types in SELECT: SELECT x::INTEGER; names alone may stand after AS t (…)";
    let typed = |alias: &Option<TableAlias>| {
        alias.as_ref().is_some_and(|alias| alias.columns.iter().any(|column| column.data_type.is_some()))
    };
    match table {
        TableFactor::Table {
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            index_hints,
            alias,
            args,
            ..
        } => first(&[
            (!with_hints.is_empty(), "WITH", "leave out the hints"),
            (version.is_some(), "FOR", "squall has only the newest version of a table"),
            (*with_ordinality, "ORDINALITY", "write row_number() OVER ()"),
            (!partitions.is_empty(), "PARTITION", "write the condition in WHERE"),
            (json_path.is_some(), "FROM", "read a JSON file: SELECT … FROM 'file.json'"),
            (!index_hints.is_empty(), "INDEX", LEAVE_OUT),
            (
                args.as_ref().is_some_and(|args| args.settings.is_some()),
                "SETTINGS",
                "SET name = value changes a setting",
            ),
            (typed(alias), "AS", COLUMNS),
        ]),
        TableFactor::Derived { alias, .. } => first(&[(typed(alias), "AS", COLUMNS)]),
        TableFactor::UNNEST { with_offset, with_offset_alias, alias, .. } => first(&[
            (*with_offset || with_offset_alias.is_some(), "OFFSET", "write row_number() OVER ()"),
            (typed(alias), "AS", COLUMNS),
        ]),
        TableFactor::Function { with_ordinality, alias, .. } => {
            first(&[(*with_ordinality, "ORDINALITY", "write row_number() OVER ()"), (typed(alias), "AS", COLUMNS)])
        }
        TableFactor::Pivot { .. } => {
            Some(("PIVOT", "write one column for each value: sum(x) FILTER (WHERE k = 'a') AS a"))
        }
        TableFactor::Unpivot { .. } => {
            Some(("UNPIVOT", "write SELECT 'a' AS k, a AS x FROM t UNION ALL SELECT 'b', b FROM t"))
        }
        TableFactor::MatchRecognize { .. } => Some(("MATCH_RECOGNIZE", "compare neighbours with lag(…) OVER (…)")),
        TableFactor::JsonTable { .. } => Some(("JSON_TABLE", "read a JSON file: SELECT … FROM 'file.json'")),
        TableFactor::OpenJsonTable { .. } => Some(("OPENJSON", "read a JSON file: SELECT … FROM 'file.json'")),
        TableFactor::XmlTable { .. } => Some(("XMLTABLE", "convert the file to CSV or JSON first")),
        TableFactor::SemanticView { .. } => Some(("SEMANTIC_VIEW", "write a query")),
        TableFactor::TableFunction { .. } => Some(("TABLE", "call the function in FROM: SELECT * FROM f(…)")),
        TableFactor::NestedJoin { .. } => None,
    }
}

fn of_join(join: &Join) -> Found {
    if join.global {
        return Some(("GLOBAL", LEAVE_OUT));
    }
    match &join.join_operator {
        JoinOperator::CrossApply | JoinOperator::OuterApply => Some(("APPLY", "write JOIN LATERAL (…) ON true")),
        JoinOperator::StraightJoin(_) => Some(("STRAIGHT_JOIN", "write JOIN")),
        JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
            Some(("ARRAY JOIN", "write CROSS JOIN UNNEST(…)"))
        }
        JoinOperator::CrossJoin(constraint) if *constraint != JoinConstraint::None => {
            Some(("CROSS JOIN", "write JOIN … ON …, because a cross join has no condition"))
        }
        _ => None,
    }
}

fn of_expression(expression: &Expr) -> Found {
    match expression {
        Expr::Collate { .. } => Some(("COLLATE", "text is ordered by its bytes; lower(x) ignores case")),
        Expr::MatchAgainst { .. } => Some(("MATCH", "write LIKE, or regexp_like(…)")),
        // DataFusion reads it as exclusive or, and other databases as a power that binds more tightly than the parser has it.
        Expr::BinaryOp { op: BinaryOperator::BitwiseXor, .. } => Some(("^", "write power(a, b)")),
        Expr::BinaryOp { op: BinaryOperator::MyIntegerDivide, .. } => {
            Some(("DIV", "write a / b for integers, and trunc(a / b) for other numbers"))
        }
        // The engine takes it for a regular expression that may match a part of the text.
        Expr::SimilarTo { .. } => Some(("SIMILAR TO", "write regexp_like(x, '^(…)$')")),
        Expr::Between { expr, .. } if is_random(expr) => {
            Some(("random() BETWEEN", "the random number would be computed twice; compute it in a subquery"))
        }
        Expr::Function(call) if is_shift_by_null(call) => Some(("NULL as a distance", "give the number of rows")),
        Expr::Function(call) if has_format_of_postgresql(call) => {
            Some(("a format without %", "write %Y-%m-%d %H:%M:%S for YYYY-MM-DD HH24:MI:SS"))
        }
        Expr::Prior(_) => Some(("PRIOR", "write WITH RECURSIVE")),
        Expr::OuterJoin(_) => Some(("(+)", "write LEFT JOIN")),
        Expr::Function(call) if is_distinct_pick(call) => {
            Some(("DISTINCT", "leave it out: the function takes the value of one row"))
        }
        Expr::Function(Function { uses_odbc_syntax: true, .. }) => Some(("fn", "call the function without braces")),
        _ => None,
    }
}

/// Returns whether a call reads or writes a time in a format such as 'YYYY-MM-DD', which the engine would take for the text itself.
fn has_format_of_postgresql(call: &Function) -> bool {
    const NAMES: [&str; 6] = ["to_char", "date_format", "strptime", "try_strptime", "to_date", "strftime"];
    const PARTS: [&str; 7] = ["yy", "mm", "dd", "mon", "day", "hh", "ss"];
    let FunctionArguments::List(list) = &call.args else { return false };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(format)))) = list.args.get(1) else { return false };
    let Value::SingleQuotedString(format) = &format.value else { return false };
    let format = format.to_lowercase();
    NAMES.contains(&call.name.to_string().to_lowercase().as_str())
        && !format.contains('%')
        && PARTS.iter().any(|part| format.contains(part))
}

/// Returns whether an expression has another value each time that it is computed.
fn is_random(expression: &Expr) -> bool {
    const RANDOM: [&str; 3] = ["random", "uuid", "gen_random_uuid"];
    let found = visit_expressions(expression, |part| match part {
        Expr::Function(call) if RANDOM.contains(&call.name.to_string().to_lowercase().as_str()) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Returns whether a call is `lag(x, NULL)` or `lead(x, NULL)`.
fn is_shift_by_null(call: &Function) -> bool {
    let FunctionArguments::List(list) = &call.args else { return false };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(distance)))) = list.args.get(1) else {
        return false;
    };
    distance.value == Value::Null && ["lag", "lead"].contains(&call.name.to_string().to_lowercase().as_str())
}

/// Functions that take one row's value, for which DISTINCT says nothing.
const PICKS: [&str; 5] = ["first_value", "last_value", "nth_value", "lag", "lead"];

fn is_distinct_pick(call: &Function) -> bool {
    let FunctionArguments::List(list) = &call.args else { return false };
    list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
        && PICKS.iter().any(|pick| call.name.to_string().eq_ignore_ascii_case(pick))
}

/// Checks the joins of a FROM, and writes SEMI and ANTI as the planner has them.
fn joins(from: &mut TableWithJoins) -> ControlFlow<Refused> {
    for join in &mut from.joins {
        refuse(of_join(join))?;
        match &mut join.join_operator {
            JoinOperator::Semi(constraint) => join.join_operator = JoinOperator::LeftSemi(constraint.clone()),
            JoinOperator::Anti(constraint) => join.join_operator = JoinOperator::LeftAnti(constraint.clone()),
            _ => {}
        }
        if let Some(condition) = condition_of(&join.join_operator) {
            no_windows("ON", condition)?;
        }
    }
    ControlFlow::Continue(())
}

fn condition_of(operator: &JoinOperator) -> Option<&Expr> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint)
        | JoinOperator::AsOf { constraint, .. } => match constraint {
            JoinConstraint::On(condition) => Some(condition),
            _ => None,
        },
        _ => None,
    }
}

/// Checks that a condition has no window function, except in subqueries.
fn no_windows(clause: &str, condition: &Expr) -> ControlFlow<Refused> {
    match window_of(condition) {
        Some(found) => ControlFlow::Break(at(
            &found,
            format!("the window function {}(…) cannot stand in {clause}", found.name),
            match clause {
                "WHERE" | "HAVING" => {
                    "write the condition in QUALIFY, or around a subquery that computes the window function"
                }
                _ => "compute the window function in a subquery",
            },
        )),
        None => ControlFlow::Continue(()),
    }
}

/// Refuses a call, and says where it is.
fn at(call: &Function, message: String, hint: &str) -> Refused {
    let start = call.name.span().start;
    let place = if start.line > 0 { format!("line {}, column {}: ", start.line, start.column) } else { String::new() };
    Refused { message: format!("{place}{message}"), hint: Some(hint.into()) }
}
