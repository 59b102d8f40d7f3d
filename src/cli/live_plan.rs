//! `squall plan --live`: how queries run live, what they wait for, and how large the state is that they hold.

use std::time::Duration;

use super::Failure;
use super::live::plans;
use super::workspace::Workspace;
use crate::live::{Held, LivePlan, Measured, measure_state};
use crate::text::{columns, counted, decimals, grouped};

/// So many products are shown, those with most ticks.
const SHOWN: usize = 12;

/// Shows how queries run live.
pub async fn describe(names: &[String], workspace: &Workspace) -> Result<(), Failure> {
    for (number, plan) in plans(names, workspace).await?.iter_mut().enumerate() {
        if number > 0 {
            println!();
        }
        let measured = measure_state(plan, &workspace.project, workspace.session.context()).await?;
        show(plan, &measured);
    }
    Ok(())
}

fn show(plan: &LivePlan, measured: &Measured) {
    let described = plan.describe();
    let windows = counted(described.windows.len() as u64, "window");
    let when = match plan.waits_for().as_slice() {
        [] => "each tick has its row in the poll that brings it".into(),
        [product] => format!("a tick has its row once {product} has a tick at its ts or after it"),
        products => format!("a tick has its row once each of {} has a tick at its ts or after it", products.join(", ")),
    };
    println!("{}: {windows} with a state; {when}", plan.name());
    for (number, window) in described.windows.iter().enumerate() {
        println!("\nwindow {} reads", number + 1);
        print!("{}", indented(&window.input));
        println!("and computes");
        for expression in &window.expressions {
            println!("  {expression}");
        }
        if measured.taken > 0 {
            let partitions = counted(window.held.partitions as u64, "partition");
            println!("and holds {} of {partitions}", held(window.held));
        }
    }
    for right in &described.rights {
        match &right.waits_for {
            Some(product) => println!("\nan ASOF JOIN keeps the rows of {product}, as they come, from"),
            None => println!("\nan ASOF JOIN keeps the latest row of each key from"),
        }
        print!("{}", indented(&right.input));
        if measured.taken > 0 {
            println!("and holds {}", held(right.held));
        }
    }
    println!("\neach poll then runs");
    print!("{}", indented(&described.rest));
    if described.fixed > 0 {
        println!("\n{} without changes, read once at the start", counted(described.fixed as u64, "part"));
    }
    println!("\nthe state");
    for line in state(plan.held(), measured) {
        println!("  {line}");
    }
    products(measured);
}

fn held(held: Held) -> String {
    format!("{} in {} bytes", counted(held.rows as u64, "row"), grouped(held.bytes as u64))
}

/// Returns what is said of the whole state, and what it is known from.
fn state(all: Held, measured: &Measured) -> Vec<String> {
    if measured.taken == 0 {
        return vec!["no ticks have landed, so its size is not known".into()];
    }
    let rows = counted(measured.rows, "row");
    let back = match (measured.time.is_zero(), measured.rows) {
        _ if measured.is_everything => {
            "it is not known how far the query looks back, so a start reads all ticks".into()
        }
        (true, 0) => "the query does not look back".into(),
        (true, _) => format!("the query looks back {rows}"),
        (false, 0) => format!("the query looks back {}", seconds(measured.time)),
        (false, _) => format!("the query looks back {} and {rows}", seconds(measured.time)),
    };
    let (taken, read) = (counted(measured.taken, "landed tick"), grouped(measured.read));
    let from = match measured.is_cut {
        true => format!("made from the newest {taken}; a start reads {read}"),
        false => format!("made from {taken}, as a start makes it now"),
    };
    let mut lines = vec![back, format!("{}: {from}", held(all))];
    if let Some(busiest) = measured.busiest() {
        let bytes = all.bytes as f64 / measured.taken as f64 * busiest as f64;
        lines.push(format!(
            "about {} bytes if each product has its busiest {} of the last landed day at once: {}",
            grouped(bytes as u64),
            seconds(measured.time),
            counted(busiest, "tick")
        ));
    }
    lines
}

/// Prints the ticks of each product.
fn products(measured: &Measured) {
    if measured.products.is_empty() {
        return;
    }
    let mut of: Vec<_> = measured.products.iter().collect();
    of.sort_by_key(|of| std::cmp::Reverse(of.ticks));
    let row = |of: &&crate::live::OfProduct| {
        let span = Duration::from_nanos(of.last.saturating_sub(of.first).unsigned_abs());
        let busiest = of.most.map_or(String::new(), grouped);
        vec![of.product.clone(), grouped(of.ticks), seconds(span), busiest]
    };
    let header = ["product", "ticks", "from first to last", "busiest"].map(String::from).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(of.iter().take(SHOWN).map(row)).collect();
    print!("\n{}", columns(&rows, 1));
    if of.len() > SHOWN {
        println!("and {} more products", grouped((of.len() - SHOWN) as u64));
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", decimals(time.as_secs_f64(), 0))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
