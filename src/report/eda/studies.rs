//! The charts of the market study, each from the rows of one query.

use super::figures::histogram;
use crate::report::chart::{Axis, Cell, Chart, Figure, Key, Mark, Panel, Tone, Unit, with_day};
use crate::report::query::{Row, Rows};

const WIDE: f64 = 1080.0;
const NARROW: f64 = 520.0;
/// The number of steps into which the query of the timeline divides recorded time.
const STEPS: f64 = 900.0;
/// Steps between two stretches of recorded time; all together take at most a fifth of the chart.
const CUT: f64 = 10.0;
/// Steps that a label of the time axis takes.
const LABEL: f64 = 90.0;
/// Values in a row of a density.
const CELLS: f64 = 30.0;
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Returns price, volatility and spikes of a product over the recorded time.
pub fn timeline(id: &str, product: &str, rows: &Rows, tau: Option<f64>) -> Option<Figure> {
    let stretches = rows.iter().filter_map(|row| row.number("stretch")).reduce(f64::max)?;
    let cut = CUT.min(STEPS / 5.0 / stretches.max(1.0));
    let at = |row: &Row<'_>| Some(row.number("step")? + row.number("stretch")? * cut);
    let range = |low: &str, high: &str| {
        let mut spans: Vec<(f64, f64, f64)> = Vec::new();
        let mut previous: Option<(f64, f64)> = None;
        for row in rows.iter() {
            let (Some(x), Some(low), Some(high), Some(stretch)) =
                (at(&row), row.number(low), row.number(high), row.number("stretch"))
            else {
                continue;
            };
            if previous.is_some_and(|(before, in_stretch)| in_stretch != stretch || x - before > 3.0) {
                spans.push((f64::NAN, f64::NAN, f64::NAN));
            }
            spans.push((x + 0.5, low, high));
            previous = Some((x, stretch));
        }
        spans
    };
    let (mut places, mut cuts): (Vec<(f64, String)>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut stretch = None;
    for row in rows.iter() {
        let (Some(x), Some(first)) = (at(&row), row.integer("first_ns")) else { continue };
        if stretch.is_some() && stretch != row.integer("stretch") {
            cuts.push(x - cut / 2.0);
        }
        stretch = row.integer("stretch");
        if places.last().is_none_or(|(before, _)| x - before >= LABEL) {
            places.push((x, with_day(first)));
        }
    }
    let spikes = rows.iter().filter(|row| row.number("spikes").is_some_and(|spikes| spikes > 0.0));
    let spikes = spikes.filter_map(|row| at(&row).map(|x| (x, x + 1.0))).collect();
    let (price, vol) = (range("lowest_price", "highest_price"), range("lowest_vol", "highest_vol"));
    let ends = |spans: &[(f64, f64, f64)]| spans.iter().flat_map(|(_, low, high)| [*low, *high]).collect::<Vec<_>>();
    let cuts = || cuts.iter().map(|at| Mark::Moment { at: *at, label: String::new(), tone: Tone::Muted });
    let price_axis = Axis::fitted("", Unit::Number, ends(&price), false);
    let vol_axis = Axis::fitted("", Unit::Number, ends(&vol).into_iter().chain(tau), true);
    let level = tau.map(|at| Mark::Level { at, label: "tau".into(), tone: Tone::Muted });
    let chart = Chart {
        id: id.into(),
        title: product.into(),
        description: format!("Midprice, current volatility and spikes of {product} over the recorded time."),
        width: WIDE,
        x: Axis::new("Time, UTC", Unit::Places(places), 0.0, STEPS + stretches * cut),
        panels: vec![
            Panel {
                height: 170.0,
                y: Some(price_axis),
                name: "Midprice: lowest and highest of each step".into(),
                marks: cuts().chain([Mark::Range { spans: price, tone: Tone::First }]).collect(),
            },
            Panel {
                height: 110.0,
                y: Some(vol_axis),
                name: "Current volatility: lowest and highest of each step".into(),
                marks: cuts().chain([Mark::Range { spans: vol, tone: Tone::Third }]).chain(level).collect(),
            },
            Panel {
                height: 16.0,
                y: None,
                name: "Spike".into(),
                marks: vec![Mark::Spans { spans: spikes, tone: Tone::Missed }],
            },
        ],
        keys: vec![Key::block("a spike follows", Tone::Missed)],
    };
    Some(chart.draw())
}

/// Returns the distribution of a column of the query, with a rule at `mark`.
pub fn distribution(rows: &Rows, column: &str, title: &str, mark: Option<(f64, &str)>, tone: Tone) -> Option<Figure> {
    let row = rows.find("column_name", column)?;
    let (edges, shares) = (row.numbers("edges"), row.numbers("shares"));
    let axis = Axis::new("", Unit::Number, *edges.first()?, *edges.last()?);
    let Some((at, label)) = mark.filter(|(at, _)| *at > axis.from && *at < axis.to) else {
        return histogram(column, title, axis, edges, shares, tone);
    };
    let chart = Chart {
        id: column.into(),
        title: title.into(),
        description: format!("Distribution of {title}, with {label}."),
        width: NARROW,
        x: axis,
        panels: vec![Panel {
            height: 130.0,
            y: Some(Axis::fitted("", Unit::Share, shares.iter().copied(), true)),
            name: "Share of rows".into(),
            marks: vec![
                Mark::Steps { edges: edges.to_vec(), heights: shares.to_vec(), tone },
                Mark::Moment { at, label: label.into(), tone: Tone::Muted },
            ],
        }],
        keys: Vec::new(),
    };
    Some(chart.draw())
}

/// Returns how many rows have which pair of values.
pub fn density(id: &str, rows: &Rows, x: Axis, y: Axis) -> Option<Figure> {
    let most = rows.iter().filter_map(|row| row.number("rows")).reduce(f64::max)?;
    let (width, height) = ((x.to - x.from) / CELLS, (y.to - y.from) / CELLS);
    let cells = rows.iter().filter_map(|row| {
        let (across, up) = (x.from + row.number("across")? * width, y.from + row.number("up")? * height);
        // The logarithm shows rare pairs too.
        let shade = (1.0 + row.number("rows")?).ln() / (1.0 + most).ln();
        Some(Cell { x: (across, across + width), y: (up, up + height), shade, label: String::new() })
    });
    let chart = Chart {
        id: id.into(),
        title: format!("{} against {}", y.label, x.label),
        description: "How many rows have which pair of values; the fuller the colour, the more rows.".into(),
        width: NARROW,
        panels: vec![Panel {
            height: 240.0,
            name: y.label.clone(),
            marks: vec![Mark::Cells { cells: cells.collect(), tone: Tone::First, negative: Tone::Second }],
            y: Some(y),
        }],
        x,
        keys: Vec::new(),
    };
    Some(chart.draw())
}

/// Returns the share of rows that a spike follows by weekday and hour.
pub fn week(rows: &Rows) -> Option<Figure> {
    let share = |row: &Row<'_>| Some(row.number("spikes")? / row.number("rows").filter(|rows| *rows > 0.0)?);
    let most = rows.iter().filter_map(|row| share(&row)).reduce(f64::max)?;
    let mut days: Vec<i64> = rows.iter().filter_map(|row| row.integer("weekday")).collect();
    days.sort_unstable();
    days.dedup();
    let count = days.len() as f64;
    let cells = rows.iter().filter_map(|row| {
        let place = days.iter().position(|day| Some(*day) == row.integer("weekday"))? as f64;
        let (hour, bottom, share) = (row.number("hour")?, count - 1.0 - place, share(&row)?);
        let label = format!("{:.0}", share * 100.0);
        // An hour that was recorded without a spike differs from one that was not recorded.
        let shade = 0.06 + 0.94 * if most > 0.0 { share / most } else { 0.0 };
        Some(Cell { x: (hour + 0.03, hour + 0.97), y: (bottom + 0.05, bottom + 0.95), shade, label })
    });
    let mut names: Vec<(f64, String)> = Vec::new();
    for (place, day) in days.iter().enumerate() {
        let name = usize::try_from(*day).ok().and_then(|day| WEEKDAYS.get(day)).copied().unwrap_or_default();
        names.push((count - 0.5 - place as f64, name.into()));
    }
    names.reverse();
    let chart = Chart {
        id: "week".into(),
        title: "Rows that a spike follows, in percent, by weekday and hour".into(),
        description:
            "The share of rows that a spike follows, by weekday and hour; hours that were not recorded are empty."
                .into(),
        width: WIDE,
        x: Axis::new("Hour of the day, UTC", Unit::Number, 0.0, 24.0),
        panels: vec![Panel {
            height: 28.0 * count,
            y: Some(Axis::new("", Unit::Places(names), 0.0, count)),
            name: String::new(),
            marks: vec![Mark::Cells { cells: cells.collect(), tone: Tone::Missed, negative: Tone::Second }],
        }],
        keys: Vec::new(),
    };
    Some(chart.draw())
}

/// Returns the autocorrelation of volatility and of returns by minute, with the band in which 95 % of the values of noise lie.
pub fn autocorrelation(rows: &Rows) -> Option<Figure> {
    let line = |column: &str| -> Vec<(f64, f64)> {
        rows.iter().filter_map(|row| Some((row.number("lag")?, row.number(column)?))).collect()
    };
    let band: Vec<(f64, f64, f64)> = rows
        .iter()
        .filter_map(|row| {
            let half = 1.96 / row.number("pairs").filter(|pairs| *pairs > 0.0)?.sqrt();
            Some((row.number("lag")?, -half, half))
        })
        .collect();
    let (volatility, returns) = (line("volatility"), line("returns"));
    let last = volatility.last()?.0;
    let values =
        volatility.iter().chain(&returns).map(|(_, value)| *value).chain(band.iter().flat_map(|(_, a, b)| [*a, *b]));
    let chart = Chart {
        id: "autocorrelation".into(),
        title: "Autocorrelation by minute".into(),
        description: "The correlation of the logarithm of a minute's realized volatility, and of its return, with those of a later minute.".into(),
        width: WIDE,
        x: Axis::new("Minutes later", Unit::Number, 0.0, last),
        panels: vec![Panel {
            height: 220.0,
            y: Some(Axis::fitted("", Unit::Number, values, true)),
            name: "Correlation".into(),
            marks: vec![
                Mark::Band { spans: band, tone: Tone::Muted },
                Mark::Line { points: volatility, tone: Tone::First, dashed: false },
                Mark::Line { points: returns, tone: Tone::Second, dashed: true },
            ],
        }],
        keys: vec![
            Key::line("log volatility", Tone::First),
            Key::dash("return", Tone::Second),
            Key::block("95 % of noise", Tone::Muted),
        ],
    };
    Some(chart.draw())
}

/// Returns ticks and spread around the first spike row of an episode, means with their 95 % intervals.
pub fn surroundings(rows: &Rows, horizon: Option<f64>) -> Option<Figure> {
    let first = rows.first()?;
    let panel = |name: &str, column: &str, error: &str, usual: &str, tone: Tone| {
        let points: Vec<(f64, f64)> =
            rows.iter().filter_map(|row| Some((row.number("seconds")? + 5.0, row.number(column)?))).collect();
        let band: Vec<(f64, f64, f64)> = rows
            .iter()
            .filter_map(|row| {
                let (at, mean, half) = (row.number("seconds")? + 5.0, row.number(column)?, 1.96 * row.number(error)?);
                Some((at, (mean - half).max(0.0), mean + half))
            })
            .collect();
        let usual = first.number(usual);
        let highest = band.iter().map(|(_, _, high)| *high);
        let axis =
            Axis::fitted("", Unit::Number, points.iter().map(|(_, mean)| *mean).chain(highest).chain(usual), true);
        let level = usual.map(|at| Mark::Level { at, label: "usual".into(), tone: Tone::Muted });
        let mut marks = vec![Mark::Band { spans: band, tone }];
        let onset = |at: f64, label: &str| Mark::Moment { at, label: label.into(), tone: Tone::Muted };
        marks.push(onset(0.0, "first spike row"));
        marks.extend(horizon.filter(|horizon| *horizon < 300.0).map(|horizon| onset(horizon, "its horizon ends")));
        marks.extend(level);
        marks.push(Mark::Line { points, tone, dashed: false });
        Panel { height: 130.0, y: Some(axis), name: name.into(), marks }
    };
    let chart = Chart {
        id: "surroundings".into(),
        title: "Around the start of an episode".into(),
        description: "Mean ticks and mean spread from five minutes before the first spike row of an episode to five minutes after it, with 95 % intervals.".into(),
        width: WIDE,
        x: Axis::new("Seconds after the first spike row", Unit::Number, -300.0, 300.0),
        panels: vec![
            panel("Ticks in 10 s", "ticks", "ticks_error", "usual_ticks", Tone::First),
            panel("Spread, hundredths of a percent of the midprice", "spread_bp", "spread_error", "usual_spread_bp", Tone::Third),
        ],
        keys: vec![Key::line("mean over episodes", Tone::First), Key::block("95 % interval", Tone::First)],
    };
    Some(chart.draw())
}
