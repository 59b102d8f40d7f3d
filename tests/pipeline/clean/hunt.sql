-- case: hour of the day, as numbers on a circle
SELECT product_id, ts, sin(2 * pi() * date_part('hour', ts) / 24) AS v FROM ticks

-- case: the weekday in New York
SELECT product_id, ts, date_part('dow', ts AT TIME ZONE 'America/New_York') AS v FROM ticks

-- case: seconds since midnight
SELECT product_id, ts, extract(epoch FROM ts) - extract(epoch FROM date_trunc('day', ts)) AS v FROM ticks

-- case: the age of the last tick in milliseconds, in BIGINT
-- lookback: 1 tick
SELECT product_id, ts, (CAST(ts AS BIGINT) - lag(CAST(ts AS BIGINT)) OVER (PARTITION BY product_id ORDER BY ts)) / 1000000 AS v FROM ticks

-- case: the age of a pair in seconds
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts <= a.ts AND extract(epoch FROM a.ts) - extract(epoch FROM b.ts) < 10 GROUP BY 1, 2

-- case: yesterday's close
WITH daily AS (SELECT product_id, date_trunc('day', ts) AS day, last_value(price ORDER BY ts) AS c FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, t.price / d.c - 1 AS v FROM ticks AS t LEFT JOIN daily AS d ON d.product_id = t.product_id AND d.day + INTERVAL '1 day' = date_trunc('day', t.ts)

-- case: today so far in New York
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, date_trunc('day', ts AT TIME ZONE 'America/New_York') ORDER BY ts) AS v FROM ticks

-- case: the last seven days by a RANGE
-- lookback: 7 d
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '7 days' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: a week, said as a week
-- lookback: 7 d
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE INTERVAL '1 week' PRECEDING) AS v FROM ticks

-- case: an expanding mean
-- lookback: unbounded
SELECT product_id, ts, price / avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS UNBOUNDED PRECEDING) AS v FROM ticks

-- case: an expanding z-score without the tick itself
-- lookback: unbounded
SELECT product_id, ts, (price - avg(price) OVER w) / stddev_samp(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)

-- case: exponential decay by a self join
-- lookback: 30 s
SELECT a.product_id, a.ts, sum(b.price * exp(-(CAST(a.ts AS BIGINT) - CAST(b.ts AS BIGINT)) / 1e10)) / sum(exp(-(CAST(a.ts AS BIGINT) - CAST(b.ts AS BIGINT)) / 1e10)) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts <= a.ts AND b.ts >= a.ts - INTERVAL '30 seconds' GROUP BY 1, 2

-- case: exponential decay by squall
SELECT product_id, ts, ewma(price, INTERVAL '10 seconds') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: squall's own functions
-- lookback: 60 s
SELECT product_id, ts, realized_volatility(price) OVER w + bipower_variation(price) OVER w + tick_imbalance(price) OVER w + time_weighted_avg(price, ts) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW)

-- case: the longest gap
-- lookback: 60 s
SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: BTC as of each tick of ETH, by lag IGNORE NULLS
-- lookback: unbounded
SELECT product_id, ts, v FROM (SELECT *, lag(CASE WHEN product_id = 'BTC-USD' THEN price END) IGNORE NULLS OVER (ORDER BY ts, product_id) AS v FROM ticks) AS q WHERE product_id = 'ETH-USD'

-- case: BTC as of each tick of ETH, by a union of both
-- lookback: unbounded
WITH u AS (SELECT ts, product_id, price AS p, CAST(NULL AS DOUBLE) AS b FROM ticks WHERE product_id = 'ETH-USD' UNION ALL SELECT ts, product_id, NULL, price FROM ticks WHERE product_id = 'BTC-USD')
SELECT product_id, ts, v FROM (SELECT *, last_value(b) IGNORE NULLS OVER (ORDER BY ts, product_id ROWS UNBOUNDED PRECEDING) AS v FROM u) AS q WHERE product_id = 'ETH-USD'

-- case: the return of BTC in the last second, for ETH
-- lookback: 1 s
SELECT e.product_id, e.ts, ln(max(b.price) / min(b.price)) AS v FROM ticks AS e JOIN ticks AS b ON b.product_id = 'BTC-USD' AND b.ts > e.ts - INTERVAL '1 second' AND b.ts <= e.ts WHERE e.product_id = 'ETH-USD' GROUP BY e.product_id, e.ts

-- case: completed seconds
WITH bars AS (SELECT product_id, date_bin(INTERVAL '1 second', ts) AS s, last_value(price ORDER BY ts) AS c FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, b.c AS v FROM ticks AS t JOIN bars AS b ON b.product_id = t.product_id AND b.s = date_bin(INTERVAL '1 second', t.ts) - INTERVAL '1 second'

-- case: the last completed bar, however old
SELECT product_id, ts, v FROM (SELECT t.product_id, t.ts, b.price AS v, row_number() OVER (PARTITION BY t.product_id, t.ts ORDER BY b.second DESC) AS n FROM ticks AS t JOIN seconds AS b ON b.product_id = t.product_id AND b.second + INTERVAL '1 second' <= t.ts) AS q WHERE n = 1

-- case: volatility of the last 60 completed seconds
WITH bars AS (SELECT product_id, second, ln(price / lag(price) OVER (PARTITION BY product_id ORDER BY second)) AS r FROM seconds),
vol AS (SELECT product_id, second, stddev(r) OVER (PARTITION BY product_id ORDER BY second RANGE BETWEEN INTERVAL '59 seconds' PRECEDING AND CURRENT ROW) AS v FROM bars)
SELECT t.product_id, t.ts, vol.v FROM ticks AS t JOIN vol ON vol.product_id = t.product_id AND vol.second = date_trunc('second', t.ts) - INTERVAL '1 second'

-- case: a grid of seconds with the last price
SELECT p.product_id, g.value AS ts, (SELECT max(b.price) FROM ticks AS b WHERE b.product_id = p.product_id AND b.ts <= g.value AND b.ts > g.value - INTERVAL '5 seconds') AS v
FROM generate_series(TIMESTAMP '2026-04-03T22:14:00', TIMESTAMP '2026-04-03T22:28:00', INTERVAL '1 second') AS g CROSS JOIN (VALUES ('BTC-USD'), ('ETH-USD')) AS p (product_id)

-- case: rank of the volume among products at the same instant
SELECT product_id, ts, rank() OVER (PARTITION BY date_trunc('millisecond', ts) ORDER BY volume_24_h) AS v FROM (SELECT product_id, date_trunc('millisecond', ts) AS ts, max(volume_24_h) AS volume_24_h FROM (SELECT product_id, ts + INTERVAL '1 millisecond' AS ts, volume_24_h FROM ticks) AS m GROUP BY 1, 2) AS q

-- case: the spread between products, as of each tick
-- lookback: unbounded
SELECT product_id, ts, last_value(CASE WHEN product_id = 'BTC-USD' THEN price END) IGNORE NULLS OVER w / last_value(CASE WHEN product_id = 'ETH-USD' THEN price END) IGNORE NULLS OVER w AS v FROM ticks WINDOW w AS (ORDER BY ts, product_id ROWS UNBOUNDED PRECEDING)

-- case: the time since the last trade at another price
-- lookback: unbounded
SELECT product_id, ts, ts - max(CASE WHEN changed THEN ts END) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, price <> lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS changed FROM ticks) AS q

-- case: the number of ticks since the last change of side
-- lookback: unbounded
WITH c AS (SELECT *, CASE WHEN side <> lag(side) OVER w THEN 1 ELSE 0 END AS c FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)), g AS (SELECT *, sum(c) OVER (PARTITION BY product_id ORDER BY ts) AS g FROM c)
SELECT product_id, ts, row_number() OVER (PARTITION BY product_id, g ORDER BY ts) AS v FROM g

-- case: the tick before, by row numbers
WITH n AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS n FROM ticks)
SELECT a.product_id, a.ts, a.price / b.price - 1 AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.n = a.n - 1 AND b.ts < a.ts

-- case: conditions by CASE in a join of all pairs in the past
-- lookback: 60 s
SELECT a.product_id, a.ts, avg(CASE WHEN b.ts > a.ts - INTERVAL '10 seconds' THEN b.price END) / avg(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts BETWEEN a.ts - INTERVAL '60 seconds' AND a.ts GROUP BY 1, 2

-- case: a filter in an aggregate, in the past
-- lookback: 60 s
SELECT a.product_id, a.ts, count(*) FILTER (WHERE b.side = 'BUY') AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts > a.ts - INTERVAL '60 seconds' AND b.ts <= a.ts GROUP BY 1, 2

-- case: OR of two instants in the past
-- lookback: 2 s
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND (b.ts = a.ts OR b.ts = a.ts - INTERVAL '2 seconds') GROUP BY 1, 2

-- case: a natural join
SELECT product_id, ts, spread / price AS v FROM (SELECT product_id, ts, price FROM ticks) AS t NATURAL JOIN spreads

-- case: EXCEPT at the same time
SELECT product_id, ts, price AS v FROM ticks EXCEPT SELECT product_id, ts, price FROM ticks WHERE side = 'SELL'

-- case: IN times of the past
SELECT product_id, ts, ts IN (SELECT b.ts + INTERVAL '1 second' FROM ticks AS b) AS v FROM ticks

-- case: a scalar subquery of a constant table
SELECT product_id, ts, price / (SELECT max(s) FROM (VALUES (1.0), (2.0)) AS c (s)) AS v FROM ticks

-- case: a median of the last minute
-- lookback: 60 s
SELECT product_id, ts, median(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: a slope over the last minute
-- lookback: 60 s
SELECT product_id, ts, regr_slope(price, extract(epoch FROM ts)) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: a correlation of two returns
-- lookback: 100 ticks
SELECT product_id, ts, corr(r, q) OVER (PARTITION BY product_id ORDER BY ts ROWS 99 PRECEDING) AS v FROM (SELECT product_id, ts, price - lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS r, last_size AS q FROM ticks) AS x

-- case: an array of the last prices
-- lookback: 4 ticks
SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 4 PRECEDING) AS v FROM ticks

-- case: the difference of consecutive quotes of either side
-- lookback: 1 tick
SELECT product_id, ts, (best_bid - lag(best_bid, 1, best_bid) OVER w) - (best_ask - lag(best_ask, 1, best_ask) OVER w) AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: order flow imbalance over ten ticks
-- lookback: 10 ticks
WITH s AS (SELECT product_id, ts, CASE WHEN best_bid >= lag(best_bid) OVER w THEN best_bid_quantity ELSE 0 END - CASE WHEN best_bid <= lag(best_bid) OVER w THEN lag(best_bid_quantity) OVER w ELSE 0 END AS e FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts))
SELECT product_id, ts, sum(e) OVER (PARTITION BY product_id ORDER BY ts ROWS 9 PRECEDING) AS v FROM s

-- case: QUALIFY the first of each second
SELECT product_id, ts, price AS v FROM ticks QUALIFY row_number() OVER (PARTITION BY product_id, date_bin(INTERVAL '1 second', ts) ORDER BY ts) = 1

-- case: only after the first minute
SELECT product_id, ts, price AS v FROM (SELECT *, min(ts) OVER (PARTITION BY product_id) AS start FROM ticks) AS q WHERE ts >= start + INTERVAL '1 minute'

-- case: a negative interval added
-- lookback: 60 s
SELECT a.product_id, a.ts, avg(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts >= a.ts + INTERVAL '-1 minute' AND b.ts <= a.ts GROUP BY 1, 2

-- case: windows by another name, twice
-- lookback: 60 s
SELECT product_id, ts, avg(price) OVER m - avg(price) OVER s AS v FROM ticks WINDOW s AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW), m AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW)

-- case: a CTE with the name of a label
WITH forward AS (SELECT product_id, ts, price FROM ticks) SELECT product_id, ts, price AS v FROM forward

-- case: a full join at the same time
SELECT coalesce(a.product_id, b.product_id) AS product_id, coalesce(a.ts, b.ts) AS ts, a.price AS v FROM (SELECT * FROM ticks WHERE side = 'BUY') AS a FULL JOIN (SELECT * FROM ticks WHERE side = 'SELL') AS b ON b.product_id = a.product_id AND b.ts = a.ts

-- case: the greatest price so far today, and before
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: the opening range
WITH o AS (SELECT product_id, date_trunc('hour', ts) AS h, max(price) AS hi, min(price) AS lo FROM ticks WHERE ts < date_trunc('hour', ts) + INTERVAL '5 minutes' GROUP BY 1, 2)
SELECT t.product_id, t.ts, (t.price - o.lo) / (o.hi - o.lo) AS v FROM ticks AS t JOIN o ON o.product_id = t.product_id AND o.h = date_trunc('hour', t.ts) WHERE t.ts >= date_trunc('hour', t.ts) + INTERVAL '5 minutes'

-- case: the same time yesterday
-- lookback: 1 d
SELECT a.product_id, a.ts, avg(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts BETWEEN a.ts - INTERVAL '1 day' AND a.ts - INTERVAL '23 hours' GROUP BY 1, 2

-- case: seasonality by past days
WITH bars AS (SELECT product_id, date_trunc('hour', ts) AS h, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, avg(b.vol) AS v FROM ticks AS t JOIN bars AS b ON b.product_id = t.product_id AND date_part('hour', b.h) = date_part('hour', t.ts) AND b.h < date_trunc('day', t.ts) GROUP BY 1, 2

-- case: time without a zone, joined
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN (SELECT product_id, arrow_cast(ts, 'Timestamp(Nanosecond, None)') AS t, price FROM ticks) AS b ON b.product_id = a.product_id AND b.t = arrow_cast(a.ts, 'Timestamp(Nanosecond, None)')

-- case: interval arithmetic on both sides
-- lookback: 10 s
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts + INTERVAL '10 seconds' >= a.ts AND b.ts - INTERVAL '1 second' <= a.ts - INTERVAL '1 second' GROUP BY 1, 2

-- case: NOT later
-- lookback: 10 s
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND NOT (b.ts > a.ts) AND NOT (b.ts < a.ts - INTERVAL '10 seconds') GROUP BY 1, 2

-- case: windows over complete minutes, joined as the last complete one
WITH m AS (SELECT product_id, date_trunc('minute', ts) AS m, avg(price) AS p FROM ticks GROUP BY 1, 2), r AS (SELECT product_id, m + INTERVAL '1 minute' AS known, p / lag(p, 5) OVER (PARTITION BY product_id ORDER BY m) - 1 AS r FROM m)
SELECT t.product_id, t.ts, r.r AS v FROM ticks AS t JOIN r ON r.product_id = t.product_id AND r.known <= t.ts AND r.known > t.ts - INTERVAL '1 minute'

-- case: a label of ten seconds, from a grid
-- file: labels/checked.sql
-- horizon: 10 s
SELECT product_id, ts, stddev(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 microsecond' FOLLOWING AND INTERVAL '10 seconds' FOLLOWING) AS v FROM ticks

-- case: a triple barrier label
-- file: labels/checked.sql
-- horizon: 60 s
SELECT a.product_id, a.ts, min(CASE WHEN b.price > a.price * 1.001 THEN b.ts END) IS NOT NULL AS v FROM ticks AS a LEFT JOIN ticks AS b ON b.product_id = a.product_id AND b.ts > a.ts AND b.ts <= a.ts + INTERVAL '60 seconds' GROUP BY a.product_id, a.ts

-- case: a model with yesterday's label as a feature
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, o.v AS old FROM spreads AS s JOIN forward AS f USING (product_id, ts) JOIN forward AS o ON o.product_id = s.product_id AND o.ts + INTERVAL '61 seconds' = s.ts

-- case: a model with the hour
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, date_part('hour', s.ts) AS hour FROM spreads AS s JOIN forward AS f USING (product_id, ts) WHERE f.v IS NOT NULL

-- case: times as numbers, allowed
-- allow: unknown-reach, b is at most as late as a
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND CAST(b.ts AS BIGINT) <= CAST(a.ts AS BIGINT) AND CAST(b.ts AS BIGINT) > CAST(a.ts AS BIGINT) - 10000000000 GROUP BY 1, 2

-- case: yesterday in New York
WITH daily AS (SELECT product_id, date_trunc('day', ts AT TIME ZONE 'America/New_York') AS day, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, d.vol AS v FROM ticks AS t LEFT JOIN daily AS d ON d.product_id = t.product_id AND d.day = date_trunc('day', t.ts AT TIME ZONE 'America/New_York') - INTERVAL '1 day'

-- case: whether the minute has any tick so far
WITH minutes AS (SELECT product_id, date_trunc('minute', ts) AS minute FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, t.price AS v FROM ticks AS t JOIN minutes AS m ON m.product_id = t.product_id AND m.minute = date_trunc('minute', t.ts)

-- case: a very long lookback
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10000 months' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: a week in the header
-- lookback: 1 week
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE INTERVAL '1 week' PRECEDING) AS v FROM ticks

-- case: 60 conditions
SELECT product_id, ts, price AS v FROM ticks WHERE price > 0 AND price > 1 AND price > 2 AND price > 3 AND price > 4 AND price > 5 AND price > 6 AND price > 7 AND price > 8 AND price > 9 AND price > 10 AND price > 11 AND price > 12 AND price > 13 AND price > 14 AND price > 15 AND price > 16 AND price > 17 AND price > 18 AND price > 19 AND price > 20 AND price > 21 AND price > 22 AND price > 23 AND price > 24 AND price > 25 AND price > 26 AND price > 27 AND price > 28 AND price > 29 AND price > 30 AND price > 31 AND price > 32 AND price > 33 AND price > 34 AND price > 35 AND price > 36 AND price > 37 AND price > 38 AND price > 39 AND price > 40 AND price > 41 AND price > 42 AND price > 43 AND price > 44 AND price > 45 AND price > 46 AND price > 47 AND price > 48 AND price > 49 AND price > 50 AND price > 51 AND price > 52 AND price > 53 AND price > 54 AND price > 55 AND price > 56 AND price > 57 AND price > 58 AND price > 59

-- case: last month
WITH months AS (SELECT product_id, date_trunc('month', ts) AS month, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, m.vol AS v FROM ticks AS t JOIN months AS m ON m.product_id = t.product_id AND m.month = date_trunc('month', t.ts) - INTERVAL '1 month'

-- case: months before this one
WITH months AS (SELECT product_id, date_trunc('month', ts) AS month, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, avg(m.vol) AS v FROM ticks AS t JOIN months AS m ON m.product_id = t.product_id AND m.month < date_trunc('month', t.ts) GROUP BY 1, 2

-- case: a month that is over, named 31 days after its start
WITH m AS (SELECT product_id, date_trunc('month', ts) AS b, avg(price) AS c FROM ticks GROUP BY 1, 2)
SELECT t.product_id, b + INTERVAL '31 days' AS ts, max(m.c) AS v FROM ticks AS t JOIN m ON m.product_id = t.product_id AND m.b < date_trunc('month', t.ts) AND m.b + INTERVAL '31 days' = t.ts GROUP BY 1, 2

-- case: a month's bar, named by its end
SELECT product_id, date_trunc('month', ts) + INTERVAL '1 month' AS ts, max(price) AS v FROM ticks GROUP BY product_id, date_trunc('month', ts)

-- case: a quarter's bar, named by its end and a day
SELECT product_id, date_trunc('quarter', ts) + INTERVAL '3 months 1 day' AS ts, max(price) AS v FROM ticks GROUP BY product_id, date_trunc('quarter', ts)

-- case: a month's bar, named 31 days after its start
SELECT product_id, date_trunc('month', ts) + INTERVAL '31 days' AS ts, max(price) AS v FROM ticks GROUP BY product_id, date_trunc('month', ts)

-- case: a bucket of time_bucket joined to the bucket before
WITH bars AS (SELECT product_id, time_bucket(INTERVAL '1 minute', ts) AS m, max(price) AS high FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m = time_bucket(INTERVAL '1 minute', t.ts) - INTERVAL '1 minute'

-- case: a bucket of time_bucket named by its end
SELECT product_id, time_bucket(INTERVAL '5 minutes', ts) + INTERVAL '5 minutes' AS ts, max(price) - min(price) AS v FROM ticks GROUP BY ALL

-- case: a bucket of time_bucket is the hour of date_trunc
WITH bars AS (SELECT product_id, time_bucket(INTERVAL '1 hour', ts) AS h, max(price) AS high FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.h < date_trunc('hour', t.ts)

-- case: the month before by time_bucket
WITH bars AS (SELECT product_id, time_bucket(INTERVAL '1 month', ts) AS m, max(price) AS high FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m < date_trunc('month', t.ts)

-- case: buckets of time_bucket that do not divide a day
WITH bars AS (SELECT product_id, time_bucket(INTERVAL '7 hours', ts) AS b, max(price) AS high FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.b < time_bucket(INTERVAL '7 hours', t.ts)

-- case: a bar of floored seconds joined to the bar before
WITH bars AS (SELECT product_id, floor(epoch(ts) / 60) AS m, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m = floor(epoch(t.ts) / 60) - 1

-- case: a bar of floored seconds as an integer, any bar before
WITH bars AS (SELECT product_id, CAST(floor(extract(epoch FROM ts) / 300) AS BIGINT) AS m, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, max(bars.high) AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m < CAST(floor(extract(epoch FROM t.ts) / 300) AS BIGINT) GROUP BY 1, 2

-- case: a bar of floored seconds named by its end
SELECT product_id, to_timestamp((floor(epoch(ts) / 60) + 1) * 60) AS ts, max(price) AS v FROM ticks GROUP BY 1, 2

-- case: the last bar of floored seconds that is over
WITH bars AS (SELECT product_id, to_timestamp(floor(epoch(ts) / 60) * 60 + 60) AS over, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t ASOF JOIN bars ON bars.product_id = t.product_id AND t.ts >= bars.over

-- case: the bar of floored seconds before by lag
WITH bars AS (SELECT product_id, trunc(epoch(ts) / 60) AS m, max(price) AS high FROM ticks GROUP BY 1, 2),
known AS (SELECT product_id, m, lag(high) OVER (PARTITION BY product_id ORDER BY m) AS high FROM bars)
SELECT t.product_id, t.ts, known.high AS v FROM ticks AS t JOIN known ON known.product_id = t.product_id AND known.m = trunc(epoch(t.ts) / 60)

-- case: the day before by date_diff
WITH days AS (SELECT product_id, CAST(ts AS DATE) AS day, stddev(price) AS vol FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, days.vol AS v FROM ticks AS t JOIN days ON days.product_id = t.product_id AND date_diff('day', days.day, CAST(t.ts AS DATE)) = 1

-- case: the seconds before by date_diff
-- lookback: 6 s
SELECT a.product_id, a.ts, count(*) AS v FROM ticks AS a JOIN ticks AS b ON a.product_id = b.product_id AND date_diff('second', b.ts, a.ts) BETWEEN 1 AND 5 GROUP BY 1, 2

-- case: the weight of a model's row comes from the label
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v > 1 AS spike, abs(f.v) AS importance FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], weight_col = 'importance', time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, spread, importance FROM rows

-- case: two products, each chosen by the condition of a join
WITH bars AS (SELECT product_id, date_bin(INTERVAL '1 second', ts) + INTERVAL '1 second' AS ts, max(price) AS p FROM ticks GROUP BY 1, 2),
both AS (SELECT e.product_id, e.ts, e.p AS pe, b.p AS pb FROM bars AS e JOIN bars AS b ON e.ts = b.ts AND e.product_id = 'ETH-USD' AND b.product_id = 'BTC-USD')
SELECT product_id, ts, corr(pe, pb) OVER (ORDER BY ts ROWS BETWEEN 59 PRECEDING AND CURRENT ROW) AS v FROM both

-- case: seconds since the tick before
-- lookback: 1 tick
SELECT product_id, ts, epoch(ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts)) AS v FROM ticks

-- case: the bar of an integer before by lag
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS m, max(price) AS high FROM ticks GROUP BY 1, 2),
known AS (SELECT product_id, m, lag(high) OVER (PARTITION BY product_id ORDER BY m) AS high FROM bars)
SELECT t.product_id, t.ts, known.high AS v FROM ticks AS t JOIN known ON known.product_id = t.product_id AND known.m = epoch_ms(t.ts) / 60000
