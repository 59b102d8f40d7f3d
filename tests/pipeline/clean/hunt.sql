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

-- case: 600 conditions
SELECT product_id, ts, price AS v FROM ticks WHERE price > 0 AND price > 1 AND price > 2 AND price > 3 AND price > 4 AND price > 5 AND price > 6 AND price > 7 AND price > 8 AND price > 9 AND price > 10 AND price > 11 AND price > 12 AND price > 13 AND price > 14 AND price > 15 AND price > 16 AND price > 17 AND price > 18 AND price > 19 AND price > 20 AND price > 21 AND price > 22 AND price > 23 AND price > 24 AND price > 25 AND price > 26 AND price > 27 AND price > 28 AND price > 29 AND price > 30 AND price > 31 AND price > 32 AND price > 33 AND price > 34 AND price > 35 AND price > 36 AND price > 37 AND price > 38 AND price > 39 AND price > 40 AND price > 41 AND price > 42 AND price > 43 AND price > 44 AND price > 45 AND price > 46 AND price > 47 AND price > 48 AND price > 49 AND price > 50 AND price > 51 AND price > 52 AND price > 53 AND price > 54 AND price > 55 AND price > 56 AND price > 57 AND price > 58 AND price > 59 AND price > 60 AND price > 61 AND price > 62 AND price > 63 AND price > 64 AND price > 65 AND price > 66 AND price > 67 AND price > 68 AND price > 69 AND price > 70 AND price > 71 AND price > 72 AND price > 73 AND price > 74 AND price > 75 AND price > 76 AND price > 77 AND price > 78 AND price > 79 AND price > 80 AND price > 81 AND price > 82 AND price > 83 AND price > 84 AND price > 85 AND price > 86 AND price > 87 AND price > 88 AND price > 89 AND price > 90 AND price > 91 AND price > 92 AND price > 93 AND price > 94 AND price > 95 AND price > 96 AND price > 97 AND price > 98 AND price > 99 AND price > 100 AND price > 101 AND price > 102 AND price > 103 AND price > 104 AND price > 105 AND price > 106 AND price > 107 AND price > 108 AND price > 109 AND price > 110 AND price > 111 AND price > 112 AND price > 113 AND price > 114 AND price > 115 AND price > 116 AND price > 117 AND price > 118 AND price > 119 AND price > 120 AND price > 121 AND price > 122 AND price > 123 AND price > 124 AND price > 125 AND price > 126 AND price > 127 AND price > 128 AND price > 129 AND price > 130 AND price > 131 AND price > 132 AND price > 133 AND price > 134 AND price > 135 AND price > 136 AND price > 137 AND price > 138 AND price > 139 AND price > 140 AND price > 141 AND price > 142 AND price > 143 AND price > 144 AND price > 145 AND price > 146 AND price > 147 AND price > 148 AND price > 149 AND price > 150 AND price > 151 AND price > 152 AND price > 153 AND price > 154 AND price > 155 AND price > 156 AND price > 157 AND price > 158 AND price > 159 AND price > 160 AND price > 161 AND price > 162 AND price > 163 AND price > 164 AND price > 165 AND price > 166 AND price > 167 AND price > 168 AND price > 169 AND price > 170 AND price > 171 AND price > 172 AND price > 173 AND price > 174 AND price > 175 AND price > 176 AND price > 177 AND price > 178 AND price > 179 AND price > 180 AND price > 181 AND price > 182 AND price > 183 AND price > 184 AND price > 185 AND price > 186 AND price > 187 AND price > 188 AND price > 189 AND price > 190 AND price > 191 AND price > 192 AND price > 193 AND price > 194 AND price > 195 AND price > 196 AND price > 197 AND price > 198 AND price > 199 AND price > 200 AND price > 201 AND price > 202 AND price > 203 AND price > 204 AND price > 205 AND price > 206 AND price > 207 AND price > 208 AND price > 209 AND price > 210 AND price > 211 AND price > 212 AND price > 213 AND price > 214 AND price > 215 AND price > 216 AND price > 217 AND price > 218 AND price > 219 AND price > 220 AND price > 221 AND price > 222 AND price > 223 AND price > 224 AND price > 225 AND price > 226 AND price > 227 AND price > 228 AND price > 229 AND price > 230 AND price > 231 AND price > 232 AND price > 233 AND price > 234 AND price > 235 AND price > 236 AND price > 237 AND price > 238 AND price > 239 AND price > 240 AND price > 241 AND price > 242 AND price > 243 AND price > 244 AND price > 245 AND price > 246 AND price > 247 AND price > 248 AND price > 249 AND price > 250 AND price > 251 AND price > 252 AND price > 253 AND price > 254 AND price > 255 AND price > 256 AND price > 257 AND price > 258 AND price > 259 AND price > 260 AND price > 261 AND price > 262 AND price > 263 AND price > 264 AND price > 265 AND price > 266 AND price > 267 AND price > 268 AND price > 269 AND price > 270 AND price > 271 AND price > 272 AND price > 273 AND price > 274 AND price > 275 AND price > 276 AND price > 277 AND price > 278 AND price > 279 AND price > 280 AND price > 281 AND price > 282 AND price > 283 AND price > 284 AND price > 285 AND price > 286 AND price > 287 AND price > 288 AND price > 289 AND price > 290 AND price > 291 AND price > 292 AND price > 293 AND price > 294 AND price > 295 AND price > 296 AND price > 297 AND price > 298 AND price > 299 AND price > 300 AND price > 301 AND price > 302 AND price > 303 AND price > 304 AND price > 305 AND price > 306 AND price > 307 AND price > 308 AND price > 309 AND price > 310 AND price > 311 AND price > 312 AND price > 313 AND price > 314 AND price > 315 AND price > 316 AND price > 317 AND price > 318 AND price > 319 AND price > 320 AND price > 321 AND price > 322 AND price > 323 AND price > 324 AND price > 325 AND price > 326 AND price > 327 AND price > 328 AND price > 329 AND price > 330 AND price > 331 AND price > 332 AND price > 333 AND price > 334 AND price > 335 AND price > 336 AND price > 337 AND price > 338 AND price > 339 AND price > 340 AND price > 341 AND price > 342 AND price > 343 AND price > 344 AND price > 345 AND price > 346 AND price > 347 AND price > 348 AND price > 349 AND price > 350 AND price > 351 AND price > 352 AND price > 353 AND price > 354 AND price > 355 AND price > 356 AND price > 357 AND price > 358 AND price > 359 AND price > 360 AND price > 361 AND price > 362 AND price > 363 AND price > 364 AND price > 365 AND price > 366 AND price > 367 AND price > 368 AND price > 369 AND price > 370 AND price > 371 AND price > 372 AND price > 373 AND price > 374 AND price > 375 AND price > 376 AND price > 377 AND price > 378 AND price > 379 AND price > 380 AND price > 381 AND price > 382 AND price > 383 AND price > 384 AND price > 385 AND price > 386 AND price > 387 AND price > 388 AND price > 389 AND price > 390 AND price > 391 AND price > 392 AND price > 393 AND price > 394 AND price > 395 AND price > 396 AND price > 397 AND price > 398 AND price > 399 AND price > 400 AND price > 401 AND price > 402 AND price > 403 AND price > 404 AND price > 405 AND price > 406 AND price > 407 AND price > 408 AND price > 409 AND price > 410 AND price > 411 AND price > 412 AND price > 413 AND price > 414 AND price > 415 AND price > 416 AND price > 417 AND price > 418 AND price > 419 AND price > 420 AND price > 421 AND price > 422 AND price > 423 AND price > 424 AND price > 425 AND price > 426 AND price > 427 AND price > 428 AND price > 429 AND price > 430 AND price > 431 AND price > 432 AND price > 433 AND price > 434 AND price > 435 AND price > 436 AND price > 437 AND price > 438 AND price > 439 AND price > 440 AND price > 441 AND price > 442 AND price > 443 AND price > 444 AND price > 445 AND price > 446 AND price > 447 AND price > 448 AND price > 449 AND price > 450 AND price > 451 AND price > 452 AND price > 453 AND price > 454 AND price > 455 AND price > 456 AND price > 457 AND price > 458 AND price > 459 AND price > 460 AND price > 461 AND price > 462 AND price > 463 AND price > 464 AND price > 465 AND price > 466 AND price > 467 AND price > 468 AND price > 469 AND price > 470 AND price > 471 AND price > 472 AND price > 473 AND price > 474 AND price > 475 AND price > 476 AND price > 477 AND price > 478 AND price > 479 AND price > 480 AND price > 481 AND price > 482 AND price > 483 AND price > 484 AND price > 485 AND price > 486 AND price > 487 AND price > 488 AND price > 489 AND price > 490 AND price > 491 AND price > 492 AND price > 493 AND price > 494 AND price > 495 AND price > 496 AND price > 497 AND price > 498 AND price > 499 AND price > 500 AND price > 501 AND price > 502 AND price > 503 AND price > 504 AND price > 505 AND price > 506 AND price > 507 AND price > 508 AND price > 509 AND price > 510 AND price > 511 AND price > 512 AND price > 513 AND price > 514 AND price > 515 AND price > 516 AND price > 517 AND price > 518 AND price > 519 AND price > 520 AND price > 521 AND price > 522 AND price > 523 AND price > 524 AND price > 525 AND price > 526 AND price > 527 AND price > 528 AND price > 529 AND price > 530 AND price > 531 AND price > 532 AND price > 533 AND price > 534 AND price > 535 AND price > 536 AND price > 537 AND price > 538 AND price > 539 AND price > 540 AND price > 541 AND price > 542 AND price > 543 AND price > 544 AND price > 545 AND price > 546 AND price > 547 AND price > 548 AND price > 549 AND price > 550 AND price > 551 AND price > 552 AND price > 553 AND price > 554 AND price > 555 AND price > 556 AND price > 557 AND price > 558 AND price > 559 AND price > 560 AND price > 561 AND price > 562 AND price > 563 AND price > 564 AND price > 565 AND price > 566 AND price > 567 AND price > 568 AND price > 569 AND price > 570 AND price > 571 AND price > 572 AND price > 573 AND price > 574 AND price > 575 AND price > 576 AND price > 577 AND price > 578 AND price > 579 AND price > 580 AND price > 581 AND price > 582 AND price > 583 AND price > 584 AND price > 585 AND price > 586 AND price > 587 AND price > 588 AND price > 589 AND price > 590 AND price > 591 AND price > 592 AND price > 593 AND price > 594 AND price > 595 AND price > 596 AND price > 597 AND price > 598 AND price > 599

-- case: last month
WITH months AS (SELECT product_id, date_trunc('month', ts) AS month, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, m.vol AS v FROM ticks AS t JOIN months AS m ON m.product_id = t.product_id AND m.month = date_trunc('month', t.ts) - INTERVAL '1 month'

-- case: months before this one
WITH months AS (SELECT product_id, date_trunc('month', ts) AS month, stddev(price) AS vol FROM ticks GROUP BY 1, 2)
SELECT t.product_id, t.ts, avg(m.vol) AS v FROM ticks AS t JOIN months AS m ON m.product_id = t.product_id AND m.month < date_trunc('month', t.ts) GROUP BY 1, 2

-- case: a month that is over, named 31 days after its start
WITH m AS (SELECT product_id, date_trunc('month', ts) AS b, avg(price) AS c FROM ticks GROUP BY 1, 2)
SELECT t.product_id, b + INTERVAL '31 days' AS ts, max(m.c) AS v FROM ticks AS t JOIN m ON m.product_id = t.product_id AND m.b < date_trunc('month', t.ts) AND m.b + INTERVAL '31 days' = t.ts GROUP BY 1, 2
