-- description: tau is the same number on every row and never NULL. The share of training rows below it is about tau_quantile.

SELECT
  min(tau) AS lowest_tau, max(tau) AS highest_tau,
  avg(CASE WHEN spike THEN 1.0 ELSE 0.0 END) AS share_of_spikes,
  count(*) AS training_rows
FROM spike_training
WHERE split = 'train'
HAVING min(tau) <> max(tau) OR count(tau) < count(*)
  -- With few rows the share is coarse. Rows equal to tau are spikes; if the market stands still, there are many such rows.
  OR (count(*) >= 1000 AND avg(CASE WHEN spike THEN 1.0 ELSE 0.0 END) < 1 - {{ tau_quantile }} - 0.001)
