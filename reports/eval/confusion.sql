-- An alert is a score of at least the threshold.
SELECT split,
       count(*) FILTER (WHERE label AND $score >= $threshold) AS hits,
       count(*) FILTER (WHERE NOT label AND $score >= $threshold) AS false_alarms,
       count(*) FILTER (WHERE label AND $score < $threshold) AS missed,
       count(*) FILTER (WHERE NOT label AND $score < $threshold) AS quiet
FROM $rows
WHERE label IS NOT NULL AND $score IS NOT NULL
GROUP BY split
ORDER BY split
