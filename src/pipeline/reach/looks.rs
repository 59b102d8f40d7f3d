//! What findings say about a window: where it is written, and how it looks ahead or back.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, WindowFrameBound};

use super::aggregate::columns_of;
use super::expression::Input;
use super::plan::Walk;
use super::relation::{Call, Cause, Edge, Spot};
use super::window_order::Order;

impl Walk<'_> {
    /// Says what to write instead of an order that can have ties.
    pub fn ties(&self, function: &str, input: Input<'_>) -> String {
        let header = &self.project.queries[self.query].header;
        let time = header.time_column.as_deref().unwrap_or("ts");
        let mut others: Vec<&str> = header.grain.iter().map(String::as_str).filter(|name| *name != time).collect();
        if others.is_empty() && input.schema.fields().iter().any(|field| field.name() == "product_id") {
            others.push("product_id");
        }
        let others = others.join(", ");
        let start = format!("the order of the rows of `{function}` can have ties");
        match others.is_empty() {
            true => format!("{start}: write ORDER BY {time}"),
            false => format!("{start}: write PARTITION BY {others} ORDER BY {time}, or ORDER BY {time}, {others}"),
        }
    }
}

/// Why a window looks where it looks.
pub struct Seen {
    pub ahead: Arc<Cause>,
    pub back: Arc<Cause>,
}

/// Says how a call looks ahead, or back, if it does.
pub fn looks(function: &str, order: &Order, call: &WindowFunction, ahead: bool) -> String {
    let (later, rows) = if ahead { ("later", "rows that follow") } else { ("earlier", "earlier rows") };
    if !order.exists {
        return format!("without ORDER BY the window of `{function}` holds all rows, {later} ones too");
    }
    if order.time.is_none() {
        let first = call.params.order_by.first().map(|key| named(&key.expr)).unwrap_or_default();
        if order.gaps {
            return format!(
                "the window of `{function}` orders by {first}, which can be NULL: all NULLs come together, so it holds {later} rows"
            );
        }
        return format!(
            "the window of `{function}` orders by {first} and not by the time first, so it holds {later} rows"
        );
    }
    match function {
        "lag" | "lead" => {
            format!("`{function}` takes the value of {} row", if ahead { "a later" } else { "an earlier" })
        }
        "ntile" | "percent_rank" | "cume_dist" => format!("`{function}` counts all rows, {later} ones too"),
        _ => format!("the frame of `{function}` reaches {rows}"),
    }
}

/// Names a key of an ORDER BY.
fn named(key: &Expr) -> String {
    let columns: BTreeSet<String> = columns_of(std::slice::from_ref(key)).into_iter().collect();
    let columns: Vec<String> = columns.into_iter().map(|column| format!("`{column}`")).collect();
    match key {
        Expr::Column(_) => columns.concat(),
        _ if columns.is_empty() => "an expression".into(),
        _ => format!("an expression of {}", columns.join(", ")),
    }
}

/// Returns where a call is written, as far as its plan shows it.
pub fn spot(call: &WindowFunction, function: &str) -> Spot {
    let edge = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => Edge::Current,
        WindowFrameBound::Preceding(value) if value.is_null() => Edge::Start,
        WindowFrameBound::Preceding(_) => Edge::Preceding,
        WindowFrameBound::Following(value) if value.is_null() => Edge::End,
        WindowFrameBound::Following(_) => Edge::Following,
    };
    let frame = &call.params.window_frame;
    Spot::Call(Call {
        function: function.into(),
        columns: columns_of(&call.params.args),
        frame: Some((edge(&frame.start_bound), edge(&frame.end_bound))),
        descending: call.params.order_by.first().is_some_and(|key| !key.asc),
    })
}
