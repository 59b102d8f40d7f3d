-- How each model ranks the validation rows among those that bring scores. These rows choose the model in question, and never the test rows.
SELECT model, average_precision(label, score) AS average_precision
FROM (
    SELECT CAST(model AS VARCHAR) AS model, CASE CAST($label AS DOUBLE) WHEN 1 THEN true WHEN 0 THEN false END AS label,
           CASE WHEN abs(CAST(score AS DOUBLE)) < CAST('Infinity' AS DOUBLE) THEN CAST(score AS DOUBLE) END AS score
    FROM $relation
    WHERE CAST($split AS VARCHAR) = 'validation' AND $timed
)
GROUP BY model
ORDER BY model
