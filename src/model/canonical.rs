//! An order of rows that depends on what they hold and not on the order in which a query returns them.
//!
//! Sums of floats depend on the order of the rows. Rows are ordered by a hash of their values, which is one number and quick to sort;
//! only rows of equal hashes are compared value by value. Rows of equal values may stand in any order, because nobody can tell
//! them apart.

use std::cmp::Ordering;

/// Returns the given rows of some columns in the canonical order.
pub fn order(rows: &[usize], columns: &[&[f64]], labels: &[bool]) -> Vec<usize> {
    let mut hashes: Vec<u64> = rows.iter().map(|&row| mixed(u64::from(labels[row]))).collect();
    for column in columns {
        for (hash, &row) in hashes.iter_mut().zip(rows) {
            *hash = mixed(*hash ^ column[row].to_bits());
        }
    }
    // A hash and the row's place share one number: its upper and its lower bits.
    let places = rows.len().next_power_of_two().trailing_zeros();
    let place_of = |key: u64| (key & ((1 << places) - 1)) as usize;
    for (place, hash) in hashes.iter_mut().enumerate() {
        *hash = (*hash >> places << places) | place as u64;
    }
    let mut keys = hashes;
    keys.sort_unstable();
    let compare = |&a: &usize, &b: &usize| {
        let mut values = columns.iter().map(|column| column[a].total_cmp(&column[b]));
        labels[a].cmp(&labels[b]).then_with(|| values.find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
    };
    let mut order: Vec<usize> = keys.iter().map(|&key| rows[place_of(key)]).collect();
    let mut start = 0;
    while start < keys.len() {
        let same = keys[start..].iter().take_while(|&&key| key >> places == keys[start] >> places).count();
        if same > 1 {
            order[start..start + same].sort_unstable_by(compare);
        }
        start += same;
    }
    order
}

/// Mixes the bits of a number: the last steps of SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195).
fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn the_order_depends_on_the_values_only() {
        let columns: [Vec<f64>; 2] = [
            (0..500).map(|row| f64::from(row * 7 % 11)).collect(),
            (0..500).map(|row| f64::from(row * 13 % 29)).collect(),
        ];
        let labels: Vec<bool> = (0..500).map(|row| row % 3 == 0).collect();
        let slices = [columns[0].as_slice(), columns[1].as_slice()];
        let values = |rows: &[usize]| -> Vec<(bool, f64, f64)> {
            order(rows, &slices, &labels).iter().map(|&row| (labels[row], columns[0][row], columns[1][row])).collect()
        };
        let forwards: Vec<usize> = (0..500).filter(|row| row % 7 != 0).collect();
        let backwards: Vec<usize> = forwards.iter().rev().copied().collect();
        assert_eq!(values(&forwards), values(&backwards));
        let mut once = order(&forwards, &slices, &labels);
        once.sort_unstable();
        assert_eq!(once, forwards);
        assert!(order(&[], &slices, &labels).is_empty());
    }
}
