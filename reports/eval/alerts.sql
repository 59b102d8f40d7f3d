-- Neighbouring rows describe the same event: positive rows less than $horizon_s s apart are one episode. An alert stands for $horizon_s s.
SELECT part, a['episodes'] AS episodes, a['caught'] AS caught, a['in_time'] AS in_time, a['median_lead_s'] AS median_lead_s, a['alerts'] AS alerts,
       a['false_alerts'] AS false_alerts, a['hours'] AS hours, a['alerts_per_hour'] AS alerts_per_hour,
       a['false_alerts_per_hour'] AS false_alerts_per_hour, a['reason'] AS reason
FROM (
    SELECT part, episode_metrics(label, $score, time, $threshold, $horizon_s) AS a FROM $rows WHERE split = $split GROUP BY part
)
ORDER BY part
