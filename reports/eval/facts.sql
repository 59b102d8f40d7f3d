SELECT split,
       count(*) AS rows,
       min(ts) AS first_ts,
       max(ts) AS last_ts,
       count(*) FILTER (WHERE spike) AS positives,
       min(product_id) AS product_id,
       count(DISTINCT product_id) AS products,
       max(tau) AS tau
FROM spike_training
GROUP BY split
ORDER BY first_ts
