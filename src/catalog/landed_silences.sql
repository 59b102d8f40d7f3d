-- Steps of over 10 s between a product's consecutive ticks, and whether the connection changed on the way.
SELECT product_id, silent_from, silent_to, (CAST(silent_to AS BIGINT) - CAST(silent_from AS BIGINT)) / 1e9 AS seconds,
       connection IS DISTINCT FROM connection_before AS reconnected
FROM (
    SELECT product_id, ts AS silent_to, connection,
           lag(ts) OVER (PARTITION BY product_id ORDER BY ts) AS silent_from,
           lag(connection) OVER (PARTITION BY product_id ORDER BY ts) AS connection_before
    FROM landed_ticks
    WHERE status = 'ok'
)
WHERE CAST(silent_to AS BIGINT) - CAST(silent_from AS BIGINT) > 10000000000
