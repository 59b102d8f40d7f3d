-- Each model beside the baseline on the rows that both score. The interval of the difference comes from a moving-block bootstrap, on the
-- same resamples for both. Without times or a horizon, positive rows are counted.
SELECT $model AS model, split, rows, ours AS average_precision, theirs AS baseline_average_precision, prevalence,
       gain['score_low'] AS low, gain['score_high'] AS high,
       gain['estimate'] AS difference, gain['low'] AS difference_low, gain['high'] AS difference_high,
       gain['share_better'] AS share_better, episodes, gain['reason'] AS reason,
       verdict(ours, theirs, prevalence, gain['low'], gain['high'], episodes, $called) AS verdict
FROM (
    SELECT split, count(*) AS rows, average_precision(label, $score) AS ours, average_precision(label, $baseline) AS theirs,
           prevalence(label) AS prevalence,
           average_precision_gain(label, $score, $baseline, clock, $block_s, $resamples) AS gain,
           coalesce(spike_episodes(label, time, $horizon_s), count(*) FILTER (WHERE label)) AS episodes
    FROM $rows
    WHERE label IS NOT NULL AND $score IS NOT NULL AND $baseline IS NOT NULL
    GROUP BY split
)
