-- What happened on the connections of squall ingest.
SELECT kind, coalesce(reason, '') AS reason, count(*) AS events, min(time) AS first_time, max(time) AS last_time
FROM feed_events
GROUP BY kind, reason
ORDER BY events DESC, kind, reason
LIMIT 15
