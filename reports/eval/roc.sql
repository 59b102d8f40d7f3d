-- True against false positive rate on the judged rows, in 300 points at most.
SELECT $model AS model, point['false_positive_rate'] AS false_positive_rate, point['true_positive_rate'] AS true_positive_rate
FROM (SELECT unnest(roc_curve(label, $score, 300)) AS point FROM $rows WHERE split = $split)
