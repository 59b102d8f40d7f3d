SELECT fold, min(ts) AS first_ts, max(ts) AS last_ts, count(score) AS rows, spike_episodes(label, ts, $horizon_s) AS episodes,
       prevalence(label) AS prevalence, average_precision(label, score) AS average_precision,
       average_precision(label, baseline) AS naive_rule
FROM $folds
WHERE model = $name
GROUP BY fold
ORDER BY fold
