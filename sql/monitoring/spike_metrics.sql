-- description: How each model does on each split: ranking, probabilities, and calls at the threshold tuned on validation.
--   Where no row is positive every measure of quality is NULL, and reason says why; prevalence is the average precision of
--   guessing.
-- grain: model, split
-- units:
--   log_loss: nats a row

WITH measured AS (
  SELECT
    scores.model,
    scores.split,
    bool_and(models.probability) AS probability,
    count(*) AS "rows",
    count(*) FILTER (WHERE scores.spike) AS positives,
    prevalence(scores.spike) AS prevalence,
    average_precision(scores.spike, scores.score) AS average_precision,
    roc_auc(scores.spike, scores.score) AS roc_auc,
    log_loss(scores.spike, scores.score) AS log_loss,
    brier_score(scores.spike, scores.score) AS brier,
    min(thresholds.threshold) AS threshold,
    precision_at(scores.spike, scores.score, thresholds.threshold) AS "precision",
    recall_at(scores.spike, scores.score, thresholds.threshold) AS recall,
    f1_at(scores.spike, scores.score, thresholds.threshold) AS f1
  FROM spike_scores AS scores
  JOIN spike_thresholds AS thresholds ON thresholds.model = scores.model
  JOIN ml_models() AS models ON models.model = scores.model AND models.latest
  WHERE scores.spike IS NOT NULL AND scores.score IS NOT NULL
  GROUP BY scores.model, scores.split
)
SELECT
  model,
  split,
  "rows",
  positives,
  prevalence,
  average_precision,
  roc_auc,
  -- A score that is no probability has no log loss; and a low one is no merit where nothing happened.
  CASE WHEN probability AND positives > 0 THEN log_loss END AS log_loss,
  CASE WHEN probability AND positives > 0 THEN brier END AS brier,
  threshold,
  CASE WHEN positives > 0 THEN "precision" END AS "precision",
  recall,
  f1,
  CASE
    WHEN positives = 0 THEN 'no row is positive'
    WHEN positives = "rows" THEN 'every row is positive'
    WHEN threshold IS NULL THEN 'no threshold: no validation row is positive'
    WHEN NOT probability THEN 'the score is no probability'
    WHEN "precision" IS NULL THEN 'no row reaches the threshold'
  END AS reason
FROM measured
ORDER BY model, CASE split WHEN 'train' THEN 1 WHEN 'validation' THEN 2 ELSE 3 END
