-- case: avg(price) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, left_joined
-- lookback: 10 ticks
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: avg(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, view
-- file: lib/windows.sql
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 10 s
SELECT product_id, ts, v FROM windows

-- case: avg(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, two_views
-- file: lib/windows.sql
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 4 ticks
SELECT product_id, ts, v FROM twice

-- case: avg(price) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, named
-- lookback: 7 ticks
SELECT product_id, ts, avg(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING)

-- case: avg(price) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, unioned
-- lookback: 8 ticks
SELECT product_id, ts, v FROM (SELECT product_id, ts, avg(price) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: avg(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, exists
-- lookback: 9 s
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: sum(last_size) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, joined
-- lookback: 20 ticks
WITH w AS (SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: sum(last_size) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, left_joined
-- lookback: 120 s
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: sum(last_size) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, view
-- file: lib/windows.sql
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 1 h
SELECT product_id, ts, v FROM windows

-- case: sum(last_size) over ORDER BY ts, product_id ROWS 30 PRECEDING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, sum(last_size) OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 30 ticks
SELECT product_id, ts, v FROM twice

-- case: sum(last_size) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, named
-- lookback: 6 ticks
SELECT product_id, ts, sum(last_size) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING)

-- case: sum(last_size) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, unioned
-- lookback: 1 h
SELECT product_id, ts, v FROM (SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: count(*) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, number
-- lookback: 10 ticks
SELECT product_id, ts, CASE WHEN CAST(count(*) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: count(*) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, filtered
-- lookback: 10 s
SELECT product_id, ts, price AS v FROM (SELECT *, count(*) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: count(*) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, joined
-- lookback: 4 ticks
WITH w AS (SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: count(*) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, left_joined
-- lookback: 7 ticks
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, count(*) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: count(*) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, view
-- file: lib/windows.sql
SELECT product_id, ts, count(*) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 8 ticks
SELECT product_id, ts, v FROM windows

-- case: count(*) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 9 s
SELECT product_id, ts, v FROM twice

-- case: min(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, subquery
-- lookback: 20 ticks
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, min(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS w FROM ticks) AS s

-- case: min(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, number
-- lookback: 120 s
SELECT product_id, ts, CASE WHEN CAST(min(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: min(price) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, filtered
-- lookback: 1 h
SELECT product_id, ts, price AS v FROM (SELECT *, min(price) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: min(price) over ORDER BY ts, product_id ROWS 30 PRECEDING, joined
-- lookback: 30 ticks
WITH w AS (SELECT product_id, ts, min(price) OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: min(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, left_joined
-- lookback: 6 ticks
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, min(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: min(price) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, min(price) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 1 h
SELECT product_id, ts, v FROM windows

-- case: max(price) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, cte
-- lookback: 10 ticks
WITH w AS (SELECT product_id, ts, max(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: max(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, subquery
-- lookback: 10 s
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, max(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS w FROM ticks) AS s

-- case: max(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, number
-- lookback: 4 ticks
SELECT product_id, ts, CASE WHEN CAST(max(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: max(price) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, filtered
-- lookback: 7 ticks
SELECT product_id, ts, price AS v FROM (SELECT *, max(price) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: max(price) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, joined
-- lookback: 8 ticks
WITH w AS (SELECT product_id, ts, max(price) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: max(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, left_joined
-- lookback: 9 s
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, max(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: stddev_samp(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, grouped
-- lookback: 20 ticks
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, stddev_samp(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: stddev_samp(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, plain
-- lookback: 120 s
SELECT product_id, ts, stddev_samp(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS v FROM ticks

-- case: stddev_samp(price) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, cte
-- lookback: 1 h
WITH w AS (SELECT product_id, ts, stddev_samp(price) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: stddev_samp(price) over ORDER BY ts, product_id ROWS 30 PRECEDING, subquery
-- lookback: 30 ticks
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, stddev_samp(price) OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS w FROM ticks) AS s

-- case: stddev_samp(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, number
-- lookback: 6 ticks
SELECT product_id, ts, CASE WHEN CAST(stddev_samp(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: stddev_samp(price) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, filtered
-- lookback: 1 h
SELECT product_id, ts, price AS v FROM (SELECT *, stddev_samp(price) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: var_pop(price) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, exists
-- lookback: 10 ticks
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, var_pop(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: var_pop(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, grouped
-- lookback: 10 s
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, var_pop(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: var_pop(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, plain
-- lookback: 4 ticks
SELECT product_id, ts, var_pop(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: var_pop(price) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, cte
-- lookback: 7 ticks
WITH w AS (SELECT product_id, ts, var_pop(price) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: var_pop(price) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, subquery
-- lookback: 8 ticks
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, var_pop(price) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS w FROM ticks) AS s

-- case: var_pop(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, number
-- lookback: 9 s
SELECT product_id, ts, CASE WHEN CAST(var_pop(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: corr(price, best_bid) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, unioned
-- lookback: 20 ticks
SELECT product_id, ts, v FROM (SELECT product_id, ts, corr(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: corr(price, best_bid) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, exists
-- lookback: 120 s
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, corr(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: corr(price, best_bid) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, grouped
-- lookback: 1 h
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, corr(price, best_bid) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: corr(price, best_bid) over ORDER BY ts, product_id ROWS 30 PRECEDING, plain
-- lookback: 30 ticks
SELECT product_id, ts, corr(price, best_bid) OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS v FROM ticks

-- case: corr(price, best_bid) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, cte
-- lookback: 6 ticks
WITH w AS (SELECT product_id, ts, corr(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: corr(price, best_bid) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, subquery
-- lookback: 1 h
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, corr(price, best_bid) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS w FROM ticks) AS s

-- case: median(price) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, median(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 10 ticks
SELECT product_id, ts, v FROM twice

-- case: median(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, named
-- lookback: 10 s
SELECT product_id, ts, median(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW)

-- case: median(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, unioned
-- lookback: 4 ticks
SELECT product_id, ts, v FROM (SELECT product_id, ts, median(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: median(price) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, exists
-- lookback: 7 ticks
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, median(price) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: median(price) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, grouped
-- lookback: 8 ticks
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, median(price) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: median(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, plain
-- lookback: 9 s
SELECT product_id, ts, median(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS v FROM ticks

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, plain
-- lookback: 10 ticks
SELECT product_id, ts, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, cte
-- lookback: 10 s
WITH w AS (SELECT product_id, ts, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, subquery
-- lookback: 4 ticks
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS w FROM ticks) AS s

-- case: nth_value(price, 2) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, number
-- lookback: 7 ticks
SELECT product_id, ts, CASE WHEN CAST(nth_value(price, 2) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: nth_value(price, 2) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, filtered
-- lookback: 8 ticks
SELECT product_id, ts, price AS v FROM (SELECT *, nth_value(price, 2) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, joined
-- lookback: 9 s
WITH w AS (SELECT product_id, ts, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, exists
-- lookback: 20 ticks
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, grouped
-- lookback: 120 s
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: realized_volatility(price) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, plain
-- lookback: 1 h
SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: realized_volatility(price) over ORDER BY ts, product_id ROWS 30 PRECEDING, cte
-- lookback: 30 ticks
WITH w AS (SELECT product_id, ts, realized_volatility(price) OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, subquery
-- lookback: 6 ticks
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS w FROM ticks) AS s

-- case: realized_volatility(price) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, number
-- lookback: 1 h
SELECT product_id, ts, CASE WHEN CAST(realized_volatility(price) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, unioned
-- lookback: 10 ticks
SELECT product_id, ts, v FROM (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, exists
-- lookback: 10 s
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, grouped
-- lookback: 4 ticks
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: bipower_variation(price) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, plain
-- lookback: 7 ticks
SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS v FROM ticks

-- case: bipower_variation(price) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, cte
-- lookback: 8 ticks
WITH w AS (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, subquery
-- lookback: 9 s
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS w FROM ticks) AS s

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, named
-- lookback: 20 ticks
SELECT product_id, ts, tick_imbalance(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING)

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, unioned
-- lookback: 120 s
SELECT product_id, ts, v FROM (SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: tick_imbalance(price) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, exists
-- lookback: 1 h
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: tick_imbalance(price) over ORDER BY ts, product_id ROWS 30 PRECEDING, grouped
-- lookback: 30 ticks
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, tick_imbalance(price) OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, plain
-- lookback: 6 ticks
SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS v FROM ticks

-- case: tick_imbalance(price) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, cte
-- lookback: 1 h
WITH w AS (SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, view
-- file: lib/windows.sql
SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 10 ticks
SELECT product_id, ts, v FROM windows

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, two_views
-- file: lib/windows.sql
SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 10 s
SELECT product_id, ts, v FROM twice

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, named
-- lookback: 4 ticks
SELECT product_id, ts, max_gap(ts) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW)

-- case: max_gap(ts) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, unioned
-- lookback: 7 ticks
SELECT product_id, ts, v FROM (SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: max_gap(ts) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, exists
-- lookback: 8 ticks
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, grouped
-- lookback: 9 s
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, left_joined
-- lookback: 20 ticks
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, view
-- file: lib/windows.sql
SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 120 s
SELECT product_id, ts, v FROM windows

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, two_views
-- file: lib/windows.sql
SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 1 h
SELECT product_id, ts, v FROM twice

-- case: time_weighted_avg(price, ts) over ORDER BY ts, product_id ROWS 30 PRECEDING, named
-- lookback: 30 ticks
SELECT product_id, ts, time_weighted_avg(price, ts) OVER w AS v FROM ticks WINDOW w AS (ORDER BY ts, product_id ROWS 30 PRECEDING)

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, unioned
-- lookback: 6 ticks
SELECT product_id, ts, v FROM (SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, exists
-- lookback: 1 h
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, joined
-- lookback: 10 ticks
WITH w AS (SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, left_joined
-- lookback: 10 s
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks) AS w USING (product_id, ts)

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, view
-- file: lib/windows.sql
SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 4 ticks
SELECT product_id, ts, v FROM windows

-- case: regr_slope(price, best_bid) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 7 ticks
SELECT product_id, ts, v FROM twice

-- case: regr_slope(price, best_bid) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, named
-- lookback: 8 ticks
SELECT product_id, ts, regr_slope(price, best_bid) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING)

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, unioned
-- lookback: 9 s
SELECT product_id, ts, v FROM (SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, number
-- lookback: 20 ticks
SELECT product_id, ts, CASE WHEN CAST(covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, filtered
-- lookback: 120 s
SELECT product_id, ts, price AS v FROM (SELECT *, covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: covar_samp(price, best_ask) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, joined
-- lookback: 1 h
WITH w AS (SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: covar_samp(price, best_ask) over ORDER BY ts, product_id ROWS 30 PRECEDING, left_joined
-- lookback: 30 ticks
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, covar_samp(price, best_ask) OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 6 ticks
SELECT product_id, ts, v FROM windows

-- case: covar_samp(price, best_ask) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 1 h
SELECT product_id, ts, v FROM twice

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, subquery
-- lookback: 10 ticks
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS w FROM ticks) AS s

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, number
-- lookback: 10 s
SELECT product_id, ts, CASE WHEN CAST(bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, filtered
-- lookback: 4 ticks
SELECT product_id, ts, price AS v FROM (SELECT *, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: bool_or(side = 'buy') over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, joined
-- lookback: 7 ticks
WITH w AS (SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: bool_or(side = 'buy') over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, left_joined
-- lookback: 8 ticks
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 9 s
SELECT product_id, ts, v FROM windows

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, cte
-- lookback: 20 ticks
WITH w AS (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, subquery
-- lookback: 120 s
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS w FROM ticks) AS s

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, number
-- lookback: 1 h
SELECT product_id, ts, CASE WHEN CAST(sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: sum(last_size) FILTER (WHERE side = 'buy') over ORDER BY ts, product_id ROWS 30 PRECEDING, filtered
-- lookback: 30 ticks
SELECT product_id, ts, price AS v FROM (SELECT *, sum(last_size) FILTER (WHERE side = 'buy') OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, joined
-- lookback: 6 ticks
WITH w AS (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, left_joined
-- lookback: 1 h
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING, grouped
-- lookback: 10 ticks
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts ROWS 10 PRECEDING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW, plain
-- lookback: 10 s
SELECT product_id, ts, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW, cte
-- lookback: 4 ticks
WITH w AS (SELECT product_id, ts, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: approx_distinct(price) over PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING, subquery
-- lookback: 7 ticks
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, approx_distinct(price) OVER (PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING) AS w FROM ticks) AS s

-- case: approx_distinct(price) over PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING, number
-- lookback: 8 ticks
SELECT product_id, ts, CASE WHEN CAST(approx_distinct(price) OVER (PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING, filtered
-- lookback: 9 s
SELECT product_id, ts, price AS v FROM (SELECT *, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING, exists
-- lookback: 20 ticks
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING, grouped
-- lookback: 120 s
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: array_agg(price) over PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW, plain
-- lookback: 1 h
SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: array_agg(price) over ORDER BY ts, product_id ROWS 30 PRECEDING, cte
-- lookback: 30 ticks
WITH w AS (SELECT product_id, ts, array_agg(price) OVER (ORDER BY ts, product_id ROWS 30 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING, subquery
-- lookback: 6 ticks
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING) AS w FROM ticks) AS s

-- case: array_agg(price) over PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts, number
-- lookback: 1 h
SELECT product_id, ts, CASE WHEN CAST(array_agg(price) OVER (PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: lag(price) over PARTITION BY product_id ORDER BY ts, plain
-- lookback: 1 tick
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: lag(price) over PARTITION BY product_id ORDER BY ts, cte
-- lookback: 1 tick
WITH w AS (SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: lag(price) over PARTITION BY product_id ORDER BY ts, subquery
-- lookback: 1 tick
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, lag(price) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s

-- case: lag(price, 5) over PARTITION BY product_id ORDER BY ts, number
-- lookback: 5 ticks
SELECT product_id, ts, CASE WHEN CAST(lag(price, 5) OVER (PARTITION BY product_id ORDER BY ts) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: lag(price, 5) over PARTITION BY product_id ORDER BY ts, filtered
-- lookback: 5 ticks
SELECT product_id, ts, price AS v FROM (SELECT *, lag(price, 5) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: lag(price, 5) over PARTITION BY product_id ORDER BY ts, joined
-- lookback: 5 ticks
WITH w AS (SELECT product_id, ts, lag(price, 5) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: lead(price, -2) over PARTITION BY product_id ORDER BY ts, left_joined
-- lookback: 2 ticks
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, lead(price, -2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: lead(price, -2) over PARTITION BY product_id ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, lead(price, -2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 2 ticks
SELECT product_id, ts, v FROM windows

-- case: lead(price, -2) over PARTITION BY product_id ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, lead(price, -2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 2 ticks
SELECT product_id, ts, v FROM twice

-- case: lag(price, 3 * 2) over PARTITION BY product_id ORDER BY ts, named
-- lookback: 6 ticks
SELECT product_id, ts, lag(price, 3 * 2) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: lag(price, 3 * 2) over PARTITION BY product_id ORDER BY ts, unioned
-- lookback: 6 ticks
SELECT product_id, ts, v FROM (SELECT product_id, ts, lag(price, 3 * 2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: lag(price, 3 * 2) over PARTITION BY product_id ORDER BY ts, exists
-- lookback: 6 ticks
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, lag(price, 3 * 2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: lag(price, 1, 0.0) over PARTITION BY product_id ORDER BY ts, grouped
-- lookback: 1 tick
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, lag(price, 1, 0.0) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: lag(price, 1, 0.0) over PARTITION BY product_id ORDER BY ts, plain
-- lookback: 1 tick
SELECT product_id, ts, lag(price, 1, 0.0) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: lag(price, 1, 0.0) over PARTITION BY product_id ORDER BY ts, cte
-- lookback: 1 tick
WITH w AS (SELECT product_id, ts, lag(price, 1, 0.0) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: lag(price, 0) over PARTITION BY product_id ORDER BY ts, subquery
-- lookback: none
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, lag(price, 0) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s

-- case: lag(price, 0) over PARTITION BY product_id ORDER BY ts, number
-- lookback: none
SELECT product_id, ts, CASE WHEN CAST(lag(price, 0) OVER (PARTITION BY product_id ORDER BY ts) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: lag(price, 0) over PARTITION BY product_id ORDER BY ts, filtered
-- lookback: none
SELECT product_id, ts, price AS v FROM (SELECT *, lag(price, 0) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: lead(price) over PARTITION BY product_id ORDER BY ts DESC, joined
-- lookback: 1 tick
WITH w AS (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: lead(price) over PARTITION BY product_id ORDER BY ts DESC, left_joined
-- lookback: 1 tick
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks) AS w USING (product_id, ts)

-- case: lead(price) over PARTITION BY product_id ORDER BY ts DESC, view
-- file: lib/windows.sql
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks
-- file: features/checked.sql
-- lookback: 1 tick
SELECT product_id, ts, v FROM windows

-- case: lag(price, 2) over ORDER BY ts, product_id, two_views
-- file: lib/windows.sql
SELECT product_id, ts, lag(price, 2) OVER (ORDER BY ts, product_id) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: 2 ticks
SELECT product_id, ts, v FROM twice

-- case: lag(price, 2) over ORDER BY ts, product_id, named
-- lookback: 2 ticks
SELECT product_id, ts, lag(price, 2) OVER w AS v FROM ticks WINDOW w AS (ORDER BY ts, product_id)

-- case: lag(price, 2) over ORDER BY ts, product_id, unioned
-- lookback: 2 ticks
SELECT product_id, ts, v FROM (SELECT product_id, ts, lag(price, 2) OVER (ORDER BY ts, product_id) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: lag(price, 2) over PARTITION BY product_id, side ORDER BY ts, exists
-- lookback: 2 ticks
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, lag(price, 2) OVER (PARTITION BY product_id, side ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: lag(price, 2) over PARTITION BY product_id, side ORDER BY ts, grouped
-- lookback: 2 ticks
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, lag(price, 2) OVER (PARTITION BY product_id, side ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: lag(price, 2) over PARTITION BY product_id, side ORDER BY ts, plain
-- lookback: 2 ticks
SELECT product_id, ts, lag(price, 2) OVER (PARTITION BY product_id, side ORDER BY ts) AS v FROM ticks

-- case: row_number() over PARTITION BY product_id ORDER BY ts, cte
-- lookback: unbounded
WITH w AS (SELECT product_id, ts, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: row_number() over PARTITION BY product_id ORDER BY ts, subquery
-- lookback: unbounded
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s

-- case: row_number() over PARTITION BY product_id ORDER BY ts, number
-- lookback: unbounded
SELECT product_id, ts, CASE WHEN CAST(row_number() OVER (PARTITION BY product_id ORDER BY ts) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: rank() over PARTITION BY product_id ORDER BY ts, filtered
-- lookback: unbounded
SELECT product_id, ts, price AS v FROM (SELECT *, rank() OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: rank() over PARTITION BY product_id ORDER BY ts, joined
-- lookback: unbounded
WITH w AS (SELECT product_id, ts, rank() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: rank() over PARTITION BY product_id ORDER BY ts, left_joined
-- lookback: unbounded
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, rank() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: dense_rank() over PARTITION BY product_id ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, dense_rank() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
-- lookback: unbounded
SELECT product_id, ts, v FROM windows

-- case: dense_rank() over PARTITION BY product_id ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, dense_rank() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: unbounded
SELECT product_id, ts, v FROM twice

-- case: dense_rank() over PARTITION BY product_id ORDER BY ts, named
-- lookback: unbounded
SELECT product_id, ts, dense_rank() OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts, unioned
-- lookback: unbounded
SELECT product_id, ts, v FROM (SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts, exists
-- lookback: unbounded
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts, grouped
-- lookback: unbounded
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts, plain
-- lookback: none
SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts, cte
-- lookback: none
WITH w AS (SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts, subquery
-- lookback: none
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, last_value(price) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING, number
-- lookback: 9 ticks
SELECT product_id, ts, CASE WHEN CAST(last_value(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING, filtered
-- lookback: 9 ticks
SELECT product_id, ts, price AS v FROM (SELECT *, last_value(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING, joined
-- lookback: 9 ticks
WITH w AS (SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: ewma(price, INTERVAL '5 seconds') over PARTITION BY product_id ORDER BY ts, left_joined
-- lookback: unbounded
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: ewma(price, INTERVAL '5 seconds') over PARTITION BY product_id ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
-- lookback: unbounded
SELECT product_id, ts, v FROM windows

-- case: ewma(price, INTERVAL '5 seconds') over PARTITION BY product_id ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
-- lookback: unbounded
SELECT product_id, ts, v FROM twice

-- case: ewma(price, INTERVAL '5 seconds') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW, named
-- lookback: 60 s
SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW)

-- case: ewma(price, INTERVAL '5 seconds') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW, unioned
-- lookback: 60 s
SELECT product_id, ts, v FROM (SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: ewma(price, INTERVAL '5 seconds') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW, exists
-- lookback: 60 s
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, ewma(price, INTERVAL '5 seconds') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

