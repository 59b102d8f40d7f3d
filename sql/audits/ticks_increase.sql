-- description: Within a product, each tick has a later ts than the tick before it in its partition of the log,
--   or is an hour or more before it: there, `squall land --backfill` begins an earlier period.

SELECT product_id, ts, previous_ts, log_partition, log_offset
FROM (
  SELECT
    product_id, ts, log_partition, log_offset,
    lag(ts) OVER (PARTITION BY product_id, log_partition ORDER BY log_offset, ts) AS previous_ts
  FROM ticks
) AS steps
WHERE ts <= previous_ts AND ts > previous_ts - INTERVAL '1 hour'
