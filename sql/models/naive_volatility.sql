-- description: The rule to beat: the realized volatility of the last 60 s is itself the score.

CREATE OR REPLACE MODEL naive_volatility
OPTIONS (
  model_type = 'naive',
  input_label_cols = ['spike'],
  data_split_col = 'split',
  time_col = 'ts',
  id_cols = ['product_id', 'tau']
)
AS SELECT product_id, ts, tau, split, spike, current_vol
FROM spike_training
