-- Ten equal bins of the score on the test split, as scikit-learn's calibration_curve(strategy="uniform", n_bins=10).
SELECT model,
       least(CAST(score * 10 AS BIGINT), 9) AS bin,
       count(*) AS rows,
       avg(score) AS mean_score,
       avg(CASE WHEN spike THEN 1.0 ELSE 0.0 END) AS spike_share
FROM spike_scores
WHERE split = 'test' AND spike IS NOT NULL AND score BETWEEN 0 AND 1
GROUP BY model, bin
ORDER BY model, bin
