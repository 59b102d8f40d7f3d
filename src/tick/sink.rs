//! Where the ticks of messages go: a list of [`Tick`]s, or [`Columns`].

use std::ops::Range;

use super::{Identity, Sequence, Side, Tick};
use crate::text::Names;

/// Takes the ticks of messages, in the messages' order.
pub trait Sink {
    /// Returns how many ticks it holds.
    fn count(&self) -> usize;

    /// Takes a tick.
    fn push(&mut self, tick: &Tick<&str>);

    /// Gives up ticks that it took, because their message turned out to have a problem, or not to be the one to read.
    fn discard(&mut self, ticks: Range<usize>);
}

impl Sink for Vec<Tick> {
    fn count(&self) -> usize {
        self.len()
    }

    fn push(&mut self, tick: &Tick<&str>) {
        self.push(tick.named(tick.product_id.to_string()));
    }

    fn discard(&mut self, ticks: Range<usize>) {
        self.drain(ticks);
    }
}

/// Ticks as columns, in the order of their messages.
///
/// A tick costs no allocation, apart from the growth of the columns and from the first tick of each product.
#[derive(Debug, Default)]
pub struct Columns {
    /// The names of the products. A product may have no tick, because its message turned out to have a problem.
    pub products: Names,
    /// The product of each tick, as its name's number.
    pub product: Vec<u32>,
    pub event_time: Vec<i64>,
    /// The columns of [`Tick::NUMBERS`]. NaN stands for an absent value; no message has a number that is not finite.
    pub numbers: [Vec<f64>; 12],
    pub side: Vec<Option<Side>>,
    pub sequence_num: Vec<Option<i64>>,
}

impl Columns {
    /// Makes columns with room for this many ticks.
    pub fn with_room_for(ticks: usize) -> Columns {
        Columns {
            products: Names::default(),
            product: Vec::with_capacity(ticks),
            event_time: Vec::with_capacity(ticks),
            numbers: std::array::from_fn(|_| Vec::with_capacity(ticks)),
            side: Vec::with_capacity(ticks),
            sequence_num: Vec::with_capacity(ticks),
        }
    }

    /// Removes the ticks, and keeps the memory and the products.
    pub fn clear(&mut self) {
        self.discard(0..self.count());
    }

    /// Returns a tick's product.
    pub fn product_id(&self, row: usize) -> &str {
        self.products.name(self.product[row])
    }

    /// Returns a tick's identity; `position` counts the message's earlier ticks of the same product.
    #[inline]
    pub fn identity(&self, row: usize, sequence: Sequence, position: usize) -> Identity {
        Identity::from_parts(sequence, position, self.event_time[row], self.sequence_num[row], || {
            (self.side[row], self.numbers.each_ref().map(|column| column[row]))
        })
    }

    /// Returns a tick.
    pub fn tick(&self, row: usize) -> Tick<&str> {
        let number = |column: usize| Some(self.numbers[column][row]).filter(|number| !number.is_nan());
        Tick {
            product_id: self.product_id(row),
            event_time: self.event_time[row],
            price: number(0),
            best_bid: self.numbers[1][row],
            best_bid_quantity: number(2),
            best_ask: self.numbers[3][row],
            best_ask_quantity: number(4),
            volume_24_h: number(5),
            low_24_h: number(6),
            high_24_h: number(7),
            low_52_w: number(8),
            high_52_w: number(9),
            price_percent_chg_24_h: number(10),
            side: self.side[row],
            last_size: number(11),
            sequence_num: self.sequence_num[row],
        }
    }
}

impl Sink for Columns {
    fn count(&self) -> usize {
        self.product.len()
    }

    fn push(&mut self, tick: &Tick<&str>) {
        let product = self.products.number(tick.product_id);
        self.product.push(product);
        self.event_time.push(tick.event_time);
        for (column, number) in self.numbers.iter_mut().zip(tick.numbers()) {
            column.push(number.unwrap_or(f64::NAN));
        }
        self.side.push(tick.side);
        self.sequence_num.push(tick.sequence_num);
    }

    fn discard(&mut self, ticks: Range<usize>) {
        self.product.drain(ticks.clone());
        self.event_time.drain(ticks.clone());
        for column in &mut self.numbers {
            column.drain(ticks.clone());
        }
        self.side.drain(ticks.clone());
        self.sequence_num.drain(ticks);
    }
}

#[cfg(test)]
mod tests {
    use super::{Columns, Sink};
    use crate::tick::{Identity, Sequence, Side, Tick};

    #[test]
    fn columns_give_back_what_they_took() {
        let full = Tick {
            price: Some(1.5),
            side: Some(Side::Sell),
            sequence_num: Some(7),
            last_size: Some(0.0),
            ..Tick::quote("A", 1, 1.0, 2.0)
        };
        let ticks = [full.clone(), Tick::quote("B", 2, 3.0, 4.0), Tick::quote("A", 3, 5.0, 6.0), full];
        let (mut columns, mut list) = (Columns::default(), Vec::<Tick>::new());
        for tick in &ticks {
            columns.push(tick);
            Sink::push(&mut list, tick);
        }
        columns.discard(1..2);
        Sink::discard(&mut list, 1..2);
        assert!(columns.products.iter().eq(["A", "B"]));
        assert_eq!((columns.count(), list.count()), (3, 3));
        for (row, tick) in list.iter().enumerate() {
            assert_eq!(columns.tick(row), tick.named(tick.product_id.as_str()));
            for sequence in [Sequence::Product, Sequence::Connection, Sequence::None] {
                assert_eq!(columns.identity(row, sequence, 1), Identity::of(tick, sequence, 1));
            }
        }
        columns.clear();
        assert_eq!(columns.count(), 0);
    }
}
