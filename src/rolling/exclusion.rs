//! EXCLUDE: which rows of a frame a call leaves out.
//!
//! The engine's frames have no place for it. `dialect` writes it as a mark among the window's PARTITION BY, and `catalog` hands the marked
//! calls to [`excluding`], which takes the mark away and carries what it says in the call's function ([`super::mark`]).

use datafusion::common::Result;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition};

use super::kernel::bounds::{Edge, FrameSpec, Units};
use super::mark::{MarkedAggregate, MarkedWindow};
use super::prepare;

/// The rows that EXCLUDE leaves out of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exclusion {
    /// The row itself.
    CurrentRow,
    /// The row itself and those that share its place in the order.
    Group,
    /// Those that share the row's place in the order, but not the row itself.
    Ties,
}

/// Begins the text of a mark; nobody types this character.
const MARK: &str = "\u{1}EXCLUDE ";

const ROW: FrameSpec = FrameSpec { units: Units::Rows, start: Edge::Offset(0), end: Edge::Offset(0) };
const PEERS: FrameSpec = FrameSpec { units: Units::Peers, start: Edge::Offset(0), end: Edge::Offset(0) };

impl Exclusion {
    pub const ALL: [Exclusion; 3] = [Exclusion::CurrentRow, Exclusion::Group, Exclusion::Ties];

    /// Returns the words that stand behind EXCLUDE.
    pub fn words(self) -> &'static str {
        match self {
            Exclusion::CurrentRow => "CURRENT ROW",
            Exclusion::Group => "GROUP",
            Exclusion::Ties => "TIES",
        }
    }

    /// Returns the text that marks a window.
    pub fn mark(self) -> String {
        format!("{MARK}{}", self.words())
    }

    /// Reads the text that marks a window; `None` if it is another text.
    pub fn of_mark(text: &str) -> Option<Exclusion> {
        let words = text.strip_prefix(MARK)?;
        Exclusion::ALL.into_iter().find(|exclusion| exclusion.words() == words)
    }

    /// Returns the frame of the rows that are left out, and the frame of the row that is kept all the same.
    pub(super) fn frames(self) -> (FrameSpec, Option<FrameSpec>) {
        match self {
            Exclusion::CurrentRow => (ROW, None),
            Exclusion::Group => (PEERS, None),
            Exclusion::Ties => (PEERS, Some(ROW)),
        }
    }
}

/// Moves the mark of a call from its window to its function; `None` if there is no mark.
///
/// # Errors
/// The operator cannot compute the call, and no other operator can leave out rows.
pub fn excluding(call: &WindowFunction) -> Result<Option<WindowFunction>> {
    let mut call = call.clone();
    let mut found = None;
    call.params.partition_by.retain(|part| {
        let exclusion = of(part);
        found = exclusion.or(found);
        exclusion.is_none()
    });
    by_peers(&mut call);
    found.map(|exclusion| prepare::excluding(call, exclusion)).transpose()
}

/// Writes offsets of a key that is equal in all rows of a partition as the row's peers, which are the whole partition. The planner takes such
/// a key away, so that nothing is left to measure.
fn by_peers(call: &mut WindowFunction) {
    let [key] = call.params.order_by.as_slice() else { return };
    let frame = &mut call.params.window_frame;
    if frame.units != WindowFrameUnits::Range || !call.params.partition_by.contains(&key.expr) {
        return;
    }
    if matches!(frame.start_bound, WindowFrameBound::Preceding(_)) && !frame.start_bound.is_unbounded() {
        frame.start_bound = WindowFrameBound::CurrentRow;
    }
    if matches!(frame.end_bound, WindowFrameBound::Following(_)) && !frame.end_bound.is_unbounded() {
        frame.end_bound = WindowFrameBound::CurrentRow;
    }
}

fn of(part: &Expr) -> Option<Exclusion> {
    match part {
        Expr::Alias(alias) => of(&alias.expr),
        Expr::Cast(cast) => of(&cast.expr),
        Expr::Literal(value, _) => Exclusion::of_mark(value.try_as_str()??),
        _ => None,
    }
}

/// Returns which rows a call with this function leaves out of its frames.
pub fn excluded(function: &WindowFunctionDefinition) -> Option<Exclusion> {
    match function {
        WindowFunctionDefinition::AggregateUDF(function) => MarkedAggregate::on(function)?.exclusion,
        WindowFunctionDefinition::WindowUDF(function) => MarkedWindow::on(function)?.exclusion,
    }
}
