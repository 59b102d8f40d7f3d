-- The models whose scores the rows bring.
SELECT CAST(model AS VARCHAR) AS model, count(*) AS rows, count(score) AS scores, min(score) AS lowest, max(score) AS highest
FROM $relation
GROUP BY CAST(model AS VARCHAR)
ORDER BY 1
