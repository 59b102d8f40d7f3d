-- test: the window is open at the tick and closed at the horizon
-- parameters: horizon_s = 4, silence_s = 2
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:01Z', 199, 201),
  ('A', '2026-01-01T00:00:02Z', 99, 101),
  ('A', '2026-01-01T00:00:03Z', 99, 101),
  ('A', '2026-01-01T00:00:04Z', 199, 201),
  ('A', '2026-01-01T00:00:05Z', 399, 401)
-- The first row sees three doublings or halvings; the second two, one of them at its horizon; for the third data ends.
-- expect(ts, forward_vol):
VALUES
  ('2026-01-01T00:00:00Z', sqrt(3) * ln(2)),
  ('2026-01-01T00:00:01Z', sqrt(3) * ln(2)),
  ('2026-01-01T00:00:02Z', NULL),
  ('2026-01-01T00:00:03Z', NULL),
  ('2026-01-01T00:00:04Z', NULL),
  ('2026-01-01T00:00:05Z', NULL)

-- test: a silence in the window voids the label, one of exactly the limit does not
-- parameters: horizon_s = 4, silence_s = 2
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:02Z', 199, 201),
  ('A', '2026-01-01T00:00:04Z', 99, 101),
  ('A', '2026-01-01T00:00:05Z', 199, 201),
  ('A', '2026-01-01T00:00:07.000000001Z', 99, 101),
  ('A', '2026-01-01T00:00:08Z', 99, 101),
  ('A', '2026-01-01T00:00:12Z', 99, 101)
-- expect(ts, forward_vol):
VALUES
  ('2026-01-01T00:00:00Z', sqrt(2) * ln(2)),
  -- The gap of 2 s and a nanosecond begins in this window, but lasts just 1 s of it.
  ('2026-01-01T00:00:02Z', sqrt(2) * ln(2)),
  ('2026-01-01T00:00:04Z', NULL),
  ('2026-01-01T00:00:05Z', NULL),
  ('2026-01-01T00:00:07.000000001Z', NULL),
  ('2026-01-01T00:00:08Z', NULL),
  ('2026-01-01T00:00:12Z', NULL)

-- test: the stretch from the last tick to the horizon counts as a silence too
-- parameters: horizon_s = 5, silence_s = 2
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('A', '2026-01-01T00:00:01Z', 199, 201),
  ('A', '2026-01-01T00:00:02Z', 99, 101),
  -- After a silence of 5 s, which begins 3 s before the first window's end, 2 s before that of a tick at 23:59:59.
  ('A', '2026-01-01T00:00:07Z', 99, 101),
  ('A', '2025-12-31T23:59:59Z', 99, 101)
-- expect(ts, forward_vol):
VALUES
  ('2025-12-31T23:59:59Z', sqrt(2) * ln(2)),
  ('2026-01-01T00:00:00Z', NULL),
  ('2026-01-01T00:00:01Z', NULL),
  ('2026-01-01T00:00:02Z', NULL),
  ('2026-01-01T00:00:07Z', NULL)

-- test: one tick is not enough, and products do not see each other
-- parameters: horizon_s = 4, silence_s = 4
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('A', '2026-01-01T00:00:00Z', 99, 101),
  ('B', '2026-01-01T00:00:01Z', 9, 11),
  ('A', '2026-01-01T00:00:03Z', 199, 201),
  ('B', '2026-01-01T00:00:03.5Z', 9, 11),
  ('B', '2026-01-01T00:00:04Z', 9, 11),
  ('A', '2026-01-01T00:00:05Z', 99, 101),
  ('B', '2026-01-01T00:00:05Z', 9, 11)
-- expect(product_id, ts, forward_vol):
VALUES
  ('A', '2026-01-01T00:00:00Z', NULL),
  ('A', '2026-01-01T00:00:03Z', NULL),
  ('A', '2026-01-01T00:00:05Z', NULL),
  -- A market that stands still has a volatility of exactly 0.
  ('B', '2026-01-01T00:00:01Z', 0),
  ('B', '2026-01-01T00:00:03.5Z', NULL),
  ('B', '2026-01-01T00:00:04Z', NULL),
  ('B', '2026-01-01T00:00:05Z', NULL)
