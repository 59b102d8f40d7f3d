-- case: lag of lead is the row itself
SELECT product_id, ts, lag(x) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: lag by more than lead
SELECT product_id, ts, lag(x, 5) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price, 3) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: a centred mean, read late enough
SELECT product_id, ts, lag(x, 5) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS x FROM ticks) AS q

-- case: a frame that ends before the look ahead begins
SELECT product_id, ts, max(x) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS v FROM (SELECT *, lead(price, 3) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: lag among fewer rows goes back at least as far
SELECT product_id, ts, lag(x) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q WHERE price > 100

-- case: lag of lead in the other direction
SELECT product_id, ts, lead(x) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM (SELECT *, lag(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS x FROM ticks) AS q

-- case: the row ten rows back by row_number
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, a.price - b.price AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.i = a.i - 10

-- case: the last ten rows by row_number
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, avg(b.price) AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.i BETWEEN a.i - 10 AND a.i GROUP BY a.product_id, a.ts

-- case: the row before, if there is one, by row_number
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, b.price AS v FROM n AS a LEFT JOIN n AS b ON b.product_id = a.product_id AND b.i + 1 = a.i

-- case: whole minutes before this one, by GROUPS
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('minute', ts) GROUPS BETWEEN 5 PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS v FROM ticks

-- case: whole minutes before this one, by RANGE
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('minute', ts) RANGE BETWEEN INTERVAL '5 minutes' PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS v FROM ticks

-- case: the mean of the day before, by text
WITH d AS (SELECT product_id, strftime(ts, '%Y-%m-%d') AS day, avg(price) AS m FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, t.price / d.m AS v FROM ticks AS t JOIN d ON d.product_id = t.product_id AND d.day = strftime(t.ts - INTERVAL '1 day', '%Y-%m-%d')

-- case: the means of all days before, by text
WITH d AS (SELECT product_id, strftime(ts, '%Y%m%d') AS day, avg(price) AS m FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, avg(d.m) AS v FROM ticks AS t JOIN d ON d.product_id = t.product_id AND d.day < strftime(t.ts, '%Y%m%d') GROUP BY t.product_id, t.ts

-- case: the mean of a fixed earlier period
WITH m AS (SELECT product_id, avg(price) AS m FROM ticks WHERE ts < TIMESTAMP '2026-01-01' GROUP BY product_id)
SELECT t.product_id, t.ts, t.price / m.m AS v FROM ticks AS t JOIN m ON m.product_id = t.product_id WHERE t.ts >= TIMESTAMP '2026-01-01'

-- case: the mean of a fixed earlier period, by a subquery
SELECT product_id, ts, price / (SELECT avg(price) FROM ticks WHERE ts BETWEEN '2025-12-01' AND '2025-12-31') AS v FROM ticks WHERE ts > '2025-12-31'

-- case: the mean of a fixed earlier period, in a query of its own
-- file: lib/before.sql
SELECT product_id, avg(price) AS m FROM ticks WHERE ts < TIMESTAMP '2026-01-01' GROUP BY product_id
-- file: features/checked.sql
SELECT t.product_id, t.ts, t.price / b.m AS v FROM ticks AS t JOIN before AS b ON b.product_id = t.product_id WHERE t.ts >= TIMESTAMP '2026-01-01'

-- case: BTC as of each tick of any product, in an order of times alone
SELECT product_id, ts, last_value(CASE WHEN product_id = 'BTC-USD' THEN price END) IGNORE NULLS OVER (ORDER BY ts) AS v FROM ticks
