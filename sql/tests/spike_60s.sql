-- test: the sample standard deviation of the returns that follow
-- parameters: horizon_s = 3, silence_s = 1
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:01Z', 199, 201),
  ('A', '2026-01-01T00:00:02Z', 99, 101),
  ('A', '2026-01-01T00:00:03Z', 99, 101)
-- The returns are ln 2, -ln 2 and 0. Their mean is 0, and the sum of squares, 2 ln² 2, is divided by n - 1 = 2.
-- expect(ts, forward_vol):
VALUES
  ('2026-01-01T00:00:00Z', ln(2)),
  ('2026-01-01T00:00:01Z', NULL),
  ('2026-01-01T00:00:02Z', NULL),
  ('2026-01-01T00:00:03Z', NULL)
