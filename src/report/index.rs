//! The index page: the reports in a folder with their verdicts, and how the figures of the models changed over the runs.
//!
//! In: the folder of reports, and the table `runs`. Out: HTML with links.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::DateTime;
use futures::future::BoxFuture;
use serde::Serialize;

use super::chart::{Axis, Chart, Figure, Key, Mark, Panel, Tone, Unit};
use super::format;
use super::query::{Query, Rows};
use super::sources::built_in;
use super::{About, Argument, Arguments, Error, Mood, Needs, Page, Report, Request, Verdict};
use crate::text::counted;

/// The report `index`.
pub struct Index;

/// The name of the report.
pub const NAME: &str = "index";

/// The argument that names the folder.
pub const FOLDER: &str = "folder";

const FILE: &str = "index.html";

/// The most models that the trend shows.
const MOST_MODELS: usize = 6;

impl Report for Index {
    fn about(&self) -> &'static About {
        &About {
            name: NAME,
            description: "The reports that there are, with their verdicts, and how the models' figures changed over the runs",
            file: FILE,
            arguments: &[Argument {
                name: FOLDER,
                value: "DIR",
                help: "The folder of the reports [default: out in the folder of the setting paths.reports]",
            }],
            sources: built_in!["index.html", "index/runs.sql"],
        }
    }

    fn needs(&self, _arguments: &Arguments) -> Needs {
        Needs::Nothing
    }

    fn make<'a>(&'a self, request: &'a Request<'_>) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            request.sources.check(NAME, self.about().sources)?;
            let pages = pages(Path::new(request.argument(FOLDER).unwrap_or(".")))?;
            let query = request.query("index/runs.sql", &[])?;
            let rows = query.rows(request.context).await?;
            let verdict = verdict(&pages);
            let line = verdict.headline.clone();
            let view = View {
                title: "Reports",
                generated_at: format::minute(request.generated_at),
                version: env!("CARGO_PKG_VERSION"),
                verdict,
                pages,
                trend: trend(&rows),
                query,
            };
            let html = request.sources.render(FILE, &view)?;
            Ok(Page { html, markdown: None, verdict: line, warnings: Vec::new(), conditions: Vec::new() })
        })
    }
}

/// The values for the template.
#[derive(Debug, Serialize)]
struct View {
    title: &'static str,
    generated_at: String,
    version: &'static str,
    verdict: Verdict,
    pages: Vec<Entry>,
    trend: Option<Figure>,
    query: Query,
}

/// A report in the folder, by what its page says of itself.
#[derive(Debug, PartialEq, Serialize)]
struct Entry {
    file: String,
    title: String,
    date: String,
    description: String,
    mood: String,
}

fn verdict(pages: &[Entry]) -> Verdict {
    let bad: Vec<&str> = pages.iter().filter(|page| page.mood == "bad").map(|page| page.title.as_str()).collect();
    let all = counted(pages.len() as u64, "report");
    let (mood, headline) = match (pages.len(), bad.len()) {
        (0, _) => (Mood::Unknown, "There are no reports yet.".to_string()),
        (_, 0) if pages.iter().any(|page| page.mood == "good") => {
            (Mood::Good, format!("{all}, none with a bad verdict."))
        }
        (_, 0) => (Mood::Unknown, format!("{all}.")),
        (_, _) => (Mood::Bad, format!("{all}; look at {} first.", bad.join(" and "))),
    };
    Verdict { mood, headline, sentences: Vec::new() }
}

/// Returns the reports of a folder by their files' names, without the index itself.
fn pages(folder: &Path) -> Result<Vec<Entry>, Error> {
    let failed = |source| Error::Read { path: folder.into(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut pages = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == FILE || name.starts_with('.') || path.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        pages.extend(entry_of(name, &text));
    }
    pages.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(pages)
}

/// Reads what a page says of itself; `None` if squall did not write it.
fn entry_of(file: String, page: &str) -> Option<Entry> {
    let head = page.split_once("<style>")?.0;
    let meta = |name: &str| {
        let (_, rest) = head.split_once(&format!("<meta name=\"{name}\" content=\""))?;
        Some(unescaped(rest.split_once('"')?.0))
    };
    meta("generator").filter(|generator| generator.starts_with("squall "))?;
    let title = head.split_once("<title>")?.1.split_once("</title>")?.0;
    Some(Entry {
        title: unescaped(title.strip_suffix(" · squall").unwrap_or(title)),
        date: meta("date").unwrap_or_default(),
        description: meta("description").unwrap_or_default(),
        mood: meta("mood").unwrap_or_else(|| "unknown".into()),
        file,
    })
}

/// Undoes the escapes of a page.
fn unescaped(text: &str) -> String {
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")];
    escapes.iter().fold(text.into(), |text, (escape, character)| text.replace(escape, character))
}

/// Draws the average precision of each model over its runs; `None` if no model ran twice.
fn trend(rows: &Rows) -> Option<Figure> {
    let mut models: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for row in rows.iter() {
        let (Some(model), Some(at), Some(value)) =
            (row.text("model"), row.integer("started_at"), row.number("average_precision"))
        else {
            continue;
        };
        if !order.contains(&model) {
            order.push(model);
        }
        models.entry(model).or_default().push((at as f64, value));
    }
    if !models.values().any(|points| points.len() > 1) {
        return None;
    }
    order.truncate(MOST_MODELS);
    let shown: Vec<&Vec<(f64, f64)>> = order.iter().filter_map(|model| models.get(model)).collect();
    let times = || shown.iter().flat_map(|points| points.iter().map(|(at, _)| *at));
    let (from, to) = (times().fold(f64::INFINITY, f64::min), times().fold(f64::NEG_INFINITY, f64::max));
    let places = places(from as i64, to as i64);
    let marks = shown.iter().enumerate().map(|(index, points)| Mark::Line {
        points: points.to_vec(),
        tone: Tone::of_series(index),
        dashed: false,
    });
    let dots = shown.iter().enumerate().map(|(index, points)| Mark::Dots {
        points: points.iter().map(|(at, value)| (*at, *value, *value, *value)).collect(),
        tone: Tone::of_series(index),
    });
    let values = shown.iter().flat_map(|points| points.iter().map(|(_, value)| *value));
    let chart = Chart {
        id: "trend".into(),
        title: "Average precision on the test rows, by run".into(),
        description:
            "The average precision of each model on the test rows, over the times at which it was trained or evaluated."
                .into(),
        width: 1080.0,
        x: Axis::new("", Unit::Places(places), from, to),
        panels: vec![Panel {
            height: 200.0,
            y: Some(Axis::fitted("", Unit::Number, values, true)),
            name: "Average precision".into(),
            marks: marks.chain(dots).collect(),
        }],
        keys: order.iter().enumerate().map(|(index, model)| Key::line(*model, Tone::of_series(index))).collect(),
    };
    Some(chart.draw())
}

/// Returns the labels of the first and the last time, and of the one between them, with as many digits as tell them apart.
fn places(from: i64, to: i64) -> Vec<(f64, String)> {
    let mut times = vec![from, from + (to - from) / 2, to];
    times.dedup();
    let label = |at: &i64, pattern: &str| DateTime::from_timestamp_nanos(*at).format(pattern).to_string();
    let labels = |pattern: &str| times.iter().map(|at| label(at, pattern)).collect::<Vec<_>>();
    let apart = |labels: &[String]| labels.windows(2).all(|pair| pair[0] != pair[1]);
    let patterns = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.3f"];
    let labels = patterns.into_iter().map(labels).find(|labels| apart(labels));
    let labels = labels.unwrap_or_else(|| times.iter().map(|at| label(at, "%Y-%m-%d %H:%M:%S%.9f")).collect());
    times.iter().map(|at| *at as f64).zip(labels).collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, entry_of, pages, places, verdict};
    use crate::report::Mood;

    const PAGE: &str = "<html><head>\n<meta name=\"generator\" content=\"squall 0.1.0\">\n<meta name=\"date\" content=\"2026-11-27 05:24 UTC\">\n\
        <meta name=\"description\" content=\"It&#x27;s worse: 0.1 &lt; 0.2.\">\n<meta name=\"mood\" content=\"bad\">\n<title>Evaluation · squall</title>\n<style>";

    #[test]
    fn a_page_says_what_it_is() {
        let entry = entry_of("evaluation.html".into(), PAGE).unwrap();
        let expected = Entry {
            file: "evaluation.html".into(),
            title: "Evaluation".into(),
            date: "2026-11-27 05:24 UTC".into(),
            description: "It's worse: 0.1 < 0.2.".into(),
            mood: "bad".into(),
        };
        assert_eq!(entry, expected);
        assert_eq!(entry_of("other.html".into(), "<html><title>x</title><style>"), None);
        let verdict = verdict(&[entry]);
        assert_eq!((verdict.mood, verdict.headline.as_str()), (Mood::Bad, "1 report; look at Evaluation first."));
    }

    #[test]
    fn the_labels_of_runs_within_a_minute_differ() {
        let labels = |from, to| places(from, to).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        let minute = 60_000_000_000;
        assert_eq!(labels(0, 4 * minute), ["1970-01-01 00:00", "1970-01-01 00:02", "1970-01-01 00:04"]);
        let of_seconds = ["1970-01-01 00:00:00", "1970-01-01 00:00:20", "1970-01-01 00:00:40"];
        assert_eq!(labels(0, 40_000_000_000), of_seconds);
        assert_eq!(labels(0, 8_000_000)[1], "1970-01-01 00:00:00.004");
        assert_eq!(labels(0, 8_000)[1], "1970-01-01 00:00:00.000004000");
        assert_eq!(labels(7, 7).len(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_reports() {
        assert_eq!(pages("no/such/folder".as_ref()).unwrap(), []);
    }
}
