-- The test period cut into 900 equal steps of recorded time; minimum and maximum of each, so that no spike is lost between
-- pixels. Pauses of more than 10 minutes take no room: they start a new stretch.
WITH ordered AS (
    SELECT *, CAST(ts AS BIGINT) AS ns, CAST(ts AS BIGINT) - lag(CAST(ts AS BIGINT)) OVER (ORDER BY ts) AS pause_ns
    FROM spike_scores
    WHERE model = $model AND split = 'test'
),
placed AS (
    SELECT *,
           sum(CASE WHEN pause_ns > 600000000000 THEN 1 ELSE 0 END) OVER (ORDER BY ts) AS stretch,
           sum(CASE WHEN pause_ns > 600000000000 THEN 0 ELSE coalesce(pause_ns, 0) END) OVER (ORDER BY ts) AS recorded_ns
    FROM ordered
),
stepped AS (
    SELECT *,
           least(CAST(900 * CAST(recorded_ns AS DOUBLE) / greatest(max(recorded_ns) OVER (), 1) AS BIGINT), 899) AS step
    FROM placed
)
SELECT stretch,
       step,
       min(ns) AS first_ns,
       min(midprice) AS lowest_price,
       max(midprice) AS highest_price,
       min(current_vol) AS lowest_vol,
       max(current_vol) AS highest_vol,
       min(score) FILTER (WHERE score BETWEEN 0 AND 1) AS lowest_score,
       max(score) FILTER (WHERE score BETWEEN 0 AND 1) AS highest_score,
       count(*) FILTER (WHERE spike) AS spikes,
       count(*) FILTER (WHERE spike AND score BETWEEN $threshold AND 1) AS hits,
       count(*) FILTER (WHERE NOT spike AND score BETWEEN $threshold AND 1) AS false_alarms
FROM stepped
GROUP BY stretch, step
ORDER BY stretch, step
