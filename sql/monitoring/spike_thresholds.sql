-- description: The lowest score at which each model alerts. It is the score with the best F1 on the validation rows at training;
--   if there are several, the highest of them. NULL if no validation row was positive. A rule with a fixed threshold keeps it.
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
