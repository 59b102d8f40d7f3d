-- description: Every landed message has a product, both times, a known status and a place in the log.

SELECT log_partition, log_offset, product_id, ts, event_time, status
FROM landed_ticks
WHERE product_id IS NULL OR ts IS NULL OR event_time IS NULL OR log_partition IS NULL OR log_offset IS NULL
  OR status IS NULL OR status NOT IN ('ok', 'duplicate', 'late', 'ahead')
