-- The rows that `squall evaluate --protocol walk_forward --out FILE` wrote: each model was trained on earlier rows only.
SELECT model, rows, positives, episodes, prevalence, average_precision, ap['low'] AS low, ap['high'] AS high, gain['estimate'] AS difference,
       gain['low'] AS difference_low, gain['high'] AS difference_high, gain['share_better'] AS share_better,
       CASE WHEN is_naive THEN 'is the naive rule' ELSE
           verdict(average_precision, average_precision - gain['estimate'], prevalence, gain['low'], gain['high'], coalesce(episodes, positives), 'the naive rule')
       END AS verdict
FROM (
    SELECT model, count(score) AS rows, bool_and(score IS NOT DISTINCT FROM baseline) AS is_naive, count(*) FILTER (WHERE label AND score IS NOT NULL) AS positives,
           spike_episodes(label, ts, $horizon_s) AS episodes, prevalence(label) FILTER (WHERE score IS NOT NULL) AS prevalence,
           average_precision(label, score) AS average_precision,
           average_precision_interval(label, score, ts, $block_s) AS ap,
           average_precision_gain(label, score, baseline, ts, $block_s) AS gain
    FROM $folds
    GROUP BY model
)
ORDER BY average_precision DESC
