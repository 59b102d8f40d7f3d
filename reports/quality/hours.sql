-- By the hour of the day: ticks for each minute that has any, and the shares of rows that are not ticks.
SELECT CAST(date_part('hour', ts) AS BIGINT) AS hour,
       count(DISTINCT date_trunc('minute', ts)) AS minutes,
       count(*) FILTER (WHERE status = 'ok') AS ticks,
       CAST(count(*) FILTER (WHERE status = 'ok') AS DOUBLE) / count(DISTINCT date_trunc('minute', ts)) AS ticks_per_minute,
       CAST(count(*) FILTER (WHERE status <> 'ok') AS DOUBLE) / count(*) AS not_ok_share
FROM landed_ticks
WHERE ts IS NOT NULL
GROUP BY hour
ORDER BY hour
