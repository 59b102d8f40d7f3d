-- case: lag by less than lead
SELECT product_id, ts, lag(x) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price, 2) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: lead of lag says whether there is a next row
SELECT product_id, ts, lead(x) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: a centred mean, read too early
SELECT product_id, ts, lag(x, 4) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS x FROM ticks) AS q

-- case: a frame that ends after the look ahead begins
SELECT product_id, ts, max(x) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 2 PRECEDING) AS v FROM (SELECT *, lead(price, 3) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: a frame of times that ends before the row
SELECT product_id, ts, max(x) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '20 seconds' PRECEDING AND INTERVAL '3 seconds' PRECEDING) AS v FROM (SELECT *, lead(price, 3) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: lead among fewer rows goes further than lag among all
SELECT product_id, ts, x AS v FROM (SELECT product_id, ts, lag(y, 3) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM (SELECT a.product_id, a.ts, b.y FROM ticks AS a JOIN (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS y FROM ticks WHERE price > 100) AS b ON b.product_id = a.product_id AND b.ts <= a.ts AND b.ts > a.ts - INTERVAL '1 second') AS q) AS r

-- case: lag among the rows of all products of lead in one
SELECT product_id, ts, lag(x) OVER (ORDER BY ts, product_id) AS v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: lag IGNORE NULLS of lead skips rows by what comes later
SELECT product_id, ts, lag(x, 2) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price, 2) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q

-- case: lag of lead and of a longer lead
SELECT product_id, ts, lag(x + y) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS x, lead(price, 2) OVER (PARTITION BY product_id ORDER BY ts) AS y FROM ticks) AS q

-- case: lag of lead, both against time
SELECT product_id, ts, lag(x) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS x FROM ticks) AS q

-- case: the row ten rows ahead by row_number
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, a.price - b.price AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.i - 10 = a.i

-- case: ten rows back among all rows, from the number among some of them
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks),
  m AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks WHERE price > 100)
SELECT a.product_id, a.ts, b.price AS v FROM n AS a JOIN m AS b ON b.product_id = a.product_id AND b.i = a.i - 10

-- case: ten rows back in another product
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, b.price AS v FROM n AS a JOIN n AS b ON b.product_id <> a.product_id AND b.i = a.i - 10

-- case: ten rows back, counted from the end
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts DESC) AS i FROM ticks)
SELECT a.product_id, a.ts, b.price AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.i = a.i - 10

-- case: the ten rows around by row_number
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, avg(b.price) AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.i BETWEEN a.i - 5 AND a.i + 5 GROUP BY a.product_id, a.ts

-- case: no more than ten rows back, and any row ahead
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, avg(b.price) AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.i >= a.i - 10 GROUP BY a.product_id, a.ts

-- case: the row of half the number
WITH n AS (SELECT *, 2 * row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, b.price AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.i = 1000 - a.i

-- case: whole minutes up to this one, without the row itself
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('minute', ts) GROUPS BETWEEN 5 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) AS v FROM ticks

-- case: whole minutes after this one
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('minute', ts) GROUPS BETWEEN CURRENT ROW AND 5 FOLLOWING EXCLUDE GROUP) AS v FROM ticks

-- case: whole minutes up to this one, without rows of this price
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('minute', ts), price GROUPS BETWEEN 5 PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS v FROM ticks

-- case: the mean of this day, by text
WITH d AS (SELECT product_id, strftime(ts, '%Y-%m-%d') AS day, avg(price) AS m FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, t.price / d.m AS v FROM ticks AS t JOIN d ON d.product_id = t.product_id AND d.day = strftime(t.ts, '%Y-%m-%d')

-- case: the mean of earlier days by a text that has another order
WITH d AS (SELECT product_id, strftime(ts, '%d.%m.%Y') AS day, avg(price) AS m FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, t.price / d.m AS v FROM ticks AS t JOIN d ON d.product_id = t.product_id AND d.day < strftime(t.ts, '%d.%m.%Y')

-- case: texts of two formats
WITH d AS (SELECT product_id, strftime(ts, '%Y-%m-%d') AS day, avg(price) AS m FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, t.price / d.m AS v FROM ticks AS t JOIN d ON d.product_id = t.product_id AND d.day < strftime(t.ts, '%Y%m%d')

-- case: a text as a number
WITH d AS (SELECT product_id, CAST(strftime(ts, '%Y%m%d') AS BIGINT) AS day, avg(price) AS m FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, t.price / d.m AS v FROM ticks AS t JOIN d ON d.product_id = t.product_id AND d.day = CAST(strftime(t.ts, '%Y%m%d') AS BIGINT) + 1

-- case: the mean of a fixed period that has not ended
WITH m AS (SELECT product_id, avg(price) AS m FROM ticks WHERE ts < TIMESTAMP '2026-01-02' GROUP BY product_id)
SELECT t.product_id, t.ts, t.price / m.m AS v FROM ticks AS t JOIN m ON m.product_id = t.product_id WHERE t.ts >= TIMESTAMP '2026-01-01'

-- case: the mean of a fixed period, for all rows
WITH m AS (SELECT product_id, avg(price) AS m FROM ticks WHERE ts < TIMESTAMP '2026-01-01' GROUP BY product_id)
SELECT t.product_id, t.ts, t.price / m.m AS v FROM ticks AS t JOIN m ON m.product_id = t.product_id

-- case: the mean of a later fixed period
SELECT product_id, ts, price / (SELECT avg(price) FROM ticks WHERE ts >= '2026-01-01') AS v FROM ticks WHERE ts >= '2026-01-01'

-- case: the next row's price in a fixed earlier period
WITH m AS (SELECT product_id, max(x) AS m FROM (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS x FROM ticks) AS q WHERE ts < TIMESTAMP '2026-01-01' GROUP BY product_id)
SELECT t.product_id, t.ts, t.price / m.m AS v FROM ticks AS t JOIN m ON m.product_id = t.product_id WHERE t.ts >= TIMESTAMP '2026-01-01'

-- case: the mean of a fixed period that has not ended, in a query of its own
-- file: lib/before.sql
SELECT product_id, avg(price) AS m FROM ticks WHERE ts < TIMESTAMP '2026-01-02' GROUP BY product_id
-- file: features/checked.sql
SELECT t.product_id, t.ts, t.price / b.m AS v FROM ticks AS t JOIN before AS b ON b.product_id = t.product_id WHERE t.ts >= TIMESTAMP '2026-01-01'

-- case: BTC as of each tick, in an order of times alone, counted by rows
-- expect: can have ties
SELECT product_id, ts, last_value(CASE WHEN product_id = 'BTC-USD' THEN price END) IGNORE NULLS OVER (ORDER BY ts ROWS UNBOUNDED PRECEDING) AS v FROM ticks

-- case: BTC or any other product as of each tick, in an order of times alone
-- expect: can have ties
SELECT product_id, ts, last_value(CASE WHEN product_id = 'BTC-USD' THEN price ELSE best_bid END) IGNORE NULLS OVER (ORDER BY ts) AS v FROM ticks

-- case: BTC as of each tick with NULLs, in an order of times alone
-- expect: can have ties
SELECT product_id, ts, last_value(CASE WHEN product_id = 'BTC-USD' THEN price END) OVER (ORDER BY ts) AS v FROM ticks

-- case: a condition that is not followed, in a fixed period
-- expect: squall cannot tell how far it looks
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND date_part('minute', b.ts) = date_part('minute', a.ts) WHERE a.ts BETWEEN '2026-01-01' AND '2026-01-02' AND b.ts BETWEEN '2026-01-01' AND '2026-01-02'
