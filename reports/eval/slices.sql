-- The judged rows by $by.
SELECT slice, rows, positives, episodes, prevalence, average_precision, ap['low'] AS low, ap['high'] AS high, baseline_average_precision
FROM (
    SELECT $slice AS slice, count(*) AS rows, count(*) FILTER (WHERE label) AS positives,
           spike_episodes(label, time, $horizon_s) AS episodes, prevalence(label) AS prevalence,
           average_precision(label, $score) AS average_precision,
           average_precision(label, $baseline) AS baseline_average_precision,
           average_precision_interval(label, $score, clock, $block_s, $resamples) AS ap
    FROM $source
    WHERE split = $split AND label IS NOT NULL AND $score IS NOT NULL AND $baseline IS NOT NULL
    GROUP BY slice
)
WHERE slice IS NOT NULL
ORDER BY $order
LIMIT 30
