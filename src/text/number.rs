//! Numbers written for people: commas between thousands.

/// Returns a count with commas between thousands: `1,234,567`.
pub fn grouped(count: u64) -> String {
    with_commas(&count.to_string())
}

/// Returns a count with its noun, in the plural unless the count is 1: `1 file`, `2,000 files`.
pub fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// Returns a finite number with this many decimals and with commas between thousands: `−1,234.50`.
///
/// The sign is a minus (U+2212), not a hyphen. A value that is rounded to zero has no sign.
pub fn decimals(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) if digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) => ("−", digits),
        Some(digits) => ("", digits),
        None => ("", text.as_str()),
    };
    match digits.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", with_commas(whole)),
        None => format!("{sign}{}", with_commas(digits)),
    }
}

fn with_commas(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{counted, decimals, grouped};

    #[test]
    fn thousands_have_commas() {
        let texts = [0, 7, 999, 1000, 12_345, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn nouns_agree_with_their_counts() {
        assert_eq!([0, 1, 2000].map(|count| counted(count, "file")), ["0 files", "1 file", "2,000 files"]);
    }

    #[test]
    fn decimals_keep_their_sign_unless_they_round_to_zero() {
        assert_eq!(decimals(1234.5, 2), "1,234.50");
        assert_eq!(decimals(-1234.5, 0), "−1,234");
        assert_eq!(decimals(-0.004, 2), "0.00");
        assert_eq!(decimals(999_999.999, 1), "1,000,000.0");
    }
}
