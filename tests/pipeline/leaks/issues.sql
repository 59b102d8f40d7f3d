-- case: ordering by the product first, without a partition
-- expect: orders by `product_id` and not by the time first
SELECT product_id, ts, lag(price) OVER (ORDER BY product_id, ts) AS v FROM ticks

-- case: the last price of the recording, by the product first
SELECT product_id, ts, first_value(price) OVER (ORDER BY product_id, ts) AS v FROM ticks

-- case: a computed negative offset
-- expect: `lag` takes the value of a later row
SELECT product_id, ts, lag(price, 1 - 2) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: a negative offset in parentheses
SELECT product_id, ts, lag(price, (-1)) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: an offset made of a cast
SELECT product_id, ts, lag(price, CAST('-1' AS BIGINT)) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: the z-score over all rows, in a CTE
-- expect: is taken over a group that may hold later rows
WITH m AS (SELECT product_id, avg(price) AS mean, stddev_samp(price) AS deviation FROM ticks GROUP BY product_id)
SELECT product_id, ts, (price - mean) / deviation AS v FROM ticks JOIN m USING (product_id)

-- case: the z-score over all rows of all products
WITH m AS (SELECT stddev_samp(price) AS deviation FROM ticks)
SELECT product_id, ts, price / deviation AS v FROM ticks CROSS JOIN m

-- case: the greatest price of the recording
-- expect: `max` is taken over a group
SELECT product_id, ts, price / (SELECT max(price) FROM ticks) AS v FROM ticks

-- case: lead in a plain query
-- expect: `lead` takes the value of a later row
-- file: lib/steps.sql
SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS next FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, next AS v FROM steps

-- case: FOLLOWING in a plain query behind another plain query
-- expect: the frame of `avg` reaches rows that follow
-- file: lib/ahead.sql
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN CURRENT ROW AND 3 FOLLOWING) AS mean FROM ticks
-- file: lib/between.sql
SELECT * FROM ahead
-- file: features/checked.sql
SELECT product_id, ts, mean AS v FROM between

-- case: DISTINCT ON the latest row
-- expect: a group that may hold later rows
SELECT DISTINCT ON (product_id) product_id, ts, price AS v FROM ticks ORDER BY product_id, ts DESC

-- case: DISTINCT ON within a minute
SELECT DISTINCT ON (product_id, date_trunc('minute', ts)) product_id, ts, price AS v FROM ticks ORDER BY product_id, date_trunc('minute', ts), ts DESC

-- case: a correlated subquery with a later time
SELECT product_id, ts, (SELECT max(b.price) FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts > a.ts) AS v FROM ticks AS a

-- case: EXISTS with a later time
-- expect: `count` is taken over a group that may hold later rows
SELECT product_id, ts, EXISTS (SELECT 1 FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts > a.ts AND b.price > a.price) AS v FROM ticks AS a

-- case: WHERE EXISTS with a later time
SELECT product_id, ts, price AS v FROM ticks AS a WHERE EXISTS (SELECT 1 FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts > a.ts)

-- case: WHERE NOT EXISTS with a later time
SELECT product_id, ts, price AS v FROM ticks AS a WHERE NOT EXISTS (SELECT 1 FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts > a.ts AND b.ts < a.ts + INTERVAL '5 seconds')

-- case: a join on a later time
-- expect: it joins `b`
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts = a.ts + INTERVAL '1 second'

-- case: a join within a second on both sides
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts BETWEEN a.ts - INTERVAL '1 second' AND a.ts + INTERVAL '1 second' GROUP BY a.product_id, a.ts

-- case: a join on the product alone
SELECT a.product_id, a.ts, avg(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id GROUP BY a.product_id, a.ts

-- case: a label's file, by its path
-- expect: of the label `forward`
SELECT product_id, ts, v FROM 'DATA/forward/forward-1.parquet'

-- case: a label's file is not made right by an allowance
-- expect: of the label `forward`
-- allow: unknown-reach, it is only a file
SELECT product_id, ts, v FROM 'DATA/forward/forward-1.parquet'

-- case: random numbers
-- expect: the value of `random` depends on when it is computed
SELECT product_id, ts, random() AS v FROM ticks

-- case: the time of the computation
-- expect: the value of `now` depends on when it is computed
SELECT product_id, ts, now() - ts AS v FROM ticks

-- case: the date of the computation
SELECT product_id, ts, CAST(ts AS DATE) = current_date AS v FROM ticks

-- case: now() in a plain query
-- expect: `now`
-- file: lib/ages.sql
SELECT product_id, ts, now() - ts AS age FROM ticks
-- file: features/checked.sql
SELECT product_id, ts, age AS v FROM ages

-- case: a model that selects the forward volatility
-- expect: its feature `forward_vol` looks ahead
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v AS forward_vol, f.v > 1 AS spike FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, spread, forward_vol FROM rows

-- case: a model that selects a function of the label
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v AS forward_vol, f.v > 1 AS spike FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, spread, ln(forward_vol) AS x FROM rows

-- case: a model that normalises by the whole training set
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v > 1 AS spike FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, spread / avg(spread) OVER () AS x FROM rows

-- case: a feature that reads a label
-- expect: it reads the label `forward`
SELECT product_id, ts, v FROM forward

-- case: a feature that reads a label through a plain query
-- expect: it reads the label `forward` through `rows`
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v AS forward_vol FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: features/checked.sql
SELECT product_id, ts, spread AS v FROM rows

-- case: a feature that reads a label in a subquery
-- expect: it reads the label `forward`
SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM forward AS f WHERE f.product_id = t.product_id AND f.ts = t.ts AND f.v > 0)

-- case: a table function
-- expect: the table function `squall_functions`
SELECT product_id, ts, (SELECT count(*) FROM squall_functions()) AS v FROM ticks

-- case: a model's score
-- expect: `ml_score`
SELECT product_id, ts, ml_score('some_model', price) AS v FROM ticks
