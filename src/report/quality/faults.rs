//! What is wrong with the ticks, worst first, and the verdict.

use crate::report::exhibit::{Warning, name};
use crate::report::format::{count, instant, percent, span};
use crate::report::query::{Row, Rows};
use crate::report::{Mood, Verdict};
use crate::text::counted;

/// The most sentences of the verdict.
const MOST_SENTENCES: usize = 12;
/// Of late ticks, duplicates and silent time, this share is worth a sentence.
const NOTABLE: f64 = 0.001;
/// A feed whose newest tick is older has stopped.
const OLD_NS: i64 = 5 * 60 * 1_000_000_000;
/// If ticks reach squall within this time, in the median, they were received live.
const LIVE_S: f64 = 60.0;

/// The rows of the report's queries.
pub struct Facts<'a> {
    pub products: &'a Rows,
    pub gaps: &'a Rows,
    pub dead: &'a Rows,
    pub files: &'a Rows,
    pub columns: &'a Rows,
    pub events: &'a Rows,
    /// The newest `ts` and the time of the report, in nanoseconds since 1970.
    pub newest: Option<i64>,
    pub now: Option<i64>,
}

impl Facts<'_> {
    /// Returns the age of the newest tick, in nanoseconds.
    pub fn age(&self) -> Option<i64> {
        self.newest.zip(self.now).map(|(newest, now)| now.saturating_sub(newest).max(0))
    }

    pub fn sum(&self, column: &str) -> f64 {
        self.products.iter().filter_map(|row| row.number(column)).sum()
    }

    /// Names the products with the most of something.
    fn where_from(&self, column: &str) -> String {
        let mut counts: Vec<(f64, String)> = self
            .products
            .iter()
            .filter_map(|row| {
                let count = row.number(column).filter(|count| *count > 0.0)?;
                Some((count, row.text("product_id").map_or("rows without a product".into(), name)))
            })
            .collect();
        counts.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        match (self.products.iter().count(), counts.as_slice()) {
            (..=1, _) | (_, []) => String::new(),
            (_, [(_, only)]) => format!(", all of {only}"),
            (_, [(most, first), ..]) => format!(", {} of them of {first}", count(Some(*most))),
        }
    }
}

/// Returns a figure that orders products by how much is wrong with them.
pub fn trouble(row: Row<'_>) -> f64 {
    let figure = |column: &str| row.number(column).unwrap_or_default();
    let rows = figure("rows").max(1.0);
    let bad = figure("crossed") + figure("unusable") + figure("ahead") + figure("outliers");
    let untimely = figure("late") + figure("duplicates");
    // What makes values wrong weighs more than what is only missing.
    10.0 * bad / rows + untimely / rows + figure("silent_s") / figure("span_s").max(1.0)
}

/// Returns what is conspicuous in a column of the ticks.
pub fn of_column(row: Row<'_>) -> Option<String> {
    let rows = row.number("rows").filter(|rows| *rows > 0.0)?;
    let nulls = row.number("nulls")?;
    if nulls >= rows {
        return Some("never sent: every value is NULL".into());
    }
    let distinct = row.number("distinct_values");
    if distinct == Some(1.0) && rows > 1.0 && row.text("column_name") != Some("status") {
        return Some("constant".into());
    }
    let odd = row.number("nans").unwrap_or_default() + row.number("infinities").unwrap_or_default();
    if odd > 0.0 {
        return Some(format!("NaN or infinite in {}", counted(odd as u64, "tick")));
    }
    (nulls > 0.0).then(|| format!("missing in {}", counted(nulls as u64, "tick")))
}

/// Returns what is wrong, worst first.
pub fn faults(facts: &Facts<'_>) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut add = |rank: u8, text: String| found.push(Warning::new(rank, "", text));
    let (rows, ticks) = (facts.sum("rows"), facts.sum("ticks"));
    let files = facts.files.first();
    let of_files = |column: &str| files.and_then(|row| row.number(column)).unwrap_or_default();
    let messages = of_files("messages");

    let lost = of_files("missing_offsets");
    if lost > 0.0 {
        add(0, format!("{} of the log did not land; `squall land --check` names them", counted(lost as u64, "offset")));
    }
    let gaps = facts.gaps.first();
    let of_gaps = |column: &str| gaps.and_then(|row| row.number(column)).unwrap_or_default();
    if of_gaps("gaps") > 0.0 {
        let missing = counted(of_gaps("all_missing") as u64, "message");
        add(
            0,
            format!("The exchange numbered {missing} that never came, in {}", counted(of_gaps("gaps") as u64, "gap")),
        );
    }
    let dead = of_files("dead").max(facts.dead.first().and_then(|row| row.number("all_messages")).unwrap_or_default());
    if dead > 0.0 {
        let share = percent(Some(dead / messages.max(dead)));
        let most = facts.dead.first().and_then(|row| row.text("reason"));
        let reason = most.map(|reason| format!("; the most frequent reason: {}", name(reason))).unwrap_or_default();
        add(0, format!("{} could not be read, {share} of all{reason}", counted(dead as u64, "message")));
    }
    let crossed = facts.sum("crossed");
    if crossed > 0.0 {
        let crossed_of = facts.where_from("crossed");
        add(1, format!("The bid is above the ask in {}{crossed_of}", counted(crossed as u64, "tick")));
    }
    let unusable = facts.sum("unusable");
    if unusable > 0.0 {
        let of = facts.where_from("unusable");
        add(1, format!("{} without a positive bid and an ask{of}", counted(unusable as u64, "tick")));
    }
    let outliers = facts.sum("outliers");
    if outliers > 0.0 {
        let of = facts.where_from("outliers");
        add(
            1,
            format!(
                "The midprice jumps by over 0.5 % and is back at the next tick in {}{of}",
                counted(outliers as u64, "tick")
            ),
        );
    }
    let ahead = facts.sum("ahead");
    if ahead > 0.0 {
        let of = facts.where_from("ahead");
        add(1, format!("{} dated after its own receipt{of}", is_or_are(ahead, "row")));
    }
    let live = facts.columns.find("column_name", "delay_s").and_then(|row| row.numbers("quantiles").get(3).copied());
    let live = live.is_some_and(|delay| delay < LIVE_S);
    if live && facts.age().is_some_and(|age| age > OLD_NS) {
        add(1, format!("The newest tick is {} old: the feed or the landing has stopped", span(facts.age())));
    }
    let late = facts.sum("late");
    if late > NOTABLE * rows {
        let of = facts.where_from("late");
        add(2, format!("{} late, {} of all{of}", is_or_are(late, "row"), percent(Some(late / rows))));
    }
    let duplicates = facts.sum("duplicates");
    if duplicates > NOTABLE * rows {
        let of = facts.where_from("duplicates");
        let verb = if duplicates == 1.0 { "was" } else { "were" };
        let repeated = counted(duplicates as u64, "row");
        add(2, format!("{repeated} {verb} seen before, {} of all{of}", percent(Some(duplicates / rows))));
    }
    let (silent, spanned) = (facts.sum("silent_s"), facts.sum("span_s"));
    if silent > NOTABLE * spanned {
        let longest = facts.products.iter().filter_map(|row| row.number("longest_step_s")).reduce(f64::max);
        let longest = span(longest.map(|seconds| (seconds * 1e9) as i64));
        let silences = counted(facts.sum("silences") as u64, "silence");
        add(
            2,
            format!(
                "{silences} of over 10 s take {} of the time; the longest is {longest}",
                percent(Some(silent / spanned))
            ),
        );
    }
    let reconnected = facts.events.iter().filter(|row| row.text("kind") == Some("reconnecting"));
    let reconnected: f64 = reconnected.filter_map(|row| row.number("events")).sum();
    if reconnected > 0.0 {
        add(3, format!("squall ingest reconnected {}", counted(reconnected as u64, "time")));
    }
    let locked = facts.sum("locked");
    if locked > NOTABLE * ticks {
        let of = facts.where_from("locked");
        add(3, format!("Bid and ask are equal in {}{of}", counted(locked as u64, "tick")));
    }
    let columns = |what: &dyn Fn(Row<'_>) -> bool| -> Vec<String> {
        let wanted = facts.columns.iter().filter(|row| what(*row));
        wanted.filter_map(|row| row.text("column_name")).map(name).collect()
    };
    let all_null = |row: Row<'_>| ticks > 0.0 && row.number("nulls") == row.number("rows");
    let absent = columns(&all_null);
    if !absent.is_empty() {
        add(4, format!("The feed does not send {}", absent.join(", ")));
    }
    // The ingest time of a recording and the topic's partition are constant by nature.
    let by_nature = ["status", "log_partition", "connection", "product_id", "ingest_time", "delay_s"];
    let constant = columns(&|row| {
        let named = row.text("column_name").is_some_and(|column| by_nature.contains(&column));
        !named && ticks > 1.0 && row.number("distinct_values") == Some(1.0)
    });
    if !constant.is_empty() {
        add(4, format!("Always the same: {}", constant.join(", ")));
    }
    found.sort_by_key(|warning| warning.rank);
    found
}

fn is_or_are(rows: f64, noun: &str) -> String {
    let verb = if rows == 1.0 { "is" } else { "are" };
    format!("{} {verb}", counted(rows as u64, noun))
}

/// Says how the ticks are: what is wrong, worst first.
pub fn verdict(facts: &Facts<'_>, faults: &[Warning]) -> Verdict {
    let (rows, ticks) = (facts.sum("rows"), facts.sum("ticks"));
    let products = counted(facts.products.iter().count() as u64, "product");
    if ticks == 0.0 {
        let headline = match rows {
            0.0 => "No tick has landed, so nothing is known.".into(),
            _ => format!("None of the {} is a tick: all are duplicate, late or ahead.", counted(rows as u64, "row")),
        };
        return Verdict { mood: Mood::Unknown, headline, sentences: faults.iter().map(Warning::sentence).collect() };
    }
    let size = format!("{} of {products}", counted(ticks as u64, "tick"));
    let wrong = faults.iter().filter(|fault| fault.rank <= 2).count();
    let (mood, headline) = match faults.first().map(|fault| fault.rank) {
        Some(0 | 1) => (Mood::Bad, format!("{} in the {size}.", counted(wrong as u64, "fault"))),
        Some(2) => (Mood::Unknown, format!("The {size} are usable, with {}.", counted(wrong as u64, "reservation"))),
        _ => (Mood::Good, format!("The {size} are sound.")),
    };
    let mut sentences: Vec<String> = faults.iter().take(MOST_SENTENCES).map(Warning::sentence).collect();
    if let Some(newest) = facts.newest {
        sentences.push(format!(
            "The newest tick is of {}, {} before this report.",
            instant(Some(newest)),
            span(facts.age())
        ));
    }
    Verdict { mood, headline, sentences }
}
