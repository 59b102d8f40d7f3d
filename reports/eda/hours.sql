-- By weekday (0 is Sunday) and hour, UTC: rows, how many of them a spike follows, and the mean current volatility.
SELECT CAST(date_part('dow', ts) AS BIGINT) AS weekday, CAST(date_part('hour', ts) AS BIGINT) AS hour,
       count(*) AS rows, count(*) FILTER (WHERE spike) AS spikes, avg(current_vol) AS mean_vol
FROM $rows
GROUP BY weekday, hour
ORDER BY weekday, hour
