//! Values reduced to their order: integers that ascend as the values do.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::rolling::kernel::extremum::Ordered;
use crate::rolling::keys::validity;
use crate::rolling::ordered::ordered;
use crate::rolling::reading::Column;

/// The values of one argument.
#[derive(Debug)]
pub struct OrderedValues {
    pub values: Ordered,
    pub data_type: DataType,
}

impl Column for OrderedValues {
    type Form = ();

    fn new(_form: &(), types: &[DataType]) -> Self {
        OrderedValues { values: Ordered::new(), data_type: types[0].clone() }
    }

    fn extend(&mut self, arrays: &[ArrayRef], _position: usize) -> Result<()> {
        self.values.extend(&ordered(&arrays[0])?, validity(&arrays[0]).as_deref());
        Ok(())
    }

    fn release(&mut self, position: usize) {
        self.values.release(position);
    }

    fn bytes(&self) -> usize {
        self.values.bytes()
    }
}
