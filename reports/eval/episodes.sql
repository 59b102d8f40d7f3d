-- Neighbouring rows share most of their label's window, so rows are not independent: spike rows less than one horizon apart
-- ($horizon_s s) count as one episode. An episode is caught if any of its rows alerted.
WITH spikes AS (
    SELECT split, ts, score >= $threshold AS alert,
           CASE
               WHEN CAST(ts AS BIGINT) - lag(CAST(ts AS BIGINT)) OVER (PARTITION BY split ORDER BY ts) < $horizon_s * 1000000000
               THEN 0 ELSE 1
           END AS starts
    FROM spike_scores
    WHERE model = $model AND spike AND score BETWEEN 0 AND 1
),
numbered AS (
    SELECT split, alert, sum(starts) OVER (PARTITION BY split ORDER BY ts) AS episode
    FROM spikes
),
episodes AS (
    SELECT split, episode, bool_or(alert) AS caught
    FROM numbered
    GROUP BY split, episode
)
SELECT split, count(*) AS episodes, count(*) FILTER (WHERE caught) AS caught
FROM episodes
GROUP BY split
ORDER BY split
