SELECT product_id, threshold, "precision", recall, alerts_per_hour, false_alerts_per_hour, episodes, caught, median_lead_s, reason
FROM ml_threshold_sweep($model, $on, 12)
