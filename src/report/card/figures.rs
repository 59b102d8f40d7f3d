//! The sections of the card about the rows that judge the model: figures, folds, importance, limits.

use std::path::Path;

use super::facts::Facts;
use super::{Section, Table};
use crate::report::Error;
use crate::report::evaluation::{Comparison, Judgement, Listed, Role};
use crate::report::format::{count, number};
use crate::report::query::Literal;
use crate::text::{counted, grouped};

impl Facts<'_> {
    /// Every figure on the rows that judge the model.
    pub async fn figures(&self, judged: &Judgement) -> Result<Section, Error> {
        let values = [("on", Literal::Text(judged.rows.as_str()))];
        let splits = self.query("splits", &values)?;
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
        let side_by_side = beside(judged);
        let intervals = Table::new(
            "Every figure with its interval",
            ["figure", "value", "low", "high"].into_iter(),
            judged.intervals.clone(),
            "No row judges the model.",
        );
        let of = |title: &str, listed: &Listed, absent: &str| {
            Table::new(title, listed.columns.iter().map(String::as_str), listed.rows.clone(), absent)
        };
        let threshold = match self.known("threshold") {
            Some(threshold) => format!("Episodes at its threshold, {threshold}"),
            None => "Episodes at its threshold".into(),
        };
        let unknown = judged.alerts.explained.as_ref().err().copied();
        let caught = of(&threshold, &judged.alerts.episodes, unknown.unwrap_or("No episode is known."));
        let thresholds = of("Other thresholds", &judged.alerts.sweep, "No row has a score.");
        let mut tables = vec![side_by_side, intervals, recorded, caught, thresholds];
        let mut queries = judged.queries.clone();
        queries.push(splits);
        queries.extend(judged.alerts.queries.iter().cloned());
        if self.model.first().and_then(|row| row.flag("probability")) == Some(true) {
            let calibration = self.query("calibration", &values)?;
            let columns = [("rows", "rows"), ("mean_score", "mean score"), ("positive_rate", "share of positive rows")];
            tables.push(Table::of(
                "Does a probability mean what it says",
                &columns,
                &self.rows(&calibration).await?,
                "No row has a score.",
            ));
            queries.push(calibration);
        }
        let mut texts = vec!["Average precision is the area under the precision-recall curve: the higher the better, and guessing gives the prevalence.".to_string()];
        texts.extend(judged.alerts.explained.as_ref().ok().cloned());
        texts.extend(judged.missing.iter().cloned());
        Ok(Section { title: "Figures", texts, tables, queries, ..Section::default() })
    }

    /// The figures of walk-forward validation, if their rows were given.
    pub async fn walk_forward(&self, file: Option<&str>) -> Result<Section, Error> {
        let Some(file) = file else { return Ok(Section::default()) };
        // An address and a pattern are files too, which the query finds.
        if !file.contains("://") && !file.contains(['*', '?', '[']) && !Path::new(file).exists() {
            return Err(Error::Argument {
                problem: format!("--folds names {file}, which does not exist"),
                hint: format!("`squall evaluate --protocol walk_forward --out {file}` writes it"),
            });
        }
        // As in the evaluation: ten horizons, and ten minutes at least.
        let block_s = self.horizon_s().map_or(600, |horizon| horizon.saturating_mul(10).max(600)).to_string();
        let folds = crate::text::literal(file);
        let values = [("folds", Literal::Sql(folds.as_str())), ("block_s", Literal::Sql(block_s.as_str()))];
        let (models, by_fold) = (self.query("folds", &values)?, self.query("by_fold", &values)?);
        let columns = [
            ("model", "model"),
            ("rows", "rows"),
            ("episodes", "episodes"),
            ("average_precision", "average precision"),
            ("low", "low"),
            ("high", "high"),
            ("difference", "above the naive rule"),
            ("difference_low", "low"),
            ("difference_high", "high"),
            ("share_better", "share of resamples better"),
            ("verdict", "verdict"),
        ];
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
    pub async fn weights(&self, judged: &Judgement) -> Result<Section, Error> {
        let weights = self.query("weights", &[])?;
        let columns = [("feature", "`feature`"), ("weight", "weight"), ("mean", "mean"), ("scale", "scale")];
        let values =
            [("on", Literal::Text(judged.rows.as_str())), ("block_s", Literal::Sql(judged.shuffled_block_s.as_str()))];
        let importance = self.query("importance", &values)?;
        let found = self.rows(&importance).await?;
        let importance_columns = [
            ("rank", "rank"),
            ("feature", "`feature`"),
            ("importance", "drop of average precision"),
            ("importance_stddev", "standard deviation"),
        ];
        let mut texts = vec![
            "A weight is what one standard deviation of the feature adds to the model's sum. Features that say nearly the same share their weight, so a single weight says little.".to_string(),
            format!("Importance is how much the average precision drops when {} shuffled.", if judged.has_time { "a feature's blocks of time are" } else { "a feature is" }),
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
    pub fn limits(&self, judged: &Judgement) -> Section {
        let mut points = Vec::new();
        let own = judged.beside.iter().find(|(_, found)| found.model == self.name).or(judged.beside.first());
        if let Some(episodes) = own.and_then(|(_, found)| found.episodes) {
            points.push(format!(
                "The evidence is {} on the rows that judge it. Fewer than about a hundred leave wide intervals.",
                counted(episodes as u64, judged.event)
            ));
        }
        let variants = self.fact("validation", "variants").and_then(|tried| tried.replace(',', "").parse::<u64>().ok());
        let variants = variants.filter(|tried| *tried > 1);
        let variants =
            variants.map(|tried| format!("This model is the best of {} variants of its own.", grouped(tried)));
        let compared = judged.beside.len() as u64;
        if compared > 1 {
            let tried = format!(
                "{} models were compared on these rows, and the more are tried, the better the best one looks by chance.",
                grouped(compared)
            );
            points.push([Some(tried), variants].into_iter().flatten().collect::<Vec<_>>().join(" "));
        } else {
            points.extend(variants);
        }
        points.push(match self.known("training_from") {
            Some(from) if self.is_of_spikes() => format!("The rows are of one stretch of time, from {from} on. Another market regime may behave otherwise; compare with `squall report drift`."),
            Some(from) => format!("The rows are of one stretch of time, from {from} on. Another time may behave otherwise; compare with `squall report drift`."),
            None => "Rows from elsewhere may behave otherwise; compare with `squall report drift`.".into(),
        });
        if self.is_of_spikes() {
            points.push("Rows near silences are left out, so the figures say nothing about the minutes after the feed was interrupted.".into());
            points.push(
                "Time of day, news and other markets are not among the features unless the list above names them."
                    .into(),
            );
        }
        if self.known("threshold").is_some() {
            let chosen = if self.had("validation") {
                "The threshold was chosen for F1 on validation rows. Choose"
            } else {
                "Choose"
            };
            points
                .push(format!("{chosen} your own threshold by what a false alert and a missed {} cost.", judged.event));
        }
        Section { title: "Limits", points, ..Section::default() }
    }
}

/// The table of the models beside each other.
fn beside(judged: &Judgement) -> Table {
    let above = format!("above {}", judged.baseline);
    let events = format!("{}s", judged.event);
    let headings = [
        "model",
        "role",
        "rows",
        &events,
        "average precision",
        "low",
        "high",
        &above,
        "low",
        "high",
        "share of resamples better",
        "verdict",
    ];
    let row = |(role, found): &(Role, Comparison)| {
        let [low, high] = ends(found.interval);
        let [difference_low, difference_high] = ends(found.difference_interval);
        vec![
            found.model.clone(),
            role.as_str().into(),
            count(found.rows),
            count(found.episodes),
            number(found.average_precision),
            low,
            high,
            number(found.difference),
            difference_low,
            difference_high,
            number(found.share_better),
            found.said(),
        ]
    };
    let rows = judged.beside.iter().map(row).collect();
    let title = if judged.has_naive_rule { "Beside the rules" } else { "Beside the other models" };
    let title = if judged.beside.len() < 2 { "Average precision" } else { title };
    Table::new(title, headings.into_iter(), rows, "No row has a label and the scores.")
}

fn ends(interval: Option<(f64, f64)>) -> [String; 2] {
    [number(interval.map(|(low, _)| low)), number(interval.map(|(_, high)| high))]
}
