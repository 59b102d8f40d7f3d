-- Realized volatility and return of each minute of the ticks, against those of a minute that is lag minutes later.
WITH steps AS (
    SELECT product_id, CAST(floor(CAST(CAST(ts AS BIGINT) AS DOUBLE) / 60e9) AS BIGINT) AS minute,
           ln(((best_bid + best_ask) / 2) / lag((best_bid + best_ask) / 2) OVER product) AS step,
           CAST(ts AS BIGINT) - lag(CAST(ts AS BIGINT)) OVER product AS step_ns
    FROM ticks
    WHERE product_id IN ($products) AND best_bid > 0
    WINDOW product AS (PARTITION BY product_id ORDER BY ts)
),
minutes AS (
    SELECT product_id, minute, sum(step) AS change, ln(greatest(sqrt(sum(step * step)), 1e-6)) AS log_vol
    FROM steps
    -- A step over a pause belongs to no minute.
    WHERE step_ns <= 60000000000
    GROUP BY product_id, minute
),
distances AS (
    SELECT CAST(value AS BIGINT) AS distance FROM (VALUES (1), (2), (3), (4), (5), (6), (8), (10), (12), (15), (20), (25), (30), (40), (50), (60), (75), (90), (120)) AS t(value)
),
pairs AS (
    SELECT distance, product_id, minute + distance AS minute, change, log_vol FROM minutes CROSS JOIN distances
)
SELECT pairs.distance AS lag, count(*) AS pairs, corr(pairs.log_vol, later.log_vol) AS volatility, corr(pairs.change, later.change) AS returns
FROM pairs
JOIN minutes AS later ON later.product_id = pairs.product_id AND later.minute = pairs.minute
GROUP BY pairs.distance
ORDER BY pairs.distance
