//! The figures of parts of the judged rows: by product, hour, regime, fold, and by a column that was asked for.

use serde::Serialize;

use super::frame::Frame;
use super::named;
use crate::report::Error;
use crate::report::format::{UNKNOWN, count, number, percent};
use crate::report::query::{Literal, Query, Row, Rows};
use crate::text::literal;

/// A table of the figures by one thing.
#[derive(Debug, Serialize)]
pub struct Slices {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// What a reader should know about the table.
    note: Option<String>,
    query: Query,
}

/// What the rows are cut by.
struct Cut {
    title: String,
    by: String,
    slice: String,
    source: String,
    order: &'static str,
}

const THIRDS: &str = "CASE slice WHEN 'lowest third' THEN 1 WHEN 'middle third' THEN 2 ELSE 3 END";

/// Returns the tables. One with a single slice says nothing and is left out.
pub async fn slices(frame: &Frame<'_>) -> Result<Vec<Slices>, Error> {
    let subject = frame.subject;
    let rows = frame.rows.clone();
    let cut = |title: &str, by: &str, slice: &str, order| Cut {
        title: title.into(),
        by: by.into(),
        slice: slice.into(),
        source: rows.clone(),
        order,
    };
    let mut cuts = Vec::new();
    if let Some(by) = &subject.by {
        cuts.push(cut(&format!("By {}", named(by)), "the column that was asked for", "by_value", "rows DESC, slice"));
    }
    if subject.has_parts {
        cuts.push(cut("By product", "product", "part", "rows DESC, slice"));
    }
    if subject.has_fold {
        cuts.push(cut("By fold", "fold", "fold", "length(slice), slice"));
    }
    if subject.time.is_some() {
        cuts.push(cut(
            "By hour of the day, UTC",
            "hour of the day",
            "lpad(CAST(date_part('hour', time) AS VARCHAR), 2, '0')",
            "slice",
        ));
    }
    if subject.has_baseline {
        let baseline = subject.scores[1].column();
        cuts.push(Cut {
            title: format!("By the score of {}", named(&subject.scores[1].name)),
            by: "how high the baseline's score is, in thirds of the rows".into(),
            slice: "CASE regime WHEN 1 THEN 'lowest third' WHEN 2 THEN 'middle third' ELSE 'highest third' END".into(),
            source: format!(
                "(SELECT *, ntile(3) OVER (ORDER BY {baseline}, clock) AS regime FROM {} WHERE split = {} AND {baseline} IS NOT NULL)",
                frame.rows,
                literal(&frame.split)
            ),
            order: THIRDS,
        });
    }
    let mut all = Vec::new();
    for cut in cuts {
        all.extend(table(frame, cut).await?);
    }
    Ok(all)
}

async fn table(frame: &Frame<'_>, cut: Cut) -> Result<Option<Slices>, Error> {
    const MOST: usize = 30;
    let values = [
        ("by", Literal::Sql(&cut.by)),
        ("slice", Literal::Sql(&cut.slice)),
        ("source", Literal::Sql(&cut.source)),
        ("order", Literal::Sql(cut.order)),
    ];
    let query = frame.query("slices", &values)?;
    let rows = query.rows(frame.request.context).await?;
    let slices = rows.iter().count();
    if slices < 2 {
        return Ok(None);
    }
    let has_episodes = frame.subject.has_episodes();
    let has_baseline = frame.subject.has_baseline;
    let mut columns = vec![cut.title.trim_start_matches("By ").to_string(), "Rows".into(), "Positive".into()];
    if has_episodes {
        columns.push("Episodes".into());
    }
    columns.extend(["Guessing", "Average precision", "95 % interval"].map(String::from));
    if has_baseline {
        columns.push(named(&frame.subject.scores[1].name));
    }
    let cells = |row: Row<'_>| {
        let mut cells = vec![
            named(row.text("slice").unwrap_or_default()),
            count(row.number("rows")),
            count(row.number("positives")),
        ];
        if has_episodes {
            cells.push(count(row.number("episodes")));
        }
        let interval = row.number("low").zip(row.number("high"));
        cells.extend([
            number(row.number("prevalence")),
            number(row.number("average_precision")),
            interval.map_or(UNKNOWN.into(), |(low, high)| format!("{} to {}", number(Some(low)), number(Some(high)))),
        ]);
        if has_baseline {
            cells.push(number(row.number("baseline_average_precision")));
        }
        cells
    };
    Ok(Some(Slices {
        rows: rows.iter().map(cells).collect(),
        note: (slices == MOST).then(|| format!("The first {MOST} are shown.")).or_else(|| weakest(&rows)),
        title: cut.title,
        columns,
        query,
    }))
}

/// Says where the model ranks worse than the baseline, as far as the rows tell.
fn weakest(rows: &Rows) -> Option<String> {
    let worse: Vec<String> = rows
        .iter()
        .filter(|row| {
            let pair = row.number("average_precision").zip(row.number("baseline_average_precision"));
            pair.is_some_and(|(ours, theirs)| ours < theirs)
        })
        .filter_map(|row| row.text("slice").map(named))
        .collect();
    let known = rows.iter().filter(|row| row.number("average_precision").is_some()).count();
    match (worse.len(), known) {
        (_, 0) => None,
        (0, _) => {
            Some("In each of them with a positive row, the model is at least as good as what it has to beat.".into())
        }
        (some, _) => {
            let share = percent(Some(some as f64 / known as f64));
            let names = worse.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
            let more = if some > 8 { " and others" } else { "" };
            Some(format!("It is worse than what it has to beat in {some} of {known} ({share}): {names}{more}."))
        }
    }
}
