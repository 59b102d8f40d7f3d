-- Ten equal bins of the score on the judged rows, as scikit-learn's calibration_curve(strategy="uniform", n_bins=10). Blocks of time are drawn for
-- the intervals, because neighbouring rows are not independent.
SELECT $model AS model, c['error'] AS error, c['error_low'] AS error_low, c['error_high'] AS error_high, c['reason'] AS reason,
       bin['rows'] AS rows, bin['mean_score'] AS mean_score, bin['positive_rate'] AS positive_rate, bin['low'] AS low, bin['high'] AS high
FROM (
    SELECT c, unnest(c['bins']) AS bin
    FROM (SELECT calibration_intervals(label, $score, clock, 10, $block_s, $resamples) AS c FROM $rows WHERE split = $split)
)
