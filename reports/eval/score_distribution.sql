-- How the model's scores spread on the test split, for rows followed by a spike and for the others.
SELECT spike,
       least(CAST(score * 40 AS BIGINT), 39) AS bin,
       count(*) AS rows,
       CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (PARTITION BY spike) AS share
FROM spike_scores
WHERE model = $model AND split = 'test' AND spike IS NOT NULL AND score BETWEEN 0 AND 1
GROUP BY spike, bin
ORDER BY spike, bin
