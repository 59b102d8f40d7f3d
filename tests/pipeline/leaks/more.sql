-- case: the sum of both sides' windows
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 5 PRECEDING) - avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 5 FOLLOWING) AS v FROM ticks

-- case: a filter inside a window's FILTER
SELECT product_id, ts, sum(last_size) FILTER (WHERE next > price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS next FROM ticks) AS n

-- case: INTERSECT with the whole recording
SELECT t.product_id, t.ts, t.price AS v FROM ticks AS t JOIN (SELECT product_id FROM ticks WHERE price > 100 INTERSECT SELECT product_id FROM ticks WHERE price < 50) AS i USING (product_id)

-- case: EXCEPT the products that stop
SELECT t.product_id, t.ts, t.price AS v FROM ticks AS t WHERE t.product_id NOT IN (SELECT product_id FROM ticks GROUP BY product_id HAVING max(ts) < TIMESTAMP '2030-01-01')

-- case: ANY of the later prices
SELECT product_id, ts, price AS v FROM ticks AS a WHERE price > ANY (SELECT b.price FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts > a.ts)

-- case: rollup
SELECT product_id, max(ts) AS ts, avg(price) AS v FROM ticks GROUP BY ROLLUP (product_id, side)

-- case: outliers by the standard deviation of all rows, filtered out
WITH s AS (SELECT product_id, stddev(price) AS sd, avg(price) AS mean FROM ticks GROUP BY product_id)
SELECT t.product_id, t.ts, t.price AS v FROM ticks AS t JOIN s USING (product_id) WHERE abs(t.price - s.mean) < 3 * s.sd

-- case: winsorised by quantiles of all rows
SELECT product_id, ts, least(price, (SELECT approx_percentile_cont(0.99) WITHIN GROUP (ORDER BY price) FROM ticks)) AS v FROM ticks

-- case: target encoding by side
SELECT t.product_id, t.ts, e.m AS v FROM ticks AS t JOIN (SELECT side, avg(price) AS m FROM ticks GROUP BY side) AS e USING (side)

-- case: interpolation between the tick before and the tick after
SELECT product_id, ts, (lag(price) OVER w + lead(price) OVER w) / 2 AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: a centred mean by a self join on row numbers
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS i FROM ticks)
SELECT a.product_id, a.ts, avg(b.price) AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.i BETWEEN a.i - 5 AND a.i + 5 GROUP BY a.product_id, a.ts

-- case: whether this is the last tick of the second
SELECT product_id, ts, ts = max(ts) OVER (PARTITION BY product_id, date_trunc('second', ts)) AS v FROM ticks

-- case: the rank from the end
SELECT product_id, ts, rank() OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks

-- case: a view of a view of a view
-- file: a/one.sql
SELECT product_id, ts, price, ts + INTERVAL '1 second' AS later FROM ticks
-- file: b/two.sql
SELECT a.product_id, a.ts, b.price FROM one AS a JOIN one AS b ON b.product_id = a.product_id AND b.ts <= a.later
-- file: c/three.sql
SELECT product_id, ts, max(price) AS best FROM two GROUP BY product_id, ts
-- file: features/checked.sql
SELECT product_id, ts, best AS v FROM three

-- case: bars of a second, read at their start
-- file: features/checked.sql
SELECT t.product_id, t.ts, s.price AS v FROM ticks AS t JOIN seconds AS s ON s.product_id = t.product_id AND s.second = date_bin(INTERVAL '1 second', t.ts)

-- case: bars of a second, read up to a time within them
SELECT t.product_id, t.ts, max(s.price) AS v FROM ticks AS t JOIN seconds AS s ON s.product_id = t.product_id AND s.second <= t.ts GROUP BY t.product_id, t.ts

-- case: the ingest time is not the tick's time
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ingest_time <= a.ingest_time GROUP BY a.product_id, a.ts

-- case: the exchange's time may be before the tick's time
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.event_time <= a.ts GROUP BY a.product_id, a.ts

-- case: the row is named by the exchange's time
SELECT product_id, event_time AS ts, price AS v FROM ticks

-- case: labels by another name
-- file: labels/other_label.sql
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, 1 - v AS v FROM (SELECT * FROM other_label) AS x

-- case: a scalar subquery of the last price
SELECT product_id, ts, price / (SELECT last_value(price ORDER BY ts) FROM ticks) AS v FROM ticks

-- case: a scalar subquery per product
SELECT product_id, ts, price / (SELECT avg(b.price) FROM ticks AS b WHERE b.product_id = a.product_id) AS v FROM ticks AS a

-- case: IN a list of the best times
SELECT product_id, ts, ts IN (SELECT max(ts) FROM ticks GROUP BY product_id) AS v FROM ticks

-- case: a negative interval
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts = a.ts - INTERVAL '-1 second'

-- case: uuid
SELECT product_id, ts, uuid() AS v FROM ticks

-- case: current_timestamp
SELECT product_id, ts, current_timestamp > ts AS v FROM ticks

-- case: all windows hide one that looks ahead
SELECT product_id, ts, avg(price) OVER a + avg(price) OVER b + avg(price) OVER c AS v FROM ticks
WINDOW a AS (PARTITION BY product_id ORDER BY ts ROWS 5 PRECEDING), b AS (PARTITION BY product_id ORDER BY ts ROWS 6 PRECEDING), c AS (PARTITION BY product_id)

-- case: without its own row, the first row of the frame is the next one
SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) AS v FROM ticks

-- case: without its own row, the earliest time of the frame is a later one
SELECT product_id, ts, epoch_ns(min(ts) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 5 FOLLOWING EXCLUDE GROUP)) AS v FROM ticks

-- case: the mean of the others
SELECT product_id, ts, price / avg(price) OVER (PARTITION BY product_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) AS v FROM ticks

-- case: the first tick of each second by the price
SELECT DISTINCT ON (product_id, date_trunc('second', ts)) product_id, ts, price AS v FROM ticks ORDER BY product_id, date_trunc('second', ts), price, ts

-- case: the mean of a second at its first tick
SELECT product_id, min(ts) AS ts, avg(price) AS v FROM ticks GROUP BY product_id, date_trunc('second', ts)

-- case: the last price of a second at its first tick
SELECT product_id, min(ts) AS ts, last_value(price ORDER BY ts) AS v FROM ticks GROUP BY product_id, date_trunc('second', ts)

-- case: the first price of a second that is over a bound, at its first tick
SELECT product_id, min(ts) AS ts, first_value(price ORDER BY ts) FILTER (WHERE price > 100) AS v FROM ticks GROUP BY product_id, date_trunc('second', ts)

-- case: the first value of a second that is not NULL, at its first tick
SELECT product_id, min(ts) AS ts, first_value(last_size ORDER BY ts) IGNORE NULLS AS v FROM ticks GROUP BY product_id, date_trunc('second', ts)

-- case: the first price of a second at its start
SELECT product_id, date_trunc('second', ts) AS ts, first_value(price ORDER BY ts) AS v FROM ticks GROUP BY product_id, date_trunc('second', ts)

-- case: seconds with more than one tick, at their first
SELECT product_id, min(ts) AS ts, first_value(price ORDER BY ts) AS v FROM ticks GROUP BY product_id, date_trunc('second', ts) HAVING count(*) > 1

-- case: the first tick of a second, and the next price
SELECT DISTINCT ON (product_id, date_trunc('second', ts)) product_id, ts, v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS q ORDER BY product_id, date_trunc('second', ts), ts

-- case: an order by the day, and then by the time, descending
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('day', ts), ts DESC ROWS 10 PRECEDING) AS v FROM ticks

-- case: an order by the day, and then by the price
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY date_trunc('day', ts), price, ts) AS v FROM ticks

-- case: the next tick in an order by the day, and then by the time
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY date_trunc('day', ts), ts) AS v FROM ticks

-- case: a following row in an order by the day, and then by the time
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('day', ts), ts ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks

-- case: whole hours with the present one
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts) RANGE BETWEEN INTERVAL '3 hours' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: whole hours up to half an hour after the present one's start
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts) RANGE BETWEEN INTERVAL '3 hours' PRECEDING AND INTERVAL '30 minutes' FOLLOWING) AS v FROM ticks

-- case: the groups of the hours up to the present one
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts) GROUPS BETWEEN 3 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: the first value of whole hours depends on the order within
-- expect: can have ties
SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts) RANGE BETWEEN INTERVAL '3 hours' PRECEDING AND INTERVAL '1 hour' PRECEDING) AS v FROM ticks

-- case: rows in an order by the hour
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts) ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: an order by nanoseconds with the next one
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY epoch_ns(ts) RANGE BETWEEN 10000000000 PRECEDING AND 1 FOLLOWING) AS v FROM ticks

-- case: an order by milliseconds with the present one
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY epoch_ms(ts) RANGE BETWEEN 10000 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: an order by seconds in floating point with half a second that follows
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY extract(epoch FROM ts) RANGE BETWEEN 10 PRECEDING AND 0.5 FOLLOWING) AS v FROM ticks

-- case: seconds in floating point are rounded
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY epoch(ts) RANGE BETWEEN 10 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: an order by whole seconds with the present one
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY to_unixtime(ts) RANGE BETWEEN 10 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: the same bar by a division of integers
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar = epoch_ms(t.ts) / 60000

-- case: the next bar by a division of integers
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar - 1 = epoch_ms(t.ts) / 60000

-- case: bars of two lengths
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar = epoch_ms(t.ts) / 50000 - 1

-- case: the bar before, half a bar too late
WITH bars AS (SELECT product_id, epoch_ms(ts) - epoch_ms(ts) % 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar = epoch_ms(t.ts) - epoch_ms(t.ts) % 60000

-- case: a division of a rounded number
WITH bars AS (SELECT product_id, (epoch_ms(ts) + 30000) / 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar = epoch_ms(t.ts) / 60000

-- case: all bars up to the present one by a division
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, avg(b.mean) AS v FROM ticks AS t JOIN bars AS b ON b.product_id = t.product_id AND b.bar <= epoch_ms(t.ts) / 60000 GROUP BY 1, 2

-- case: the price until the next one, which has to be there
WITH b AS (SELECT ts, price, lead(ts) OVER (ORDER BY ts) AS next_ts FROM ticks WHERE product_id = 'BTC-USD')
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a LEFT JOIN b ON a.ts >= b.ts AND a.ts < b.next_ts

-- case: the next price until the next one
WITH b AS (SELECT ts, lead(price) OVER (ORDER BY ts) AS next_price, lead(ts) OVER (ORDER BY ts) AS next_ts FROM ticks WHERE product_id = 'BTC-USD')
SELECT a.product_id, a.ts, b.next_price AS v FROM ticks AS a JOIN b ON a.ts >= b.ts AND (a.ts < b.next_ts OR b.next_ts IS NULL)

-- case: how long until the next tick
WITH b AS (SELECT ts, lead(ts) OVER (ORDER BY ts) AS next_ts FROM ticks WHERE product_id = 'BTC-USD')
SELECT a.product_id, a.ts, b.next_ts - b.ts AS v FROM ticks AS a JOIN b ON a.ts >= b.ts AND (a.ts < b.next_ts OR b.next_ts IS NULL)

-- case: whether there is a tick within the next minute
WITH b AS (SELECT ts, price, lead(ts) OVER (ORDER BY ts) AS next_ts FROM ticks WHERE product_id = 'BTC-USD')
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN b ON a.ts >= b.ts AND (a.ts + INTERVAL '1 minute' < b.next_ts OR b.next_ts IS NULL)

-- case: the price until the next one or until a day that will be over
WITH b AS (SELECT ts, price, coalesce(lead(ts) OVER (ORDER BY ts), TIMESTAMP '2026-01-01') AS next_ts FROM ticks WHERE product_id = 'BTC-USD')
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN b ON a.ts >= b.ts AND a.ts < b.next_ts

-- case: prices until the next one, of rows that are chosen by a later price
WITH f AS (SELECT ts, price, lead(price) OVER (ORDER BY ts) AS later FROM ticks WHERE product_id = 'BTC-USD'),
b AS (SELECT ts, price, lead(ts) OVER (ORDER BY ts) AS next_ts FROM f WHERE later > price)
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN b ON a.ts >= b.ts AND (a.ts < b.next_ts OR b.next_ts IS NULL)

-- case: the time before, with a late default
SELECT a.product_id, a.ts, max(c.price) AS v FROM (SELECT product_id, ts, lag(ts, 1, TIMESTAMP '2200-01-01') OVER (PARTITION BY product_id ORDER BY ts) AS previous FROM ticks) AS a JOIN ticks AS c ON c.product_id = a.product_id AND c.ts <= a.previous GROUP BY 1, 2

-- case: the group before in an order by the hour and the side
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts), side GROUPS BETWEEN 1 PRECEDING AND 1 PRECEDING) AS v FROM ticks
