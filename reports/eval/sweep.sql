-- What each threshold would do on the judged rows.
SELECT part, point['threshold'] AS threshold, point['alert_rows'] AS alert_rows, point['precision'] AS "precision", point['recall'] AS recall,
       point['f1'] AS f1, point['alerts'] AS alerts, point['alerts_per_hour'] AS alerts_per_hour,
       point['false_alerts_per_hour'] AS false_alerts_per_hour, point['episodes'] AS episodes, point['caught'] AS caught,
       point['caught_share'] AS caught_share, point['median_lead_s'] AS median_lead_s
FROM (
    SELECT part, unnest(threshold_sweep(label, $score, clock, $horizon_s, 48)) AS point FROM $rows WHERE split = $split GROUP BY part
)
ORDER BY part, threshold DESC
