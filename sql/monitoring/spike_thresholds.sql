-- description: The score from which on each model alerts: the one with the best F1 on the validation rows that it was tuned on,
--   the highest where several are. NULL where no validation row was positive. A rule that has a threshold of its own keeps it.
-- grain: model

SELECT model, threshold
FROM (
  SELECT model, threshold FROM ml_evaluate('naive_volatility') WHERE split = 'train'
  UNION ALL
  SELECT model, threshold FROM ml_evaluate('spike_logistic') WHERE split = 'train'
  UNION ALL
  SELECT model, threshold FROM ml_evaluate('volatility_threshold') WHERE split = 'train'
)
ORDER BY model
