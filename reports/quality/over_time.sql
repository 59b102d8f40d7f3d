-- Rows of every status in steps of $step_s s.
SELECT CAST(date_bin(INTERVAL '$step_s seconds', ts) AS BIGINT) AS start_ns,
       count(*) FILTER (WHERE status = 'ok') AS ticks,
       count(*) FILTER (WHERE status = 'duplicate') AS duplicates,
       count(*) FILTER (WHERE status = 'late') AS late,
       count(*) FILTER (WHERE status = 'ahead') AS ahead
FROM landed_ticks
WHERE ts IS NOT NULL
GROUP BY start_ns
ORDER BY start_ns
LIMIT 1000
