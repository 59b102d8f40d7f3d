-- The rows that models learn from, by product. An episode is a run of spikes less than a horizon ($horizon_s s) apart.
WITH spikes AS (
    SELECT product_id,
           count(*) FILTER (WHERE before IS NULL OR ns - before >= $horizon_s * 1000000000) AS episodes
    FROM (SELECT product_id, CAST(ts AS BIGINT) AS ns, lag(CAST(ts AS BIGINT)) OVER (PARTITION BY product_id ORDER BY ts) AS before
          FROM $rows WHERE spike) AS ordered
    GROUP BY product_id
)
SELECT training.product_id, count(*) AS rows, min(ts) AS first_ts, max(ts) AS last_ts, max(tau) AS tau,
       count(*) FILTER (WHERE spike) AS spikes, coalesce(max(episodes), 0) AS episodes,
       avg(current_vol) AS mean_vol, max(forward_vol) AS highest_vol, min(midprice) AS lowest, max(midprice) AS highest
FROM $rows AS training
LEFT JOIN spikes ON spikes.product_id = training.product_id
GROUP BY training.product_id
ORDER BY rows DESC, training.product_id
