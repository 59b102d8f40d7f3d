-- Each column, and the columns of which its values are made.
SELECT given.query, given.name, given.type, given.unit,
       CASE WHEN given.horizon <> 'none' AND given.lookback <> 'none' THEN given.lookback || ' back, ' || given.horizon || ' ahead'
            WHEN given.horizon <> 'none' THEN given.horizon || ' ahead'
            WHEN given.lookback <> 'none' THEN given.lookback || ' back' END AS reach,
       given.formula,
       string_agg(DISTINCT origin.source || coalesce('.' || origin.source_column, ''), ', ') AS made_of
FROM squall_columns AS given
LEFT JOIN squall_lineage AS origin
  ON origin.query = given.query AND origin.column_name = given.name AND origin.uses LIKE '%value%'
GROUP BY given.query, given.position, given.name, given.type, given.unit, given.lookback, given.horizon, given.formula
ORDER BY given.query, given.position
