-- The ticks of the products with the most rows, in steps of $step_s s.
WITH largest AS (
    SELECT product_id FROM landed_ticks WHERE status = 'ok' GROUP BY product_id ORDER BY count(*) DESC, product_id LIMIT 30
)
SELECT product_id, CAST(date_bin(INTERVAL '$step_s seconds', ts) AS BIGINT) AS start_ns, count(*) AS ticks
FROM landed_ticks
WHERE status = 'ok' AND product_id IN (SELECT product_id FROM largest)
GROUP BY product_id, start_ns
ORDER BY product_id, start_ns
LIMIT 10000
