//! `tick_imbalance`: by how much rises outnumber falls within the frame.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use crate::rolling::kernel::pointer::Pointer;
use crate::rolling::kernel::signs::Signs;
use crate::rolling::keys::validity;
use crate::rolling::own::{OwnFunction, Takes};
use crate::rolling::plan::{Call, Planned};
use crate::rolling::reading::{Column, Figure};

pub static TICK_IMBALANCE: OwnFunction =
    OwnFunction::of_doubles("tick_imbalance", "tick_imbalance(price)", "numbers", &[("price", Takes::Number)], plan);

fn plan(call: &Call) -> Result<Option<Planned>> {
    if !call.takes_doubles(1) {
        return Ok(None);
    }
    Ok(call.read::<Signs, _>((), || {
        let mut pointers = [Pointer::default(); 2];
        Figure(move |signs: &Signs, start, end| signs.imbalance(&mut pointers, start, end))
    }))
}

impl Column for Signs {
    type Form = ();

    fn new(_form: &(), _types: &[DataType]) -> Self {
        Signs::default()
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
