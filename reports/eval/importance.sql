-- How much average precision the model loses on the judged rows if blocks of one feature are shuffled.
SELECT rank, feature, importance, importance_stddev, average_precision, reason
FROM ml_feature_importance($model, $on)
ORDER BY importance DESC NULLS LAST, feature
LIMIT 20
