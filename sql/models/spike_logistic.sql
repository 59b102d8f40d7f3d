-- description: Logistic regression on the logarithms of realized volatility (10, 60 and 300 s) and of the tick count (60 s).
--   It has only a few, smooth features, because a day has few independent spikes: labels of neighbouring ticks overlap.

CREATE OR REPLACE MODEL spike_logistic
OPTIONS (
  model_type = 'logistic_reg',
  input_label_cols = ['spike'],
  target_col = 'forward_vol',
  positive_quantile = {{ tau_quantile }},
  data_split_col = 'split',
  time_col = 'ts',
  id_cols = ['product_id', 'tau'],
  l2_reg = 1.0
)
AS SELECT product_id, ts, tau, split, spike, forward_vol, log_rv_10s, log_rv_60s, log_rv_300s, log_ticks_60s
FROM spike_training
