-- Every metric of each model on each split. The ends of the 95 % intervals come from a moving-block bootstrap.
SELECT $model AS model, split, $columns,
       m['rows'] AS rows, m['positives'] AS positives, m['reason'] AS reason, episodes, i['reason'] AS interval_reason
FROM (
    SELECT split, binary_metrics(label, $score, $threshold, $probability) AS m,
           binary_metrics_intervals(label, $score, clock, $threshold, $probability, $block_s, $resamples) AS i,
           spike_episodes(label, time, $horizon_s) FILTER (WHERE $score IS NOT NULL) AS episodes
    FROM $rows
    GROUP BY split
)
