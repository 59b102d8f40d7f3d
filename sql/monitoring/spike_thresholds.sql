-- description: The score from which on each model alerts: the one with the best F1 on validation rows, the highest where
--   several are. NULL where no validation row is positive. A rule that has a threshold of its own keeps it: its alerts score 1.
-- grain: model

SELECT
  scores.model,
  CASE
    WHEN bool_or(models.model_type = 'quantile_threshold') THEN 1.0
    ELSE best_f1_threshold(scores.spike, scores.score) FILTER (WHERE scores.split = 'validation')
  END AS threshold
FROM spike_scores AS scores
JOIN ml_models() AS models ON models.model = scores.model AND models.latest
GROUP BY scores.model
ORDER BY scores.model
