SELECT product_id, threshold, episodes, caught, caught_share, in_time, median_lead_s, alerts, alerts_per_hour, false_alerts_per_hour, hours, reason
FROM ml_episodes($model, $on)
