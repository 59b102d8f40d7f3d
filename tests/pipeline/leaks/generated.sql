-- case: avg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, plain
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks

-- case: avg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, cte
WITH w AS (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: avg(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, avg(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS w FROM ticks) AS s

-- case: avg(price) over PARTITION BY product_id, side, number
SELECT product_id, ts, CASE WHEN CAST(avg(price) OVER (PARTITION BY product_id, side) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: avg(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, avg(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: avg(price) over PARTITION BY product_id ORDER BY last_size, ts, joined
WITH w AS (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: sum(last_size) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: sum(last_size) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, plain
SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS v FROM ticks

-- case: sum(last_size) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, cte
WITH w AS (SELECT product_id, ts, sum(last_size) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: sum(last_size) over PARTITION BY product_id, date_trunc('hour', ts), subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, sum(last_size) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS w FROM ticks) AS s

-- case: sum(last_size) over ORDER BY product_id, ts, number
SELECT product_id, ts, CASE WHEN CAST(sum(last_size) OVER (ORDER BY product_id, ts) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: sum(last_size) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, sum(last_size) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: count(*) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: count(*) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: count(*) over PARTITION BY product_id, plain
SELECT product_id, ts, count(*) OVER (PARTITION BY product_id) AS v FROM ticks

-- case: count(*) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, cte
WITH w AS (SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: count(*) over ORDER BY side, ts, product_id, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, count(*) OVER (ORDER BY side, ts, product_id) AS w FROM ticks) AS s

-- case: min(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, named
SELECT product_id, ts, min(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)

-- case: min(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, min(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: min(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, min(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: min(price) over PARTITION BY product_id, side, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, min(price) OVER (PARTITION BY product_id, side) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: min(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, plain
SELECT product_id, ts, min(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS v FROM ticks

-- case: min(price) over PARTITION BY product_id ORDER BY last_size, ts, cte
WITH w AS (SELECT product_id, ts, min(price) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: max(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: max(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, named
SELECT product_id, ts, max(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING)

-- case: max(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, max(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: max(price) over PARTITION BY product_id, date_trunc('hour', ts), exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: max(price) over ORDER BY product_id, ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, max(price) OVER (ORDER BY product_id, ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: max(price) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, plain
SELECT product_id, ts, max(price) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS v FROM ticks

-- case: stddev_samp(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, stddev_samp(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: stddev_samp(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, stddev_samp(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: stddev_samp(price) over PARTITION BY product_id, named
SELECT product_id, ts, stddev_samp(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id)

-- case: stddev_samp(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, stddev_samp(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: stddev_samp(price) over ORDER BY side, ts, product_id, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, stddev_samp(price) OVER (ORDER BY side, ts, product_id) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: var_pop(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, joined
WITH w AS (SELECT product_id, ts, var_pop(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: var_pop(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, var_pop(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: var_pop(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, var_pop(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: var_pop(price) over PARTITION BY product_id, side, two_views
-- file: lib/windows.sql
SELECT product_id, ts, var_pop(price) OVER (PARTITION BY product_id, side) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: var_pop(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, named
SELECT product_id, ts, var_pop(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING)

-- case: var_pop(price) over PARTITION BY product_id ORDER BY last_size, ts, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, var_pop(price) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: corr(price, best_bid) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, corr(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: corr(price, best_bid) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, joined
WITH w AS (SELECT product_id, ts, corr(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: corr(price, best_bid) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, corr(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: corr(price, best_bid) over PARTITION BY product_id, date_trunc('hour', ts), view
-- file: lib/windows.sql
SELECT product_id, ts, corr(price, best_bid) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: corr(price, best_bid) over ORDER BY product_id, ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, corr(price, best_bid) OVER (ORDER BY product_id, ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: corr(price, best_bid) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, named
SELECT product_id, ts, corr(price, best_bid) OVER w AS v FROM ticks WINDOW w AS (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING)

-- case: median(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, number
SELECT product_id, ts, CASE WHEN CAST(median(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: median(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, median(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: median(price) over PARTITION BY product_id, joined
WITH w AS (SELECT product_id, ts, median(price) OVER (PARTITION BY product_id) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: median(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, median(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: median(price) over ORDER BY side, ts, product_id, view
-- file: lib/windows.sql
SELECT product_id, ts, median(price) OVER (ORDER BY side, ts, product_id) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, cte
WITH w AS (SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, last_value(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS w FROM ticks) AS s

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, number
SELECT product_id, ts, CASE WHEN CAST(last_value(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: last_value(price) over PARTITION BY product_id, side, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, last_value(price) OVER (PARTITION BY product_id, side) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, joined
WITH w AS (SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: last_value(price) over PARTITION BY product_id ORDER BY last_size, ts, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, named
SELECT product_id, ts, nth_value(price, 2) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING)

-- case: nth_value(price, 2) over PARTITION BY product_id, date_trunc('hour', ts), unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, nth_value(price, 2) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: nth_value(price, 2) over ORDER BY product_id, ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, nth_value(price, 2) OVER (ORDER BY product_id, ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: nth_value(price, 2) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, nth_value(price, 2) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: realized_volatility(price) over PARTITION BY product_id, two_views
-- file: lib/windows.sql
SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, named
SELECT product_id, ts, realized_volatility(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING)

-- case: realized_volatility(price) over ORDER BY side, ts, product_id, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, realized_volatility(price) OVER (ORDER BY side, ts, product_id) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, joined
WITH w AS (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: bipower_variation(price) over PARTITION BY product_id, side, view
-- file: lib/windows.sql
SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id, side) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY last_size, ts, named
SELECT product_id, ts, bipower_variation(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY last_size, ts)

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, number
SELECT product_id, ts, CASE WHEN CAST(tick_imbalance(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, tick_imbalance(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, joined
WITH w AS (SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: tick_imbalance(price) over PARTITION BY product_id, date_trunc('hour', ts), left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS v FROM ticks) AS w USING (product_id, ts)

-- case: tick_imbalance(price) over ORDER BY product_id, ts, view
-- file: lib/windows.sql
SELECT product_id, ts, tick_imbalance(price) OVER (ORDER BY product_id, ts) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: tick_imbalance(price) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, tick_imbalance(price) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS w FROM ticks) AS s

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, number
SELECT product_id, ts, CASE WHEN CAST(max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: max_gap(ts) over PARTITION BY product_id, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, max_gap(ts) OVER (PARTITION BY product_id) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, joined
WITH w AS (SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: max_gap(ts) over ORDER BY side, ts, product_id, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, max_gap(ts) OVER (ORDER BY side, ts, product_id) AS v FROM ticks) AS w USING (product_id, ts)

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, plain
SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, cte
WITH w AS (SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS w FROM ticks) AS s

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id, side, number
SELECT product_id, ts, CASE WHEN CAST(time_weighted_avg(price, ts) OVER (PARTITION BY product_id, side) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY last_size, ts, joined
WITH w AS (SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, plain
SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS v FROM ticks

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, cte
WITH w AS (SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: regr_slope(price, best_bid) over PARTITION BY product_id, date_trunc('hour', ts), subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, regr_slope(price, best_bid) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS w FROM ticks) AS s

-- case: regr_slope(price, best_bid) over ORDER BY product_id, ts, number
SELECT product_id, ts, CASE WHEN CAST(regr_slope(price, best_bid) OVER (ORDER BY product_id, ts) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: regr_slope(price, best_bid) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, regr_slope(price, best_bid) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: covar_samp(price, best_ask) over PARTITION BY product_id, plain
SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id) AS v FROM ticks

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, cte
WITH w AS (SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: covar_samp(price, best_ask) over ORDER BY side, ts, product_id, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, covar_samp(price, best_ask) OVER (ORDER BY side, ts, product_id) AS w FROM ticks) AS s

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, named
SELECT product_id, ts, bool_or(side = 'buy') OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: bool_or(side = 'buy') over PARTITION BY product_id, side, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id, side) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, plain
SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS v FROM ticks

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY last_size, ts, cte
WITH w AS (SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, named
SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING)

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id, date_trunc('hour', ts), exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: sum(last_size) FILTER (WHERE side = 'buy') over ORDER BY product_id, ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (ORDER BY product_id, ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: sum(last_size) FILTER (WHERE side = 'buy') over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, plain
SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS v FROM ticks

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: approx_distinct(price) over PARTITION BY product_id, named
SELECT product_id, ts, approx_distinct(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id)

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: approx_distinct(price) over ORDER BY side, ts, product_id, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, approx_distinct(price) OVER (ORDER BY side, ts, product_id) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, joined
WITH w AS (SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: array_agg(price) over PARTITION BY product_id, side, two_views
-- file: lib/windows.sql
SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id, side) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, named
SELECT product_id, ts, array_agg(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING)

-- case: array_agg(price) over PARTITION BY product_id ORDER BY last_size, ts, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: lead(price) over PARTITION BY product_id ORDER BY ts, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: lead(price) over PARTITION BY product_id ORDER BY ts, joined
WITH w AS (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: lead(price) over PARTITION BY product_id ORDER BY ts, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: lead(price, 5) over PARTITION BY product_id ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, lead(price, 5) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: lead(price, 5) over PARTITION BY product_id ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, lead(price, 5) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: lead(price, 5) over PARTITION BY product_id ORDER BY ts, named
SELECT product_id, ts, lead(price, 5) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: lag(price, -2) over PARTITION BY product_id ORDER BY ts, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, lag(price, -2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: lag(price, -2) over PARTITION BY product_id ORDER BY ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, lag(price, -2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: lag(price, -2) over PARTITION BY product_id ORDER BY ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, lag(price, -2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: lag(price, 2 * -1) over PARTITION BY product_id ORDER BY ts, plain
SELECT product_id, ts, lag(price, 2 * -1) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: lag(price, 2 * -1) over PARTITION BY product_id ORDER BY ts, cte
WITH w AS (SELECT product_id, ts, lag(price, 2 * -1) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: lag(price, 2 * -1) over PARTITION BY product_id ORDER BY ts, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, lag(price, 2 * -1) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s

-- case: lead(price, 1, 0) over PARTITION BY product_id ORDER BY ts, number
SELECT product_id, ts, CASE WHEN CAST(lead(price, 1, 0) OVER (PARTITION BY product_id ORDER BY ts) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: lead(price, 1, 0) over PARTITION BY product_id ORDER BY ts, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, lead(price, 1, 0) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: lead(price, 1, 0) over PARTITION BY product_id ORDER BY ts, joined
WITH w AS (SELECT product_id, ts, lead(price, 1, 0) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: lag(price, 4 - 7) over PARTITION BY product_id ORDER BY ts, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, lag(price, 4 - 7) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: lag(price, 4 - 7) over PARTITION BY product_id ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, lag(price, 4 - 7) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: lag(price, 4 - 7) over PARTITION BY product_id ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, lag(price, 4 - 7) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: lag(price) over PARTITION BY product_id ORDER BY ts DESC, named
SELECT product_id, ts, lag(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts DESC)

-- case: lag(price) over PARTITION BY product_id ORDER BY ts DESC, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: lag(price) over PARTITION BY product_id ORDER BY ts DESC, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: lead(price, -3) over PARTITION BY product_id ORDER BY ts DESC, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, lead(price, -3) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: lead(price, -3) over PARTITION BY product_id ORDER BY ts DESC, plain
SELECT product_id, ts, lead(price, -3) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks

-- case: lead(price, -3) over PARTITION BY product_id ORDER BY ts DESC, cte
WITH w AS (SELECT product_id, ts, lead(price, -3) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: lead(price) over ORDER BY ts, product_id, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, lead(price) OVER (ORDER BY ts, product_id) AS w FROM ticks) AS s

-- case: lead(price) over ORDER BY ts, product_id, number
SELECT product_id, ts, CASE WHEN CAST(lead(price) OVER (ORDER BY ts, product_id) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: lead(price) over ORDER BY ts, product_id, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, lead(price) OVER (ORDER BY ts, product_id) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: ntile(4) over PARTITION BY product_id ORDER BY ts, joined
WITH w AS (SELECT product_id, ts, ntile(4) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: ntile(4) over PARTITION BY product_id ORDER BY ts, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, ntile(4) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: ntile(4) over PARTITION BY product_id ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, ntile(4) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: percent_rank() over PARTITION BY product_id ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, percent_rank() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: percent_rank() over PARTITION BY product_id ORDER BY ts, named
SELECT product_id, ts, percent_rank() OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: percent_rank() over PARTITION BY product_id ORDER BY ts, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, percent_rank() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: cume_dist() over PARTITION BY product_id ORDER BY ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, cume_dist() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: cume_dist() over PARTITION BY product_id ORDER BY ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, cume_dist() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: cume_dist() over PARTITION BY product_id ORDER BY ts, plain
SELECT product_id, ts, cume_dist() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: row_number() over PARTITION BY product_id ORDER BY ts DESC, cte
WITH w AS (SELECT product_id, ts, row_number() OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: row_number() over PARTITION BY product_id ORDER BY ts DESC, subquery
SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY ts DESC) AS w FROM ticks) AS s

-- case: row_number() over PARTITION BY product_id ORDER BY ts DESC, number
SELECT product_id, ts, CASE WHEN CAST(row_number() OVER (PARTITION BY product_id ORDER BY ts DESC) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks

-- case: rank() over PARTITION BY product_id ORDER BY price, ts, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, rank() OVER (PARTITION BY product_id ORDER BY price, ts) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''

-- case: rank() over PARTITION BY product_id ORDER BY price, ts, joined
WITH w AS (SELECT product_id, ts, rank() OVER (PARTITION BY product_id ORDER BY price, ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: rank() over PARTITION BY product_id ORDER BY price, ts, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, rank() OVER (PARTITION BY product_id ORDER BY price, ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts DESC, view
-- file: lib/windows.sql
SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts DESC, two_views
-- file: lib/windows.sql
SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts DESC, named
SELECT product_id, ts, first_value(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts DESC)

-- case: lead(best_bid) IGNORE NULLS over PARTITION BY product_id ORDER BY ts, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, lead(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: lead(best_bid) IGNORE NULLS over PARTITION BY product_id ORDER BY ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, lead(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')

-- case: lead(best_bid) IGNORE NULLS over PARTITION BY product_id ORDER BY ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, lead(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

