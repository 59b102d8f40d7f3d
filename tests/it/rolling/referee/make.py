#!/usr/bin/env python3
"""Record what the referee says of hard inputs: make.py PATH/TO/exact_features.py, run in this folder.

Writes quotes.parquet, exact.parquet and exact_pairs.parquet. With --pairs instead of the path only the last, from the
quotes there are. Made with Python 3.11.7, numpy 2.4.6 and pyarrow 26.0.1.
"""
import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

MINUTE_US = 60_000_000
rng = np.random.default_rng(11)
ROWS = 240


def times(gap_seconds):
    return 1_763_000_000_000_000 + np.cumsum(np.maximum(1, rng.exponential(gap_seconds * 1e6, ROWS))).astype("int64")


def quotes(product, start, decimals, gap_seconds=2.0, volatility=2e-5):
    mid = start * np.exp(np.cumsum(rng.standard_normal(ROWS) * volatility))
    half = np.maximum(10.0**-decimals / 2, np.abs(rng.normal(0, start * 1e-6, ROWS)))
    bid, ask = np.round(mid - half, decimals), np.round(mid + half, decimals)
    return {"product_id": [product] * ROWS, "ts": times(gap_seconds), "best_bid": bid, "best_ask": ask}


def table(columns):
    columns["ts"] = pa.array(columns["ts"], pa.timestamp("us", tz="UTC"))
    return pa.table(columns)


def make_quotes(exact_features):
    bad_tick = quotes("BAD-TICK", 95_000.0, 2)
    bad_tick["best_bid"][ROWS // 2], bad_tick["best_ask"][ROWS // 2] = 0.01, 1e12
    constant = quotes("CONSTANT", 100.0, 2)
    constant["best_bid"][:], constant["best_ask"][:] = 100.01, 100.03
    scales = quotes("ALL-SCALES", 1.0, 9)
    scales["best_bid"] = 10.0 ** rng.uniform(-100, 100, ROWS)
    scales["best_ask"] = scales["best_bid"] * 1.5
    tables = [
        table(columns)
        for columns in (
            scales,
            bad_tick,
            quotes("BTC-USD", 95_000.0, 2, 0.5),
            constant,
            quotes("HUGE", 1e12, 0),
            quotes("TINY", 1e-9, 15, 5.0, 1e-3),
        )
    ]
    pq.write_table(pa.concat_tables(tables), "quotes.parquet", compression="zstd")
    subprocess.run([sys.executable, exact_features, "quotes.parquet", "exact.parquet"], check=True)


def exact_sqrt(x):
    """The square root of a fraction in [0, 1], correct to well under one unit in the last place down to 1e-300."""
    return float(Fraction(math.isqrt((x.numerator << 2400) // x.denominator), 1 << 1200))


def frames(ts):
    """For every row, the half-open range of the rows of the minute before it, its end included."""
    a = b = 0
    for t in ts:
        while b < len(ts) and ts[b] <= t:
            b += 1
        while ts[a] < t - MINUTE_US:
            a += 1
        yield a, b


def statistics_of_pairs(y, x):
    """What SQL makes of pairs, from exact sums, each rounded once; None where it is NULL."""
    n, sy, sx = len(y), sum(y), sum(x)
    yy, xx = n * sum(v * v for v in y) - sy * sy, n * sum(v * v for v in x) - sx * sx
    xy = n * sum(a * b for a, b in zip(x, y)) - sx * sy
    result = {"covar_pop": float(xy / n**2)}
    if n > 1:
        result["covar_samp"] = float(xy / (n * (n - 1)))
    if n > 1 and xx > 0:
        result["regr_slope"] = float(xy / xx)
        result["regr_intercept"] = float((sy - xy / xx * sx) / n)
    if n > 1 and xx > 0 and yy > 0:
        r2 = xy * xy / (xx * yy)
        result["regr_r2"] = float(r2)
        result["corr"] = math.copysign(exact_sqrt(r2), xy)
    return result


def statistics_of_one(values):
    ordered, last = sorted(values), len(values) - 1
    rank = Fraction(0.9) * last
    weight = rank - math.floor(rank)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    median = (ordered[last // 2] + ordered[(last + 1) // 2]) / 2
    return {"median": float(median), "percentile_cont": float(low + (high - low) * weight)}


def make_pairs():
    table, found = pq.read_table("quotes.parquet"), {"product_id": [], "ts": []}
    names = ["covar_samp", "covar_pop", "corr", "regr_slope", "regr_intercept", "regr_r2"]
    for product in table["product_id"].unique().to_pylist():
        rows = table.filter(pa.compute.equal(table["product_id"], product)).sort_by("ts")
        ts = rows["ts"].cast(pa.int64()).to_pylist()
        bid, ask = rows["best_bid"].to_pylist(), rows["best_ask"].to_pylist()
        # The spread is what SQL computes: a double.
        spread = [Fraction(a - b) for a, b in zip(ask, bid)]
        bid, ask = [Fraction(v) for v in bid], [Fraction(v) for v in ask]
        for t, (a, b) in zip(ts, frames(ts)):
            found["product_id"].append(product)
            found["ts"].append(t)
            for kind, y in (("ask", ask), ("spread", spread)):
                of_pairs = statistics_of_pairs(y[a:b], bid[a:b])
                for name in names:
                    found.setdefault(f"{name}_{kind}", []).append(of_pairs.get(name))
                for name, value in statistics_of_one(y[a:b]).items():
                    found.setdefault(f"{name}_{kind}", []).append(value)
    columns = {k: pa.array(v, pa.float64()) if k not in ("product_id", "ts") else v for k, v in found.items()}
    pq.write_table(pa.table(columns), "exact_pairs.parquet", compression="zstd")


if sys.argv[1] != "--pairs":
    make_quotes(sys.argv[1])
make_pairs()
