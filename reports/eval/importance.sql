-- How much average precision the model loses on the judged rows if blocks of one feature are shuffled: five times, from the seed 0, in blocks of
-- $block_s s; 0 shuffles single rows.
SELECT rank, feature, importance, importance_stddev, average_precision, reason
FROM ml_feature_importance($model, $on, 5, 0, $block_s)
ORDER BY importance DESC NULLS LAST, feature
LIMIT 20
