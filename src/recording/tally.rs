//! Counts what a recording holds, and writes the summary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use super::lines::LONGEST_LINE_BYTES;
use crate::text::grouped;
use crate::tick::{Content, Parsed, Problem, Shape};

/// The hint about products lists no more than this, and no set of them grows without bound.
const MOST_PRODUCTS: usize = 1000;

/// What was found in one recording.
#[derive(Debug, Clone)]
pub struct Tally {
    pub path: PathBuf,
    /// Messages by shape.
    pub shapes: BTreeMap<&'static Shape, u64>,
    /// The products of ticks, including products that were not asked for; beyond [`MOST_PRODUCTS`], only those that were.
    pub products: BTreeSet<String>,
    /// Lines that are not empty.
    pub lines: u64,
    pub ticks: u64,
    pub control: u64,
    /// Messages that hold ticks.
    pub with_ticks: u64,
    /// Messages that landing will put into the dead letters, by kind of problem.
    pub problems: BTreeMap<String, u64>,
    pub blank: u64,
    /// Lines that were left out because they are too long to be messages.
    pub too_long: u64,
    /// Messages of products that were not asked for.
    pub other_products: u64,
    /// Messages that a merge left out because they were repeated.
    pub duplicates: u64,
    /// Whether it is a table of trades, which have no quotes.
    pub is_trades: bool,
    /// Whether the last line is incomplete.
    pub cut_off: bool,
    /// Whether the compressed data are incomplete.
    pub broken_off: bool,
}

impl Tally {
    /// Makes the empty tally of a recording.
    pub fn new(path: &Path) -> Tally {
        Tally {
            path: path.to_path_buf(),
            shapes: BTreeMap::new(),
            products: BTreeSet::new(),
            lines: 0,
            ticks: 0,
            control: 0,
            with_ticks: 0,
            problems: BTreeMap::new(),
            blank: 0,
            too_long: 0,
            other_products: 0,
            duplicates: 0,
            is_trades: false,
            cut_off: false,
            broken_off: false,
        }
    }

    /// Counts a message and returns whether it belongs in the log; one with only ticks of other products does not.
    pub fn count(&mut self, parsed: &Result<Parsed, Problem>, products: &[String]) -> bool {
        self.lines += 1;
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(problem) => {
                *self.problems.entry(problem.kind()).or_default() += 1;
                return true;
            }
        };
        *self.shapes.entry(parsed.shape).or_default() += 1;
        match &parsed.content {
            Content::Control(_) => self.control += 1,
            Content::Ticks(ticks) => {
                self.with_ticks += 1;
                for tick in ticks {
                    let wanted = self.products.len() < MOST_PRODUCTS || products.contains(&tick.product_id);
                    if wanted && !self.products.contains(&tick.product_id) {
                        self.products.insert(tick.product_id.clone());
                    }
                }
                if !products.is_empty() && !ticks.iter().any(|tick| products.contains(&tick.product_id)) {
                    self.other_products += 1;
                    return false;
                }
                self.ticks += ticks.len() as u64;
            }
        }
        true
    }

    /// Whether so few messages hold ticks that the recording is probably of a shape that squall does not know.
    pub fn hardly_read(&self) -> bool {
        self.with_ticks * 10 < self.lines
    }

    /// Returns how many messages go into the log.
    pub fn kept(&self) -> u64 {
        self.lines - self.other_products - self.duplicates
    }
}

/// The summary of several recordings: a table, then remarks about each.
#[derive(Debug)]
pub struct Summary<'a>(pub &'a [Tally]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().filter(|tally| tally.hardly_read()).try_for_each(|tally| warning(f, tally))?;
        let headings =
            ["recording", "shape", "lines", "ticks", "control", "problems", "other products", "duplicates", "kept"];
        let mut rows = vec![headings.map(String::from)];
        rows.extend(self.0.iter().map(row));
        if self.0.len() > 1 {
            rows.push(total(self.0));
        }
        // Leave out a column that holds only zeros.
        let shown: Vec<usize> = (0..headings.len())
            .filter(|column| !(5..8).contains(column) || rows[1..].iter().any(|row| row[*column] != "0"))
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        for row in &rows {
            let mut line = String::new();
            for &column in &shown {
                let width = width(column);
                match column {
                    0 | 1 => write!(line, "{:width$}  ", row[column])?,
                    _ => write!(line, "{:>width$}  ", row[column])?,
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        self.0.iter().try_for_each(|tally| notes(f, tally))
    }
}

/// Says that hardly anything of a recording is read.
fn warning(f: &mut fmt::Formatter<'_>, tally: &Tally) -> fmt::Result {
    let Tally { path, with_ticks, lines, control, .. } = tally;
    let (with_ticks, problems) = (grouped(*with_ticks), grouped(tally.problems.values().sum()));
    let (lines, control) = (grouped(*lines), grouped(*control));
    writeln!(
        f,
        "Warning: hardly anything of {} is read: {with_ticks} of {lines} messages hold ticks; {control} are control messages, \
         and {problems} have a problem",
        path.display()
    )
}

fn row(tally: &Tally) -> [String; 9] {
    let shapes: Vec<String> = tally.shapes.keys().map(|shape| shape.to_string()).collect();
    let name = tally.path.file_name().unwrap_or(tally.path.as_os_str());
    let counts = counts(tally).map(grouped);
    let [lines, ticks, control, problems, other_products, duplicates, kept] = counts;
    let (name, shapes) = (name.to_string_lossy().into_owned(), shapes.join(", "));
    [name, shapes, lines, ticks, control, problems, other_products, duplicates, kept]
}

fn total(tallies: &[Tally]) -> [String; 9] {
    let mut sums = [0; 7];
    for tally in tallies {
        for (sum, count) in sums.iter_mut().zip(counts(tally)) {
            *sum += count;
        }
    }
    let [lines, ticks, control, problems, other_products, duplicates, kept] = sums.map(grouped);
    ["total".into(), String::new(), lines, ticks, control, problems, other_products, duplicates, kept]
}

fn counts(tally: &Tally) -> [u64; 7] {
    let problems = tally.problems.values().sum();
    let Tally { lines, ticks, control, other_products, duplicates, .. } = *tally;
    [lines, ticks, control, problems, other_products, duplicates, tally.kept()]
}

fn notes(f: &mut fmt::Formatter<'_>, tally: &Tally) -> fmt::Result {
    let name = tally.path.display();
    for (kind, count) in &tally.problems {
        writeln!(f, "{name}: {} with a problem, kept for the dead letters: {kind}", grouped(*count))?;
    }
    if tally.blank > 0 {
        writeln!(f, "{name}: {} blank lines left out", grouped(tally.blank))?;
    }
    if tally.too_long > 0 {
        let most = LONGEST_LINE_BYTES >> 20;
        writeln!(
            f,
            "{name}: {} lines longer than {most} MiB left out; they are not messages",
            grouped(tally.too_long)
        )?;
    }
    if tally.is_trades {
        writeln!(f, "{name}: trades have no quotes; best bid and best ask are the trade's price")?;
    }
    if tally.cut_off {
        writeln!(f, "{name}: the last line ends in the middle")?;
    }
    if tally.broken_off {
        writeln!(f, "{name}: the compressed data end in the middle; the rest is not in the file")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Summary, Tally};
    use crate::tick::shapes::{exchange, flat};

    #[test]
    fn the_summary_leaves_out_what_is_zero_everywhere() {
        let mut first = Tally::new(Path::new("data/a.ndjson"));
        first.shapes.insert(&flat::SHAPE, 1200);
        (first.lines, first.ticks, first.with_ticks, first.cut_off) = (1201, 1200, 1200, true);
        first.problems.insert("message ends in the middle".into(), 1);
        let mut second = Tally::new(Path::new("longer-name.zst"));
        second.shapes.insert(&exchange::SHAPE, 3);
        (second.lines, second.ticks, second.with_ticks, second.control, second.blank) = (3, 2, 2, 1, 2);
        let expected = "\
recording        shape     lines  ticks  control  problems   kept
a.ndjson         flat      1,201  1,200        0         1  1,201
longer-name.zst  exchange      3      2        1         0      3
total                      1,204  1,202        1         1  1,204
data/a.ndjson: 1 with a problem, kept for the dead letters: message ends in the middle
data/a.ndjson: the last line ends in the middle
longer-name.zst: 2 blank lines left out
";
        assert_eq!(Summary(&[first, second]).to_string(), expected);
    }

    #[test]
    fn the_first_line_says_that_hardly_anything_is_read() {
        let mut tally = Tally::new(Path::new("bybit.ndjson"));
        tally.shapes.insert(&exchange::SHAPE, 1900);
        (tally.lines, tally.with_ticks, tally.control, tally.too_long) = (2000, 199, 1701, 1);
        tally.problems.insert("message has none of the known shapes".into(), 100);
        let summary = Summary(&[tally.clone()]).to_string();
        let expected = "Warning: hardly anything of bybit.ndjson is read: 199 of 2,000 messages hold ticks; \
                        1,701 are control messages, and 100 have a problem";
        assert_eq!(summary.lines().next(), Some(expected));
        assert!(summary.contains("bybit.ndjson: 1 lines longer than 16 MiB left out"), "{summary}");
        tally.with_ticks = 200;
        assert!(!tally.hardly_read());
    }
}
