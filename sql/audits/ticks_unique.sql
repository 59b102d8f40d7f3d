-- description: No two ticks of a product share a ts.

SELECT product_id, ts, count(*) AS ticks
FROM ticks
GROUP BY product_id, ts
HAVING count(*) > 1
