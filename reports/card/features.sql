-- Each column of the model's query, the expression that makes it, and what that expression is made from.
SELECT given.name AS feature, coalesce(given.formula, made.formula) AS formula, given.lookback,
       string_agg(DISTINCT source.query || '.' || source.name || coalesce(' (' || source.unit || ')', ''), '; ') AS made_from
FROM squall_columns AS given
LEFT JOIN squall_lineage AS pass ON pass.query = given.query AND pass.column_name = given.name AND pass.uses LIKE '%value%'
LEFT JOIN squall_columns AS made ON made.query = pass.source AND made.name = pass.source_column
LEFT JOIN squall_lineage AS origin ON origin.query = made.query AND origin.column_name = made.name AND origin.uses LIKE '%value%'
LEFT JOIN squall_columns AS source ON source.query = origin.source AND source.name = origin.source_column
WHERE given.query = $name
GROUP BY given.position, given.name, given.formula, made.formula, given.lookback
ORDER BY given.position
