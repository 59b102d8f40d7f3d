-- description: tau is one number, known on every row, and about as many training rows lie below it as the quantile says.

SELECT
  min(tau) AS lowest_tau, max(tau) AS highest_tau,
  avg(CASE WHEN spike THEN 1.0 ELSE 0.0 END) AS share_of_spikes,
  count(*) AS training_rows
FROM spike_training
WHERE split = 'train'
HAVING min(tau) <> max(tau) OR count(tau) < count(*)
  -- With few rows the share is coarse. Rows equal to tau are spikes; a market that stands still has many of them.
  OR (count(*) >= 1000 AND avg(CASE WHEN spike THEN 1.0 ELSE 0.0 END) < 1 - {{ tau_quantile }} - 0.001)
