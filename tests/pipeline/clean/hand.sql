-- case: the values of the row
SELECT product_id, ts, best_ask - best_bid AS v FROM ticks

-- case: the landed messages themselves
SELECT product_id, ts, price AS v FROM landed_ticks WHERE status = 'ok'

-- case: ordering by the time first, then by the product
-- lookback: 1 tick
SELECT product_id, ts, lag(price) OVER (ORDER BY ts, product_id) AS v FROM ticks

-- case: the product first, where there is only one
-- lookback: 1 tick
SELECT product_id, ts, lag(price) OVER (ORDER BY product_id, ts) AS v FROM ticks WHERE product_id = 'BTC-USD'

-- case: no partition, where there is only one product
-- lookback: 3 ticks
SELECT product_id, ts, lag(price, 3) OVER (ORDER BY ts) AS v FROM ticks WHERE product_id = 'BTC-USD'

-- case: the product in the partition and in the order
-- lookback: 1 tick
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY product_id, ts) AS v FROM ticks

-- case: a window of ticks counts the tick itself
-- lookback: 60 ticks
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 59 PRECEDING) AS v FROM ticks

-- case: a return within a frame
-- lookback: 60 s
WITH returns AS (SELECT product_id, ts, ln(price / lag(price) OVER (PARTITION BY product_id ORDER BY ts)) AS ret FROM ticks)
SELECT product_id, ts, sqrt(sum(ret * ret) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW)) AS v FROM returns

-- case: frames add up
-- lookback: 120 s
WITH means AS (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS mean FROM ticks)
SELECT product_id, ts, stddev(mean) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM means

-- case: an average since the start
-- lookback: unbounded
SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: the last known bid
-- lookback: unbounded
SELECT product_id, ts, last_value(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: lag over what is not NULL
-- lookback: unbounded
SELECT product_id, ts, lag(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: lead in a reversed order looks back
-- lookback: 1 tick
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks

-- case: what follows in a reversed order
-- lookback: 10 s
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN CURRENT ROW AND INTERVAL '10 seconds' FOLLOWING) AS v FROM ticks

-- case: volume by side
-- lookback: 60 s
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: volume of the buyers
-- lookback: 60 s
SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: the day so far
-- lookback: 1 d
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, date_trunc('day', ts) ORDER BY ts) AS v FROM ticks

-- case: the day's open
-- lookback: 1 d
SELECT product_id, ts, price / first_value(price) OVER (PARTITION BY product_id, date_trunc('day', ts) ORDER BY ts) AS v FROM ticks

-- case: the first price of the recording
-- lookback: unbounded
SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: since the start of the recording
SELECT product_id, ts, ts - min(ts) OVER (PARTITION BY product_id) AS v FROM ticks

-- case: the number of the tick
SELECT product_id, ts, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: sessions
-- lookback: unbounded
WITH gaps AS (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts) > INTERVAL '10 seconds' THEN 1 ELSE 0 END AS gap FROM ticks),
sessions AS (SELECT *, sum(gap) OVER (PARTITION BY product_id ORDER BY ts) AS session FROM gaps)
SELECT product_id, ts, count(*) OVER (PARTITION BY product_id, session ORDER BY ts) AS v FROM sessions

-- case: time since the tick before
-- lookback: 1 tick
SELECT product_id, ts, ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: a named window
-- lookback: 9 ticks
SELECT product_id, ts, avg(price) OVER back AS v FROM ticks
WINDOW back AS (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING)

-- case: groups before
-- lookback: 5 ticks
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 5 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: an offset that is computed
-- lookback: 1 tick
SELECT product_id, ts, lag(price, 3 - 2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: a join at the same time
SELECT a.product_id, a.ts, a.price - s.spread AS v FROM ticks AS a JOIN spreads AS s USING (product_id, ts)

-- case: a left join at the same time
SELECT a.product_id, a.ts, coalesce(s.spread, 0) AS v FROM ticks AS a LEFT JOIN spreads AS s ON s.product_id = a.product_id AND s.ts = a.ts

-- case: BTC at the time of each tick, by a window
-- lookback: unbounded
SELECT product_id, ts, v FROM (
  SELECT product_id, ts, last_value(CASE WHEN product_id = 'BTC-USD' THEN price END) IGNORE NULLS OVER (ORDER BY ts, product_id ROWS UNBOUNDED PRECEDING) AS v FROM ticks
) AS all_products WHERE product_id = 'ETH-USD'

-- case: BTC at the time of each tick, by a join and the latest row
-- lookback: 60 s
SELECT product_id, ts, btc AS v FROM (
  SELECT e.product_id, e.ts, b.price AS btc, row_number() OVER (PARTITION BY e.product_id, e.ts ORDER BY b.ts DESC) AS n
  FROM ticks AS e JOIN ticks AS b ON b.product_id = 'BTC-USD' AND b.ts <= e.ts AND b.ts > e.ts - INTERVAL '1 minute'
) AS pairs WHERE n = 1

-- case: BTC at the time of each tick, by a group
-- lookback: 60 s
SELECT e.product_id, e.ts, last_value(b.price ORDER BY b.ts) AS v
FROM ticks AS e JOIN ticks AS b ON b.product_id = 'BTC-USD' AND b.ts <= e.ts AND b.ts >= e.ts - INTERVAL '1 minute'
GROUP BY e.product_id, e.ts

-- case: BTC at the time of each tick, by the time of its last tick
-- lookback: unbounded
WITH last_btc AS (SELECT product_id, ts, max(CASE WHEN product_id = 'BTC-USD' THEN ts END) OVER (ORDER BY ts, product_id) AS btc_ts FROM ticks)
SELECT e.product_id, e.ts, b.price AS v FROM last_btc AS e JOIN ticks AS b ON b.product_id = 'BTC-USD' AND b.ts = e.btc_ts

-- case: a plain query of pairs, bounded by its reader
-- lookback: 10 s
-- file: lib/pairs.sql
SELECT a.product_id, a.ts, b.ts AS other_ts, b.price AS other FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id
-- file: features/checked.sql
-- lookback: 10 s
SELECT product_id, ts, max(other) AS v FROM pairs WHERE other_ts BETWEEN ts - INTERVAL '10 seconds' AND ts GROUP BY product_id, ts

-- case: yesterday's range
-- lookback: 2 d
WITH daily AS (SELECT product_id, date_trunc('day', ts) AS day, max(price) - min(price) AS range FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, d.range AS v FROM ticks AS t JOIN daily AS d ON d.product_id = t.product_id AND d.day = date_trunc('day', t.ts) - INTERVAL '1 day'

-- case: yesterday's volatility by a date
-- lookback: 2 d
WITH daily AS (SELECT product_id, CAST(ts AS DATE) AS day, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, d.vol AS v FROM ticks AS t LEFT JOIN daily AS d ON d.product_id = t.product_id AND d.day = CAST(t.ts AS DATE) - INTERVAL '1 day'

-- case: yesterday's volatility by the row before
WITH daily AS (SELECT product_id, date_trunc('day', ts) AS day, stddev(price) AS vol FROM ticks GROUP BY 1, 2),
lagged AS (SELECT product_id, day, lag(vol) OVER (PARTITION BY product_id ORDER BY day) AS vol FROM daily)
SELECT t.product_id, t.ts, l.vol AS v FROM ticks AS t JOIN lagged AS l ON l.product_id = t.product_id AND l.day = date_trunc('day', t.ts)

-- case: the mean of the last seven days
WITH daily AS (SELECT product_id, date_trunc('day', ts) AS day, stddev(price) AS vol FROM ticks GROUP BY 1, 2),
weekly AS (SELECT product_id, day, avg(vol) OVER (PARTITION BY product_id ORDER BY day ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING) AS vol FROM daily)
SELECT t.product_id, t.ts, w.vol AS v FROM ticks AS t JOIN weekly AS w ON w.product_id = t.product_id AND w.day = date_trunc('day', t.ts)

-- case: the row before, of a plain query
-- file: lib/daily.sql
SELECT product_id, date_trunc('day', ts) AS day, stddev(price) AS vol FROM ticks GROUP BY 1, 2
-- file: features/checked.sql
WITH lagged AS (SELECT product_id, day, lag(vol) OVER (PARTITION BY product_id ORDER BY day) AS vol FROM daily)
SELECT t.product_id, t.ts, l.vol AS v FROM ticks AS t LEFT JOIN lagged AS l ON l.product_id = t.product_id AND l.day = date_trunc('day', t.ts)

-- case: days before this one
WITH daily AS (SELECT product_id, date_trunc('day', ts) AS day, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, avg(d.vol) AS v FROM ticks AS t JOIN daily AS d ON d.product_id = t.product_id AND d.day < date_trunc('day', t.ts) GROUP BY t.product_id, t.ts

-- case: bars that are named by their end
-- lookback: 60 s
SELECT product_id, date_bin(INTERVAL '1 minute', ts) + INTERVAL '1 minute' AS ts, avg(price) AS v FROM ticks GROUP BY product_id, date_bin(INTERVAL '1 minute', ts)

-- case: the last tick of each second, named by the end of the second
-- lookback: 1 s
SELECT product_id, date_bin(INTERVAL '1 second', ts) + INTERVAL '1 second' AS ts, price AS v
FROM (SELECT *, row_number() OVER (PARTITION BY product_id, date_bin(INTERVAL '1 second', ts) ORDER BY ts DESC) AS n FROM ticks) AS g WHERE n = 1

-- case: bars of the project, read when they are complete
-- lookback: 1 s
SELECT product_id, second + INTERVAL '1 second' AS ts, price AS v FROM seconds

-- case: duplicates of a time
SELECT DISTINCT product_id, ts, price AS v FROM ticks

-- case: one of the rows with a time
SELECT DISTINCT ON (product_id, ts) product_id, ts, price AS v FROM ticks ORDER BY product_id, ts, sequence_num DESC

-- case: rows with a time, numbered
SELECT product_id, ts, price AS v FROM (SELECT *, row_number() OVER (PARTITION BY product_id, ts ORDER BY sequence_num) AS n FROM ticks) AS d WHERE n = 1

-- case: EXISTS in the past
-- lookback: 5 s
SELECT product_id, ts, EXISTS (SELECT 1 FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts < a.ts AND b.ts >= a.ts - INTERVAL '5 seconds' AND b.price > a.price) AS v FROM ticks AS a

-- case: NOT EXISTS in the past
-- lookback: 5 s
SELECT product_id, ts, price AS v FROM ticks AS a WHERE NOT EXISTS (SELECT 1 FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts < a.ts AND b.ts >= a.ts - INTERVAL '5 seconds')

-- case: a correlated subquery in the past
SELECT product_id, ts, (SELECT max(b.price) FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts <= a.ts) AS v FROM ticks AS a

-- case: a lateral join in the past
SELECT a.product_id, a.ts, l.best AS v FROM ticks AS a CROSS JOIN LATERAL (SELECT max(b.price) AS best FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts < a.ts) AS l

-- case: a comma join in the past
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a, ticks AS b WHERE b.product_id = a.product_id AND b.ts <= a.ts GROUP BY a.product_id, a.ts

-- case: a difference of times
-- lookback: 60 s
SELECT a.product_id, a.ts, avg(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND a.ts - b.ts <= INTERVAL '1 minute' AND b.ts <= a.ts GROUP BY a.product_id, a.ts

-- case: a semi join at the same time
SELECT t.product_id, t.ts, t.price AS v FROM ticks AS t LEFT SEMI JOIN spreads AS s ON s.product_id = t.product_id AND s.ts = t.ts

-- case: constants by product
SELECT t.product_id, t.ts, t.price / c.size AS v FROM ticks AS t JOIN (VALUES ('BTC-USD', 0.01), ('ETH-USD', 0.1)) AS c (product_id, size) ON c.product_id = t.product_id

-- case: across products, at one time
SELECT product_id, ts, price - avg(price) OVER (PARTITION BY ts) AS v FROM ticks

-- case: the rank across products, at one time
SELECT product_id, ts, rank() OVER (PARTITION BY ts ORDER BY price) AS v FROM ticks

-- case: a union of products
-- lookback: 1 tick
WITH both AS (SELECT product_id, ts, price FROM ticks WHERE product_id = 'BTC-USD' UNION ALL SELECT product_id, ts, price FROM ticks WHERE product_id = 'ETH-USD')
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM both

-- case: values from the past, moved to the row's time
-- lookback: 10 s
WITH moved AS (SELECT product_id, ts + INTERVAL '10 seconds' AS ts, price FROM ticks)
SELECT t.product_id, t.ts, t.price / m.price AS v FROM ticks AS t LEFT JOIN moved AS m ON m.product_id = t.product_id AND m.ts = t.ts

-- case: the greatest of two times that are known
-- lookback: none
SELECT product_id, ts, greatest(ts - INTERVAL '10 seconds', max(ts) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW)) AS v FROM ticks

-- case: the hour of the day
SELECT product_id, ts, date_part('hour', ts) + CASE WHEN side = 'buy' THEN 1 ELSE 0 END AS v FROM ticks

-- case: a plain query, read twice
-- file: lib/returns.sql
SELECT product_id, ts, ln(price / lag(price) OVER (PARTITION BY product_id ORDER BY ts)) AS ret FROM ticks
-- file: features/checked.sql
SELECT a.product_id, a.ts, a.ret * b.ret AS v FROM returns AS a JOIN returns AS b ON b.product_id = a.product_id AND b.ts = a.ts

-- case: a feature reads a feature
SELECT product_id, ts, avg(spread) OVER (PARTITION BY product_id ORDER BY ts ROWS 5 PRECEDING) AS v FROM spreads

-- case: the order of the ticks that share a time
-- lookback: 1 tick
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts, sequence_num) AS v FROM ticks

-- case: time without a zone
-- lookback: 1 tick
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY CAST(ts AS TIMESTAMP)) AS v FROM ticks

-- case: a file that is written before trading
-- allow: unknown-reach, the file is written once a day before trading
SELECT t.product_id, t.ts, c.v AS v FROM ticks AS t JOIN 'DATA/other.parquet' AS c ON c.product_id = t.product_id

-- case: the plain query allows its file
-- file: lib/calendar.sql
-- allow: unknown-reach, the file is written once a year
SELECT product_id, v FROM 'DATA/other.parquet'
-- file: features/checked.sql
SELECT t.product_id, t.ts, c.v FROM ticks AS t JOIN calendar AS c ON c.product_id = t.product_id

-- case: the shipped label's kind
-- file: labels/checked.sql
-- horizon: 60 s
WITH returns AS (SELECT product_id, ts, ln(price / lag(price) OVER (PARTITION BY product_id ORDER BY ts)) AS ret FROM ticks)
SELECT product_id, ts, sqrt(sum(ret * ret) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '60 seconds' FOLLOWING)) AS v FROM returns

-- case: a label that is NULL where the data end
-- file: labels/checked.sql
-- horizon: 60 s
SELECT product_id, ts, CASE WHEN max(ts) OVER (PARTITION BY product_id) >= ts + INTERVAL '60 seconds' THEN stddev(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 nanosecond' FOLLOWING AND INTERVAL '60 seconds' FOLLOWING) END AS v FROM ticks

-- case: the forward return
-- file: labels/checked.sql
-- horizon: 10 ticks
SELECT product_id, ts, ln(lead(price, 10) OVER (PARTITION BY product_id ORDER BY ts) / price) AS v FROM ticks

-- case: a label by a join
-- file: labels/checked.sql
-- horizon: 10 s
SELECT a.product_id, a.ts, max(b.price) / max(a.price) - 1 AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts > a.ts AND b.ts <= a.ts + INTERVAL '10 seconds' GROUP BY a.product_id, a.ts

-- case: a label in a reversed order
-- file: labels/checked.sql
-- horizon: 1 tick
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks

-- case: a label of rows whose return is known
-- file: labels/checked.sql
WITH returns AS (SELECT product_id, ts, price / lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS ret FROM ticks)
SELECT product_id, ts, avg(ret) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM returns WHERE ret IS NOT NULL

-- case: a model that learns from features
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v AS forward_vol, f.v > 1 AS spike FROM spreads AS s JOIN forward AS f USING (product_id, ts) WHERE f.v IS NOT NULL
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, ln(spread) AS x FROM rows

-- case: a model without the time among its columns
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v > 1 AS spike FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike']) AS
SELECT spike, spread FROM rows WHERE product_id = 'BTC-USD'

-- case: a model on one row a second
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v > 1 AS spike, row_number() OVER (PARTITION BY s.product_id, date_bin(INTERVAL '1 second', s.ts) ORDER BY s.ts DESC) AS n
FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, spread FROM rows WHERE n = 1

-- case: the newest earlier row of another product, at most a minute old
-- lookback: 60 s
SELECT a.product_id, a.ts, a.price - b.price AS v
FROM ticks AS a
ASOF LEFT JOIN (SELECT ts, price FROM ticks WHERE product_id = 'ETH-USD') AS b ON a.ts >= b.ts TOLERANCE INTERVAL '60 seconds'

-- case: the newest earlier row of the same product, in Snowflake's words
-- lookback: 5 s
SELECT a.product_id, a.ts, a.price - b.price AS v
FROM ticks AS a
ASOF JOIN ticks AS b MATCH_CONDITION (a.ts > b.ts) ON a.product_id = b.product_id TOLERANCE INTERVAL '5 seconds'
