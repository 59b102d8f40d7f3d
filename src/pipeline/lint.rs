//! Lint: a feature looks only back, a label looks only ahead, and no value depends on the order of ties.
//!
//! In: a parsed query. Out: [`Finding`]s, each with its place. Lint reads the query's text: its windows, and the queries to
//! which it refers. It does not notice a join on time.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::execution::context::SessionContext;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, NamedWindowExpr, OrderByExpr,
    Query as SqlQuery, Select, UnaryOperator, Visit, Visitor, WindowFrameBound, WindowSpec, WindowType,
};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::error::Error;
use super::place::Place;
use super::{Kind, Project, Query};

/// Something that lint refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub place: Place,
    pub message: String,
}

impl Project {
    /// Returns what is wrong with how a feature or a label looks at time; returns nothing for other queries.
    pub fn lint(&self, query: &Query) -> Vec<Finding> {
        if !matches!(query.kind, Kind::Feature | Kind::Label) {
            return Vec::new();
        }
        let mut reader = WindowReader { scopes: Vec::new(), windows: Vec::new(), others: Vec::new() };
        let _ = query.parsed.query.visit(&mut reader);

        let find = |at: Location, message: String| Finding {
            place: query.rendered.place(at.line as usize, at.column as usize),
            message,
        };
        let mut findings = Vec::new();
        for window in &reader.windows {
            let messages = [
                order_finding(window, query),
                match query.kind {
                    Kind::Feature => forward_finding(window),
                    _ => backward_finding(window),
                },
            ];
            findings.extend(messages.into_iter().flatten().map(|message| find(window.at, message)));
        }
        if query.kind == Kind::Label {
            if !reader.windows.iter().any(|window| looks_ahead(window).is_some()) {
                findings.push(find(Location { line: 1, column: 1 }, "no window of this label looks ahead".into()));
            }
            return findings;
        }
        findings.extend(reader.others.into_iter().map(|(at, message)| find(at, message.into())));
        let index = self.queries.iter().position(|other| other.name == query.name);
        for needed in index.into_iter().flat_map(|index| self.upstream(index)) {
            let needed = &self.queries[needed];
            if matches!(needed.kind, Kind::Label | Kind::Model) {
                let what = if needed.kind == Kind::Label { "label" } else { "model" };
                findings.push(find(Location { line: 1, column: 1 }, format!("it reads the {what} `{}`", needed.name)));
            }
        }
        findings
    }

    /// Returns the columns of a feature or label that have no unit in the header. The grain's columns need no unit.
    pub async fn columns_without_unit(&self, query: &Query, context: &SessionContext) -> Result<Vec<String>, Error> {
        if !matches!(query.kind, Kind::Feature | Kind::Label) {
            return Ok(Vec::new());
        }
        let plan = self.plan(query, context).await?;
        let columns = plan.schema().fields().iter().map(|field| field.name().clone());
        let has_unit = |column: &String| query.header.units.iter().any(|(known, _)| known == column);
        Ok(columns.filter(|column| !query.header.grain.contains(column) && !has_unit(column)).collect())
    }
}

/// A call over a window, with the window's name resolved.
struct Window {
    at: Location,
    function: String,
    /// Whether the offset of `lag` or `lead` is negative; `lag` then looks ahead and `lead` back.
    negative_offset: bool,
    partition_by: Vec<Expr>,
    order_by: Vec<OrderByExpr>,
    /// Start and end; `None` if the query leaves the frame to SQL's default.
    frame: Option<(WindowFrameBound, WindowFrameBound)>,
}

struct WindowReader {
    /// The `WINDOW` clauses of the enclosing selects.
    scopes: Vec<BTreeMap<String, WindowSpec>>,
    windows: Vec<Window>,
    /// Other ways in which a feature sees more than its past.
    others: Vec<(Location, &'static str)>,
}

impl Visitor for WindowReader {
    type Break = ();

    fn pre_visit_query(&mut self, query: &SqlQuery) -> ControlFlow<()> {
        if query.limit_clause.is_some() || query.fetch.is_some() {
            let at = Location { line: 1, column: 1 };
            self.others.push((at, "a limit keeps a number of rows, so later rows change which rows are kept"));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let mut scope: BTreeMap<String, WindowSpec> = BTreeMap::new();
        for definition in &select.named_window {
            let spec = match &definition.1 {
                NamedWindowExpr::WindowSpec(spec) => inherit(spec, &scope),
                NamedWindowExpr::NamedWindow(name) => scope.get(&key(name)).cloned().unwrap_or_else(empty_spec),
            };
            scope.insert(key(&definition.0), spec);
        }
        self.scopes.push(scope);
        let grouped = match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(expressions, _) => !expressions.is_empty(),
        };
        if grouped {
            let at = select.select_token.0.span.start;
            self.others.push((at, "a group may hold later rows: use a window instead"));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &Select) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expression else { return ControlFlow::Continue(()) };
        let Some(over) = &function.over else { return ControlFlow::Continue(()) };
        let none = BTreeMap::new();
        let scope = self.scopes.last().unwrap_or(&none);
        let spec = match over {
            WindowType::NamedWindow(name) => scope.get(&key(name)).cloned().unwrap_or_else(empty_spec),
            WindowType::WindowSpec(spec) => inherit(spec, scope),
        };
        let frame = spec.window_frame.map(|frame| {
            let end = frame.end_bound.unwrap_or(WindowFrameBound::CurrentRow);
            (frame.start_bound, end)
        });
        let ident = function.name.0.last().and_then(|part| part.as_ident());
        self.windows.push(Window {
            at: ident.map_or(Location { line: 1, column: 1 }, |ident| ident.span.start),
            function: ident.map(|ident| ident.value.to_lowercase()).unwrap_or_default(),
            negative_offset: has_negative_offset(function),
            partition_by: spec.partition_by,
            order_by: spec.order_by,
            frame,
        });
        ControlFlow::Continue(())
    }
}

fn key(name: &Ident) -> String {
    name.value.to_lowercase()
}

fn empty_spec() -> WindowSpec {
    WindowSpec { window_name: None, partition_by: Vec::new(), order_by: Vec::new(), window_frame: None }
}

/// Fills in a window from the one that it names.
fn inherit(spec: &WindowSpec, scope: &BTreeMap<String, WindowSpec>) -> WindowSpec {
    let mut spec = spec.clone();
    if let Some(base) = spec.window_name.take().and_then(|name| scope.get(&key(&name))) {
        if spec.partition_by.is_empty() {
            spec.partition_by.clone_from(&base.partition_by);
        }
        if spec.order_by.is_empty() {
            spec.order_by.clone_from(&base.order_by);
        }
        spec.window_frame = spec.window_frame.or_else(|| base.window_frame.clone());
    }
    spec
}

fn has_negative_offset(function: &Function) -> bool {
    let FunctionArguments::List(arguments) = &function.args else { return false };
    matches!(
        arguments.args.get(1),
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::UnaryOp { op: UnaryOperator::Minus, .. })))
    )
}

/// Returns the direction in which `lag` and `lead` look; these ignore the frame.
fn shifts(window: &Window) -> Option<Direction> {
    match (window.function.as_str(), window.negative_offset) {
        ("lag", false) | ("lead", true) => Some(Direction::Back),
        ("lead", false) | ("lag", true) => Some(Direction::Ahead),
        _ => None,
    }
}

#[derive(PartialEq)]
enum Direction {
    Back,
    Ahead,
}

/// Returns how a window looks ahead, if it does.
fn looks_ahead(window: &Window) -> Option<&'static str> {
    if let Some(direction) = shifts(window) {
        return (direction == Direction::Ahead).then_some("it takes a later row's value");
    }
    match window.function.as_str() {
        "row_number" | "rank" | "dense_rank" if !window.order_by.is_empty() => return None,
        "ntile" | "percent_rank" | "cume_dist" => return Some("it counts all rows, later ones too"),
        _ => {}
    }
    match &window.frame {
        None if window.order_by.is_empty() => Some("without ORDER BY its window holds all rows, later ones too"),
        Some((WindowFrameBound::Following(_), _) | (_, WindowFrameBound::Following(_))) => {
            Some("its frame reaches rows that follow")
        }
        _ => None,
    }
}

fn forward_finding(window: &Window) -> Option<String> {
    looks_ahead(window).map(|how| format!("this feature looks ahead: {} in `{}`", how, window.function))
}

fn backward_finding(window: &Window) -> Option<String> {
    if shifts(window).is_some() || window.function == "row_number" {
        return None;
    }
    let what = match &window.frame {
        None if window.order_by.is_empty() => return None,
        Some((WindowFrameBound::Following(_), _)) => return None,
        Some((_, WindowFrameBound::Following(_))) => {
            "its frame holds the tick itself: let it start INTERVAL '1 nanosecond' FOLLOWING"
        }
        _ => "its frame ends at the tick itself",
    };
    Some(format!("this label looks back: {what}, in `{}`", window.function))
}

/// Checks that a window orders its rows by the grain, so that there are no ties.
fn order_finding(window: &Window, query: &Query) -> Option<String> {
    if window.order_by.is_empty() {
        return None;
    }
    let time = query.header.time_column.as_deref().unwrap_or("ts");
    let grain = &query.header.grain;
    let names = window.order_by.iter().map(|order| column(&order.expr)).collect::<Option<Vec<_>>>();
    let partitions: Vec<String> = window.partition_by.iter().filter_map(column).collect();
    let ascending = window.order_by.iter().all(|order| order.options.asc != Some(false));
    let in_order = names.is_some_and(|names| {
        names.last().is_some_and(|last| last == time)
            && names.iter().all(|name| grain.contains(name))
            && grain.iter().all(|name| names.contains(name) || partitions.contains(name))
    });
    if ascending && in_order {
        return None;
    }
    let others: Vec<&str> = grain.iter().map(String::as_str).filter(|name| *name != time).collect();
    Some(format!(
        "the order of the rows of `{}` can have ties: write PARTITION BY {} ORDER BY {time}",
        window.function,
        others.join(", ")
    ))
}

fn column(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(name) => Some(key(name)),
        Expr::CompoundIdentifier(names) => names.last().map(key),
        _ => None,
    }
}
