-- Candidates for tau: quantiles of forward volatility over the training rows, interpolated as numpy.quantile does, and what each of them
-- makes of all rows. An episode is a run of spikes less than a horizon ($horizon_s s) apart.
WITH ranked AS (
    SELECT forward_vol, CAST(row_number() OVER (ORDER BY forward_vol) AS BIGINT) - 1 AS place, count(*) OVER () - 1 AS last_place
    FROM $rows
    WHERE split = 'train'
),
levels AS (
    SELECT * FROM (VALUES (0.5), (0.75), (0.9), (0.95), (0.975), (0.99), (0.995), (0.999)) AS t(level)
),
places AS (
    SELECT level, CAST(level AS DOUBLE) * last_place AS spot FROM levels CROSS JOIN (SELECT max(last_place) AS last_place FROM ranked) AS size
),
ends AS (
    SELECT places.level, spot - floor(spot) AS weight,
           max(CASE WHEN place = CAST(floor(spot) AS BIGINT) THEN forward_vol END) AS below,
           max(CASE WHEN place = CAST(ceil(spot) AS BIGINT) THEN forward_vol END) AS above
    FROM places
    JOIN ranked ON ranked.place IN (CAST(floor(spot) AS BIGINT), CAST(ceil(spot) AS BIGINT))
    GROUP BY places.level, spot
),
candidates AS (
    SELECT level, CASE WHEN weight < 0.5 THEN below + (above - below) * weight ELSE above - (above - below) * (1 - weight) END AS candidate
    FROM ends
),
spikes AS (
    SELECT level, product_id, split, CAST(ts AS BIGINT) AS ns,
           lag(CAST(ts AS BIGINT)) OVER (PARTITION BY level, product_id ORDER BY ts) AS before
    FROM $rows
    JOIN candidates ON forward_vol >= candidate
)
SELECT candidates.level, max(candidate) AS tau, count(ns) AS spikes,
       CAST(count(ns) AS DOUBLE) / max(total) AS share,
       count(*) FILTER (WHERE ns IS NOT NULL AND (before IS NULL OR ns - before >= $horizon_s * 1000000000)) AS episodes,
       count(*) FILTER (WHERE split = 'test' AND (before IS NULL OR ns - before >= $horizon_s * 1000000000)) AS test_episodes
FROM candidates
CROSS JOIN (SELECT count(*) AS total FROM $rows) AS size
LEFT JOIN spikes ON spikes.level = candidates.level
GROUP BY candidates.level
ORDER BY candidates.level
