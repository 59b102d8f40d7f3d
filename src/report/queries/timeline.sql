-- The test period cut into 900 equal steps; minimum and maximum of each, so that no spike is lost between pixels.
WITH period AS (
    SELECT min(CAST(ts AS BIGINT)) AS first_ns, max(CAST(ts AS BIGINT)) AS last_ns
    FROM spike_scores
    WHERE model = $model AND split = 'test'
),
steps AS (
    SELECT s.*, first_ns, last_ns,
           least(
               CAST(900 * CAST(CAST(ts AS BIGINT) - first_ns AS DOUBLE) / greatest(last_ns - first_ns, 1) AS BIGINT), 899
           ) AS step
    FROM spike_scores AS s CROSS JOIN period
    WHERE model = $model AND split = 'test'
)
SELECT step,
       min(first_ns) AS first_ns,
       min(last_ns) AS last_ns,
       min(midprice) AS lowest_price,
       max(midprice) AS highest_price,
       min(current_vol) AS lowest_vol,
       max(current_vol) AS highest_vol,
       min(score) AS lowest_score,
       max(score) AS highest_score,
       count(*) FILTER (WHERE spike) AS spikes,
       count(*) FILTER (WHERE spike AND score >= $threshold) AS hits,
       count(*) FILTER (WHERE NOT spike AND score >= $threshold) AS false_alarms
FROM steps
GROUP BY step
ORDER BY step
