-- description: The metrics of each model on each split, from ml_evaluate. They measure its ranking, its probabilities, and its calls
--   at the model's threshold. If no row is positive, every measure of quality is NULL, and reason says why. prevalence is the average
--   precision of guessing.
-- grain: model, split
-- units:
--   log_loss: nats a row

SELECT *
FROM (
  SELECT * FROM ml_evaluate('naive_volatility', 'spike_training', 'split')
  UNION ALL
  SELECT * FROM ml_evaluate('spike_logistic', 'spike_training', 'split')
  UNION ALL
  SELECT * FROM ml_evaluate('volatility_threshold', 'spike_training', 'split')
)
ORDER BY model, CASE split WHEN 'train' THEN 1 WHEN 'validation' THEN 2 ELSE 3 END
