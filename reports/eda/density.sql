-- How many rows have which pair of values, and how many of them a spike follows: 30 by 30 cells over the middle 98 % of each column.
SELECT CAST(floor(30 * (x - $x_low) / ($x_high - $x_low)) AS BIGINT) AS across,
       CAST(floor(30 * (y - $y_low) / ($y_high - $y_low)) AS BIGINT) AS up,
       count(*) AS rows, count(*) FILTER (WHERE spike) AS spikes
FROM (SELECT CAST($x AS DOUBLE) AS x, CAST($y AS DOUBLE) AS y, spike FROM $rows) AS pairs
WHERE x >= $x_low AND x < $x_high AND y >= $y_low AND y < $y_high
GROUP BY across, up
ORDER BY across, up
