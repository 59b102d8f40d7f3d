-- The figures of every run on the test rows; the model with the newest run comes first.
SELECT model, version, kind, started_at, rows, prevalence, average_precision, roc_auc, brier
FROM runs
WHERE split = 'test' AND average_precision IS NOT NULL
ORDER BY max(started_at) OVER (PARTITION BY model) DESC, model, started_at
LIMIT 500
