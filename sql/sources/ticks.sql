-- description: The ticks that all other queries use: every landed tick that is not a duplicate, not late and not ahead of its
--   receipt. Within a product, ts strictly increases, so every window that orders by it has one answer.
-- grain: product_id, ts
-- time column: ts

SELECT
  product_id, ts, event_time, ingest_time,
  price, best_bid, best_bid_quantity, best_ask, best_ask_quantity,
  volume_24_h, low_24_h, high_24_h, low_52_w, high_52_w, price_percent_chg_24_h,
  side, last_size, sequence_num, connection, log_partition, log_offset
FROM landed_ticks
WHERE status = 'ok'
