-- test: a window of three ticks
-- parameters: window_ticks = 3
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:01Z', 199, 201),
  ('A', '2026-01-01T00:00:02Z', 199, 201),
  ('A', '2026-01-01T02:00:00Z', 299, 301),
  ('B', '2026-01-01T00:00:00Z', 9, 11)
-- expect(product_id, midprice, midprice_return, rolling_vol, spread, trade_intensity):
VALUES
  ('A', 100, NULL, NULL, 2, NULL),
  ('A', 200, 1, NULL, 2, 2),
  ('A', 200, 0, sqrt(0.5), 2, 3),
  ('A', 300, 0.5, sqrt(0.125), 2, 3),
  ('B', 10, NULL, NULL, 2, NULL)
