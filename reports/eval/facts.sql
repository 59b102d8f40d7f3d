SELECT split,
       count(*) AS rows,
       min(time) AS first_time,
       max(time) AS last_time,
       count(*) FILTER (WHERE label) AS positives,
       count(*) FILTER (WHERE label IS NULL) AS unlabelled,
       count(*) FILTER (WHERE $score IS NULL) AS unscored,
       spike_episodes(label, time, $horizon_s) FILTER (WHERE $score IS NOT NULL) AS episodes,
       min($score) AS lowest,
       max($score) AS highest,
       count(DISTINCT part) AS parts,
       min(part) AS first_part
FROM $rows
GROUP BY split
ORDER BY first_time, split
