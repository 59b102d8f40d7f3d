-- case: a window by numbers of time
-- lookback: 10 s
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY CAST(ts AS BIGINT) RANGE BETWEEN 10000000000 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: the tick before, by numbers of time
-- lookback: 1 tick
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY CAST(ts AS BIGINT)) AS v FROM ticks

-- case: a join by numbers of time
-- lookback: 1 s
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND CAST(b.ts AS BIGINT) <= CAST(a.ts AS BIGINT) AND CAST(b.ts AS BIGINT) >= CAST(a.ts AS BIGINT) - 1000000000 GROUP BY 1, 2

-- case: a difference of numbers of time
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND CAST(a.ts AS BIGINT) - CAST(b.ts AS BIGINT) >= 0 AND CAST(a.ts AS BIGINT) - CAST(b.ts AS BIGINT) < 5000000000 GROUP BY 1, 2

-- case: a late message counts when it lands
-- lookback: 10 s
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts <= a.ts AND b.ts >= a.ts - INTERVAL '10 seconds' AND b.event_time <= a.ts GROUP BY 1, 2

-- case: bars that are named by their first tick, joined when they are over
SELECT t.product_id, t.ts, max(b.p) AS v FROM ticks AS t JOIN (SELECT product_id, date_trunc('minute', ts) AS minute, min(ts) AS first, avg(price) AS p FROM ticks GROUP BY 1, 2) AS b ON b.product_id = t.product_id AND b.minute + INTERVAL '1 minute' <= t.ts AND b.minute > t.ts - INTERVAL '5 minutes' GROUP BY 1, 2

-- case: QUALIFY keeps the first row of each minute
SELECT product_id, ts, price AS v FROM ticks QUALIFY row_number() OVER (PARTITION BY product_id, date_trunc('minute', ts) ORDER BY ts) = 1

-- case: the last price of a bar, by event time and then by ts
SELECT product_id, date_bin(INTERVAL '1 minute', ts) + INTERVAL '1 minute' AS ts, last_value(price ORDER BY event_time, ts) AS v FROM ticks GROUP BY product_id, date_bin(INTERVAL '1 minute', ts)

-- case: EXCEPT of what an earlier row had
SELECT product_id, ts, price AS v FROM ticks EXCEPT SELECT product_id, ts + INTERVAL '1 second', price FROM ticks

-- case: INTERSECT with what an earlier row had
SELECT product_id, ts, price AS v FROM ticks INTERSECT SELECT product_id, ts + INTERVAL '1 second', price FROM ticks

-- case: forward fill
-- lookback: unbounded
SELECT product_id, ts, coalesce(nullif(best_bid, 0), last_value(nullif(best_bid, 0)) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS v FROM ticks

-- case: a z-score by the day before
SELECT t.product_id, t.ts, (t.price - d.m) / d.s AS v FROM ticks AS t JOIN (SELECT product_id, date_trunc('day', ts) + INTERVAL '1 day' AS day, avg(price) AS m, stddev(price) AS s FROM ticks GROUP BY 1, 2) AS d ON d.product_id = t.product_id AND d.day = date_trunc('day', t.ts)

-- case: min-max scaling over the last hour
-- lookback: 1 h
SELECT product_id, ts, (price - min(price) OVER w) / nullif(max(price) OVER w - min(price) OVER w, 0) AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)

-- case: products that have traded at least a hundred times
-- lookback: unbounded
SELECT product_id, ts, v FROM (SELECT product_id, ts, price AS v, count(*) OVER (PARTITION BY product_id ORDER BY ts) AS n FROM ticks) AS q WHERE n >= 100

-- case: outliers by the last hour are left out
-- lookback: 1 h
SELECT product_id, ts, v FROM (SELECT product_id, ts, price AS v, max(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND INTERVAL '1 nanosecond' PRECEDING) AS high FROM ticks) AS q WHERE v < 2 * high

-- case: how long a session has lasted
-- lookback: unbounded
WITH gaps AS (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts) > INTERVAL '10 seconds' THEN 1 ELSE 0 END AS gap FROM ticks),
sessions AS (SELECT *, sum(gap) OVER (PARTITION BY product_id ORDER BY ts) AS session FROM gaps)
SELECT product_id, ts, ts - first_value(ts) OVER (PARTITION BY product_id, session ORDER BY ts) AS v FROM sessions

-- case: the partition's bucket is absent for some rows
-- lookback: unbounded
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, CASE WHEN side = 'BUY' THEN date_trunc('minute', ts) END ORDER BY ts) AS v FROM ticks

-- case: a right join that looks back
-- lookback: 1 s
SELECT b.product_id, b.ts, max(a.price) AS v FROM ticks AS a RIGHT JOIN ticks AS b ON a.product_id = b.product_id AND a.ts <= b.ts AND a.ts >= b.ts - INTERVAL '1 second' GROUP BY 1, 2

-- case: yesterday by date, with an exclusive end
-- lookback: 2 d
SELECT t.product_id, t.ts, max(b.price) AS v FROM ticks AS t JOIN ticks AS b ON b.product_id = t.product_id AND b.ts >= date_trunc('day', t.ts) - INTERVAL '1 day' AND b.ts < date_trunc('day', t.ts) GROUP BY 1, 2

-- case: the hour's bar before, by an alias of the shifted hour
SELECT t.product_id, t.ts, b.p AS v FROM ticks AS t JOIN (SELECT product_id, date_trunc('hour', ts) + INTERVAL '1 hour' AS hour, avg(price) AS p FROM ticks GROUP BY 1, 2) AS b ON b.product_id = t.product_id AND b.hour = date_trunc('hour', t.ts)

-- case: a union of two sides at their own times
SELECT product_id, ts, price AS v FROM ticks WHERE side = 'BUY' UNION ALL SELECT product_id, ts, -price FROM ticks WHERE side = 'SELL'

-- case: a sum of many terms
SELECT product_id, ts, price + price + price + price + price + price + price + price + price + price + price + price + price + price + price + price + price + price + price + price AS v FROM ticks

-- case: a product filter before an unpartitioned window
-- lookback: 5 ticks
SELECT product_id, ts, avg(price) OVER (ORDER BY ts ROWS 5 PRECEDING) AS v FROM ticks WHERE product_id = 'ETH-USD'

-- case: the signed volume of the last ten seconds
-- lookback: 10 s
SELECT product_id, ts, sum(CASE side WHEN 'BUY' THEN last_size WHEN 'SELL' THEN -last_size END) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: the spread to its own median of the last minute
-- lookback: 60 s
SELECT product_id, ts, spread - median(spread) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM spreads

-- case: ticks and seconds together
SELECT t.product_id, t.ts, t.price / s.price - 1 AS v FROM ticks AS t LEFT JOIN seconds AS s ON s.product_id = t.product_id AND s.second = date_bin(INTERVAL '1 second', t.ts) - INTERVAL '5 seconds'
