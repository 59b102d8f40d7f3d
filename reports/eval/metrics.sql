SELECT *
FROM spike_metrics
ORDER BY model, split
