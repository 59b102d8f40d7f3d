-- case: avg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, plain
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks

-- case: avg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, cte
WITH w AS (SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: avg(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, avg(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS w FROM ticks) AS s

-- case: avg(price) over PARTITION BY product_id, side, number
SELECT product_id, ts, CASE WHEN (avg(price) OVER (PARTITION BY product_id, side)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: avg(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, avg(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS w FROM ticks) AS s WHERE w IS NOT NULL

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
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, sum(last_size) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS w FROM ticks) AS s

-- case: sum(last_size) over ORDER BY product_id, ts, number
SELECT product_id, ts, CASE WHEN (sum(last_size) OVER (ORDER BY product_id, ts)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: sum(last_size) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, sum(last_size) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: count(*) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: count(*) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: count(*) over PARTITION BY product_id, plain
SELECT product_id, ts, count(*) OVER (PARTITION BY product_id) AS v FROM ticks

-- case: count(*) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, cte
WITH w AS (SELECT product_id, ts, count(*) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: count(*) over ORDER BY side, ts, product_id, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, count(*) OVER (ORDER BY side, ts, product_id) AS w FROM ticks) AS s

-- case: min(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, named
SELECT product_id, ts, min(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)

-- case: min(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, min(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: min(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, min(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

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
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

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
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, stddev_samp(price) OVER (ORDER BY side, ts, product_id) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

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
SELECT product_id, ts, price AS v FROM (SELECT *, corr(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS w FROM ticks) AS s WHERE w IS NOT NULL

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
SELECT product_id, ts, CASE WHEN (median(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: median(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, median(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS w FROM ticks) AS s WHERE w IS NOT NULL

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
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, last_value(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS w FROM ticks) AS s

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, number
SELECT product_id, ts, CASE WHEN (last_value(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: last_value(price) over PARTITION BY product_id, side, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, last_value(price) OVER (PARTITION BY product_id, side) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: last_value(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, joined
WITH w AS (SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: last_value(price) over PARTITION BY product_id ORDER BY last_size, ts, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, plain
SELECT product_id, ts, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS v FROM ticks

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, cte
WITH w AS (SELECT product_id, ts, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: nth_value(price, 2) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, nth_value(price, 2) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS w FROM ticks) AS s

-- case: nth_value(price, 2) over PARTITION BY product_id, date_trunc('hour', ts), number
SELECT product_id, ts, CASE WHEN (nth_value(price, 2) OVER (PARTITION BY product_id, date_trunc('hour', ts))) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: nth_value(price, 2) over ORDER BY product_id, ts, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, nth_value(price, 2) OVER (ORDER BY product_id, ts) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: nth_value(price, 2) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, joined
WITH w AS (SELECT product_id, ts, nth_value(price, 2) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, plain
SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks

-- case: realized_volatility(price) over PARTITION BY product_id, cte
WITH w AS (SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: realized_volatility(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS w FROM ticks) AS s

-- case: realized_volatility(price) over ORDER BY side, ts, product_id, number
SELECT product_id, ts, CASE WHEN (realized_volatility(price) OVER (ORDER BY side, ts, product_id)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: bipower_variation(price) over PARTITION BY product_id, side, plain
SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id, side) AS v FROM ticks

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, cte
WITH w AS (SELECT product_id, ts, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: bipower_variation(price) over PARTITION BY product_id ORDER BY last_size, ts, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, bipower_variation(price) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS w FROM ticks) AS s

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, named
SELECT product_id, ts, tick_imbalance(price) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING)

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: tick_imbalance(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: tick_imbalance(price) over PARTITION BY product_id, date_trunc('hour', ts), grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, tick_imbalance(price) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: tick_imbalance(price) over ORDER BY product_id, ts, plain
SELECT product_id, ts, tick_imbalance(price) OVER (ORDER BY product_id, ts) AS v FROM ticks

-- case: tick_imbalance(price) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, cte
WITH w AS (SELECT product_id, ts, tick_imbalance(price) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, named
SELECT product_id, ts, max_gap(ts) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING)

-- case: max_gap(ts) over PARTITION BY product_id, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY product_id) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: max_gap(ts) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, max_gap(ts) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: max_gap(ts) over ORDER BY side, ts, product_id, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, max_gap(ts) OVER (ORDER BY side, ts, product_id) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, two_views
-- file: lib/windows.sql
SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id, side, named
SELECT product_id, ts, time_weighted_avg(price, ts) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id, side)

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: time_weighted_avg(price, ts) over PARTITION BY product_id ORDER BY last_size, ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, joined
WITH w AS (SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: regr_slope(price, best_bid) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, view
-- file: lib/windows.sql
SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: regr_slope(price, best_bid) over PARTITION BY product_id, date_trunc('hour', ts), two_views
-- file: lib/windows.sql
SELECT product_id, ts, regr_slope(price, best_bid) OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: regr_slope(price, best_bid) over ORDER BY product_id, ts, named
SELECT product_id, ts, regr_slope(price, best_bid) OVER w AS v FROM ticks WINDOW w AS (ORDER BY product_id, ts)

-- case: regr_slope(price, best_bid) over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, regr_slope(price, best_bid) OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, joined
WITH w AS (SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: covar_samp(price, best_ask) over PARTITION BY product_id, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id) AS v FROM ticks) AS w USING (product_id, ts)

-- case: covar_samp(price, best_ask) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, view
-- file: lib/windows.sql
SELECT product_id, ts, covar_samp(price, best_ask) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: covar_samp(price, best_ask) over ORDER BY side, ts, product_id, two_views
-- file: lib/windows.sql
SELECT product_id, ts, covar_samp(price, best_ask) OVER (ORDER BY side, ts, product_id) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS w FROM ticks) AS s

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, number
SELECT product_id, ts, CASE WHEN (bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: bool_or(side = 'buy') over PARTITION BY product_id, side, joined
WITH w AS (SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id, side) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: bool_or(side = 'buy') over PARTITION BY product_id ORDER BY last_size, ts, view
-- file: lib/windows.sql
SELECT product_id, ts, bool_or(side = 'buy') OVER (PARTITION BY product_id ORDER BY last_size, ts) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING, cte
WITH w AS (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING) AS w FROM ticks) AS s

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING, number
SELECT product_id, ts, CASE WHEN (sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: sum(last_size) FILTER (WHERE side = 'buy') over PARTITION BY product_id, date_trunc('hour', ts), filtered
SELECT product_id, ts, price AS v FROM (SELECT *, sum(last_size) FILTER (WHERE side = 'buy') OVER (PARTITION BY product_id, date_trunc('hour', ts)) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: sum(last_size) FILTER (WHERE side = 'buy') over ORDER BY product_id, ts, joined
WITH w AS (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (ORDER BY product_id, ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: sum(last_size) FILTER (WHERE side = 'buy') over ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, sum(last_size) FILTER (WHERE side = 'buy') OVER (ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS v FROM ticks) AS w USING (product_id, ts)

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, plain
SELECT product_id, ts, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM ticks

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING, cte
WITH w AS (SELECT product_id, ts, approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: approx_distinct(price) over PARTITION BY product_id, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, approx_distinct(price) OVER (PARTITION BY product_id) AS w FROM ticks) AS s

-- case: approx_distinct(price) over PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING, number
SELECT product_id, ts, CASE WHEN (approx_distinct(price) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: approx_distinct(price) over ORDER BY side, ts, product_id, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, approx_distinct(price) OVER (ORDER BY side, ts, product_id) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING, plain
SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS v FROM ticks

-- case: array_agg(price) over PARTITION BY product_id, side, cte
WITH w AS (SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id, side) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: array_agg(price) over PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING) AS w FROM ticks) AS s

-- case: array_agg(price) over PARTITION BY product_id ORDER BY last_size, ts, number
SELECT product_id, ts, CASE WHEN (array_agg(price) OVER (PARTITION BY product_id ORDER BY last_size, ts)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: lead(price) over PARTITION BY product_id ORDER BY ts, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: lead(price) over PARTITION BY product_id ORDER BY ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: lead(price) over PARTITION BY product_id ORDER BY ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: lead(price, 5) over PARTITION BY product_id ORDER BY ts, plain
SELECT product_id, ts, lead(price, 5) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: lead(price, 5) over PARTITION BY product_id ORDER BY ts, cte
WITH w AS (SELECT product_id, ts, lead(price, 5) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: lead(price, 5) over PARTITION BY product_id ORDER BY ts, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, lead(price, 5) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s

-- case: lag(price, -2) over PARTITION BY product_id ORDER BY ts, number
SELECT product_id, ts, CASE WHEN (lag(price, -2) OVER (PARTITION BY product_id ORDER BY ts)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: lag(price, -2) over PARTITION BY product_id ORDER BY ts, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, lag(price, -2) OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: lag(price, -2) over PARTITION BY product_id ORDER BY ts, joined
WITH w AS (SELECT product_id, ts, lag(price, -2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: lag(price, 2 * -1) over PARTITION BY product_id ORDER BY ts, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, lag(price, 2 * -1) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: lag(price, 2 * -1) over PARTITION BY product_id ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, lag(price, 2 * -1) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: lag(price, 2 * -1) over PARTITION BY product_id ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, lag(price, 2 * -1) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: lead(price, 1, 0) over PARTITION BY product_id ORDER BY ts, named
SELECT product_id, ts, lead(price, 1, 0) OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts)

-- case: lead(price, 1, 0) over PARTITION BY product_id ORDER BY ts, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, lead(price, 1, 0) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: lead(price, 1, 0) over PARTITION BY product_id ORDER BY ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, lead(price, 1, 0) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: lag(price, 4 - 7) over PARTITION BY product_id ORDER BY ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, lag(price, 4 - 7) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: lag(price, 4 - 7) over PARTITION BY product_id ORDER BY ts, plain
SELECT product_id, ts, lag(price, 4 - 7) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: lag(price, 4 - 7) over PARTITION BY product_id ORDER BY ts, cte
WITH w AS (SELECT product_id, ts, lag(price, 4 - 7) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: lag(price) over PARTITION BY product_id ORDER BY ts DESC, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, lag(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS w FROM ticks) AS s

-- case: lag(price) over PARTITION BY product_id ORDER BY ts DESC, number
SELECT product_id, ts, CASE WHEN (lag(price) OVER (PARTITION BY product_id ORDER BY ts DESC)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: lag(price) over PARTITION BY product_id ORDER BY ts DESC, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, lag(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: lead(price, -3) over PARTITION BY product_id ORDER BY ts DESC, joined
WITH w AS (SELECT product_id, ts, lead(price, -3) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: lead(price, -3) over PARTITION BY product_id ORDER BY ts DESC, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, lead(price, -3) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks) AS w USING (product_id, ts)

-- case: lead(price, -3) over PARTITION BY product_id ORDER BY ts DESC, view
-- file: lib/windows.sql
SELECT product_id, ts, lead(price, -3) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: lead(price) over ORDER BY ts, product_id, two_views
-- file: lib/windows.sql
SELECT product_id, ts, lead(price) OVER (ORDER BY ts, product_id) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: lead(price) over ORDER BY ts, product_id, named
SELECT product_id, ts, lead(price) OVER w AS v FROM ticks WINDOW w AS (ORDER BY ts, product_id)

-- case: lead(price) over ORDER BY ts, product_id, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, lead(price) OVER (ORDER BY ts, product_id) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: ntile(4) over PARTITION BY product_id ORDER BY ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, ntile(4) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: ntile(4) over PARTITION BY product_id ORDER BY ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, ntile(4) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: ntile(4) over PARTITION BY product_id ORDER BY ts, plain
SELECT product_id, ts, ntile(4) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: percent_rank() over PARTITION BY product_id ORDER BY ts, cte
WITH w AS (SELECT product_id, ts, percent_rank() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: percent_rank() over PARTITION BY product_id ORDER BY ts, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, percent_rank() OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s

-- case: percent_rank() over PARTITION BY product_id ORDER BY ts, number
SELECT product_id, ts, CASE WHEN (percent_rank() OVER (PARTITION BY product_id ORDER BY ts)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: cume_dist() over PARTITION BY product_id ORDER BY ts, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, cume_dist() OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: cume_dist() over PARTITION BY product_id ORDER BY ts, joined
WITH w AS (SELECT product_id, ts, cume_dist() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: cume_dist() over PARTITION BY product_id ORDER BY ts, left_joined
SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN (SELECT product_id, ts, cume_dist() OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: row_number() over PARTITION BY product_id ORDER BY ts DESC, view
-- file: lib/windows.sql
SELECT product_id, ts, row_number() OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: row_number() over PARTITION BY product_id ORDER BY ts DESC, two_views
-- file: lib/windows.sql
SELECT product_id, ts, row_number() OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

-- case: row_number() over PARTITION BY product_id ORDER BY ts DESC, named
SELECT product_id, ts, row_number() OVER w AS v FROM ticks WINDOW w AS (PARTITION BY product_id ORDER BY ts DESC)

-- case: rank() over PARTITION BY product_id ORDER BY price, ts, unioned
SELECT product_id, ts, v FROM (SELECT product_id, ts, rank() OVER (PARTITION BY product_id ORDER BY price, ts) AS v FROM ticks) AS a WHERE product_id = 'BTC-USD'
UNION ALL
SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'

-- case: rank() over PARTITION BY product_id ORDER BY price, ts, exists
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM (SELECT product_id, ts, rank() OVER (PARTITION BY product_id ORDER BY price, ts) AS v FROM ticks) AS w WHERE w.product_id = t.product_id AND w.ts = t.ts AND w.v IS NOT NULL)

-- case: rank() over PARTITION BY product_id ORDER BY price, ts, grouped
SELECT product_id, ts, max(v) AS v FROM (SELECT product_id, ts, rank() OVER (PARTITION BY product_id ORDER BY price, ts) AS v FROM ticks) AS w GROUP BY product_id, ts

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts DESC, plain
SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts DESC, cte
WITH w AS (SELECT product_id, ts, first_value(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS v FROM ticks)
SELECT product_id, ts, v FROM w

-- case: first_value(price) over PARTITION BY product_id ORDER BY ts DESC, subquery
SELECT product_id, ts, 2 * s.w + 1 AS v FROM (SELECT *, first_value(price) OVER (PARTITION BY product_id ORDER BY ts DESC) AS w FROM ticks) AS s

-- case: lead(best_bid) IGNORE NULLS over PARTITION BY product_id ORDER BY ts, number
SELECT product_id, ts, CASE WHEN (lead(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts)) IS NULL THEN 0 ELSE price END AS v FROM ticks

-- case: lead(best_bid) IGNORE NULLS over PARTITION BY product_id ORDER BY ts, filtered
SELECT product_id, ts, price AS v FROM (SELECT *, lead(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts) AS w FROM ticks) AS s WHERE w IS NOT NULL

-- case: lead(best_bid) IGNORE NULLS over PARTITION BY product_id ORDER BY ts, joined
WITH w AS (SELECT product_id, ts, lead(best_bid) IGNORE NULLS OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks)
SELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts

-- case: lag(lead_price) over PARTITION BY product_id ORDER BY ts, left_joined
SELECT t.product_id, t.ts, w.v FROM (SELECT *, lead(price, 3) OVER (PARTITION BY product_id ORDER BY ts) AS lead_price FROM ticks) AS l AS t LEFT JOIN (SELECT product_id, ts, lag(lead_price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks) AS w USING (product_id, ts)

-- case: lag(lead_price) over PARTITION BY product_id ORDER BY ts, view
-- file: lib/windows.sql
SELECT product_id, ts, lag(lead_price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price, 3) OVER (PARTITION BY product_id ORDER BY ts) AS lead_price FROM ticks) AS l
-- file: features/checked.sql
SELECT product_id, ts, v FROM windows

-- case: lag(lead_price) over PARTITION BY product_id ORDER BY ts, two_views
-- file: lib/windows.sql
SELECT product_id, ts, lag(lead_price) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM (SELECT *, lead(price, 3) OVER (PARTITION BY product_id ORDER BY ts) AS lead_price FROM ticks) AS l
-- file: other/twice.sql
SELECT a.product_id, a.ts, b.v FROM windows AS a JOIN windows AS b USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, v FROM twice

