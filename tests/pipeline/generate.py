#!/usr/bin/env python3
"""Writes leaks/generated.sql and clean/generated.sql: functions × frames × orders × partitions × nestings.

A call looks ahead, or it does not. Wherever it is nested, the verdict stays the same.
"""

from itertools import cycle
from pathlib import Path

HERE = Path(__file__).parent

PRODUCT = "PARTITION BY product_id ORDER BY ts"
AGGREGATES = [
    "avg(price)", "sum(last_size)", "count(*)", "min(price)", "max(price)", "stddev_samp(price)", "var_pop(price)",
    "corr(price, best_bid)", "median(price)", "last_value(price)", "nth_value(price, 2)", "realized_volatility(price)",
    "bipower_variation(price)", "tick_imbalance(price)", "max_gap(ts)", "time_weighted_avg(price, ts)",
    "regr_slope(price, best_bid)", "covar_samp(price, best_ask)", "bool_or(side = 'buy')",
    "sum(last_size) FILTER (WHERE side = 'buy')", "approx_distinct(price)", "array_agg(price)",
]
# Windows in which an aggregate looks ahead.
AHEAD = [
    f"{PRODUCT} ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING",
    f"{PRODUCT} ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING",
    f"{PRODUCT} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    f"{PRODUCT} ROWS BETWEEN 1 FOLLOWING AND 10 FOLLOWING",
    f"{PRODUCT} RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND INTERVAL '1 nanosecond' FOLLOWING",
    f"{PRODUCT} RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '2 seconds' FOLLOWING",
    f"{PRODUCT} GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    f"{PRODUCT} RANGE BETWEEN INTERVAL '1 day' PRECEDING AND UNBOUNDED FOLLOWING",
    "PARTITION BY product_id",
    "PARTITION BY product_id, side",
    "PARTITION BY product_id, date_trunc('hour', ts)",
    "PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING",
    "PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND INTERVAL '1 second' PRECEDING",
    "ORDER BY product_id, ts",
    "ORDER BY side, ts, product_id",
    "PARTITION BY product_id ORDER BY last_size, ts",
    "ORDER BY ts, product_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING",
]
# Windows in which an aggregate looks back.
BACK = [
    (f"{PRODUCT} ROWS 10 PRECEDING", "10 ticks"),
    (f"{PRODUCT} ROWS BETWEEN 20 PRECEDING AND 3 PRECEDING", "20 ticks"),
    (f"{PRODUCT} RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW", "10 s"),
    (f"{PRODUCT} RANGE BETWEEN INTERVAL '2 minutes' PRECEDING AND INTERVAL '1 minute' PRECEDING", "120 s"),
    (f"{PRODUCT} GROUPS BETWEEN 4 PRECEDING AND CURRENT ROW", "4 ticks"),
    ("PARTITION BY product_id, side ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW", "1 h"),
    ("PARTITION BY side, product_id ORDER BY ts ROWS 7 PRECEDING", "7 ticks"),
    ("ORDER BY ts, product_id ROWS 30 PRECEDING", "30 ticks"),
    ("PARTITION BY side ORDER BY ts, product_id ROWS BETWEEN 8 PRECEDING AND 2 PRECEDING", "8 ticks"),
    ("PARTITION BY product_id ORDER BY ts DESC ROWS BETWEEN CURRENT ROW AND 6 FOLLOWING", "6 ticks"),
    ("PARTITION BY product_id ORDER BY ts DESC RANGE BETWEEN INTERVAL '1 second' FOLLOWING AND INTERVAL '9 seconds' FOLLOWING", "9 s"),
    ("PARTITION BY product_id, date_trunc('hour', ts) ORDER BY ts", "1 h"),
]
SHIFTS_AHEAD = [
    ("lead(price)", PRODUCT), ("lead(price, 5)", PRODUCT), ("lag(price, -2)", PRODUCT), ("lag(price, 2 * -1)", PRODUCT),
    ("lead(price, 1, 0)", PRODUCT), ("lag(price, 4 - 7)", PRODUCT), ("lag(price)", "PARTITION BY product_id ORDER BY ts DESC"),
    ("lead(price, -3)", "PARTITION BY product_id ORDER BY ts DESC"), ("lead(price)", "ORDER BY ts, product_id"),
    ("ntile(4)", PRODUCT), ("percent_rank()", PRODUCT), ("cume_dist()", PRODUCT), ("row_number()", "PARTITION BY product_id ORDER BY ts DESC"),
    ("rank()", "PARTITION BY product_id ORDER BY price, ts"), ("first_value(price)", "PARTITION BY product_id ORDER BY ts DESC"),
    ("lead(best_bid) IGNORE NULLS", PRODUCT),
]
SHIFTS_BACK = [
    ("lag(price)", PRODUCT, "1 tick"), ("lag(price, 5)", PRODUCT, "5 ticks"), ("lead(price, -2)", PRODUCT, "2 ticks"),
    ("lag(price, 3 * 2)", PRODUCT, "6 ticks"), ("lag(price, 1, 0.0)", PRODUCT, "1 tick"), ("lag(price, 0)", PRODUCT, "none"),
    ("lead(price)", "PARTITION BY product_id ORDER BY ts DESC", "1 tick"), ("lag(price, 2)", "ORDER BY ts, product_id", "2 ticks"),
    ("lag(price, 2)", "PARTITION BY product_id, side ORDER BY ts", "2 ticks"), ("row_number()", PRODUCT, "unbounded"),
    ("rank()", PRODUCT, "unbounded"), ("dense_rank()", PRODUCT, "unbounded"), ("first_value(price)", PRODUCT, "unbounded"),
    ("last_value(price)", PRODUCT, "none"), ("last_value(price)", f"{PRODUCT} ROWS BETWEEN 9 PRECEDING AND 1 PRECEDING", "9 ticks"),
    ("ewma(price, INTERVAL '5 seconds')", PRODUCT, "unbounded"),
    ("ewma(price, INTERVAL '5 seconds')", f"{PRODUCT} RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW", "60 s"),
]


# Each nesting takes a call over a window, and returns the files of a project.
def plain(call, window):
    return f"SELECT product_id, ts, {call} OVER ({window}) AS v FROM ticks"


def cte(call, window):
    return f"WITH w AS ({plain(call, window)})\nSELECT product_id, ts, v FROM w"


def subquery(call, window):
    return f"SELECT product_id, ts, CASE WHEN price > 0 THEN s.w END AS v FROM (SELECT *, {call} OVER ({window}) AS w FROM ticks) AS s"


def number(call, window):
    return f"SELECT product_id, ts, CASE WHEN CAST({call} OVER ({window}) AS VARCHAR) = '' THEN 0 ELSE price END AS v FROM ticks"


def filtered(call, window):
    return f"SELECT product_id, ts, price AS v FROM (SELECT *, {call} OVER ({window}) AS w FROM ticks) AS s WHERE CAST(w AS VARCHAR) <> ''"


def joined(call, window):
    return f"WITH w AS ({plain(call, window)})\nSELECT t.product_id, t.ts, w.v FROM ticks AS t JOIN w ON w.product_id = t.product_id AND w.ts = t.ts"


def left_joined(call, window):
    return f"SELECT t.product_id, t.ts, w.v FROM ticks AS t LEFT JOIN ({plain(call, window)}) AS w USING (product_id, ts)"


def view(call, window):
    return f"-- file: lib/windows.sql\n{plain(call, window)}\n-- file: features/checked.sql\nSELECT product_id, ts, v FROM windows"


def two_views(call, window):
    return (f"-- file: lib/windows.sql\n{plain(call, window)}\n-- file: other/twice.sql\nSELECT a.product_id, a.ts, b.v FROM windows AS a "
            "JOIN windows AS b USING (product_id, ts)\n-- file: features/checked.sql\nSELECT product_id, ts, v FROM twice")


def named(call, window):
    return f"SELECT product_id, ts, {call} OVER w AS v FROM ticks WINDOW w AS ({window})"


def unioned(call, window):
    return (f"SELECT product_id, ts, v FROM ({plain(call, window)}) AS a WHERE product_id = 'BTC-USD'\nUNION ALL\n"
            "SELECT product_id, ts, NULL AS v FROM ticks WHERE product_id <> 'BTC-USD'")


def exists(call, window):
    return (f"SELECT product_id, ts, price AS v FROM ticks AS t WHERE EXISTS (SELECT 1 FROM ({plain(call, window)}) AS w "
            "WHERE w.product_id = t.product_id AND w.ts = t.ts AND CAST(w.v AS VARCHAR) <> '')")


def grouped(call, window):
    return f"SELECT product_id, ts, max(v) AS v FROM ({plain(call, window)}) AS w GROUP BY product_id, ts"


NESTINGS = [plain, cte, subquery, number, filtered, joined, left_joined, view, two_views, named, unioned, exists, grouped]


def write(folder, cases):
    text = "".join(f"-- case: {name}\n{body}\n\n" for name, body in cases)
    (HERE / folder / "generated.sql").write_text(text)


def lookback(text, body):
    """Puts the header line at the start of the checked file."""
    mark = "-- file: features/checked.sql\n"
    line = f"-- lookback: {text}\n"
    return body.replace(mark, mark + line) if mark in body else line + body


def main():
    leaks, clean, nestings = [], [], cycle(NESTINGS)
    for index, call in enumerate(AGGREGATES):
        # Each function meets every third kind of window, and over all functions each window meets every nesting.
        for window in AHEAD[index % 3::3]:
            nesting = next(nestings)
            leaks.append((f"{call} over {window}, {nesting.__name__}", nesting(call, window)))
        # The last value up to the row is the row's own.
        back = BACK if not call.startswith("last_value") else []
        for window, text in back[index % 2::2]:
            nesting = next(nestings)
            clean.append((f"{call} over {window}, {nesting.__name__}", lookback(text, nesting(call, window))))
    for call, window in SHIFTS_AHEAD:
        for nesting in [next(nestings), next(nestings), next(nestings)]:
            leaks.append((f"{call} over {window}, {nesting.__name__}", nesting(call, window)))
    for call, window, text in SHIFTS_BACK:
        for nesting in [next(nestings), next(nestings), next(nestings)]:
            clean.append((f"{call} over {window}, {nesting.__name__}", lookback(text, nesting(call, window))))
    write("leaks", leaks)
    write("clean", clean)
    print(len(leaks), "leaks,", len(clean), "clean")


main()
