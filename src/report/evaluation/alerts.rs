//! What alerts at the threshold meet: the confusion matrix, episodes, the sweep over thresholds, and the worst of the errors.

use serde::Serialize;

use super::rate::{Rate, length};
use super::{named, share_of};
use crate::report::chart::{Axis, Chart, Figure, Key, Mark, Panel, Tone, Unit};
use crate::report::format::{self, count, number, percent};
use crate::report::query::{Row, Rows};

/// Right and wrong alerts on the judged rows.
#[derive(Debug, Clone, Copy)]
pub struct Confusion {
    pub hits: f64,
    pub false_alarms: f64,
    pub missed: f64,
    pub quiet: f64,
}

impl Confusion {
    pub fn read(rows: &Rows, split: &str) -> Option<Confusion> {
        let row = rows.find("split", split)?;
        Some(Confusion {
            hits: row.number("hits")?,
            false_alarms: row.number("false_alarms")?,
            missed: row.number("missed")?,
            quiet: row.number("quiet")?,
        })
    }

    /// Returns the share of the positives for which there was an alert; `None` if there are no positives.
    pub fn recall(&self) -> Option<f64> {
        let positives = self.hits + self.missed;
        (positives > 0.0).then(|| self.hits / positives)
    }

    /// Returns the share of right alerts; `None` if there are no alerts.
    pub fn precision(&self) -> Option<f64> {
        let alerts = self.hits + self.false_alarms;
        (alerts > 0.0).then(|| self.hits / alerts)
    }

    pub fn view(&self, caught: Option<String>) -> ConfusionView {
        let total = self.hits + self.false_alarms + self.missed + self.quiet;
        let cell = |part: f64| Cell { count: count(Some(part)), share: share_of(part, total) };
        ConfusionView {
            hits: cell(self.hits),
            false_alarms: cell(self.false_alarms),
            missed: cell(self.missed),
            quiet: cell(self.quiet),
            precision: percent(self.precision()),
            recall: percent(self.recall()),
            caught,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct ConfusionView {
    hits: Cell,
    false_alarms: Cell,
    missed: Cell,
    quiet: Cell,
    precision: String,
    recall: String,
    caught: Option<String>,
}

#[derive(Debug, Serialize)]
struct Cell {
    count: String,
    share: String,
}

/// Alerts and episodes of all products together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alerts {
    pub episodes: f64,
    pub caught: f64,
    pub in_time: f64,
    pub alerts: f64,
    pub false_alerts: f64,
    /// The hours that the rows of each product cover, added up.
    pub hours: f64,
    /// The median lead time, if there is one product.
    pub median_lead_s: Option<f64>,
}

impl Alerts {
    /// Adds up the products; `None` if the figures of one are not known.
    pub fn read(rows: &Rows) -> Option<Alerts> {
        let mut all = Alerts::default();
        let mut parts = 0;
        for row in rows.iter() {
            let number = |name: &str| row.number(name);
            all.episodes += number("episodes")?;
            all.caught += number("caught")?;
            all.in_time += number("in_time")?;
            all.alerts += number("alerts")?;
            all.false_alerts += number("false_alerts")?;
            all.hours += number("hours")?;
            all.median_lead_s = number("median_lead_s");
            parts += 1;
        }
        all.median_lead_s = all.median_lead_s.filter(|_| parts == 1);
        (parts > 0).then_some(all)
    }

    pub fn of_episodes(&self) -> String {
        format!("{} of {}", count(Some(self.caught)), count(Some(self.episodes)))
    }

    /// Says what a reader of the alerts would get, and why its episodes are not as many as those of all products `together`.
    pub fn told(&self, rate: Rate, together: Option<f64>) -> String {
        let sentence = self.sentence(rate);
        match together.filter(|together| *together != self.episodes) {
            Some(together) => format!(
                "{sentence} Here each product has episodes of its own; elsewhere on this page those of several products at one time are one, which \
                 makes {}.",
                count(Some(together))
            ),
            None => sentence,
        }
    }

    fn sentence(&self, rate: Rate) -> String {
        let told = |alerts: f64| number(rate.of_hourly((self.hours > 0.0).then(|| alerts / self.hours)));
        let lead = self
            .median_lead_s
            .map_or(String::new(), |lead| format!(" The median lead time of a caught one is {}.", length(Some(lead))));
        format!(
            "{} episodes drew an alert, {} of them in time. There are {} alerts {}, of which {} are false.{lead}",
            self.of_episodes(),
            count(Some(self.in_time)),
            told(self.alerts),
            rate.unit,
            told(self.false_alerts)
        )
    }
}

/// Returns the table of what alerting on the highest scores would give.
pub fn budget(rows: &Rows) -> Vec<Vec<String>> {
    let row = |row: Row<'_>| {
        vec![
            percent(row.number("share")),
            count(row.number("alerts")),
            number(row.number("lowest_score")),
            count(row.number("hits")),
            percent(row.number("precision")),
            percent(row.number("recall")),
        ]
    };
    rows.iter().map(row).collect()
}

/// Says what an episode and an alert are, for the tables that count them.
pub fn explained(horizon_s: Option<u64>) -> Option<String> {
    let horizon = length(Some(horizon_s? as f64));
    Some(format!(
        "Positive rows less than one horizon, {horizon}, apart are one episode. An alert stands for one horizon, and it is false if no row is \
         positive while it stands. An episode is caught if an alert stands at one of its rows; the lead time runs from that alert until one \
         horizon after the episode's first row."
    ))
}

/// Says that episodes do not tell the thresholds of a sweep apart, if they do not.
pub fn undecided(rows: &Rows) -> Option<&'static str> {
    let caught: Vec<(f64, f64)> =
        rows.iter().filter_map(|row| row.number("caught").zip(row.number("episodes"))).collect();
    let first = caught.first().filter(|first| caught.len() > 1 && caught.iter().all(|other| other == *first))?;
    (first.0 > 0.0)
        .then_some("Each of these thresholds catches the same number of episodes, so they differ in their alerts only.")
}

/// A table with its headings.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Returns the table of alerts and episodes by product.
pub fn by_product(rows: &Rows, has_parts: bool, rate: Rate) -> Listed {
    let mut columns =
        vec!["episodes".to_string(), "caught".into(), "in time".into(), "median lead".into(), "alerts".into()];
    columns.extend([format!("alerts {}", rate.unit), format!("false {}", rate.unit), rate.plural().into()]);
    columns.push("not known because".into());
    if has_parts {
        columns.insert(0, "product".into());
    }
    let cells = |row: Row<'_>| {
        let mut cells = vec![
            count(row.number("episodes")),
            count(row.number("caught")),
            count(row.number("in_time")),
            length(row.number("median_lead_s")),
            count(row.number("alerts")),
            number(rate.of_hourly(row.number("alerts_per_hour"))),
            number(rate.of_hourly(row.number("false_alerts_per_hour"))),
            number(rate.time(row.number("hours"))),
            row.text("reason").unwrap_or(format::UNKNOWN).into(),
        ];
        if has_parts {
            cells.insert(0, named(row.text("part").unwrap_or_default()));
        }
        cells
    };
    Listed { columns, rows: rows.iter().map(cells).collect() }
}

/// Returns every fourth threshold of the sweep; products are named if there are several, and alerts only if episodes are known.
pub fn sweep(rows: &Rows, several: bool, has_episodes: bool, rate: Rate) -> Listed {
    const EVERY: usize = 4;
    let mut columns = ["Threshold", "Alert rows", "Precision", "Recall", "F1"].map(String::from).to_vec();
    if has_episodes {
        columns.extend([format!("Alerts {}", rate.unit), format!("False {}", rate.unit)]);
        columns.extend(["Episodes caught", "Median lead"].map(String::from));
    }
    if several {
        columns.insert(0, "Product".into());
    }
    let cells = |row: Row<'_>| {
        let mut cells = vec![
            number(row.number("threshold")),
            count(row.number("alert_rows")),
            percent(row.number("precision")),
            percent(row.number("recall")),
            number(row.number("f1")),
        ];
        if has_episodes {
            let caught = format!("{} of {}", count(row.number("caught")), count(row.number("episodes")));
            cells.extend([
                number(rate.of_hourly(row.number("alerts_per_hour"))),
                number(rate.of_hourly(row.number("false_alerts_per_hour"))),
                caught,
                length(row.number("median_lead_s")),
            ]);
        }
        if several {
            cells.insert(0, named(row.text("part").unwrap_or_default()));
        }
        cells
    };
    let every = if several { 2 * EVERY } else { EVERY };
    Listed {
        columns,
        rows: rows.iter().enumerate().filter(|(place, _)| place % every == 0).map(|(_, row)| cells(row)).collect(),
    }
}

/// Draws false alerts against the share of episodes that are caught, a line a product.
pub fn trade_off(rows: &Rows, at: Option<&Alerts>, rate: Rate) -> Option<Figure> {
    const MOST_LINES: usize = 6;
    let mut parts: Vec<&str> = rows.iter().filter_map(|row| row.text("part")).collect();
    parts.dedup();
    let (mut marks, mut keys, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for (place, part) in parts.iter().take(MOST_LINES).enumerate() {
        let own = rows.iter().filter(|row| row.text("part") == Some(part));
        let point = |row: Row<'_>| rate.of_hourly(row.number("false_alerts_per_hour")).zip(row.number("caught_share"));
        let points: Vec<(f64, f64)> = own.filter_map(point).collect();
        if points.len() > 1 {
            ends.extend(points.iter().map(|(x, _)| *x));
            marks.push(Mark::Line { points, tone: Tone::of_series(place), dashed: false });
            let name = if part.is_empty() { "one point a threshold".into() } else { named(part) };
            keys.push(Key::line(name, Tone::of_series(place)));
        }
    }
    if marks.is_empty() {
        return None;
    }
    if let Some(at) = at.filter(|at| at.hours > 0.0 && at.episodes > 0.0 && parts.len() == 1) {
        let y = at.caught / at.episodes;
        let x = rate.of_hourly(Some(at.false_alerts / at.hours)).unwrap_or_default();
        marks.push(Mark::Dots { points: vec![(x, y, y, y)], tone: Tone::Bad });
        keys.push(Key::block("at the threshold", Tone::Bad));
    }
    let chart = Chart {
        id: "trade-off".into(),
        title: "False alerts and caught episodes".into(),
        description: format!(
            "The share of episodes that draw an alert against false alerts {}, one point a threshold.",
            rate.unit
        ),
        width: 520.0,
        x: Axis::fitted(format!("False alerts {}", rate.unit), Unit::Number, ends, true),
        panels: vec![Panel {
            height: 240.0,
            y: Some(Axis::new("", Unit::Share, 0.0, 1.0)),
            name: "Share of episodes caught".into(),
            marks,
        }],
        keys,
    };
    Some(chart.draw())
}

/// Says why the trade-off cannot be drawn although some rows are positive.
pub fn no_trade_off(rows: &Rows) -> &'static str {
    let parts: Vec<&str> = rows.iter().filter_map(|row| row.text("part")).collect();
    match parts.windows(2).any(|pair| pair[0] == pair[1]) {
        true => "Not known: the judged rows cover no time.",
        false => "There is one threshold only, so there is nothing to choose.",
    }
}

/// Returns the table of the worst errors.
pub fn worst(rows: &Rows, several: bool) -> Vec<Vec<String>> {
    let row = |row: Row<'_>| {
        let (first, last) = (row.integer("first_time"), row.integer("last_time"));
        let mut cells = vec![
            format::instant(first),
            format::span(first.zip(last).map(|(first, last)| last - first)),
            count(row.number("rows")),
            number(row.number("highest_score")),
        ];
        if several {
            cells.push(named(row.text("part").unwrap_or_default()));
        }
        cells
    };
    rows.iter().map(row).collect()
}
