SELECT model, threshold
FROM spike_thresholds
ORDER BY model
