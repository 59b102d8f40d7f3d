-- description: The score from which on each model alerts: the one with the best F1 on validation rows, the highest where
--   several are. NULL where no validation row is positive.
-- grain: model

SELECT model, best_f1_threshold(spike, score) FILTER (WHERE split = 'validation') AS threshold
FROM spike_scores
GROUP BY model
ORDER BY model
