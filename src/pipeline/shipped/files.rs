//! Every file of `sql/`, built into the program. A test compares this list with the folder; `SQUALL_BLESS=1 cargo test --test it
//! project::` rewrites it.

/// The paths below `sql/`, each with the file's text.
#[rustfmt::skip]
pub(super) const FILES: &[(&str, &str)] = &[
    ("audits/quotes_sane.sql", include_str!("../../../sql/audits/quotes_sane.sql")),
    ("audits/split_leakage.sql", include_str!("../../../sql/audits/split_leakage.sql")),
    ("audits/threshold_from_training.sql", include_str!("../../../sql/audits/threshold_from_training.sql")),
    ("audits/ticks_complete.sql", include_str!("../../../sql/audits/ticks_complete.sql")),
    ("audits/ticks_increase.sql", include_str!("../../../sql/audits/ticks_increase.sql")),
    ("audits/ticks_unique.sql", include_str!("../../../sql/audits/ticks_unique.sql")),
    ("features/spike_features.sql", include_str!("../../../sql/features/spike_features.sql")),
    ("features/tick_features.sql", include_str!("../../../sql/features/tick_features.sql")),
    ("labels/rv_spike_60s.sql", include_str!("../../../sql/labels/rv_spike_60s.sql")),
    ("labels/spike_60s.sql", include_str!("../../../sql/labels/spike_60s.sql")),
    ("models/naive_volatility.sql", include_str!("../../../sql/models/naive_volatility.sql")),
    ("models/spike_logistic.sql", include_str!("../../../sql/models/spike_logistic.sql")),
    ("models/spike_regression.sql", include_str!("../../../sql/models/spike_regression.sql")),
    ("models/volatility_threshold.sql", include_str!("../../../sql/models/volatility_threshold.sql")),
    ("monitoring/drift_current.sql", include_str!("../../../sql/monitoring/drift_current.sql")),
    ("monitoring/drift_reference.sql", include_str!("../../../sql/monitoring/drift_reference.sql")),
    ("monitoring/spike_comparison.sql", include_str!("../../../sql/monitoring/spike_comparison.sql")),
    ("monitoring/spike_drift.sql", include_str!("../../../sql/monitoring/spike_drift.sql")),
    ("monitoring/spike_metrics.sql", include_str!("../../../sql/monitoring/spike_metrics.sql")),
    ("monitoring/spike_thresholds.sql", include_str!("../../../sql/monitoring/spike_thresholds.sql")),
    ("scores/spike_scores.sql", include_str!("../../../sql/scores/spike_scores.sql")),
    ("sources/ticks.sql", include_str!("../../../sql/sources/ticks.sql")),
    ("tests/rv_spike_60s.sql", include_str!("../../../sql/tests/rv_spike_60s.sql")),
    ("tests/spike_60s.sql", include_str!("../../../sql/tests/spike_60s.sql")),
    ("tests/spike_features.sql", include_str!("../../../sql/tests/spike_features.sql")),
    ("tests/spike_training.sql", include_str!("../../../sql/tests/spike_training.sql")),
    ("tests/tick_features.sql", include_str!("../../../sql/tests/tick_features.sql")),
    ("tests/ticks.sql", include_str!("../../../sql/tests/ticks.sql")),
    ("tests/ticks_increase.sql", include_str!("../../../sql/tests/ticks_increase.sql")),
    ("training/spike_training.sql", include_str!("../../../sql/training/spike_training.sql")),
];
