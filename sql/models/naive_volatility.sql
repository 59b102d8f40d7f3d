-- description: The rule to beat: the realized volatility of the last 60 s is itself the score.

CREATE OR REPLACE MODEL naive_volatility
OPTIONS (
  model_type = 'naive',
  input_label_cols = ['spike'],
  target_col = 'forward_vol',
  positive_quantile = {{ tau_quantile }},
  data_split_col = 'split',
  time_col = 'ts',
  id_cols = ['product_id', 'tau']
)
AS SELECT product_id, ts, tau, split, spike, forward_vol, current_vol
FROM spike_training
