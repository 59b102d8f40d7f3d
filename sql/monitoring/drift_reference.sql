-- description: The training rows, from which drift is measured: the models' features, and the volatility they predict.

SELECT log_rv_10s, log_rv_60s, log_rv_300s, log_ticks_60s, current_vol, forward_vol, spike
FROM spike_training
WHERE split = 'train'
