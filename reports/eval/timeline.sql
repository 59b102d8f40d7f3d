-- The judged rows cut into 900 equal steps of recorded time; minimum and maximum of each, so that no event is lost between
-- pixels. Pauses of more than $pause_s s take no room: they start a new stretch.
WITH ordered AS (
    SELECT *, CAST(time AS BIGINT) AS ns, CAST(time AS BIGINT) - lag(CAST(time AS BIGINT)) OVER (ORDER BY time) AS pause_ns
    FROM $rows
    WHERE split = $split AND time IS NOT NULL
),
placed AS (
    SELECT *,
           sum(CASE WHEN pause_ns > $pause_s * 1000000000 THEN 1 ELSE 0 END) OVER (ORDER BY time) AS stretch,
           sum(CASE WHEN pause_ns > $pause_s * 1000000000 THEN 0 ELSE coalesce(pause_ns, 0) END) OVER (ORDER BY time) AS recorded_ns
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
       min(value_1) AS lowest_1, max(value_1) AS highest_1,
       min(value_2) AS lowest_2, max(value_2) AS highest_2,
       min(value_3) AS lowest_3, max(value_3) AS highest_3,
       min($score) AS lowest_score,
       max($score) AS highest_score,
       count(*) FILTER (WHERE label) AS positives,
       count(*) FILTER (WHERE label AND $score >= $threshold) AS hits,
       count(*) FILTER (WHERE label AND $score < $threshold) AS missed,
       count(*) FILTER (WHERE NOT label AND $score >= $threshold) AS false_alarms
FROM stepped
GROUP BY stretch, step
ORDER BY stretch, step
