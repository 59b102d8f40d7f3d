//! How one value is written: `:>8`, `:08.3f`, `:,`, as in Python, C++'s fmt and C's printf.

/// A value to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Whole(i64),
    Number(f64),
    Text(&'a str),
    Truth(bool),
}

/// Where a value stands in its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
    Middle,
}

/// What is said about one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Specification {
    pub fill: Option<char>,
    pub align: Option<Align>,
    /// `+`, or a blank, before numbers that are not negative.
    pub sign: Option<char>,
    /// Zeros between the sign and the digits fill the width.
    pub zeros: bool,
    pub width: usize,
    /// Commas between thousands.
    pub commas: bool,
    pub precision: Option<usize>,
    /// `d`, `f`, `s` and so on.
    pub kind: Option<char>,
}

/// The greatest width and precision.
const MOST: usize = 1000;

impl Specification {
    /// Reads what stands behind the colon in `{:…}`.
    pub fn of_braces(text: &str) -> Option<Specification> {
        let mut spec = Specification::default();
        let mut rest = text;
        let first = rest.chars().next();
        if let Some(align) = first.and_then(|first| align(rest[first.len_utf8()..].chars().next()?)) {
            spec.fill = first;
            spec.align = Some(align);
            rest = &rest[first.map_or(0, char::len_utf8) + 1..];
        } else if let Some(align) = first.and_then(align) {
            spec.align = Some(align);
            rest = &rest[1..];
        }
        if rest.starts_with(['+', ' ', '-']) {
            spec.sign = rest.chars().next().filter(|sign| *sign != '-');
            rest = &rest[1..];
        }
        spec.read_width(&mut rest)?;
        if let Some(behind) = rest.strip_prefix(',') {
            spec.commas = true;
            rest = behind;
        }
        spec.read_precision(&mut rest)?;
        spec.kind = rest.chars().next();
        rest.chars().nth(1).is_none().then_some(spec)
    }

    /// Reads what stands behind `%`; also returns what follows.
    pub fn of_percent(text: &str) -> Option<(Specification, &str)> {
        let mut spec = Specification { align: Some(Align::Right), ..Specification::default() };
        let mut rest = text;
        while let Some(flag) = rest.chars().next().filter(|flag| "-+ 0,".contains(*flag)) {
            match flag {
                '-' => spec.align = Some(Align::Left),
                '0' => spec.zeros = true,
                ',' => spec.commas = true,
                sign => spec.sign = Some(sign),
            }
            rest = &rest[1..];
        }
        spec.read_width(&mut rest)?;
        spec.read_precision(&mut rest)?;
        // The sizes of C's types say nothing here.
        let rest = rest.trim_start_matches(['l', 'h']);
        let kind = rest.chars().next()?;
        spec.kind = Some(if matches!(kind, 'i' | 'u') { 'd' } else { kind });
        spec.zeros &= spec.align != Some(Align::Left);
        Some((spec, &rest[kind.len_utf8()..]))
    }

    fn read_width(&mut self, rest: &mut &str) -> Option<()> {
        if let Some(behind) = rest.strip_prefix('0') {
            self.zeros = true;
            *rest = behind;
        }
        self.width = number(rest)?.unwrap_or_default();
        Some(())
    }

    fn read_precision(&mut self, rest: &mut &str) -> Option<()> {
        if let Some(behind) = rest.strip_prefix('.') {
            *rest = behind;
            self.precision = Some(number(rest)?.unwrap_or_default());
        }
        Some(())
    }

    /// Returns a value as text; `None` if it cannot be written so.
    pub fn write(&self, value: &Value) -> Option<String> {
        let text = match (value, self.kind) {
            (Value::Text(text), None | Some('s')) if !self.is_of_numbers() => {
                return Some(self.padded(
                    "",
                    text.chars().take(self.precision.unwrap_or(usize::MAX)).collect(),
                    Align::Left,
                ));
            }
            (Value::Truth(truth), None | Some('s')) if !self.is_of_numbers() && self.precision.is_none() => {
                return Some(self.padded("", truth.to_string(), Align::Left));
            }
            (Value::Truth(truth), _) => {
                return self.write(&Value::Whole(i64::from(*truth))).filter(|_| self.kind.is_some());
            }
            (Value::Whole(_), _) if self.precision.is_some() => return None,
            (Value::Whole(whole), None | Some('d')) => whole.unsigned_abs().to_string(),
            (Value::Whole(whole), Some('x')) => format!("{:x}", whole.unsigned_abs()),
            (Value::Whole(whole), Some('X')) => format!("{:X}", whole.unsigned_abs()),
            (Value::Whole(whole), Some('o')) => format!("{:o}", whole.unsigned_abs()),
            (Value::Whole(whole), Some('b')) => format!("{:b}", whole.unsigned_abs()),
            (Value::Number(number), kind) => float(number.abs(), kind, self.precision)?,
            _ => return None,
        };
        let (is_negative, is_finite) = match value {
            Value::Whole(whole) => (*whole < 0, true),
            Value::Number(number) => (number.is_sign_negative() && !number.is_nan(), number.is_finite()),
            _ => (false, true),
        };
        let sign = if is_negative { "-" } else { self.sign.map_or("", |sign| if sign == '+' { "+" } else { " " }) };
        let text = if self.commas && is_finite { with_commas(&text) } else { text };
        if !is_finite {
            return (!self.zeros).then(|| self.padded(sign, text, Align::Left));
        }
        if self.zeros {
            let zeros = self.width.saturating_sub(sign.len() + text.len());
            return Some(format!("{sign}{}{text}", "0".repeat(zeros)));
        }
        Some(self.padded(sign, text, Align::Right))
    }

    fn is_of_numbers(&self) -> bool {
        self.zeros || self.commas || self.sign.is_some()
    }

    fn padded(&self, sign: &str, text: String, usual: Align) -> String {
        let missing = self.width.saturating_sub(sign.len() + text.chars().count());
        let left = match self.align.unwrap_or(usual) {
            Align::Left => 0,
            Align::Right => missing,
            Align::Middle => missing / 2,
        };
        let fill = |count: usize| self.fill.unwrap_or(' ').to_string().repeat(count);
        format!("{}{sign}{text}{}", fill(left), fill(missing - left))
    }
}

fn align(sign: char) -> Option<Align> {
    match sign {
        '<' => Some(Align::Left),
        '>' => Some(Align::Right),
        '^' => Some(Align::Middle),
        _ => None,
    }
}

/// Takes a number from the front; the outer `None` says that it is too great.
fn number(rest: &mut &str) -> Option<Option<usize>> {
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at(end);
    *rest = behind;
    match digits {
        "" => Some(None),
        digits => digits.parse().ok().filter(|number| *number <= MOST).map(Some),
    }
}

/// Returns a number that is not negative as text.
fn float(number: f64, kind: Option<char>, precision: Option<usize>) -> Option<String> {
    if !number.is_finite() {
        let text = if number.is_nan() { "nan" } else { "inf" };
        return match kind {
            None | Some('f' | 'e' | 'g') => Some(text.into()),
            Some('F' | 'E' | 'G') => Some(text.to_uppercase()),
            _ => None,
        };
    }
    match (kind, precision) {
        (None, None) => {
            let exponent = exponent(&format!("{number:e}"));
            let whole = if number.fract() == 0.0 { ".0" } else { "" };
            Some(if (-4..16).contains(&exponent) {
                format!("{number}{whole}")
            } else {
                two_digits(&format!("{number:e}"))
            })
        }
        (Some('f' | 'F'), precision) => Some(format!("{number:.*}", precision.unwrap_or(6))),
        (Some('e'), precision) => Some(two_digits(&format!("{number:.*e}", precision.unwrap_or(6)))),
        (Some('E'), _) => float(number, Some('e'), precision).map(|text| text.to_uppercase()),
        (Some('g'), precision) => {
            let digits = precision.unwrap_or(6).max(1);
            let short = format!("{number:.*e}", digits - 1);
            let exponent = exponent(&short);
            let is_plain = (-4..digits as i32).contains(&exponent);
            let text = if is_plain { format!("{number:.*}", (digits as i32 - 1 - exponent) as usize) } else { short };
            let (digits, power) =
                text.split_once('e').map_or((text.as_str(), ""), |(digits, _)| (digits, &text[digits.len()..]));
            let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
            let text = format!("{digits}{power}");
            Some(if is_plain { text } else { two_digits(&text) })
        }
        (Some('G'), _) => float(number, Some('g'), precision).map(|text| text.to_uppercase()),
        _ => None,
    }
}

fn exponent(text: &str) -> i32 {
    text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or_default()
}

/// Returns a number such as `1.5e7` with the exponent as C writes it: `1.5e+07`.
fn two_digits(text: &str) -> String {
    let exponent = exponent(text);
    let digits = text.split('e').next().unwrap_or_default();
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn with_commas(text: &str) -> String {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(end);
    let mut written = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are those of DuckDB 2.0.1.
    #[test]
    fn values_are_written_as_duckdb_writes_them() {
        for (spec, value, expected) in [
            ("", Value::Number(0.1 + 0.2), "0.30000000000000004"),
            ("", Value::Number(1e15), "1000000000000000.0"),
            ("", Value::Number(1e16), "1e+16"),
            ("", Value::Number(100.0), "100.0"),
            ("", Value::Number(-0.0), "-0.0"),
            ("", Value::Number(1e-5), "1e-05"),
            ("", Value::Number(0.0001), "0.0001"),
            (".0f", Value::Number(2.5), "2"),
            (".1f", Value::Number(0.25), "0.2"),
            ("e", Value::Number(12345.678), "1.234568e+04"),
            ("g", Value::Number(0.0001234), "0.0001234"),
            ("g", Value::Number(1e10), "1e+10"),
            ("g", Value::Number(123456789.0), "1.23457e+08"),
            (",.2f", Value::Number(1234567.891), "1,234,567.89"),
            ("05.1f", Value::Number(-2.0), "-02.0"),
            ("5", Value::Number(f64::NAN), "nan  "),
            ("+d", Value::Whole(5), "+5"),
            ("<5d", Value::Whole(42), "42   "),
            ("<05d", Value::Whole(3), "00003"),
            ("^5d", Value::Whole(42), " 42  "),
            (",", Value::Whole(-1234), "-1,234"),
            ("x", Value::Whole(-255), "-ff"),
            ("*^5", Value::Text("x"), "**x**"),
            ("5", Value::Text("é"), "é    "),
            (".3", Value::Text("abcdef"), "abc"),
            ("5", Value::Truth(true), "true "),
            ("d", Value::Truth(true), "1"),
        ] {
            let found = Specification::of_braces(spec).and_then(|spec| spec.write(&value));
            assert_eq!(found.as_deref(), Some(expected), "{spec}");
        }
        for (spec, value) in [
            (".2f", Value::Whole(1)),
            ("d", Value::Number(2.5)),
            (".3", Value::Number(2.5)),
            (".1%", Value::Number(0.5)),
            ("05", Value::Text("x")),
            ("#x", Value::Whole(1)),
            ("9999", Value::Whole(1)),
        ] {
            assert_eq!(Specification::of_braces(spec).and_then(|spec| spec.write(&value)), None, "{spec}");
        }
    }
}
