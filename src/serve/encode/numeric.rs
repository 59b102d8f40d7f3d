//! Decimals in the binary format: digits to the base 10,000, the place of the first, the sign, and the digits behind the point.

use bytes::{BufMut, BytesMut};

const NEGATIVE: u16 = 0x4000;

/// Writes a decimal, given as digits with a point and a sign.
pub fn put(text: &str, bytes: &mut BytesMut) {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    // Groups of four digits begin at the point.
    let padded = format!("{:0>1$}", whole, whole.len().div_ceil(4) * 4);
    let behind = format!("{:0<1$}", fraction, fraction.len().div_ceil(4) * 4);
    let all = padded.clone() + &behind;
    let groups: Vec<i16> = all
        .as_bytes()
        .chunks(4)
        .map(|four| four.iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0')))
        .collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let trailing = groups[leading..].iter().rev().take_while(|group| **group == 0).count();
    let kept = &groups[leading..groups.len() - trailing];
    let first = padded.len() as i16 / 4 - 1 - leading as i16;
    bytes.put_i16(kept.len() as i16);
    bytes.put_i16(if kept.is_empty() { 0 } else { first });
    bytes.put_u16(if kept.is_empty() { 0 } else { sign });
    bytes.put_i16(fraction.len() as i16);
    kept.iter().for_each(|group| bytes.put_i16(*group));
}

/// Reads a decimal; `None` if the bytes are not one. NaN and infinity are returned by their names.
pub fn read(mut bytes: &[u8]) -> Option<String> {
    let mut next = || {
        let (two, rest) = bytes.split_first_chunk::<2>()?;
        bytes = rest;
        Some(i16::from_be_bytes(*two))
    };
    let (count, first, sign, scale) = (next()?, next()?, next()? as u16, next()?);
    match sign {
        0xC000 => return Some("NaN".into()),
        0xD000 => return Some("Infinity".into()),
        0xF000 => return Some("-Infinity".into()),
        _ => {}
    }
    let groups: Vec<i16> = (0..count).map(|_| next()).collect::<Option<_>>()?;
    if groups.iter().any(|group| !(0..10_000).contains(group)) || !(0..=16_383).contains(&scale) {
        return None;
    }
    let group = |place: i32| usize::try_from(i32::from(first) - place).ok().and_then(|at| groups.get(at)).copied();
    let mut whole = String::new();
    for place in (0..=i32::from(first).max(0)).rev() {
        whole.push_str(&format!("{:04}", group(place).unwrap_or(0)));
    }
    let mut fraction = String::new();
    for place in 1..=i32::from(scale).div_euclid(4) + 1 {
        fraction.push_str(&format!("{:04}", group(-place).unwrap_or(0)));
    }
    fraction.truncate(scale as usize);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if sign == NEGATIVE { "-" } else { "" };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        put(text, &mut bytes);
        bytes.to_vec()
    }

    #[test]
    fn groups_stand_as_in_postgresql() {
        let numbers =
            |text: &str| written(text).chunks(2).map(|two| i16::from_be_bytes([two[0], two[1]])).collect::<Vec<_>>();
        assert_eq!(numbers("12345.678"), [3, 1, 0, 3, 1, 2345, 6780]);
        assert_eq!(numbers("-0.00001"), [1, -2, 0x4000, 5, 1000]);
        assert_eq!(numbers("0.00"), [0, 0, 0, 2]);
        assert_eq!(numbers("10000"), [1, 1, 0, 0, 1]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?") {
            let expected = if text.bytes().all(|byte| b"-0.".contains(&byte)) { text.replace('-', "") } else { text.clone() };
            prop_assert_eq!(read(&written(&text)), Some(expected));
        }

        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }
}
