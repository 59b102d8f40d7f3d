-- test: splits by row count in time order, rows purged at the boundaries, tau from training rows alone
-- parameters: products = ['A'], horizon_s = 1, tau_quantile = 0.25, train_share = 0.5, validation_share = 0.25
-- given spike_features(product_id, ts, midprice, rv_10s, rv_60s, rv_300s, rv_1800s, bipower_60s, decayed_square, changes_10s, changes_60s, changes_300s, ticks_60s, range_60s, range_300s, momentum_60s, relative_spread_60s):
VALUES
  ('A', '2026-01-01T00:00:00Z', 100, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  ('A', '2026-01-01T00:00:01Z', 100, 1, 2, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  ('A', '2026-01-01T00:00:02Z', 100, 1, 3, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  ('A', '2026-01-01T00:00:03Z', 100, 1, 4, 0, 1, 1, 1, 0, 0, 0, 2, 1, 1, -1, 1),
  ('A', '2026-01-01T00:00:04Z', 100, 1, 5, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  -- Its label window ends where the test split begins.
  ('A', '2026-01-01T00:00:05Z', 100, 1, 6, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  ('A', '2026-01-01T00:00:06Z', 100, 1, 7, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  ('A', '2026-01-01T00:00:07Z', 100, 1, 8, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  ('A', '2026-01-01T00:00:08Z', 100, NULL, 8, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  ('A', '2026-01-01T00:00:09Z', 100, 1, 8, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1),
  ('B', '2026-01-01T00:00:00Z', 100, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, -1, 1)
-- given rv_spike_60s(product_id, ts, forward_vol):
VALUES
  ('A', '2026-01-01T00:00:00Z', 0.1),
  ('A', '2026-01-01T00:00:01Z', 0.3),
  ('A', '2026-01-01T00:00:02Z', 0.2),
  ('A', '2026-01-01T00:00:03Z', 9),
  ('A', '2026-01-01T00:00:04Z', 0.1),
  ('A', '2026-01-01T00:00:05Z', 9),
  ('A', '2026-01-01T00:00:06Z', 0.2),
  ('A', '2026-01-01T00:00:07Z', 9),
  ('A', '2026-01-01T00:00:08Z', 9),
  ('A', '2026-01-01T00:00:09Z', NULL),
  ('B', '2026-01-01T00:00:00Z', 9)
-- expect(ts, current_vol, forward_vol, tau, spike, split, log_rv_10s, log_rv_300s, log_ticks_60s, log_momentum_60s, log_changes_60s):
VALUES
  ('2026-01-01T00:00:00Z', 1, 0.1, 0.15, false, 'train', 0, 0, 0, 0, 0),
  ('2026-01-01T00:00:01Z', 2, 0.3, 0.15, true, 'train', 0, 0, 0, 0, 0),
  ('2026-01-01T00:00:02Z', 3, 0.2, 0.15, true, 'train', 0, 0, 0, 0, 0),
  ('2026-01-01T00:00:04Z', 5, 0.1, 0.15, false, 'validation', 0, 0, 0, 0, 0),
  ('2026-01-01T00:00:06Z', 7, 0.2, 0.15, true, 'test', 0, 0, 0, 0, 0),
  ('2026-01-01T00:00:07Z', 8, 9, 0.15, true, 'test', 0, 0, 0, 0, 0)

-- test: the last tick of each product in each second, and logarithms of nothing at the floors
-- parameters: products = ['A', 'B'], grid_s = 1, horizon_s = 1, tau_quantile = 0.5, train_share = 0.9, validation_share = 0.05
-- given spike_features(product_id, ts, midprice, rv_10s, rv_60s, rv_300s, rv_1800s, bipower_60s, decayed_square, changes_10s, changes_60s, changes_300s, ticks_60s, range_60s, range_300s, momentum_60s, relative_spread_60s):
VALUES
  ('A', '2026-01-01T00:00:00.1Z', 100, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1),
  ('A', '2026-01-01T00:00:00.999999999Z', 101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0),
  ('B', '2026-01-01T00:00:00.2Z', 102, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1),
  ('C', '2026-01-01T00:00:00.2Z', 102, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1),
  -- The label of its last tick is unknown, so the second has no row.
  ('A', '2026-01-01T00:00:01Z', 103, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1),
  ('A', '2026-01-01T00:00:01.5Z', 104, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1)
-- given rv_spike_60s(product_id, ts, forward_vol):
VALUES
  ('A', '2026-01-01T00:00:00.1Z', 9),
  ('A', '2026-01-01T00:00:00.999999999Z', 1),
  ('B', '2026-01-01T00:00:00.2Z', 3),
  ('C', '2026-01-01T00:00:00.2Z', 9),
  ('A', '2026-01-01T00:00:01Z', 9)
-- expect(product_id, midprice, tau, split, log_rv_1800s, log_bipower_60s, log_decayed, log_momentum_60s, log_spread_60s):
VALUES
  ('A', 101, NULL, 'test', ln(1e-5), ln(1e-5), ln(1e-5), ln(1e-5), ln(1e-7))

-- test: a grid of 0 s keeps every tick
-- parameters: products = ['A'], grid_s = 0, horizon_s = 1, tau_quantile = 0.5, train_share = 0.9, validation_share = 0.05
-- given spike_features(product_id, ts, midprice, rv_10s, rv_60s, rv_300s, rv_1800s, bipower_60s, decayed_square, changes_10s, changes_60s, changes_300s, ticks_60s, range_60s, range_300s, momentum_60s, relative_spread_60s):
VALUES
  ('A', '2026-01-01T00:00:00.1Z', 100, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1),
  ('A', '2026-01-01T00:00:05Z', 100, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1),
  ('A', '2026-01-01T00:00:05.1Z', 100, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1)
-- given rv_spike_60s(product_id, ts, forward_vol):
VALUES
  ('A', '2026-01-01T00:00:00.1Z', 9),
  ('A', '2026-01-01T00:00:05Z', 1),
  ('A', '2026-01-01T00:00:05.1Z', 1)
-- expect(ts, split):
VALUES
  ('2026-01-01T00:00:00.1Z', 'train'),
  ('2026-01-01T00:00:05.1Z', 'test')
