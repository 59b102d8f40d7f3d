//! `max_gap`: the largest difference between consecutive times of the frame.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::rolling::kernel::bounds::Frames;
use crate::rolling::kernel::gaps::{GapScan, Gaps};
use crate::rolling::keys::{ascending, is_countable, validity};
use crate::rolling::ordered::unordered;
use crate::rolling::own::{OwnFunction, TS, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Kernel};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const DOCUMENTATION: Documentation = Documentation {
    name: "max_gap",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the greatest distance between consecutive times within the frame",
    arguments: &[TS],
    result: Outcome {
        sql_type: "the type of ts - lag(ts): a duration, and gap::BIGINT is its length in the timestamp's units; BIGINT if ts is an integer",
        meaning: "at least 0, whichever way the window is ordered; at most 2^63 - 1 units",
        when_null: "the frame has fewer than two times",
    },
    example: Example {
        query: "SELECT gap, gap > INTERVAL '10 seconds', gap::BIGINT / 1e9 FROM (SELECT ts, max_gap(ts) OVER (ORDER BY ts) AS gap FROM (VALUES (TIMESTAMP '2026-01-01 00:00:00'), (TIMESTAMP '2026-01-01 00:00:12.5'), (TIMESTAMP '2026-01-01 00:00:13')) AS ticks (ts)) ORDER BY ts",
        output: "NULL | NULL | NULL\nPT12.5S | true | 12.5\nPT12.5S | true | 12.5",
    },
    source: "squall",
};

pub static MAX_GAP: OwnFunction = OwnFunction {
    result: |ts| distance(ts.unwrap_or(&DataType::Int64)),
    ..OwnFunction::of_doubles(&DOCUMENTATION, "timestamps or integers", &[Takes::Time], plan)
};

/// Returns the type of a difference between two times.
fn distance(ts: &DataType) -> DataType {
    match ts {
        DataType::Timestamp(unit, _) => DataType::Duration(*unit),
        _ => DataType::Int64,
    }
}

fn plan(call: &Call) -> Result<Option<Planned>> {
    let Some(ts) = call.data_type(0).filter(is_countable) else { return Ok(None) };
    let data_type = distance(&ts);
    Ok(call.read::<Gaps, _>((), move || GreatestGap { scan: GapScan::default(), data_type: data_type.clone() }))
}

impl Column for Gaps {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Gaps::default()
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        self.extend(&ascending(&arrays[0], false)?, validity(&arrays[0]).as_deref());
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}

/// Finds the largest gap.
struct GreatestGap {
    scan: GapScan,
    data_type: DataType,
}

impl Kernel<Gaps> for GreatestGap {
    fn evaluate(&mut self, gaps: &Gaps, frames: &Frames) -> Result<ArrayRef> {
        let mut greatest = Vec::with_capacity(frames.start.len());
        gaps.greatest(&mut self.scan, frames, |gap| greatest.push(gap));
        unordered(greatest, &self.data_type)
    }

    fn bytes(&self) -> usize {
        self.scan.bytes()
    }
}
