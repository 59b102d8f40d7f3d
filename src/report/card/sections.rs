//! The sections of the card: each from its queries, with the sentences that make the figures readable.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{Section, Table};
use crate::report::Error;
use crate::report::format;
use crate::report::query::{Literal, Query, Rows};
use crate::text::counted;

/// The headings of figures with an interval.
const BASELINES: &[(&str, &str)] = &[
    ("model", "model"),
    ("role", "role"),
    ("rows", "rows"),
    ("episodes", "episodes"),
    ("average_precision", "average precision"),
    ("average_precision_low", "low"),
    ("average_precision_high", "high"),
    ("difference", "above the naive rule"),
    ("difference_low", "low"),
    ("difference_high", "high"),
    ("share_better", "share of resamples better"),
    ("verdict", "verdict"),
];

impl Facts<'_> {
    /// What the model is for, and what it is not for.
    pub fn purpose(&self) -> Section {
        let score = match self.model.first().and_then(|row| row.flag("probability")) {
            Some(true) => "the probability of a spike, between 0 and 1",
            _ => "a number that ranks moments by risk; it is not a probability",
        };
        let (horizon, products) = (self.text("horizon"), self.products());
        Section {
            title: "What it is for",
            texts: vec![
                format!(
                    "{} is a {} model. For each moment of {products} it gives a score: {score}. A spike means that the volatility of the next {horizon} reaches a fixed level, tau.",
                    self.name,
                    self.text("model_type")
                ),
                "Use it to warn people who watch a market, and to rank moments by risk.".into(),
            ],
            points: vec![
                "It says nothing about the direction of the price.".into(),
                format!("It is not made for other products than {products}, and not for another horizon than {horizon}."),
                "A person should stand between an alert and an order. Nobody has measured what it costs to act on a false alert.".into(),
                "Scores are not comparable between models, nor between versions of one model.".into(),
            ],
            ..Section::default()
        }
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
        let skipped = self.part("skipped").into_iter().map(|(reason, _, rows)| {
            vec![if reason.is_empty() { "all rows that were left out".into() } else { reason }, rows]
        });
        let skipped =
            Table::new("Rows left out", ["reason", "rows"].into_iter(), skipped.collect(), "No row was left out.");
        let mut section = Section {
            title: "The data and its holes",
            texts: vec![format!(
                "It learned from {} rows, of which {} are spikes, from {} to {}.",
                self.text("training_rows"),
                self.text("training_positives"),
                self.text("training_from"),
                self.text("training_to")
            )],
            tables: vec![splits, skipped],
            queries: self.queries.clone(),
            ..Section::default()
        };
        if self.has_table("ticks") {
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
        let used: Vec<&str> = used.iter().filter_map(|row| row.text("feature")).collect();
        if !self.has_table("squall_columns") {
            section
                .texts
                .push(format!("It reads {}. Their formulas are not known outside of a SQL project.", used.join(", ")));
            section.queries.push(weights);
            return Ok(section);
        }
        let features = self.query("features", &[])?;
        let found = self.rows(&features).await?;
        // A text gives several features, each named `column=category`.
        let is_used = |name: &str| used.iter().any(|used| *used == name || used.starts_with(&format!("{name}=")));
        let cells = found
            .iter()
            .filter(|row| row.text("feature").is_some_and(is_used))
            .map(|row| ["feature", "formula", "lookback", "made_from"].map(|column| row.shown(column)).to_vec());
        let headings = ["`feature`", "`formula`", "looks back", "made from (unit)"];
        section.tables.push(Table::new(
            "Features",
            headings.into_iter(),
            cells.collect(),
            "The project has no such model.",
        ));
        section.texts.push("A feature looks back only, and the project's lint refuses one that looks forward.".into());
        section.queries.push(features);
        Ok(section)
    }

    /// The label and tau.
    pub fn label(&self) -> Section {
        let queries: Vec<String> = self
            .part("label")
            .into_iter()
            .filter(|(_, fact, _)| fact == "horizon")
            .map(|(name, _, horizon)| format!("the query {name}, {horizon} ahead"))
            .collect();
        let made = if queries.is_empty() { "a query that is not recorded".into() } else { queries.join(" and ") };
        Section {
            title: "Label and tau",
            texts: vec![
                format!(
                    "The label is the column {}. It comes from {made}: it says whether the volatility after the row reaches tau.",
                    self.text("label")
                ),
                format!(
                    "Tau is {}. It is a quantile of the volatility over the training rows only, so about the same share of training rows are spikes by definition. On other days the share may be far from it.",
                    self.text("tau")
                ),
                "Neighbouring rows share most of their windows. Spikes less than one horizon apart are therefore one episode, and the number of episodes says how much evidence there is.".into(),
            ],
            ..Section::default()
        }
    }

    /// How the model was judged.
    pub fn protocol(&self, on: &str) -> Section {
        Section {
            title: "How it was judged",
            texts: vec![
                "Rows are split in order of time into training, validation and test rows. Rows whose label reaches into the next split are left out. The model is fitted to training rows only, the threshold is chosen on validation rows, and test rows only measure.".into(),
                "The naive rule takes the volatility of the last minute as the score. A model that does not beat it has learned nothing of use.".into(),
                "Figures have 95 % intervals by a moving-block bootstrap over time, which keeps neighbouring rows together. The difference to the naive rule is measured on the same resamples. The verdict says yes or no only with 10 episodes or more, and if the interval leaves out 0.".into(),
                "The rows that judge it here are those of this query:".into(),
            ],
            code: vec![on.into()],
            ..Section::default()
        }
    }

    /// Every figure on the rows that judge the model.
    pub async fn figures(&self, on: &str, compared: &Rows, baselines: Query) -> Result<Section, Error> {
        let values = [("on", Literal::Text(on))];
        let query = |file: &str| self.query(file, &values);
        let splits = query("splits")?;
        let split_columns = [
            ("split", "split"),
            ("rows", "rows"),
            ("positives", "positives"),
            ("prevalence", "prevalence"),
            ("average_precision", "average precision"),
            ("roc_auc", "ROC AUC"),
            ("brier", "Brier"),
            ("threshold", "threshold"),
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "F1"),
        ];
        let recorded =
            Table::of("When it was trained", &split_columns, &self.rows(&splits).await?, "Nothing is recorded.");
        let side_by_side = Table::of("Beside the rules", BASELINES, compared, "No model could be compared.");
        let figures = query("figures")?;
        let found = self.rows(&figures).await?;
        let mut rows = Vec::new();
        if let Some(row) = found.first() {
            for metric in found.names().iter().filter(|name| found.names().contains(&format!("{name}_low"))) {
                let end = |end: &str| row.shown(&format!("{metric}_{end}"));
                rows.push(vec![metric.replace('_', " "), row.shown(metric), end("low"), end("high")]);
            }
        }
        let reason =
            found.first().and_then(|row| row.text("interval_reason").or(row.text("reason")).map(str::to_string));
        let intervals = Table::new(
            "Every figure with its interval",
            ["figure", "value", "low", "high"].into_iter(),
            rows,
            "No row judges the model.",
        );
        let episodes = query("episodes")?;
        let episode_columns = [
            ("product_id", "product"),
            ("threshold", "threshold"),
            ("episodes", "episodes"),
            ("caught", "caught"),
            ("in_time", "in time"),
            ("median_lead_s", "median lead, s"),
            ("alerts", "alerts"),
            ("alerts_per_hour", "alerts an hour"),
            ("false_alerts_per_hour", "false an hour"),
            ("hours", "hours"),
            ("reason", "not known because"),
        ];
        let caught = Table::of(
            "Episodes at its threshold",
            &episode_columns,
            &self.rows(&episodes).await?,
            "No episode is known.",
        );
        let sweep = query("sweep")?;
        let sweep_columns = [
            ("threshold", "threshold"),
            ("precision", "precision"),
            ("recall", "recall"),
            ("alerts_per_hour", "alerts an hour"),
            ("false_alerts_per_hour", "false an hour"),
            ("caught", "episodes caught"),
            ("median_lead_s", "median lead, s"),
        ];
        let thresholds =
            Table::of("Other thresholds", &sweep_columns, &self.rows(&sweep).await?, "No row has a score.");
        let mut tables = vec![side_by_side, intervals, recorded, caught, thresholds];
        let mut queries = vec![baselines, figures, splits, episodes, sweep];
        if self.model.first().and_then(|row| row.flag("probability")) == Some(true) {
            let calibration = query("calibration")?;
            let columns = [("rows", "rows"), ("mean_score", "mean score"), ("positive_rate", "share of spikes")];
            tables.push(Table::of(
                "Does a probability mean what it says",
                &columns,
                &self.rows(&calibration).await?,
                "No row has a score.",
            ));
            queries.push(calibration);
        }
        let mut texts = vec![
            "Average precision is the area under the precision-recall curve: the higher the better, and guessing gives the prevalence.".to_string(),
            "An alert stands for one horizon. An episode is caught if an alert stands at one of its rows, and its lead time runs until the volatility arrives.".into(),
        ];
        texts.extend(reason.map(|reason| format!("Intervals are not known: {reason}.")));
        Ok(Section { title: "Figures", texts, tables, queries, ..Section::default() })
    }

    /// The figures of walk-forward validation, if their rows were given.
    pub async fn walk_forward(&self, file: Option<&str>) -> Result<Section, Error> {
        let Some(file) = file else { return Ok(Section::default()) };
        let horizon: u64 = self.horizon_s().parse().unwrap_or(60);
        let block_s = (10 * horizon).max(600).to_string();
        let folds = crate::text::literal(file);
        let values = [("folds", Literal::Sql(folds.as_str())), ("block_s", Literal::Sql(block_s.as_str()))];
        let (models, by_fold) = (self.query("folds", &values)?, self.query("by_fold", &values)?);
        let columns: Vec<(&str, &str)> = BASELINES
            .iter()
            .filter(|(column, _)| *column != "role")
            .map(|(column, heading)| match *column {
                "average_precision_low" => ("low", *heading),
                "average_precision_high" => ("high", *heading),
                column => (column, *heading),
            })
            .collect();
        let fold_columns = [
            ("fold", "fold"),
            ("first_ts", "from"),
            ("last_ts", "to"),
            ("rows", "rows"),
            ("episodes", "episodes"),
            ("prevalence", "prevalence"),
            ("average_precision", "average precision"),
            ("naive_rule", "naive rule"),
        ];
        let own = format!("{} fold by fold", self.name);
        let tables = vec![
            Table::of("All folds together", &columns, &self.rows(&models).await?, "The file has no row."),
            Table::of(&own, &fold_columns, &self.rows(&by_fold).await?, "The file does not hold this model."),
        ];
        Ok(Section {
            title: "Walk-forward validation",
            texts: vec!["The rows are cut by time into blocks. For each judged block the model is trained anew on earlier rows only, which end before it by the label's horizon and the embargo. This judges most of the data, and not one stretch of it.".into()],
            tables,
            queries: vec![models, by_fold],
            ..Section::default()
        })
    }

    /// The weights, and which features the model needs.
    pub async fn weights(&self, on: &str) -> Result<Section, Error> {
        let weights = self.query("weights", &[])?;
        let columns = [("feature", "`feature`"), ("weight", "weight"), ("mean", "mean"), ("scale", "scale")];
        let importance = self.query("importance", &[("on", Literal::Text(on))])?;
        let found = self.rows(&importance).await?;
        let importance_columns = [
            ("rank", "rank"),
            ("feature", "`feature`"),
            ("importance", "drop of average precision"),
            ("importance_stddev", "standard deviation"),
        ];
        let mut texts = vec![
            "A weight is what one standard deviation of the feature adds to the model's sum. Features that say nearly the same share their weight, so a single weight says little.".to_string(),
            "Importance is how much the average precision drops when a feature's blocks of time are shuffled.".into(),
        ];
        texts.extend(
            found
                .first()
                .and_then(|row| row.text("reason"))
                .map(|reason| format!("Importance is not known: {reason}.")),
        );
        Ok(Section {
            title: "Weights and importance",
            texts,
            tables: vec![
                Table::of("Weights", &columns, &self.rows(&weights).await?, "This type of model has no weights."),
                Table::of("Importance", &importance_columns, &found, "No feature was measured."),
            ],
            queries: vec![weights, importance],
            ..Section::default()
        })
    }

    /// What the figures do not say.
    pub fn limits(&self, compared: &Rows) -> Section {
        let row = compared.find("model", &self.name);
        let episodes = row.and_then(|row| row.integer("episodes"));
        let evidence = episodes
            .map_or("an unknown number of episodes".into(), |episodes| counted(episodes.unsigned_abs(), "episode"));
        let models = compared.iter().count();
        let variants = self
            .fact("validation", "variants")
            .map_or(String::new(), |tried| format!(" This model is the best of {tried} variants of its own."));
        Section {
            title: "Limits",
            points: vec![
                format!("The evidence is {evidence} on the rows that judge it. Fewer than about a hundred leave wide intervals."),
                format!("{models} models were compared on these rows, and the more are tried, the better the best one looks by chance.{variants}"),
                format!("The rows are of one stretch of time, from {} on. Another market regime may behave otherwise; compare with `squall report drift`.", self.text("training_from")),
                "Rows near silences are left out, so the figures say nothing about the minutes after the feed was interrupted.".into(),
                "Time of day, news and other markets are not among the features unless the list above names them.".into(),
                "The threshold was chosen for F1 on validation rows. Choose your own by what a false alert and a missed episode cost.".into(),
            ],
            ..Section::default()
        }
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
        let mut section = Section {
            title: "How to reproduce it",
            texts: vec!["Land the same ticks, then run these commands with the same version. The fingerprints tell whether a query has changed since. The SQL below is the statement that made the model.".into()],
            tables: vec![
                Table::new("Made with", ["what", "value"].into_iter(), rows, ""),
                Table::new("Fingerprints of the queries", ["query", "`fingerprint`"].into_iter(), fingerprints, "The rows did not come from a SQL project."),
            ],
            code: vec![
                format!("squall land\nsquall run +spike_training\nsquall train {}\n{remake}", self.name),
                self.text("sql"),
            ],
            ..Section::default()
        };
        if self.has_table("squall_queries") {
            let queries = self.query("queries", &[])?;
            let read: Vec<String> = self.part("query").into_iter().map(|(name, _, _)| name).collect();
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
