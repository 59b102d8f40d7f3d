-- test: duplicates, late messages and messages ahead of their receipt are not ticks
-- given landed_ticks(product_id, ts, status, log_offset):
VALUES
  ('A', '2026-01-01T00:00:00Z', 'ok', 0),
  ('A', '2026-01-01T00:00:00Z', 'duplicate', 1),
  ('A', '2026-01-01T00:00:00.000000001Z', 'ok', 2),
  ('A', '2025-12-31T00:00:00Z', 'late', 3),
  ('A', '2026-01-01T00:00:00.000000003Z', 'ahead', 4)
-- expect(product_id, log_offset):
VALUES ('A', 0), ('A', 2)
