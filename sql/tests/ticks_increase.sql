-- test: a step back is wrong, unless an earlier period begins there
-- given ticks(product_id, ts, log_partition, log_offset):
VALUES
  ('A', '2026-01-02T00:00:00Z', 0, 1),
  ('A', '2026-01-02T00:00:02Z', 0, 2),
  ('A', '2026-01-02T00:00:01Z', 0, 3),
  ('B', '2026-01-02T00:00:01Z', 0, 3),
  ('A', '2026-01-01T00:00:00Z', 0, 4),
  ('A', '2026-01-01T00:00:00Z', 0, 5)
-- expect(product_id, log_offset):
VALUES
  ('A', 3),
  ('A', 5)
