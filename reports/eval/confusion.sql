-- Alerts are scores of at least the threshold, which was tuned for F1 on the validation split.
SELECT split,
       count(*) FILTER (WHERE spike AND score >= $threshold) AS hits,
       count(*) FILTER (WHERE NOT spike AND score >= $threshold) AS false_alarms,
       count(*) FILTER (WHERE spike AND score < $threshold) AS missed,
       count(*) FILTER (WHERE NOT spike AND score < $threshold) AS quiet
FROM spike_scores
WHERE model = $model AND spike IS NOT NULL AND score BETWEEN 0 AND 1
GROUP BY split
ORDER BY split
