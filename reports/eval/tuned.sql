-- The threshold with the best F1 on the validation rows, for scores that come without one.
SELECT point['threshold'] AS threshold
FROM (SELECT unnest(threshold_sweep(label, $score, clock, 1, 300)) AS point FROM $rows WHERE split = 'validation')
WHERE point['f1'] IS NOT NULL
ORDER BY point['f1'] DESC, 1 DESC
LIMIT 1
