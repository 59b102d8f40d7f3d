-- A label is 0 or 1.
SELECT count(*) AS wrong, min(CAST($label AS DOUBLE)) AS example
FROM $relation
WHERE CAST($label AS DOUBLE) NOT IN (0, 1) AND NOT isnan(CAST($label AS DOUBLE))
