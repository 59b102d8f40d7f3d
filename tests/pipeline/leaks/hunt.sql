-- case: ordered by a time that may be absent
-- expect: which can be NULL: all NULLs come together
SELECT product_id, ts, sum(price) OVER (PARTITION BY product_id ORDER BY CASE WHEN side = 'BUY' THEN ts END, ts) AS v FROM ticks

-- case: ordered by a time that may be absent, descending
SELECT product_id, ts, last_value(price) OVER (PARTITION BY product_id ORDER BY CASE WHEN side = 'BUY' THEN ts END DESC, ts ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS v FROM ticks

-- case: ordered by a time with NULLS FIRST
SELECT product_id, ts, sum(price) OVER (PARTITION BY product_id ORDER BY nullif(ts, to_timestamp('2026-04-03T22:20:00Z')) NULLS FIRST, ts) AS v FROM ticks

-- case: ordered by the time of a left join
-- expect: which can be NULL: all NULLs come together
WITH b AS (SELECT product_id, ts AS bts, price AS p FROM ticks WHERE side = 'BUY')
SELECT a.product_id, a.ts, sum(a.price) OVER (PARTITION BY a.product_id ORDER BY b.bts, a.ts) AS v FROM ticks AS a LEFT JOIN b ON b.product_id = a.product_id AND b.bts = a.ts

-- case: the first of the times of a left join
WITH b AS (SELECT product_id, ts AS bts FROM ticks WHERE price > 67000)
SELECT a.product_id, a.ts, min(b.bts) OVER (PARTITION BY a.product_id) < a.ts AS v FROM ticks AS a LEFT JOIN b ON b.product_id = a.product_id AND b.bts = a.ts

-- case: a constant of the right side of a left join decides the order
-- expect: orders by `side` and not by the time first
WITH b AS (SELECT product_id, ts, side FROM ticks WHERE side = 'BUY')
SELECT a.product_id, a.ts, sum(a.price) OVER (PARTITION BY a.product_id ORDER BY b.side, a.ts) AS v FROM ticks AS a LEFT JOIN b ON b.product_id = a.product_id AND b.ts = a.ts

-- case: a label's time moved within a model
-- expect: does not look ahead: is the time of a row
-- file: training/rows.sql
SELECT s.product_id, s.ts + INTERVAL '60 seconds' AS ts, s.spread, f.v AS fwd, f.v > 1 AS spike FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, spread, fwd AS x FROM rows

-- case: a model reads the file of a label
-- expect: for its feature `x`, it reads the file
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, f.v AS x FROM spreads AS s JOIN 'DATA/forward/forward-1.parquet' AS f ON f.product_id = s.product_id AND f.ts = s.ts

-- case: a model's training rows read the file of a label
-- expect: of the label `forward`, in `rows`
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v > 1 AS spike, p.v AS fwd FROM spreads AS s JOIN forward AS f USING (product_id, ts) JOIN 'DATA/forward/forward-1.parquet' AS p ON p.product_id = s.product_id AND p.ts = s.ts
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, spread, fwd AS x FROM rows

-- case: a qualified label with an allowance
-- allow: unknown-reach, it is known
SELECT product_id, ts, v FROM public.forward

-- case: a fully qualified label with an allowance
-- allow: unknown-reach, it is known
SELECT product_id, ts, v FROM datafusion.public.forward

-- case: a label in quotes with an allowance
-- allow: unknown-reach, it is known
SELECT product_id, ts, v FROM "forward"

-- case: a label behind an allowing plain query
-- file: lib/view.sql
-- allow: unknown-reach, it is known
SELECT product_id, ts, v AS w FROM forward
-- file: features/checked.sql
SELECT product_id, ts, w AS v FROM view

-- case: a label's name shadowed by a CTE of itself
WITH f AS (SELECT * FROM forward), forward AS (SELECT * FROM f) SELECT product_id, ts, v FROM forward

-- case: recursion around a look ahead
WITH RECURSIVE r AS (SELECT product_id, ts, lead(price) OVER (PARTITION BY product_id ORDER BY ts) AS v, 1 AS n FROM ticks UNION ALL SELECT product_id, ts, v, n + 1 FROM r WHERE n < 1)
SELECT product_id, ts, v FROM r

-- case: IN later times
SELECT product_id, ts, ts IN (SELECT b.ts - INTERVAL '1 second' FROM ticks AS b) AS v FROM ticks

-- case: NOT IN with a NULL of any time
SELECT product_id, ts, ts NOT IN (SELECT CASE WHEN b.price < 67000 THEN b.ts END FROM ticks AS b) AS v FROM ticks

-- case: price IN all prices
SELECT product_id, ts, price IN (SELECT b.price FROM ticks AS b WHERE b.side = 'SELL') AS v FROM ticks

-- case: ANY of all
SELECT product_id, ts, price > ANY (SELECT b.price FROM ticks AS b) AS v FROM ticks

-- case: ALL of all
SELECT product_id, ts, price >= ALL (SELECT b.price FROM ticks AS b) AS v FROM ticks

-- case: EXCEPT of later rows
SELECT product_id, ts, price AS v FROM ticks EXCEPT SELECT product_id, ts - INTERVAL '1 second', price FROM ticks

-- case: INTERSECT with moved rows
SELECT product_id, date_trunc('second', ts) AS ts, 1 AS v FROM ticks INTERSECT SELECT product_id, date_trunc('second', ts) - INTERVAL '1 second', 1 FROM ticks

-- case: grouping sets
SELECT product_id, ts, max(price) AS v FROM ticks GROUP BY GROUPING SETS ((product_id, ts), (product_id))

-- case: rollup
SELECT product_id, ts, avg(price) AS v FROM ticks GROUP BY ROLLUP (product_id, ts)

-- case: HAVING with a subquery over all
SELECT product_id, ts, max(price) AS v FROM ticks GROUP BY product_id, ts HAVING max(price) > (SELECT avg(price) FROM ticks)

-- case: a median of all
SELECT product_id, ts, price / (SELECT median(price) FROM ticks) AS v FROM ticks

-- case: quantile of all rows, an approximation
WITH q AS (SELECT product_id, approx_percentile_cont(price, 0.95) AS q FROM ticks GROUP BY product_id)
SELECT t.product_id, t.ts, t.price > q.q AS v FROM ticks AS t JOIN q USING (product_id)

-- case: regression over all rows
WITH q AS (SELECT product_id, regr_slope(price, extract(epoch FROM ts)) AS b, regr_intercept(price, extract(epoch FROM ts)) AS a FROM ticks GROUP BY product_id)
SELECT t.product_id, t.ts, t.price - q.a - q.b * extract(epoch FROM t.ts) AS v FROM ticks AS t JOIN q USING (product_id)

-- case: correlation of products over a whole minute
WITH b AS (SELECT date_bin(INTERVAL '1 minute', ts) AS m, avg(CASE WHEN product_id = 'BTC-USD' THEN price END) AS btc, avg(CASE WHEN product_id = 'ETH-USD' THEN price END) AS eth FROM ticks GROUP BY 1)
SELECT t.product_id, t.ts, b.btc / b.eth AS v FROM ticks AS t JOIN b ON b.m = date_bin(INTERVAL '1 minute', t.ts)

-- case: nearest row of the other product
SELECT product_id, ts, v FROM (SELECT e.product_id, e.ts, b.price AS v, row_number() OVER (PARTITION BY e.product_id, e.ts ORDER BY abs(CAST(b.ts AS BIGINT) - CAST(e.ts AS BIGINT)), b.ts) AS n FROM ticks AS e JOIN ticks AS b ON b.product_id = 'BTC-USD' AND b.ts BETWEEN e.ts - INTERVAL '1 second' AND e.ts + INTERVAL '1 second') AS x WHERE n = 1

-- case: the next message by its number
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a JOIN ticks AS b ON b.log_partition = a.log_partition AND b.log_offset = a.log_offset + 1

-- case: the next message by sequence number, left
SELECT a.product_id, a.ts, b.price AS v FROM ticks AS a LEFT JOIN ticks AS b ON b.product_id = a.product_id AND b.sequence_num - 1 = a.sequence_num

-- case: the order of the log
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY log_offset) AS v FROM ticks

-- case: the order of receipt
SELECT product_id, ts, avg(price) OVER (PARTITION BY product_id ORDER BY ingest_time, ts ROWS 10 PRECEDING) AS v FROM ticks

-- case: the count of rows tells the position
WITH n AS (SELECT *, count(*) OVER (PARTITION BY product_id ORDER BY ts) AS n FROM ticks)
SELECT a.product_id, a.ts, b.price AS v FROM n AS a JOIN n AS b ON b.product_id = a.product_id AND b.n = a.n + 1

-- case: a position from the end
WITH n AS (SELECT *, count(*) OVER (PARTITION BY product_id) - row_number() OVER (PARTITION BY product_id ORDER BY ts) AS left FROM ticks)
SELECT product_id, ts, left AS v FROM n

-- case: an array of the whole partition
SELECT product_id, ts, array_agg(price) OVER (PARTITION BY product_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)[1] AS v FROM ticks

-- case: unnest of everything
WITH p AS (SELECT product_id, array_agg(price ORDER BY ts) AS ps FROM ticks GROUP BY product_id), u AS (SELECT product_id, unnest(ps) AS p FROM p)
SELECT t.product_id, t.ts, max(u.p) AS v FROM ticks AS t JOIN u USING (product_id) GROUP BY t.product_id, t.ts

-- case: lateral with a later bound
SELECT a.product_id, a.ts, l.v FROM ticks AS a LEFT JOIN LATERAL (SELECT max(b.price) AS v FROM ticks AS b WHERE b.product_id = a.product_id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '3 seconds') AS l ON true

-- case: an offset from a CASE over rows
SELECT product_id, ts, lag(price, CASE WHEN 1 = 1 THEN -1 ELSE 1 END) OVER (PARTITION BY product_id ORDER BY ts) AS v FROM ticks

-- case: group frames that follow
SELECT product_id, ts, sum(price) OVER (PARTITION BY product_id ORDER BY ts DESC GROUPS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS v FROM ticks

-- case: filtered aggregate of the future
SELECT product_id, ts, count(*) FILTER (WHERE side = 'BUY') OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 second' FOLLOWING) AS v FROM ticks

-- case: coalesce of the next
SELECT product_id, ts, coalesce(nullif(price, price), lead(price) OVER (PARTITION BY product_id ORDER BY ts)) AS v FROM ticks

-- case: a resampled last, labelled left and joined by the bin
WITH bars AS (SELECT product_id, date_bin(INTERVAL '5 seconds', ts) AS b, last_value(price ORDER BY ts) AS c FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.c AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.b = date_bin(INTERVAL '5 seconds', t.ts)

-- case: bars shifted by less than their length
WITH bars AS (SELECT product_id, date_bin(INTERVAL '5 seconds', ts) + INTERVAL '4 seconds' AS b, avg(price) AS c FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, max(bars.c) AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.b <= t.ts AND bars.b > t.ts - INTERVAL '5 seconds' GROUP BY 1, 2

-- case: bars of another origin
WITH bars AS (SELECT product_id, date_bin(INTERVAL '5 seconds', ts, TIMESTAMP '1970-01-01T00:00:02Z') AS b, avg(price) AS c FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.c AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.b < date_bin(INTERVAL '5 seconds', t.ts) AND bars.b >= date_bin(INTERVAL '5 seconds', t.ts) - INTERVAL '5 seconds'

-- case: bins of a month named by a shorter month
SELECT product_id, date_bin(INTERVAL '1 month', ts) + INTERVAL '28 days' AS ts, avg(price) AS v FROM ticks GROUP BY 1, 2

-- case: the local day of another zone, as a whole
SELECT product_id, ts, max(price) OVER (PARTITION BY product_id, date_trunc('day', ts AT TIME ZONE 'America/New_York')) AS v FROM ticks

-- case: dedup keeps the latest row of each price
SELECT product_id, ts, price AS v FROM (SELECT *, row_number() OVER (PARTITION BY product_id, price ORDER BY ts DESC) AS n FROM ticks) AS d WHERE n = 1

-- case: anti join against later rows
SELECT a.product_id, a.ts, a.price AS v FROM ticks AS a LEFT ANTI JOIN ticks AS b ON b.product_id = a.product_id AND b.ts > a.ts AND b.ts < a.ts + INTERVAL '100 milliseconds'

-- case: a left join and IS NULL
SELECT a.product_id, a.ts, b.ts IS NULL AS v FROM ticks AS a LEFT JOIN (SELECT product_id, ts FROM ticks WHERE side = 'BUY') AS b ON b.product_id = a.product_id AND b.ts > a.ts AND b.ts <= a.ts + INTERVAL '100 milliseconds'

-- case: a full join
SELECT coalesce(a.product_id, b.product_id) AS product_id, coalesce(a.ts, b.ts) AS ts, b.price AS v FROM ticks AS a FULL JOIN (SELECT product_id, ts - INTERVAL '1 second' AS ts, price FROM ticks) AS b ON b.product_id = a.product_id AND b.ts = a.ts

-- case: an OR opens the join
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND (b.ts <= a.ts OR b.side = 'BUY') GROUP BY 1, 2

-- case: three levels of subqueries
SELECT product_id, ts, v FROM (SELECT product_id, ts, v FROM (SELECT product_id, ts, (SELECT max(p) FROM (SELECT b.price AS p FROM ticks AS b WHERE b.product_id = a.product_id) AS q) AS v FROM ticks AS a) AS one) AS two

-- case: information about all the rows
SELECT product_id, ts, (SELECT count(*) FROM ticks) AS v FROM ticks

-- case: the label under another name in the training rows
-- file: training/rows.sql
SELECT s.product_id, s.ts, s.spread, f.v > 1 AS spike, CASE WHEN f.v > 1 THEN 1 ELSE 0 END AS regime FROM spreads AS s JOIN forward AS f USING (product_id, ts)
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT product_id, ts, spike, spread, regime FROM rows

-- case: a model learns from the mean label of its minute
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, avg(f.v) OVER (PARTITION BY s.product_id, date_bin(INTERVAL '1 minute', s.ts)) AS enc FROM spreads AS s JOIN forward AS f USING (product_id, ts)

-- case: target encoding by the side
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
WITH e AS (SELECT t.side, avg(f.v) AS enc FROM ticks AS t JOIN forward AS f USING (product_id, ts) GROUP BY t.side)
SELECT t.product_id, t.ts, f.v > 1 AS spike, e.enc FROM ticks AS t JOIN forward AS f USING (product_id, ts) JOIN e ON e.side = t.side

-- case: the label of the row before, whose horizon is not over
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, lag(f.v) OVER (PARTITION BY s.product_id ORDER BY s.ts) AS before FROM spreads AS s JOIN forward AS f USING (product_id, ts)

-- case: a model's label is among its features by another case
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, CAST(f.v > 1 AS INT) AS "Spike" FROM spreads AS s JOIN forward AS f USING (product_id, ts)

-- case: uuid
SELECT product_id, ts, uuid() AS v FROM ticks

-- case: a window function of squall over following rows
SELECT product_id, ts, realized_volatility(price) OVER (PARTITION BY product_id ORDER BY ts RANGE BETWEEN CURRENT ROW AND INTERVAL '10 seconds' FOLLOWING) AS v FROM ticks

-- case: a weighted mean of squall over a reversed order
SELECT product_id, ts, time_weighted_avg(price, ts) OVER (PARTITION BY product_id ORDER BY ts DESC ROWS 10 PRECEDING) AS v FROM ticks

-- case: a filter by whether the time is the last
SELECT product_id, ts, price AS v FROM (SELECT *, max(ts) OVER (PARTITION BY product_id) AS m FROM ticks) AS x WHERE ts = m

-- case: a filter by whether the data go on
SELECT product_id, ts, price AS v FROM (SELECT *, max(ts) OVER (PARTITION BY product_id) AS m FROM ticks) AS x WHERE ts < m

-- case: coalesce of a later time, joined
WITH x AS (SELECT product_id, ts, coalesce(lead(ts) OVER (PARTITION BY product_id ORDER BY ts), ts) AS nts FROM ticks)
SELECT x.product_id, x.ts, b.price AS v FROM x JOIN ticks AS b ON b.product_id = x.product_id AND b.ts = x.nts

-- case: coalesce with an absent time first, joined
WITH x AS (SELECT a.product_id, a.ts, coalesce(b.bts, a.ts + INTERVAL '5 seconds') AS nts FROM ticks AS a LEFT JOIN (SELECT product_id, ts AS bts FROM ticks WHERE side = 'BUY') AS b ON b.product_id = a.product_id AND b.bts = a.ts)
SELECT x.product_id, x.ts, max(c.price) AS v FROM x JOIN ticks AS c ON c.product_id = x.product_id AND c.ts <= x.nts AND c.ts > x.nts - INTERVAL '1 second' GROUP BY 1, 2

-- case: greatest of two times
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts <= greatest(a.ts, a.ts + INTERVAL '2 seconds') AND b.ts > a.ts - INTERVAL '2 seconds' GROUP BY 1, 2

-- case: the last silence ended later
SELECT product_id, ts, count(*) OVER (PARTITION BY product_id, s) AS v FROM (SELECT *, sum(CASE WHEN g THEN 1 ELSE 0 END) OVER (PARTITION BY product_id ORDER BY ts) AS s FROM (SELECT *, ts - lag(ts) OVER (PARTITION BY product_id ORDER BY ts) > INTERVAL '2 seconds' AS g FROM ticks) AS q) AS r

-- case: whether the minute has a high price, by a group of some rows
WITH highs AS (SELECT product_id, date_trunc('minute', ts) AS minute FROM ticks WHERE price > 100 GROUP BY 1, 2)
SELECT t.product_id, t.ts, h.minute IS NOT NULL AS v FROM ticks AS t LEFT JOIN highs AS h ON h.product_id = t.product_id AND h.minute = date_trunc('minute', t.ts)

-- case: rows of minutes that have a high price
WITH highs AS (SELECT product_id, date_trunc('minute', ts) AS minute FROM ticks WHERE price > 100 GROUP BY 1, 2)
SELECT t.product_id, t.ts, t.price AS v FROM ticks AS t JOIN highs AS h ON h.product_id = t.product_id AND h.minute = date_trunc('minute', t.ts)

-- case: rows of minutes that have a high price, by distinct minutes
WITH highs AS (SELECT DISTINCT product_id, date_trunc('minute', ts) AS minute FROM ticks WHERE side = 'BUY')
SELECT t.product_id, t.ts, t.price AS v FROM ticks AS t JOIN highs AS h ON h.product_id = t.product_id AND h.minute = date_trunc('minute', t.ts)

-- case: a model learns whether a label has a match
-- expect: its feature `flag` looks ahead
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, h.flag FROM spreads AS s JOIN forward AS f USING (product_id, ts) LEFT JOIN (SELECT product_id, ts, 1 AS flag FROM forward WHERE v > 1) AS h USING (product_id, ts)

-- case: a model learns from which branch of a union a row comes
-- expect: its feature `flag` looks ahead
-- file: models/checked.sql
CREATE OR REPLACE MODEL checked OPTIONS (model_type = 'logistic_reg', input_label_cols = ['spike'], time_col = 'ts', id_cols = ['product_id']) AS
SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, 1 AS flag FROM spreads AS s JOIN forward AS f USING (product_id, ts) WHERE f.v > 1
UNION ALL SELECT s.product_id, s.ts, f.v > 1 AS spike, s.spread, 0 AS flag FROM spreads AS s JOIN forward AS f USING (product_id, ts) WHERE f.v <= 1

-- case: an opaque join without an allowance
-- expect: squall cannot tell how far it looks
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND extract(epoch FROM b.ts) <= extract(epoch FROM a.ts) GROUP BY 1, 2

-- case: an allowance does not make a later join right
-- allow: unknown-reach, it is known
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND b.ts > a.ts AND CAST(b.ts AS BIGINT) < CAST(a.ts AS BIGINT) + 1000000000 GROUP BY 1, 2

-- case: an allowance does not open an OR
-- allow: unknown-reach, it is known
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND (b.ts <= a.ts OR b.side = 'BUY') GROUP BY 1, 2

-- case: OR of two instants, one of them later
SELECT a.product_id, a.ts, max(b.price) AS v FROM ticks AS a JOIN ticks AS b ON b.product_id = a.product_id AND (b.ts = a.ts OR b.ts = a.ts + INTERVAL '2 seconds') GROUP BY 1, 2

-- case: a shift by a very long interval
SELECT product_id, ts - INTERVAL '178956970 months' AS ts, price AS v FROM ticks

-- case: a day of UTC that is not over when the day begins in New York
WITH daily AS (SELECT product_id, date_trunc('day', ts) AS day, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, max(d.high) AS v FROM ticks AS t JOIN daily AS d ON d.product_id = t.product_id AND d.day < date_trunc('day', t.ts AT TIME ZONE 'America/New_York') GROUP BY 1, 2

-- case: the time of a row is a clock of another zone
SELECT product_id, to_local_time(ts AT TIME ZONE 'America/New_York') AS ts, price AS v FROM ticks

-- case: a month's bar, named 30 days after its start
SELECT product_id, date_trunc('month', ts) + INTERVAL '30 days' AS ts, max(price) AS v FROM ticks GROUP BY product_id, date_trunc('month', ts)

-- case: a month's bar, named a day before its end
SELECT product_id, date_trunc('month', ts) + INTERVAL '1 month' - INTERVAL '1 day' AS ts, max(price) AS v FROM ticks GROUP BY product_id, date_trunc('month', ts)

-- case: a quarter's bar, named after two months
SELECT product_id, date_trunc('quarter', ts) + INTERVAL '2 months' AS ts, max(price) AS v FROM ticks GROUP BY product_id, date_trunc('quarter', ts)

-- case: a bucket of time_bucket joined to the same bucket
-- expect: looks ahead (60 s)
WITH bars AS (SELECT product_id, time_bucket(INTERVAL '1 minute', ts) AS m, max(price) AS high FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m = time_bucket(INTERVAL '1 minute', t.ts)

-- case: buckets of time_bucket with another origin
WITH bars AS (SELECT product_id, time_bucket(INTERVAL '1 hour', ts, TIMESTAMP '2026-01-01T00:30:00') AS h, max(price) AS high FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.h < date_trunc('hour', t.ts)

-- case: buckets of time_bucket that do not divide a day, beside date_bin
WITH bars AS (SELECT product_id, time_bucket(INTERVAL '7 hours', ts) AS b, max(price) AS high FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.b < date_bin(INTERVAL '7 hours', t.ts)

-- case: a bar of floored seconds joined to the same bar
-- expect: looks ahead (60 s)
WITH bars AS (SELECT product_id, floor(epoch(ts) / 60) AS m, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m = floor(epoch(t.ts) / 60)

-- case: a bar of floored seconds joined to the bar of half a minute before
-- expect: looks ahead (30 s)
WITH bars AS (SELECT product_id, floor(epoch(ts) / 60) AS m, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m = floor((epoch(t.ts) - 30) / 60)

-- case: a bar of floored seconds named by its start
-- expect: looks ahead (60 s)
SELECT product_id, to_timestamp(floor(epoch(ts) / 60) * 60) AS ts, max(price) AS v FROM ticks GROUP BY 1, 2

-- case: seconds rounded to the nearest minute
WITH bars AS (SELECT product_id, round(epoch(ts) / 60) AS m, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m = round(epoch(t.ts) / 60) - 1

-- case: seconds in floating point that are cast to integers
WITH bars AS (SELECT product_id, CAST(epoch(ts) / 60 AS BIGINT) AS m, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m = CAST(epoch(t.ts) / 60 AS BIGINT) - 1

-- case: exact bars beside floored seconds: a tick just before the minute can be rounded into it
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS m, max(price) AS high FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, bars.high AS v FROM ticks AS t JOIN bars ON bars.product_id = t.product_id AND bars.m = CAST(floor(epoch(t.ts) / 60) AS BIGINT) - 1

-- case: the same day by date_diff
-- expect: looks ahead (1 d)
WITH days AS (SELECT product_id, CAST(ts AS DATE) AS day, stddev(price) AS vol FROM ticks GROUP BY ALL)
SELECT t.product_id, t.ts, days.vol AS v FROM ticks AS t JOIN days ON days.product_id = t.product_id AND date_diff('day', days.day, CAST(t.ts AS DATE)) = 0

-- case: the next seconds by date_diff
SELECT a.product_id, a.ts, count(*) AS v FROM ticks AS a JOIN ticks AS b ON a.product_id = b.product_id AND date_diff('second', b.ts, a.ts) BETWEEN -5 AND 5 GROUP BY 1, 2

-- case: the same second by date_diff
-- expect: looks ahead (1 s)
SELECT a.product_id, a.ts, count(*) AS v FROM ticks AS a JOIN ticks AS b ON a.product_id = b.product_id AND date_diff('second', b.ts, a.ts) BETWEEN 0 AND 5 GROUP BY 1, 2

-- case: two products of which a left join chooses one: rows of all products stay
-- expect: can have ties
WITH bars AS (SELECT product_id, date_bin(INTERVAL '1 second', ts) + INTERVAL '1 second' AS ts, max(price) AS p FROM ticks GROUP BY 1, 2),
both AS (SELECT e.product_id, e.ts, e.p AS pe, b.p AS pb FROM bars AS e LEFT JOIN bars AS b ON e.ts = b.ts AND e.product_id = 'ETH-USD' AND b.product_id = 'BTC-USD')
SELECT product_id, ts, corr(pe, pb) OVER (ORDER BY ts ROWS BETWEEN 59 PRECEDING AND CURRENT ROW) AS v FROM both

-- case: seconds to the next tick
-- expect: looks ahead (1 tick)
SELECT product_id, ts, epoch(lead(ts) OVER (PARTITION BY product_id ORDER BY ts) - ts) AS v FROM ticks

-- case: the bar of an integer after by lag in descending order
-- expect: looks ahead (60 s and 1 tick)
WITH bars AS (SELECT product_id, epoch_ms(ts) / 60000 AS m, max(price) AS high FROM ticks GROUP BY 1, 2),
known AS (SELECT product_id, m, lag(high) OVER (PARTITION BY product_id ORDER BY m DESC) AS high FROM bars)
SELECT t.product_id, t.ts, known.high AS v FROM ticks AS t JOIN known ON known.product_id = t.product_id AND known.m = epoch_ms(t.ts) / 60000

-- case: minutes do not say the order of the ticks within one
WITH m AS (SELECT product_id, ts, price, epoch_ms(ts) / 60000 AS m FROM ticks)
SELECT product_id, ts, lag(price) OVER (PARTITION BY product_id ORDER BY m) AS v FROM m
