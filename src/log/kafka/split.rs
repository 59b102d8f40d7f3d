//! In a topic of several partitions, a message with several products is stored once for each product.
//!
//! Kafka chooses a message's partition by its key, which is one product. If a message of two products were stored only under
//! the first, the second product's ticks would be spread over two partitions and lose their order. So each part has the same
//! bytes, one product as its key, and a header that names this product. In a topic of one partition, messages are not split.

use crate::log::Record;
use crate::tick::{self, Content};

/// A record as it goes to a topic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part<'a> {
    pub record: &'a Record,
    /// The record's place among the records.
    pub number: usize,
    /// The only product whose ticks the part stands for; `None` means all products.
    pub only: Option<String>,
}

/// Returns the parts of the records, in order; `several` says whether the topic has several partitions.
pub(super) fn split<'a>(records: &[&'a Record], several: bool) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(records.len());
    for (number, record) in records.iter().copied().enumerate() {
        let products = if several { products(&record.payload) } else { Vec::new() };
        match products.len() {
            0 | 1 => parts.push(Part { record, number, only: None }),
            _ => parts.extend(products.into_iter().map(|product| Part { record, number, only: Some(product) })),
        }
    }
    parts
}

/// Returns the products of a message's ticks, in the message's order.
fn products(payload: &[u8]) -> Vec<String> {
    let mut products: Vec<String> = Vec::new();
    if let Ok(parsed) = tick::parse(payload)
        && let Content::Ticks(ticks) = parsed.content
    {
        for tick in ticks {
            if !products.contains(&tick.product_id) {
                products.push(tick.product_id);
            }
        }
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(products: &[&str]) -> Record {
        let tickers: Vec<String> = products
            .iter()
            .map(|product| {
                format!(r#"{{"type":"ticker","product_id":"{product}","price":"5","best_bid":"4","best_ask":"6"}}"#)
            })
            .collect();
        let payload = format!(
            r#"{{"channel":"ticker","timestamp":"2026-04-01T00:00:00Z","sequence_num":0,"events":[{{"type":"update","tickers":[{}]}}]}}"#,
            tickers.join(",")
        );
        Record { key: None, payload: payload.into(), ingest_time: 0, connection: None }
    }

    #[test]
    fn a_message_of_several_products_has_a_part_for_each() {
        let records = [record(&["A", "B", "A"]), record(&["B", "B"]), Record { payload: "x".into(), ..record(&[]) }];
        let records: Vec<&Record> = records.iter().collect();
        let only = |several| -> Vec<(usize, Option<String>)> {
            split(&records, several).into_iter().map(|part| (part.number, part.only)).collect()
        };
        assert_eq!(only(false), [(0, None), (1, None), (2, None)]);
        assert_eq!(only(true), [(0, Some("A".into())), (0, Some("B".into())), (1, None), (2, None)]);
    }
}
