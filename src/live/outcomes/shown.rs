//! How outcomes are shown: as metrics, and as sentences.

use super::look::{Drift, Line};
use crate::metrics::{Gauge, Metrics};
use crate::text::grouped;

/// What happened, and what was expected, as values of the label `of`.
const OF: [&str; 2] = ["realised", "expected"];

/// Sets the metrics to what a look has found; what it has not found is absent.
pub fn measure(metrics: &Metrics, lines: &[Line], drifts: &[Drift]) {
    let plain: [(&Gauge, &str); 6] = [
        (&metrics.outcome_rows, "rows"),
        (&metrics.outcome_known_rows, "known"),
        (&metrics.outcome_mean_score, "expected"),
        (&metrics.outcome_event_share, "happened"),
        (&metrics.outcome_episodes, "episodes"),
        (&metrics.outcome_episodes_caught, "caught"),
    ];
    let paired: [(&Gauge, [&str; 2]); 4] = [
        (&metrics.outcome_average_precision, ["average_precision", "expected_average_precision"]),
        (&metrics.outcome_brier_score, ["brier", "expected_brier"]),
        (&metrics.outcome_alert_precision, ["alert_precision", "expected_alert_precision"]),
        (&metrics.outcome_alert_recall, ["alert_recall", "expected_alert_recall"]),
    ];
    let gauges = plain.iter().map(|(gauge, _)| gauge).chain(paired.iter().map(|(gauge, _)| gauge));
    let drift = [&metrics.feature_drift, &metrics.feature_drifted, &metrics.feature_drifted_share];
    gauges.chain(&drift).for_each(|gauge| gauge.clear());
    for line in lines {
        let labels = [line.query.as_str(), &line.model, &line.version];
        for (gauge, column) in plain {
            if let Some(number) = line.number(column) {
                gauge.set(&labels, number);
            }
        }
        for (gauge, columns) in paired {
            for (of, column) in OF.into_iter().zip(columns) {
                if let Some(number) = line.number(column) {
                    gauge.set(&[labels[0], labels[1], labels[2], of], number);
                }
            }
        }
    }
    for Drift { query, model, version, features } in drifts {
        for feature in features {
            metrics.feature_drift.set(&[query, model, version, &feature.column, &feature.test], feature.value);
            let drifted = f64::from(u8::from(feature.drifted));
            metrics.feature_drifted.set(&[query, model, version, &feature.column], drifted);
        }
        let drifted = features.iter().filter(|feature| feature.drifted).count();
        metrics.feature_drifted_share.set(&[query, model, version], drifted as f64 / features.len() as f64);
    }
}

/// Returns what is said of a line on the board.
pub fn sentence(line: &Line, drifts: &[Drift]) -> String {
    let number = |column: &str| line.number(column).map_or("-".into(), |number| format!("{number:.3}"));
    let count = |column: &str| line.number(column).map_or("-".into(), |count| grouped(count as u64));
    let pair = |name: &str, column: &str| {
        format!("{name} {} (expected {})", number(column), number(&format!("expected_{column}")))
    };
    let name = match line.models().map(|(model, version)| format!("{model}@{version}")).collect::<Vec<_>>() {
        models if models.is_empty() => line.query.clone(),
        models => format!("{} by {}", line.query, models.join(", ")),
    };
    let of_line = |drift: &&Drift| line.models().any(|model| model == (drift.model.as_str(), drift.version.as_str()));
    let features: Vec<bool> =
        drifts.iter().filter(of_line).flat_map(|drift| drift.features.iter().map(|feature| feature.drifted)).collect();
    let drift = match features.len() {
        0 => String::new(),
        all => format!(", drift {} of {all}", features.iter().filter(|drifted| **drifted).count()),
    };
    format!(
        "{name}: {}, {}, {}, episodes {} of {}{drift}, {} of {} rows known",
        pair("AP", "average_precision"),
        pair("alerts", "alert_precision"),
        pair("Brier", "brier"),
        count("caught"),
        count("episodes"),
        count("known"),
        count("rows"),
    )
}

/// Returns what is said of features that have drifted; `None` if none has.
pub fn drifted(drift: &Drift) -> Option<String> {
    let Drift { query, model, version, features } = drift;
    let columns: Vec<&str> =
        features.iter().filter(|feature| feature.drifted).map(|feature| feature.column.as_str()).collect();
    let (count, all, names) = (columns.len(), features.len(), columns.join(", "));
    let text =
        format!("{count} of {all} columns of `{query}` differ from the training rows of {model}@{version}: {names}");
    (count > 0).then_some(text)
}
