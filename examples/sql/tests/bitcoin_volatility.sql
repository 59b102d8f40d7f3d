-- test: the last known volatility of Bitcoin, if it is not too old
-- given ticks(product_id, ts, best_bid, best_ask):
VALUES
  ('BTC-USD', '2026-01-01T00:00:05Z', 99, 101),
  ('ETH-USD', '2026-01-01T00:00:04Z', 9, 11),
  ('ETH-USD', '2026-01-01T00:00:05Z', 9, 11),
  ('ETH-USD', '2026-01-01T00:00:15Z', 9, 11),
  ('ETH-USD', '2026-01-01T00:00:15.000000001Z', 9, 11)
-- given spike_features(product_id, ts, rv_60s, rv_300s):
VALUES
  ('BTC-USD', '2026-01-01T00:00:05Z', 0.001, 0.003),
  ('ETH-USD', '2026-01-01T00:00:04Z', 0.5, 0.5)
-- expect(product_id, ts, btc_rv_60s, btc_rv_300s, btc_age_s):
VALUES
  ('BTC-USD', '2026-01-01T00:00:05Z', 0.001, 0.003, 0),
  ('ETH-USD', '2026-01-01T00:00:04Z', NULL, NULL, NULL),
  ('ETH-USD', '2026-01-01T00:00:05Z', 0.001, 0.003, 0),
  ('ETH-USD', '2026-01-01T00:00:15Z', 0.001, 0.003, 10),
  ('ETH-USD', '2026-01-01T00:00:15.000000001Z', NULL, NULL, NULL)
