-- description: The label windows of one split's rows end before the next split begins.

WITH spans AS (
  SELECT split, min(ts) AS first_ts, max(ts) + INTERVAL '{{ horizon_s }} seconds' AS last_window_end
  FROM spike_training
  GROUP BY split
)
SELECT earlier.split, earlier.last_window_end, later.split AS next_split, later.first_ts
FROM spans AS earlier
JOIN spans AS later
  ON (earlier.split = 'train' AND later.split IN ('validation', 'test'))
  OR (earlier.split = 'validation' AND later.split = 'test')
WHERE earlier.last_window_end >= later.first_ts
