-- description: Ridge regression of the logarithm of forward volatility on fourteen logarithms of volatility, activity and spread.
--   The score is the probability that forward volatility reaches tau. It learns from every row how volatile the next minute is, and
--   not only from the few rows that are spikes.

CREATE OR REPLACE MODEL spike_regression
OPTIONS (
  model_type = 'linear_reg',
  target_transform = 'ln',
  l2_reg = 1.0,
  input_label_cols = ['spike'],
  target_col = 'forward_vol',
  positive_quantile = {{ tau_quantile }},
  data_split_col = 'split',
  time_col = 'ts',
  id_cols = ['product_id', 'tau']
)
AS SELECT
  product_id, ts, tau, split, spike, forward_vol,
  log_rv_10s, log_rv_60s, log_rv_300s, log_rv_1800s, log_bipower_60s, log_decayed,
  log_changes_10s, log_changes_60s, log_changes_300s, log_ticks_60s,
  log_range_60s, log_range_300s, log_momentum_60s, log_spread_60s
FROM spike_training
