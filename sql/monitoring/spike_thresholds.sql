-- description: The lowest score at which each model that learned from spike_training alerts. It is the score with the best F1 on the
--   validation rows at training; if there are several, the highest of them. NULL if no validation row was positive. A rule with a fixed
--   threshold keeps it.
-- grain: model

SELECT model, threshold
FROM ml_models('spike_training')
WHERE latest AND problem IS NULL
ORDER BY model
