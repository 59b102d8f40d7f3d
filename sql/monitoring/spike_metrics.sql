-- description: How each model does on each split: ranking, probabilities, and calls at the model's threshold, as ml_evaluate
--   measures them. Where no row is positive every measure of quality is NULL, and reason says why; prevalence is the average
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
