//! `realized_volatility` and `bipower_variation`: sums computed from the log returns between consecutive prices of the
//! frame.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use crate::rolling::kernel::pointer::Pointer;
use crate::rolling::kernel::returns::{Returns, Variation};
use crate::rolling::keys::validity;
use crate::rolling::own::{OwnFunction, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};

pub static REALIZED_VOLATILITY: OwnFunction = OwnFunction::of_doubles(
    "realized_volatility",
    "realized_volatility(price)",
    "numbers",
    &[("price", Takes::Number)],
    |call| Ok(plan(call, Variation::Realized)),
);

pub static BIPOWER_VARIATION: OwnFunction = OwnFunction::of_doubles(
    "bipower_variation",
    "bipower_variation(price)",
    "numbers",
    &[("price", Takes::Number)],
    |call| Ok(plan(call, Variation::Bipower)),
);

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
