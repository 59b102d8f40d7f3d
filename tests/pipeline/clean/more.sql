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
