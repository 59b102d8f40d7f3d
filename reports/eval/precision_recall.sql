-- Precision against recall on the judged rows, in 300 points at most.
SELECT $model AS model, point['recall'] AS recall, point['precision'] AS "precision"
FROM (SELECT unnest(pr_curve(label, $score, 300)) AS point FROM $rows WHERE split = $split)
