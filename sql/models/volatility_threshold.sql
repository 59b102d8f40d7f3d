-- description: The Python original's rule: alert (score 1) while the realized volatility of the last 60 s is at least its
--   {{ tau_quantile }} quantile over the training rows, else 0.

CREATE OR REPLACE MODEL volatility_threshold
OPTIONS (
  model_type = 'quantile_threshold',
  quantile = {{ tau_quantile }},
  input_label_cols = ['spike'],
  target_col = 'forward_vol',
  positive_quantile = {{ tau_quantile }},
  data_split_col = 'split',
  time_col = 'ts',
  id_cols = ['product_id', 'tau']
)
AS SELECT product_id, ts, tau, split, spike, forward_vol, current_vol
FROM spike_training
