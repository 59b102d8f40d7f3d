-- The model beside the naive rule on the test rows that both score. The interval of the difference comes from a moving-block bootstrap
-- over time, on the same resamples for both.
WITH pairs AS (
    SELECT ours.spike AS label, ours.score, naive.score AS baseline, ours.ts
    FROM spike_scores AS ours
    JOIN spike_scores AS naive ON naive.product_id = ours.product_id AND naive.ts = ours.ts AND naive.split = ours.split
    WHERE ours.model = $model AND naive.model = $naive AND ours.split = 'test' AND ours.spike IS NOT NULL
      AND NOT isnan(ours.score) AND NOT isnan(naive.score)
),
figures AS (
    SELECT average_precision(label, score) AS ours,
           average_precision(label, baseline) AS theirs,
           prevalence(label) AS prevalence,
           average_precision_interval(label, score, ts, greatest(600, 10 * $horizon_s)) AS ap,
           average_precision_gain(label, score, baseline, ts, greatest(600, 10 * $horizon_s)) AS gain,
           spike_episodes(label, ts, $horizon_s) AS episodes
    FROM pairs
)
SELECT ours AS average_precision, ap['low'] AS low, ap['high'] AS high,
       gain['estimate'] AS difference, gain['low'] AS difference_low, gain['high'] AS difference_high,
       gain['share_better'] AS share_better, episodes, gain['reason'] AS reason,
       verdict(ours, theirs, prevalence, gain['low'], gain['high'], episodes, 'the naive rule') AS verdict
FROM figures
