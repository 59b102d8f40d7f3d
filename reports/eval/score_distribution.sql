-- How the model's scores spread on the judged rows, for positive rows and for the others.
SELECT label AS positive,
       least(CAST(floor(40 * ($score - $low) / ($high - $low)) AS BIGINT), 39) AS bin,
       count(*) AS rows,
       CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY label) AS share
FROM $rows
WHERE split = $split AND label IS NOT NULL AND $score IS NOT NULL
GROUP BY label, bin
ORDER BY label, bin
