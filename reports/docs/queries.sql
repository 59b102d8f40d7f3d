SELECT name, kind, file, description, grain, time_column, lookback, horizon, severity, tags, reads, read_by, sql, error
FROM squall_queries
WHERE name NOT LIKE 'squall_%'
