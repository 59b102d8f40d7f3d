//! `realized_volatility` and `bipower_variation`: sums computed from the log returns between consecutive prices of the
//! frame.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use crate::rolling::kernel::pointer::Pointer;
use crate::rolling::kernel::returns::{Returns, Variation};
use crate::rolling::keys::validity;
use crate::rolling::own::{OwnFunction, PRICE, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};
use crate::text::documentation::{Documentation, Example, Kind, Outcome, Section};

const REALIZED_VOLATILITY_DOC: Documentation = Documentation {
    name: "realized_volatility",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns the square root of the sum of squared log returns between consecutive prices within the frame",
    arguments: &[PRICE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "at least 0, a log return over the frame's length; a return needs both of its prices in the frame",
        when_null: "the frame has fewer than two prices, or one that is not positive and finite",
    },
    example: Example {
        query: "SELECT t, realized_volatility(price) OVER (ORDER BY t ROWS 2 PRECEDING) FROM (VALUES (1, 100.0), (2, 200.0), (3, 200.0), (4, 100.0)) AS ticks (t, price)",
        output: "1 | NULL\n2 | 0.6931471805599453\n3 | 0.6931471805599453\n4 | 0.6931471805599453",
    },
    source: "Andersen & Bollerslev 1998, doi:10.2307/2527343",
};

pub static REALIZED_VOLATILITY: OwnFunction =
    OwnFunction::of_doubles(&REALIZED_VOLATILITY_DOC, "numbers", &[Takes::Number], |call| {
        Ok(plan(call, Variation::Realized))
    });

const BIPOWER_VARIATION_DOC: Documentation = Documentation {
    name: "bipower_variation",
    kind: Kind::Window,
    section: Section::RollingWindows,
    summary: "Returns pi/2 times the sum of products of neighbouring absolute log returns within the frame: a variance without single jumps",
    arguments: &[PRICE],
    result: Outcome {
        sql_type: "DOUBLE",
        meaning: "at least 0, a variance: realized_volatility squared minus bipower_variation estimates the contribution of jumps",
        when_null: "the frame has fewer than three prices, or one that is not positive and finite",
    },
    example: Example {
        query: "SELECT t, bipower_variation(price) OVER (ORDER BY t ROWS 2 PRECEDING) FROM (VALUES (1, 100.0), (2, 200.0), (3, 100.0), (4, 100.0)) AS ticks (t, price)",
        output: "1 | NULL\n2 | NULL\n3 | 0.7546938294602481\n4 | 0.0",
    },
    source: "Barndorff-Nielsen & Shephard 2004, doi:10.1093/jjfinec/nbh001",
};

pub static BIPOWER_VARIATION: OwnFunction =
    OwnFunction::of_doubles(&BIPOWER_VARIATION_DOC, "numbers", &[Takes::Number], |call| {
        Ok(plan(call, Variation::Bipower))
    });

fn plan(call: &Call, variation: Variation) -> Option<Planned> {
    if !call.takes_doubles(1) {
        return None;
    }
    call.read::<Returns, _>(variation, || {
        let mut behind = Pointer::default();
        Figure(move |returns: &Returns, start, end| returns.variation(&mut behind, start, end))
    })
}

impl Column for Returns {
    type Form = Variation;

    fn new(variation: &Variation, _types: &[DataType]) -> Self {
        Returns::new(*variation)
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        let prices = arrays[0].as_primitive::<Float64Type>();
        self.extend(prices.values(), validity(prices).as_deref());
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.release(position);
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}
