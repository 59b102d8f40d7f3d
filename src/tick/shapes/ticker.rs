//! A ticker's fields in one object, as both Coinbase exchanges and recorders write them, each under its own names.
//!
//! In: an object, and the [`Names`] of its shape. Out: a tick.

use super::super::field::{Value, quote};
use super::super::json::{self, Member, Object};
use super::super::{Problem, Tick};

/// What a member of a ticker means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Kind,
    ProductId,
    EventTime,
    SequenceNum,
    Price,
    BestBid,
    BestBidQuantity,
    BestAsk,
    BestAskQuantity,
    Volume24H,
    Low24H,
    High24H,
    Low52W,
    High52W,
    PricePercentChg24H,
    Side,
    LastSize,
}

const FIELDS: usize = Field::LastSize as usize + 1;
const NONE: u8 = u8::MAX;
/// As many as [`json::hash`] has values.
const SLOTS: usize = 128;

/// The names of a shape's fields. If a field has several names, the more specific one comes first and counts.
pub struct Names {
    names: &'static [(&'static str, Field)],
    /// A hash table: the index of a name, or `NONE`.
    slots: [u8; SLOTS],
}

impl Names {
    /// Makes the table of names, of which there may be at most 64.
    pub const fn new(names: &'static [(&'static str, Field)]) -> Names {
        assert!(names.len() <= SLOTS / 2);
        let mut slots = [NONE; SLOTS];
        let mut index = 0;
        while index < names.len() {
            let mut slot = json::hash(names[index].0.as_bytes()) as usize;
            while slots[slot] != NONE {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = index as u8;
            index += 1;
        }
        Names { names, slots }
    }

    /// Returns the index of a member's name.
    #[inline]
    fn find(&self, member: Member<'_>) -> Option<u8> {
        let mut slot = usize::from(member.hash());
        loop {
            let index = self.slots[slot];
            if index == NONE {
                return None;
            }
            if member.is(self.names[index as usize].0) {
                return Some(index);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// The values of an object by their field.
pub struct Ticker<'a> {
    names: &'static Names,
    values: [Value<'a>; FIELDS],
    /// The index of the name under which each value was found.
    found: [u8; FIELDS],
}

impl<'a> Ticker<'a> {
    /// Collects the fields of an object.
    ///
    /// # Errors
    /// A key comes twice, with different values.
    #[inline]
    pub fn collect(object: Object<'a>, names: &'static Names) -> Result<Ticker<'a>, Problem> {
        let mut ticker = Ticker { names, values: [Value::Absent; FIELDS], found: [NONE; FIELDS] };
        // A bit for each name that was seen, and for each whose values were compared; there are at most 64.
        let (mut seen, mut compared) = (0_u64, 0_u64);
        for member in object.members() {
            let Some(index) = names.find(member) else { continue };
            let (name, field) = names.names[index as usize];
            if seen & !compared & 1 << index != 0 {
                object.value(name).once(name)?;
                compared |= 1 << index;
            }
            seen |= 1 << index;
            let value = member.value();
            if value.is_absent() {
                continue;
            }
            let field = field as usize;
            if index < ticker.found[field] {
                (ticker.values[field], ticker.found[field]) = (value, index);
            }
        }
        Ok(ticker)
    }

    /// Returns a field's value.
    #[inline]
    pub fn value(&self, field: Field) -> Value<'a> {
        self.values[field as usize]
    }

    /// Returns the name under which a field was found, else the first one that it may have.
    #[inline]
    pub fn name(&self, field: Field) -> &'static str {
        match self.names.names.get(self.found[field as usize] as usize) {
            Some((name, _)) => name,
            None => self.names.names.iter().find(|(_, other)| *other == field).map_or("field", |(name, _)| name),
        }
    }

    /// Returns the ticker's time.
    pub fn event_time(&self) -> Result<Option<i64>, Problem> {
        self.value(Field::EventTime).time(self.name(Field::EventTime))
    }

    /// Returns the ticker's number.
    pub fn sequence_num(&self) -> Result<Option<i64>, Problem> {
        self.value(Field::SequenceNum).integer(self.name(Field::SequenceNum))
    }

    /// Hands over the ticker as a tick with this time and number.
    ///
    /// # Errors
    /// A field is missing or has a value that it cannot have.
    #[inline]
    pub fn tick(
        &self,
        event_time: i64,
        sequence_num: Option<i64>,
        push: impl FnOnce(Tick<&str>),
    ) -> Result<(), Problem> {
        // Most shapes lack some fields, so a field's name is looked up only if there is a value.
        let amount = |field| match self.value(field) {
            Value::Absent => Ok(None),
            value => value.amount(self.name(field)),
        };
        let price = |field| self.value(field).price(self.name(field));
        let (best_bid, best_ask) = (price(Field::BestBid)?, price(Field::BestAsk)?);
        quote(best_bid, best_ask)?;
        let product_id = self.value(Field::ProductId).product(self.name(Field::ProductId))?;
        let change = Field::PricePercentChg24H;
        push(Tick {
            product_id: &*product_id,
            event_time,
            price: Some(price(Field::Price)?),
            best_bid,
            best_bid_quantity: amount(Field::BestBidQuantity)?,
            best_ask,
            best_ask_quantity: amount(Field::BestAskQuantity)?,
            volume_24_h: amount(Field::Volume24H)?,
            low_24_h: amount(Field::Low24H)?,
            high_24_h: amount(Field::High24H)?,
            low_52_w: amount(Field::Low52W)?,
            high_52_w: amount(Field::High52W)?,
            price_percent_chg_24_h: match self.value(change) {
                Value::Absent => None,
                value => value.number(self.name(change))?,
            },
            side: match self.value(Field::Side) {
                Value::Absent => None,
                value => value.side(self.name(Field::Side))?,
            },
            last_size: amount(Field::LastSize)?,
            sequence_num,
        });
        Ok(())
    }
}
