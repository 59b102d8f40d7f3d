-- case: a rolling z-score
-- lookback: 60 s
SELECT product_id, ts, (price - avg(price) OVER w) / nullif(stddev_samp(price) OVER w, 0) AS v FROM ticks
WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW)

-- case: an expanding z-score
-- lookback: unbounded
SELECT product_id, ts, (price - avg(price) OVER w) / nullif(stddev_samp(price) OVER w, 0) AS v FROM ticks
WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: expanding target encoding
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id, side ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: complete bars of a second
SELECT t.product_id, t.ts, max(s.price) AS v FROM ticks AS t JOIN seconds AS s ON s.product_id = t.product_id AND s.second + INTERVAL '1 second' <= t.ts AND s.second > t.ts - INTERVAL '60 seconds' GROUP BY t.product_id, t.ts

-- case: the bar before
SELECT t.product_id, t.ts, s.price AS v FROM ticks AS t LEFT JOIN seconds AS s ON s.product_id = t.product_id AND s.second = date_bin(INTERVAL '1 second', t.ts) - INTERVAL '1 second'

-- case: BTC in the second before, for ETH
SELECT e.product_id, e.ts, e.price / b.price AS v FROM ticks AS e LEFT JOIN seconds AS b ON b.product_id = 'BTC-USD' AND b.second = date_bin(INTERVAL '1 second', e.ts) - INTERVAL '1 second' WHERE e.product_id = 'ETH-USD'

-- case: the newest of the rows at the same time, in a lateral subquery
SELECT a.product_id, a.ts, l.price AS v FROM ticks AS a LEFT JOIN LATERAL (SELECT b.price FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts = a.ts ORDER BY b.ts DESC LIMIT 1) AS l ON true

-- case: a grid of seconds
SELECT g.product_id, g.ts, max(t.price) AS v
FROM (SELECT 'BTC-USD' AS product_id, value AS ts FROM generate_series(TIMESTAMP '2026-01-01T00:00:00', TIMESTAMP '2026-01-02T00:00:00', INTERVAL '1 second')) AS g
JOIN ticks AS t ON t.product_id = g.product_id AND CAST(t.ts AS TIMESTAMP) <= g.ts AND CAST(t.ts AS TIMESTAMP) > g.ts - INTERVAL '1 minute'
GROUP BY g.product_id, g.ts

-- case: New York's clock
SELECT product_id, ts, date_part('hour', ts AT TIME ZONE 'America/New_York') AS v FROM ticks

-- case: order by time in New York
-- lookback: 1 tick
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts AT TIME ZONE 'America/New_York') AS v FROM ticks

-- case: intraday high so far, by a self join on the date
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND CAST(b.ts AS DATE) = CAST(a.ts AS DATE) AND b.ts <= a.ts GROUP BY a.product_id, a.ts

-- case: the three last prices as a list
-- lookback: 2 ticks
SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 2 PRECEDING) AS v FROM ticks

-- case: gaps and islands by the difference of two row numbers
SELECT product_id, ts, row_number() OVER (PARTITION BY product_id ORDER BY ts) - row_number() OVER (PARTITION BY product_id, side ORDER BY ts) AS v FROM ticks

-- case: trades by size classes
SELECT product_id, ts, count(*) OVER (PARTITION BY product_id, CASE WHEN last_size > 1 THEN 'big' ELSE 'small' END ORDER BY ts) AS v FROM ticks

-- case: the second since midnight
SELECT product_id, ts, extract(epoch FROM ts - date_trunc('day', ts)) AS v FROM ticks

-- case: a fallback chain
-- lookback: 2 ticks
SELECT product_id, ts, coalesce(nullif(best_bid, 0), lag(best_bid) OVER w, lag(best_bid, 2) OVER w) AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: INTERSECT at the same time
SELECT product_id, ts, price AS v FROM ticks WHERE side = 'buy' INTERSECT SELECT product_id, ts, price FROM ticks WHERE last_size > 1

-- case: the daily volatility before yesterday's date
WITH daily AS (SELECT product_id, CAST(ts AS DATE) AS day, stddev(price) AS vol FROM ticks GROUP BY 1, 2),
known AS (SELECT product_id, day + INTERVAL '1 day' AS known_from, vol FROM daily)
SELECT t.product_id, t.ts, k.vol AS v FROM ticks AS t LEFT JOIN known AS k ON k.product_id = t.product_id AND k.known_from = date_trunc('day', t.ts)

-- case: the mean of the minute before the tick
-- lookback: 60 s
SELECT product_id, ts, price / avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS v FROM ticks

-- case: the first tick of each second by DISTINCT ON
SELECT DISTINCT ON (product_id, date_trunc('second', ts)) product_id, ts, price AS v FROM ticks ORDER BY product_id, date_trunc('second', ts), ts

-- case: the first tick of each second by first_value
SELECT product_id, min(ts) AS ts, first_value(price ORDER BY ts) AS v FROM ticks GROUP BY product_id, date_trunc('second', ts)

-- case: the first tick of each second by last_value of a descending order
SELECT product_id, last_value(ts ORDER BY ts DESC) AS ts, last_value(price ORDER BY ts DESC) AS v FROM ticks GROUP BY product_id, date_bin(INTERVAL '1 second', ts)

-- case: an order by the day, and then by the time
-- lookback: 10 ticks
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('day', ts), ts ROWS 10 PRECEDING) AS v FROM ticks

-- case: an order by the day, the hour, and then by the time
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY date_trunc('day', ts), date_trunc('hour', ts), ts) AS v FROM ticks

-- case: a rank in an order by the day, and then by the time, both descending, of the rows before
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY date_trunc('day', ts) DESC, ts DESC) AS v FROM ticks

-- case: whole hours before the present one
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts) RANGE BETWEEN INTERVAL '3 hours' PRECEDING AND INTERVAL '1 hour' PRECEDING) AS v FROM ticks

-- case: a frame that ends half an hour before the present hour
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts) RANGE BETWEEN INTERVAL '3 hours' PRECEDING AND INTERVAL '30 minutes' PRECEDING) AS v FROM ticks

-- case: the groups of the hours before
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY date_trunc('hour', ts) GROUPS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: an order by nanoseconds
-- lookback: 10 s
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY epoch_ns(ts) RANGE BETWEEN 10000000000 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: an order by milliseconds that ends in the one before
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY epoch_ms(ts) RANGE BETWEEN 10000 PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: an order by microseconds that ends in the one before
SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY epoch_us(ts) RANGE BETWEEN 10000 PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: an order by seconds in floating point
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY extract(epoch FROM ts) RANGE BETWEEN 10 PRECEDING AND 0.5 PRECEDING) AS v FROM ticks

-- case: an order by seconds of epoch
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY epoch(ts) RANGE BETWEEN 10 PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: an order by whole seconds
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY to_unixtime(ts) RANGE BETWEEN 10 PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: the bar before by a division of integers
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar = epoch_ms(t.ts) / 60000 - 1

-- case: the bar before by a division of integers, moved on the other side
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar + 1 = epoch_ms(t.ts) / 60000

-- case: the bar before by a quotient times the length
WITH bars AS (SELECT product_id, epoch_ns(ts) / 60000000000 * 60000000000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar = epoch_ns(t.ts) / 60000000000 * 60000000000 - 60000000000

-- case: the bar before by a remainder
WITH bars AS (SELECT product_id, epoch_ms(ts) - epoch_ms(ts) % 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.bar = epoch_ms(t.ts) - epoch_ms(t.ts) % 60000 - 60000

-- case: bars by numbers that are times again
WITH bars AS (SELECT product_id, to_timestamp_millis(epoch_ms(ts) / 60000 * 60000) AS minute, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.mean AS v FROM ticks AS t LEFT JOIN bars AS b ON b.product_id = t.product_id AND b.minute = to_timestamp_millis(epoch_ms(t.ts) / 60000 * 60000 - 60000)

-- case: all earlier bars by a division
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS bar, avg(price) AS mean FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, avg(b.mean) AS v FROM ticks AS t JOIN bars AS b ON b.product_id = t.product_id AND b.bar < epoch_ms(t.ts) / 60000 GROUP BY 1, 2

-- case: the price until the next one, if there is none yet too
WITH b AS (SELECT ts, price, lead(ts) OVER (ORDER BY ts) AS next_ts FROM ticks WHERE product_id = 'BTC-USD')
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN b ON a.ts >= b.ts AND (a.ts < b.next_ts OR b.next_ts IS NULL)

-- case: the price until the next one or for ever, by coalesce
WITH b AS (SELECT ts, price, coalesce(lead(ts) OVER (ORDER BY ts), TIMESTAMP '2200-01-01') AS next_ts FROM ticks WHERE product_id = 'BTC-USD')
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a LEFT JOIN b ON a.ts >= b.ts AND a.ts < b.next_ts

-- case: the price until the next one or for ever, by the default of lead
WITH b AS (SELECT ts, price, lead(ts, 1, TIMESTAMP '2200-01-01') OVER (ORDER BY ts) AS next_ts FROM ticks WHERE product_id = 'BTC-USD')
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a LEFT JOIN b ON a.ts >= b.ts AND b.next_ts > a.ts

-- case: the price until the next one, in another query
-- file: lib/intervals.sql
SELECT ts, price, lead(ts) OVER (ORDER BY ts) AS next_ts FROM ticks WHERE product_id = 'BTC-USD'
-- file: features/checked.sql
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN intervals AS b ON a.ts >= b.ts AND (b.next_ts IS NULL OR a.ts < b.next_ts)
