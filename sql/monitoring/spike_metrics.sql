-- description: The metrics of every model that learned from spike_training, on each split. They measure its ranking, its probabilities,
--   and its calls at the model's threshold. If no row is positive, every measure of quality is NULL, and reason says why. prevalence is
--   the average precision of guessing. warning says what differs from the model's training.
-- grain: model, split
-- units:
--   log_loss: nats a row

SELECT *
FROM ml_evaluate_all('spike_training', 'split')
ORDER BY model, CASE split WHEN 'train' THEN 1 WHEN 'validation' THEN 2 ELSE 3 END
