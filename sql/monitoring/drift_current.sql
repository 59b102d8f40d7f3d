-- description: The test rows, with the same columns as drift_reference. They are compared with drift_reference.

SELECT log_rv_10s, log_rv_60s, log_rv_300s, log_ticks_60s, current_vol, forward_vol, spike
FROM spike_training
WHERE split = 'test'
