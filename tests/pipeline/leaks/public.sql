-- case: a late message counts at its event time
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.event_time <= a.ts AND b.event_time > a.ts - INTERVAL '10 seconds' GROUP BY 1, 2

-- case: the latest version by ingest time, however late it came
SELECT product_id, ts, price AS v FROM (SELECT *, row_number() OVER (PARTITION BY product_id, event_time ORDER BY ingest_time DESC, ts DESC) AS n FROM ticks) AS q WHERE n = 1

-- case: the greatest created time breaks ties, but is never compared
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN (SELECT product_id, event_time, max(ts) AS known, max(price) AS price FROM ticks GROUP BY 1, 2) AS b ON b.product_id = a.product_id AND b.event_time = a.event_time

-- case: bars that are named by their last tick
-- expect: which one that is may be known only later
SELECT product_id, max(ts) AS ts, avg(price) AS v FROM ticks GROUP BY product_id, date_bin(INTERVAL '1 second', ts)

-- case: windows over bars that are named by their last tick
WITH bars AS (SELECT product_id, max(ts) AS ts, avg(price) AS price FROM ticks GROUP BY product_id, date_bin(INTERVAL '1 second', ts))
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM bars

-- case: bars as of their last tick
WITH bars AS (SELECT product_id, date_bin(INTERVAL '1 minute', ts) AS minute, max(ts) AS last, avg(price) AS price FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, max(b.price) AS v FROM ticks AS t JOIN bars AS b ON b.product_id = t.product_id AND b.last <= t.ts AND b.minute > t.ts - INTERVAL '10 minutes' GROUP BY 1, 2

-- case: the last tick of each second by DISTINCT ON
SELECT product_id, ts, v FROM (SELECT DISTINCT ON (product_id, date_bin(INTERVAL '1 second', ts)) product_id, ts, price AS v FROM ticks ORDER BY product_id, date_bin(INTERVAL '1 second', ts), ts DESC) AS q

-- case: the last tick of each second by last_value
SELECT product_id, last_value(ts ORDER BY ts) AS ts, last_value(price ORDER BY ts) AS v FROM ticks GROUP BY product_id, date_bin(INTERVAL '1 second', ts)

-- case: ties of the order inside an aggregate
-- expect: can have ties
SELECT product_id, date_bin(INTERVAL '1 minute', ts) + INTERVAL '1 minute' AS ts, last_value(price ORDER BY event_time) AS v FROM ticks GROUP BY product_id, date_bin(INTERVAL '1 minute', ts)

-- case: volume bars, joined before they are complete
WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS n FROM ticks),
bars AS (SELECT product_id, (n - 1) / 100 AS bar, max(ts) AS last, avg(price) AS price FROM numbered GROUP BY 1, 2)
SELECT t.product_id, t.ts, max(b.price) AS v FROM ticks AS t JOIN bars AS b ON b.product_id = t.product_id AND b.last <= t.ts GROUP BY 1, 2

-- case: a calendar of days that reaches to the last day
SELECT t.product_id, t.ts, count(*) OVER (PARTITION BY t.product_id, date_trunc('day', t.ts)) AS v FROM ticks AS t

-- case: a window by numbers of time that ends later
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY CAST(ts AS BIGINT) RANGE BETWEEN 5000000000 PRECEDING AND 5000000000 FOLLOWING) AS v FROM ticks

-- case: a window by numbers of time, descending
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY CAST(ts AS BIGINT) DESC RANGE BETWEEN 5000000000 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: a join by numbers of time that reaches ahead
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND CAST(b.ts AS BIGINT) <= CAST(a.ts AS BIGINT) + 1000000000 AND CAST(b.ts AS BIGINT) > CAST(a.ts AS BIGINT) - 1000000000 GROUP BY 1, 2

-- case: a difference of numbers of time without a sign
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND abs(CAST(a.ts AS BIGINT) - CAST(b.ts AS BIGINT)) < 1000000000 GROUP BY 1, 2

-- case: a number of time rounded up to the second
SELECT product_id, CAST(CAST(ts AS BIGINT) / 1000000000 * 1000000000 AS TIMESTAMP) AS ts, max(price) AS v FROM ticks GROUP BY 1, 2

-- case: the validity of a quote ends with the next one, which has to be there
SELECT t.product_id, t.ts, q.price AS v FROM ticks AS t JOIN (SELECT product_id, ts AS since, lead(ts) OVER (PARTITION BY product_id ORDER BY ts) AS until, price FROM ticks WHERE side = 'BUY') AS q ON q.product_id = t.product_id AND t.ts >= q.since AND t.ts < q.until

-- case: the length of the validity of a quote
SELECT product_id, ts, until - ts AS v FROM (SELECT product_id, ts, lead(ts) OVER (PARTITION BY product_id ORDER BY ts) AS until FROM ticks) AS q

-- case: EXCEPT of what a later row has
-- expect: EXCEPT compares
SELECT product_id, ts, price AS v FROM ticks EXCEPT SELECT product_id, ts - INTERVAL '1 second', price FROM ticks

-- case: INTERSECT with what a later row has
-- expect: INTERSECT compares
SELECT product_id, ts, price AS v FROM ticks INTERSECT SELECT product_id, ts - INTERVAL '1 second', price FROM ticks

-- case: backward fill by the next known value
SELECT product_id, ts, coalesce(nullif(best_bid, 0), first_value(nullif(best_bid, 0)) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) AS v FROM ticks

-- case: interpolation between the value before and the value after
SELECT product_id, ts, (lag(price) OVER w + lead(price) OVER w) / 2 AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: a z-score by the whole day
SELECT t.product_id, t.ts, (t.price - d.m) / d.s AS v FROM ticks AS t JOIN (SELECT product_id, date_trunc('day', ts) AS day, avg(price) AS m, stddev(price) AS s FROM ticks GROUP BY 1, 2) AS d ON d.product_id = t.product_id AND d.day = date_trunc('day', t.ts)

-- case: the day's last price by a window that is ordered backwards
SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id, date_trunc('day', ts) ORDER BY ts DESC) AS v FROM ticks

-- case: target encoding over all rows, without the row itself
SELECT product_id, ts, (sum(price) OVER w - price) / (count(*) OVER w - 1) AS v FROM ticks WINDOW w AS (PARTITION BY product_id, side)

-- case: a decile of the whole sample
SELECT product_id, ts, ntile(10) OVER (PARTITION BY product_id ORDER BY price, ts) AS v FROM ticks

-- case: min-max scaling
SELECT product_id, ts, (price - min(price) OVER (PARTITION BY product_id)) / (max(price) OVER (PARTITION BY product_id) - min(price) OVER (PARTITION BY product_id)) AS v FROM ticks

-- case: how far it is until the end of the data
SELECT product_id, ts, max(ts) OVER (PARTITION BY product_id) - ts AS v FROM ticks

-- case: products that will trade at least a hundred times
SELECT product_id, ts, price AS v FROM ticks WHERE product_id IN (SELECT product_id FROM ticks GROUP BY product_id HAVING count(*) >= 100)

-- case: outliers by a quantile of the whole sample are left out
SELECT product_id, ts, price AS v FROM ticks WHERE price < (SELECT approx_percentile_cont(price, 0.99) FROM ticks)

-- case: a session is known to be long before it is over
WITH gaps AS (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts) > INTERVAL '10 seconds' THEN 1 ELSE 0 END AS gap FROM ticks),
sessions AS (SELECT *, sum(gap) OVER (PARTITION BY product_id ORDER BY ts) AS session FROM gaps)
SELECT product_id, ts, count(*) OVER (PARTITION BY product_id, session) AS v FROM sessions

-- case: the partition's bucket is absent for some rows, and the whole partition is read
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, CASE WHEN side = 'BUY' THEN date_trunc('minute', ts) END) AS v FROM ticks

-- case: a lookback that the NULL partition does not keep
-- lookback: 1 min
-- expect: lookback
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, CASE WHEN side = 'BUY' THEN date_trunc('minute', ts) END ORDER BY ts) AS v FROM ticks

-- case: a full join to the tick of the other product that comes next
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a FULL JOIN (SELECT product_id, lag(ts) OVER (PARTITION BY product_id ORDER BY ts) AS before, price FROM ticks) AS b ON b.product_id = a.product_id AND b.before = a.ts

-- case: a right join that turns the sides
SELECT b.product_id, b.ts, a.price AS v FROM ticks AS a RIGHT JOIN ticks AS b ON a.product_id = b.product_id AND a.ts > b.ts AND a.ts < b.ts + INTERVAL '1 second'

-- case: time zones that are added the wrong way round
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts - INTERVAL '5 hours' <= a.ts AND b.ts > a.ts - INTERVAL '1 hour' GROUP BY 1, 2

-- case: yesterday by date, with an inclusive end
SELECT t.product_id, t.ts, max(b.price) AS v FROM ticks AS t JOIN ticks AS b ON b.product_id = t.product_id AND b.ts BETWEEN date_trunc('day', t.ts) - INTERVAL '1 day' AND date_trunc('day', t.ts) + INTERVAL '1 day' GROUP BY 1, 2

-- case: this hour's bar, with the hour of the bar before
SELECT t.product_id, t.ts, b.p AS v FROM ticks AS t JOIN (SELECT product_id, date_trunc('hour', ts) - INTERVAL '1 hour' AS hour, avg(price) AS p FROM ticks GROUP BY 1, 2) AS b ON b.product_id = t.product_id AND b.hour = date_trunc('hour', t.ts) - INTERVAL '1 hour'

-- case: QUALIFY keeps the last row of each minute
SELECT product_id, ts, price AS v FROM ticks QUALIFY row_number() OVER (PARTITION BY product_id, date_trunc('minute', ts) ORDER BY ts DESC) = 1

-- case: a union of a feature and of its shifted copy
SELECT product_id, ts, max(price) AS v FROM (SELECT product_id, ts, price FROM ticks UNION ALL SELECT product_id, ts - INTERVAL '1 second', price FROM ticks) AS u GROUP BY 1, 2
