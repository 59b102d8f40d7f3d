//! The sections of the card about the model itself: each from its queries, with the sentences that make the figures readable. A sentence
//! stands only where it is true of the model.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{Section, Table};
use crate::report::Error;
use crate::report::evaluation::Judgement;
use crate::report::format;
use crate::report::query::Rows;
use crate::text::{counted, grouped};

/// The query from which the models of the default project learn.
const TRAINING_ROWS: &str = "spike_training";

impl Facts<'_> {
    /// What the model is for, and what it is not for.
    pub fn purpose(&self) -> Section {
        let is_of_spikes = self.is_of_spikes();
        let (name, model_type, label) = (&self.name, self.text("model_type"), self.text("label"));
        let (event, what) = if is_of_spikes { ("a spike".into(), "moments") } else { (label.clone(), "rows") };
        let score = match self.model.first().and_then(|row| row.flag("probability")) {
            Some(true) => format!("the probability of {event}, between 0 and 1"),
            _ => format!("a number that ranks {what} by risk; it is not a probability"),
        };
        let products = self.known("products");
        let of = products.as_ref().map(|products| format!(" of {products}")).unwrap_or_default();
        let mut texts = Vec::new();
        if is_of_spikes {
            texts.push(format!(
                "{name} is a {model_type} model. For each moment{of} it gives a score: {score}. A spike means that the volatility of the next {} reaches a fixed level, tau.",
                self.text("horizon")
            ));
            texts.push("Use it to warn people who watch a market, and to rank moments by risk.".into());
        } else {
            texts.push(format!("{name} is a {model_type} model. For each row{of} it gives a score: {score}."));
        }
        let other: Vec<String> = [
            products.map(|products| format!("for other products than {products}")),
            self.known("horizon").map(|horizon| format!("for another horizon than {horizon}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let not_for = match other.as_slice() {
            [] => "It is not made for rows of another kind than those from which it learned.".into(),
            some => format!("It is not made {}.", some.join(", and not ")),
        };
        let of_market = [
            "It says nothing about the direction of the price.",
            "A person should stand between an alert and an order. Nobody has measured what it costs to act on a false alert.",
        ];
        let mut points: Vec<String> = of_market.iter().filter(|_| is_of_spikes).map(|text| text.to_string()).collect();
        points.insert(points.len().min(1), not_for);
        points.push("Scores are not comparable between models, nor between versions of one model.".into());
        Section { title: "What it is for", texts, points, ..Section::default() }
    }

    /// Returns the reasons for which rows were left out of the training, each with its rows, and the sum if there are several.
    fn skipped(&self) -> Vec<Vec<String>> {
        // The fact without a reason is the sum.
        let (sums, reasons): (Vec<_>, Vec<_>) =
            self.part("skipped").into_iter().partition(|(reason, _, _)| reason.is_empty());
        let sum = sums.into_iter().map(|(_, _, rows)| rows).find(|rows| rows != "0");
        let mut rows: Vec<Vec<String>> = reasons.into_iter().map(|(reason, _, rows)| vec![reason, rows]).collect();
        match (rows.len(), sum) {
            (0, Some(sum)) => rows.push(vec!["not recorded".into(), sum]),
            (2.., Some(sum)) => rows.push(vec!["in all".into(), sum]),
            _ => {}
        }
        rows
    }

    /// What the model learned from, and where the data has holes.
    pub async fn data(&self) -> Result<Section, Error> {
        let mut by_split: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (split, fact, value) in self.part("split") {
            by_split.entry(split).or_default().insert(fact, value);
        }
        let order = ["train", "validation", "test"];
        let headings = ["rows", "positives", "from", "to"];
        let row = |split: &str| {
            let facts = by_split.get(split)?;
            let cell = |fact: &str| facts.get(fact).cloned().unwrap_or(format::UNKNOWN.into());
            Some([split.to_string()].into_iter().chain(headings.map(cell)).collect())
        };
        let rows: Vec<Vec<String>> = order.iter().filter_map(|split| row(split)).collect();
        let splits =
            Table::new("Rows by split", ["split"].into_iter().chain(headings), rows, "The splits are not recorded.");
        let skipped =
            Table::new("Rows left out", ["reason", "rows"].into_iter(), self.skipped(), "No row was left out.");
        let mut section = Section {
            title: "The data and its holes",
            texts: vec![self.learned_from()],
            tables: vec![splits, skipped],
            queries: self.queries.clone(),
            ..Section::default()
        };
        if self.is_of_spikes() && self.has_table("ticks") {
            let ticks = self.query("ticks", &[])?;
            let columns = [
                ("product_id", "product"),
                ("first_ts", "first tick"),
                ("last_ts", "last tick"),
                ("ticks", "ticks"),
                ("hours", "hours"),
                ("silences", "silences"),
                ("silent_hours", "hours of silence"),
                ("longest_minutes", "longest, minutes"),
            ];
            section.tables.push(Table::of(
                "Ticks by product",
                &columns,
                &self.rows(&ticks).await?,
                "There are no ticks.",
            ));
            section.texts.push("A silence is a time without a tick of the product, longer than the limit in the query. Features whose window crosses a silence are NULL, and rows with a NULL are left out.".into());
            section.queries.push(ticks);
        }
        Ok(section)
    }

    /// The features with their formulas.
    pub async fn features(&self) -> Result<Section, Error> {
        let preparation = ["standardisation", "imputation", "encoding"];
        let said = preparation.iter().filter_map(|fact| {
            let value = self.fact("preparation", fact)?;
            Some(format!("{}{}: {value}.", fact[..1].to_uppercase(), &fact[1..]))
        });
        let mut section = Section { title: "Features", points: said.collect(), ..Section::default() };
        let weights = self.query("weights", &[])?;
        let used = self.rows(&weights).await?;
        let used: Vec<&str> =
            used.iter().filter_map(|row| row.text("feature")).filter(|name| *name != "__INTERCEPT__").collect();
        let features = match self.has_table("squall_columns") {
            true => Some(self.query("features", &[])?),
            false => None,
        };
        let found = match &features {
            Some(query) => self.rows(query).await?,
            None => Rows::default(),
        };
        // A text gives several features, each named `column=category`.
        let is_used = |name: &str| used.iter().any(|used| *used == name || used.starts_with(&format!("{name}=")));
        let cells = found
            .iter()
            .filter(|row| row.text("feature").is_some_and(is_used))
            .map(|row| ["feature", "formula", "lookback", "made_from"].map(|column| row.shown(column)).to_vec());
        let cells: Vec<Vec<String>> = cells.collect();
        let Some(features) = features.filter(|_| !cells.is_empty()) else {
            section
                .texts
                .push(format!("It reads {}. Their formulas are not known outside of a SQL project.", used.join(", ")));
            section.queries.push(weights);
            return Ok(section);
        };
        let headings = ["`feature`", "`formula`", "looks back", "made from (unit)"];
        section.tables.push(Table::new("Features", headings.into_iter(), cells, ""));
        section.texts.push("A feature looks back only, and the project's lint refuses one that looks forward.".into());
        section.queries.push(features);
        Ok(section)
    }

    fn learned_from(&self) -> String {
        let number = |column: &str| self.model.first().and_then(|row| row.integer(column)).map(i64::unsigned_abs);
        let rows = number("training_rows").map_or("an unknown number of rows".into(), |rows| counted(rows, "row"));
        let positives = number("training_positives").map_or(String::new(), |positives| {
            let (is, what) = match (positives, self.is_of_spikes()) {
                (1, true) => ("is", "a spike"),
                (_, true) => ("are", "spikes"),
                (1, false) => ("is", "positive"),
                (_, false) => ("are", "positive"),
            };
            format!(", of which {} {is} {what}", grouped(positives))
        });
        let period = self.known("training_from").zip(self.known("training_to"));
        let period = period.map_or(String::new(), |(from, to)| format!(", from {from} to {to}"));
        format!("It learned from {rows}{positives}{period}.")
    }

    /// The label and tau.
    pub fn label(&self) -> Section {
        let queries: Vec<String> = self
            .part("label")
            .into_iter()
            .filter(|(_, fact, _)| fact == "horizon")
            .map(|(name, _, horizon)| format!("the query {name}, {horizon} ahead"))
            .collect();
        let is_of_spikes = self.is_of_spikes();
        let mut label = format!("The label is the column {}.", self.text("label"));
        if !queries.is_empty() {
            label += &format!(" It comes from {}", queries.join(" and "));
            label += if is_of_spikes { ": it says whether the volatility after the row reaches tau." } else { "." };
        }
        let mut texts = vec![label];
        texts.extend(self.known("tau").filter(|_| is_of_spikes).map(|tau| format!(
            "Tau is {tau}. It is a quantile of the volatility over the training rows only, so about the same share of training rows are spikes by definition. On other days the share may be far from it.",
        )));
        if is_of_spikes {
            texts.push("Neighbouring rows share most of their windows. Spikes less than one horizon apart are therefore one episode, and the number of episodes says how much evidence there is.".into());
        }
        let title = if is_of_spikes { "Label and tau" } else { "Label" };
        Section { title, texts, ..Section::default() }
    }

    /// How the model was judged.
    pub fn protocol(&self, judged: &Judgement) -> Section {
        let mut texts: Vec<String> = Vec::new();
        let is_split = self.had("validation") || self.had("test");
        texts.push(match (is_split, self.is_of_spikes()) {
            (true, true) => "Rows are split in order of time into training, validation and test rows. Rows whose label reaches into the next split are left out. The model is fitted to training rows only, the threshold is chosen on validation rows, and test rows only measure.".into(),
            (true, false) => "Each row names its split. The model is fitted to training rows only, the threshold is chosen on validation rows, and test rows only measure.".into(),
            (false, _) => "No rows were set aside: each row of its training trained the model.".into(),
        });
        texts.push(if judged.has_naive_rule {
            match self.is_of_spikes() {
                true => "The naive rule takes the volatility of the last minute as the score. A model that does not beat it has learned nothing of use.".into(),
                false => "The naive rule takes one column as the score. A model that does not beat it has learned nothing of use.".into(),
            }
        } else if judged.baseline == "guessing" {
            "No model of the naive rule could be compared, so the model has to beat guessing: a score that is the same for each row, whose average precision is the prevalence.".into()
        } else {
            format!("The model has to beat {}.", judged.baseline)
        });
        texts.push(match judged.has_time {
            true => format!("Figures have 95 % intervals by a moving-block bootstrap over time, which keeps neighbouring rows together. The difference to {} is measured on the same resamples. The verdict says yes or no only with 10 {}s or more, and if the interval leaves out 0.", judged.baseline, judged.event),
            false => format!("There is no time column, so intervals take rows as independent of each other. The difference to {} is measured on the same resamples. The verdict says yes or no only with 10 positive rows or more, and if the interval leaves out 0.", judged.baseline),
        });
        if judged.learned {
            texts.push("The rows that judge it here are those from which it learned. So the figures flatter it, and they do not say how good it is on new rows.".into());
        }
        texts.extend(judged.left_out.iter().map(|note| format!("{note}.")));
        texts.push("The rows that judge it here are those of this query:".into());
        Section { title: "How it was judged", texts, code: vec![judged.rows.clone()], ..Section::default() }
    }

    /// How to make the model and this card again.
    pub async fn reproduction(&self, remake: &str) -> Result<Section, Error> {
        let made = [
            ("squall".to_string(), self.text("squall_version")),
            ("git commit".to_string(), self.fact("source", "git_commit").unwrap_or(format::UNKNOWN.into())),
            ("trained at".to_string(), self.text("created_at")),
        ];
        let options = self.part("option").into_iter().map(|(name, _, value)| (format!("option {name}"), value));
        let constants = self.part("constant").into_iter().map(|(name, _, value)| (format!("column {name}"), value));
        let rows = made.into_iter().chain(options).chain(constants).map(|(name, value)| vec![name, value]).collect();
        let fingerprints = self.part("query").into_iter().map(|(name, _, value)| vec![name, value]).collect();
        let read: Vec<String> = self.part("query").into_iter().map(|(name, _, _)| name).collect();
        let (first, commands) = match read.iter().any(|name| name == TRAINING_ROWS) {
            true => (
                "Land the same ticks, then run these commands with the same version.",
                format!("squall land\nsquall run +{TRAINING_ROWS}\nsquall train {}\n", self.name),
            ),
            false if !read.is_empty() => {
                ("Run these commands on the same data with the same version.", format!("squall train {}\n", self.name))
            }
            false => {
                ("Run the statement below on the same rows with the same version, then this command.", String::new())
            }
        };
        let fingerprinted =
            if read.is_empty() { "" } else { " The fingerprints tell whether a query has changed since." };
        let mut section = Section {
            title: "How to reproduce it",
            texts: vec![format!("{first}{fingerprinted} The SQL below is the statement that made the model.")],
            tables: vec![
                Table::new("Made with", ["what", "value"].into_iter(), rows, ""),
                Table::new(
                    "Fingerprints of the queries",
                    ["query", "`fingerprint`"].into_iter(),
                    fingerprints,
                    "The rows did not come from a SQL project.",
                ),
            ],
            code: vec![format!("{commands}{remake}"), self.text("sql")],
            ..Section::default()
        };
        if self.has_table("squall_queries") && !read.is_empty() {
            let queries = self.query("queries", &[])?;
            let found = self.rows(&queries).await?;
            let cells = found
                .iter()
                .filter(|row| row.text("name").is_some_and(|name| read.iter().any(|read| read == name)))
                .map(|row| ["name", "kind", "description"].map(|column| row.shown(column)).to_vec());
            section.tables.push(Table::new(
                "What each query is",
                ["query", "kind", "description"].into_iter(),
                cells.collect(),
                "The project has none of them.",
            ));
            section.queries.push(queries);
        }
        Ok(section)
    }
}
