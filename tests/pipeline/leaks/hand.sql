-- case: a bar that is named by its start
-- expect: `avg` is taken over a group
SELECT product_id, date_bin(INTERVAL '1 minute', ts) AS ts, avg(price) AS v FROM ticks GROUP BY product_id, date_bin(INTERVAL '1 minute', ts)

-- case: a day that is named by its start
SELECT product_id, date_trunc('day', ts) AS ts, max(price) - min(price) AS v FROM ticks GROUP BY 1, 2

-- case: the range of today, at each tick of today
WITH daily AS (SELECT product_id, date_trunc('day', ts) AS day, max(price) - min(price) AS range FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, d.range AS v FROM ticks AS t JOIN daily AS d ON d.product_id = t.product_id AND d.day = date_trunc('day', t.ts)

-- case: today's volatility by the date
WITH daily AS (SELECT product_id, CAST(ts AS DATE) AS day, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, d.vol AS v FROM ticks AS t JOIN daily AS d ON d.product_id = t.product_id AND d.day = CAST(t.ts AS DATE)

-- case: the whole minute, by a window
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id, date_trunc('minute', ts)) AS v FROM ticks

-- case: the close of the minute, by a window
SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id, date_trunc('minute', ts) ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks

-- case: the last tick of each second is known when the second ends
SELECT product_id, ts, price AS v FROM (SELECT *, row_number() OVER (PARTITION BY product_id, date_bin(INTERVAL '1 second', ts) ORDER BY ts DESC) AS n FROM ticks) AS g WHERE n = 1

-- case: time moved back
SELECT product_id, ts - INTERVAL '1 minute' AS ts, price AS v FROM ticks

-- case: time moved back in a CTE, joined at the same time
WITH moved AS (SELECT product_id, ts - INTERVAL '10 seconds' AS ts, price FROM ticks)
SELECT t.product_id, t.ts, m.price AS v FROM ticks AS t JOIN moved AS m ON m.product_id = t.product_id AND m.ts = t.ts

-- case: time rounded down
SELECT product_id, date_trunc('second', ts) AS ts, price AS v FROM ticks

-- case: time cast to seconds
SELECT product_id, CAST(ts AS TIMESTAMP(0)) AS ts, price AS v FROM ticks

-- case: ties of a rounded time
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY date_trunc('second', ts)) AS v FROM ticks

-- case: a limit
-- expect: a limit keeps a number of rows
SELECT product_id, ts, price AS v FROM ticks LIMIT 5

-- case: the latest rows
SELECT product_id, ts, price AS v FROM ticks ORDER BY ts DESC LIMIT 1000

-- case: a limit in a subquery
SELECT product_id, ts, price AS v FROM (SELECT * FROM ticks ORDER BY price DESC LIMIT 10) AS top

-- case: DISTINCT without the time
SELECT t.product_id, t.ts, p.price AS v FROM ticks AS t JOIN (SELECT DISTINCT product_id, price FROM ticks) AS p ON p.product_id = t.product_id

-- case: one row a product
SELECT product_id, max(ts) AS ts, avg(price) AS v FROM ticks GROUP BY product_id

-- case: one row
SELECT 'all' AS product_id, max(ts) AS ts, avg(price) AS v FROM ticks

-- case: products that trade often, in hindsight
SELECT product_id, ts, price AS v FROM ticks WHERE product_id IN (SELECT product_id FROM ticks GROUP BY product_id HAVING count(*) > 100)

-- case: up to the end of the recording
SELECT product_id, ts, (SELECT max(ts) FROM ticks) - ts AS v FROM ticks

-- case: share of the recording that has passed
SELECT product_id, ts, CAST(row_number() OVER (PARTITION BY product_id ORDER BY ts) AS DOUBLE) / count(*) OVER (PARTITION BY product_id) AS v FROM ticks

-- case: min-max scaling over all rows
SELECT product_id, ts, (price - min(price) OVER (PARTITION BY product_id)) / (max(price) OVER (PARTITION BY product_id) - min(price) OVER (PARTITION BY product_id)) AS v FROM ticks

-- case: the rank of the spread among all rows
SELECT product_id, ts, percent_rank() OVER (PARTITION BY product_id ORDER BY best_ask - best_bid) AS v FROM ticks

-- case: quantile bins over all rows
SELECT product_id, ts, ntile(10) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: rows chosen by the next price
SELECT product_id, ts, price AS v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS next FROM ticks) AS n WHERE next > price

-- case: rows chosen by QUALIFY
SELECT product_id, ts, price AS v FROM ticks QUALIFY lead(price) OVER (PARTITION BY product_id ORDER BY ts) > price

-- case: a trailing mean of next prices
WITH n AS (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS next FROM ticks)
SELECT product_id, ts, avg(next) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM n

-- case: partitions that end in the future
WITH marked AS (SELECT *, lead(side) OVER (PARTITION BY product_id ORDER BY ts) AS next_side FROM ticks)
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id, next_side ORDER BY ts) AS v FROM marked

-- case: the length of a session, known at its end
WITH gaps AS (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts) > INTERVAL '10 seconds' THEN 1 ELSE 0 END AS gap FROM ticks),
sessions AS (SELECT *, sum(gap) OVER (PARTITION BY product_id ORDER BY ts) AS session FROM gaps)
SELECT product_id, ts, max(ts) OVER (PARTITION BY product_id, session) - ts AS v FROM sessions

-- case: the next tick's time
SELECT product_id, ts, lead(ts) OVER (PARTITION BY product_id ORDER BY ts) - ts AS v FROM ticks

-- case: backward in a reversed order
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks

-- case: the past of a reversed order
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: a running sum of a reversed order
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks

-- case: first value of a reversed order
SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks

-- case: ordering by the exchange's time
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY event_time) AS v FROM ticks

-- case: ordering by the price
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY price) AS v FROM ticks

-- case: ordering by an expression of the product
SELECT product_id, ts, sum(price) OVER (ORDER BY upper(product_id), ts) AS v FROM ticks

-- case: whether BTC trades in the rest of the minute
WITH minutes AS (SELECT product_id, date_trunc('minute', ts) AS minute FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, m.product_id IS NOT NULL AS v FROM ticks AS t LEFT JOIN minutes AS m ON m.product_id = 'BTC-USD' AND m.minute = date_trunc('minute', t.ts)

-- case: minutes in which a product trades, named by their start
SELECT product_id, date_trunc('minute', ts) AS ts, 1 AS v FROM ticks GROUP BY 1, 2

-- case: today's count, of which only the key is read
WITH daily AS (SELECT product_id, date_trunc('day', ts) AS day FROM ticks GROUP BY 1, 2 HAVING count(*) > 1000)
SELECT t.product_id, t.ts, t.price AS v FROM ticks AS t JOIN daily AS d ON d.product_id = t.product_id AND d.day = date_trunc('day', t.ts)

-- case: groups that follow
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks

-- case: one branch of a CASE
SELECT product_id, ts, CASE WHEN price > 0 THEN price ELSE lead(price) OVER (PARTITION BY product_id ORDER BY ts) END AS v FROM ticks

-- case: filling gaps from the future
SELECT product_id, ts, coalesce(nullif(best_bid, 0), first_value(nullif(best_bid, 0)) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) AS v FROM ticks

-- case: first value that is not NULL, of all rows
SELECT product_id, ts, first_value(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks

-- case: one branch of a union
SELECT product_id, ts, price AS v FROM ticks WHERE side = 'buy'
UNION ALL
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks WHERE side = 'sell'

-- case: one branch of a union moves the time
SELECT product_id, ts, price AS v FROM ticks
UNION ALL
SELECT product_id, ts - INTERVAL '1 second' AS ts, price AS v FROM ticks

-- case: a left join on a later time
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a LEFT JOIN ticks AS b ON b.product_id = a.product_id AND b.ts > a.ts AND b.ts <= a.ts + INTERVAL '1 second'

-- case: a comma join on a later time
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a, ticks AS b WHERE b.product_id = a.product_id AND b.ts >= a.ts GROUP BY a.product_id, a.ts

-- case: the row's time is the other side's
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS b JOIN ticks AS a ON a.product_id = b.product_id AND a.ts <= b.ts

-- case: a difference of times that may be negative
SELECT a.product_id, a.ts, avg(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND a.ts - b.ts < INTERVAL '1 minute' GROUP BY a.product_id, a.ts

-- case: the same minute
SELECT a.product_id, a.ts, avg(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND date_trunc('minute', b.ts) = date_trunc('minute', a.ts) GROUP BY a.product_id, a.ts

-- case: times in an OR
SELECT a.product_id, a.ts, avg(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND (b.ts <= a.ts OR b.side = 'buy') GROUP BY a.product_id, a.ts

-- case: a condition that is only on one side of an outer join
SELECT a1.product_id, a1.ts, a2.price AS v FROM ticks AS a1 JOIN ticks AS a2 ON a2.product_id = a1.product_id
LEFT JOIN ticks AS b ON b.ts = a1.ts AND b.ts >= a2.ts

-- case: a condition on the outer rows within NOT EXISTS
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id
WHERE NOT EXISTS (SELECT 1 FROM ticks AS c WHERE c.ts = a.ts AND b.ts <= a.ts)

-- case: the position of the next row
WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS n FROM ticks)
SELECT a.product_id, a.ts, b.price AS v FROM numbered AS a JOIN numbered AS b ON b.product_id = a.product_id AND b.n = a.n + 1

-- case: seconds since 1970, of the next second
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND CAST(b.ts AS BIGINT) / 1000000000 = CAST(a.ts AS BIGINT) / 1000000000 + 1

-- case: a lateral join on a later time
SELECT a.product_id, a.ts, l.best AS v FROM ticks AS a CROSS JOIN LATERAL (SELECT max(b.price) AS best FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts > a.ts) AS l

-- case: a recursive query
-- expect: `walk` is a recursive query
WITH RECURSIVE walk AS (SELECT product_id, ts, price AS v FROM ticks UNION ALL SELECT product_id, ts + INTERVAL '1 second', v FROM walk WHERE v < 0)
SELECT product_id, ts, v FROM walk

-- case: a file that is not the project's
-- expect: it reads the file
SELECT product_id, ts, v FROM 'DATA/other.parquet'

-- case: a table that is not the project's
-- expect: `elsewhere` is not a query of the project
SELECT t.product_id, t.ts, e.v FROM ticks AS t JOIN elsewhere AS e ON e.product_id = t.product_id

-- case: ties
-- expect: can have ties
SELECT product_id, ts, lag(price) OVER (ORDER BY ts) AS v FROM ticks

-- case: ties by the side
-- expect: can have ties
SELECT product_id, ts, lag(price) OVER (PARTITION BY side ORDER BY ts) AS v FROM ticks

-- case: ties in a plain query
-- expect: can have ties
-- file: lib/steps.sql
SELECT product_id, ts, lag(price) OVER (ORDER BY ts) AS previous FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, previous AS v FROM steps

-- case: an aggregate that depends on the order of its rows
-- expect: depends on the order of the rows
SELECT product_id, ts, last_value(price) AS v FROM ticks GROUP BY product_id, ts

-- case: the header says less than the query has
-- expect: the header says `lookback: 10 s`, but the query has lookback: 60 s
-- lookback: 10 s
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: the header says more than the query has
-- expect: but the query has lookback: 10 s
-- lookback: 60 s
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: frames add up
-- expect: but the query has lookback: 120 s
-- lookback: 60 s
WITH means AS (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS mean FROM ticks)
SELECT product_id, ts, stddev(mean) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM means

-- case: a lookback that cannot be read
-- expect: squall cannot read the header's lookback
-- lookback: a while
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: an unbounded lookback
-- expect: but the query has lookback: unbounded
-- lookback: 60 s
SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: an allowance without a reason
-- expect: without a reason
-- allow: unknown-reach
SELECT product_id, ts, v FROM 'DATA/other.parquet'

-- case: an allowance of something else
-- expect: cannot be allowed
-- allow: look-ahead, we know what we do
SELECT product_id, ts, price AS v FROM ticks

-- case: an allowance does not let a look ahead pass
-- expect: looks ahead
-- allow: unknown-reach, it is fine
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: the time column is text
-- expect: squall cannot tell the time of a row
SELECT product_id, CAST(ts AS VARCHAR) AS ts, price AS v FROM ticks

-- case: a label that looks nowhere
-- expect: nothing in this label looks ahead
-- file: labels/checked.sql
SELECT product_id, ts, price AS v FROM ticks

-- case: a label that looks back only
-- expect: looks back
-- file: labels/checked.sql
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: a label that looks both ways
-- expect: looks back
-- file: labels/checked.sql
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) / lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: a label whose frame holds the tick itself
-- expect: holds the tick itself
-- file: labels/checked.sql
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 5 FOLLOWING) AS v FROM ticks

-- case: a label whose frame is centred
-- expect: looks back
-- file: labels/checked.sql
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '5 seconds' FOLLOWING) AS v FROM ticks

-- case: a label of past volatility, through a plain query
-- expect: looks back
-- file: lib/past.sql
SELECT product_id, ts, stddev(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS vol FROM ticks
-- file: labels/checked.sql
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) / vol AS v FROM past JOIN ticks USING (product_id, ts)

-- case: a label whose horizon is longer than its header says
-- expect: but the query has horizon: 60 s
-- file: labels/checked.sql
-- horizon: 10 s
SELECT product_id, ts, stddev(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '60 seconds' FOLLOWING) AS v FROM ticks

-- case: a label with ties
-- expect: can have ties
-- file: labels/checked.sql
SELECT product_id, ts, lead(price) OVER (ORDER BY ts) AS v FROM ticks

-- case: a label with chance
-- expect: `random`
-- file: labels/checked.sql
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) + random() AS v FROM ticks

-- case: the bar after the last complete one
SELECT t.product_id, t.ts, b.next AS v FROM ticks AS t
JOIN (SELECT product_id, second, lead(price) OVER (PARTITION BY product_id ORDER BY second) AS next FROM seconds) AS b
ON b.product_id = t.product_id AND b.second + INTERVAL '1 second' <= t.ts AND b.second + INTERVAL '2 seconds' > t.ts

-- case: the earliest of some later times
SELECT product_id, ts, min(CASE WHEN price > 100 THEN ts END) OVER (PARTITION BY product_id) AS v FROM ticks

-- case: the earliest of some later times, in a CTE
WITH highs AS (SELECT *, CASE WHEN price > 100 THEN ts END AS high_ts FROM ticks)
SELECT product_id, ts, min(high_ts) OVER (PARTITION BY product_id) AS v FROM highs

-- case: whether the data end within a minute
SELECT product_id, ts, max(ts) OVER (PARTITION BY product_id) > ts + INTERVAL '1 minute' AS v FROM ticks

-- case: the next row, across products
SELECT product_id, ts, first_value(price) OVER (ORDER BY ts, product_id ROWS BETWEEN 1 FOLLOWING AND 5 FOLLOWING) AS v FROM ticks

-- case: the nearest later row of another product
SELECT a.product_id, a.ts, b.price AS v
FROM ticks AS a
ASOF LEFT JOIN (SELECT ts, price FROM ticks WHERE product_id = 'ETH-USD') AS b ON a.ts <= b.ts

-- case: the newest row that is earlier than a time after the row
SELECT a.product_id, a.ts, b.price AS v
FROM ticks AS a
ASOF JOIN ticks AS b ON a.product_id = b.product_id AND a.ts + INTERVAL '10 seconds' >= b.ts
