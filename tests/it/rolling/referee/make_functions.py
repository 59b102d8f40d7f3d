#!/usr/bin/env python3
"""Record what squall's own window functions are on quotes.parquet, exactly: make_functions.py, run in this folder.

Writes functions.parquet: of each row the functions of its best bid over the last 60 seconds, computed with mpmath at 2000
bits (of all weights and logarithms) and rounded to a double once; and pandas' expanding ewm, as pandas has it. Prints how
far pandas is from the exact value. Made with Python 3.11.7, mpmath 1.4.1, pandas 3.1.1 and pyarrow 26.0.1.
"""
import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from mpmath import mp, mpf

mp.prec = 2000
FRAME_US = 60_000_000
HALF_LIFE_US = 10_000_000


def ewma(rows):
    """Returns the mean weighted by age, and the mean of absolute values weighted the same; None without rows."""
    rows = [(t, v) for t, v in rows if v is not None]
    if not rows:
        return None, None
    weights = [mp.power(2, mpf(t - rows[-1][0]) / HALF_LIFE_US) for t, _ in rows]
    total = mp.fsum(weights)
    mean = mp.fsum(w * mpf(v) for w, (_, v) in zip(weights, rows)) / total
    scale = mp.fsum(w * abs(mpf(v)) for w, (_, v) in zip(weights, rows)) / total
    return mean, scale


def imbalance(prices):
    signs = []
    for before, price in zip(prices, prices[1:]):
        if price != before:
            signs.append(1 if price > before else -1)
        elif signs:
            signs.append(signs[-1])
    return mpf(sum(signs)) / len(signs) if signs else None


def functions(frame):
    times = [t for t, _, _ in frame]
    prices = [mpf(p) for _, p, _ in frame]
    returns = [mp.log(b / a) for a, b in zip(prices, prices[1:])]
    spans = [b - a for a, b in zip(times, times[1:])]
    change, change_scale = ewma([(t, c) for t, _, c in frame])
    return {
        "realized_volatility": mp.sqrt(mp.fsum(r * r for r in returns)) if returns else None,
        "bipower_variation": mp.pi / 2 * mp.fsum(abs(a * b) for a, b in zip(returns, returns[1:]))
        if len(returns) > 1
        else None,
        "tick_imbalance": imbalance(prices),
        "max_gap": max(spans) if spans else None,
        "time_weighted_avg": mp.fsum(s * p for s, p in zip(spans, prices)) / sum(spans) if spans else None,
        "ewma": ewma([(t, p) for t, p, _ in frame])[0],
        "ewma_of_change": change,
        "ewma_of_change_scale": change_scale,
    }


def double(value):
    return value if value is None or isinstance(value, int) else float(value)


quotes = pq.read_table("quotes.parquet", columns=["product_id", "ts", "best_bid"])
products = {}
for product, ts, bid in zip(quotes["product_id"].to_pylist(), quotes["ts"].cast(pa.int64()).to_pylist(), quotes["best_bid"].to_pylist()):
    products.setdefault(product, []).append((ts, bid))
out, farthest = [], mpf(0)
for product, rows in sorted(products.items()):
    rows.sort()
    bids = [bid for _, bid in rows]
    changes = [None] + [b - a for a, b in zip(bids, bids[1:])]
    rows = [(ts, bid, change) for (ts, bid), change in zip(rows, changes)]
    halflife = datetime.timedelta(microseconds=HALF_LIFE_US)
    times = pd.to_datetime([ts for ts, _, _ in rows], unit="us")
    expanding = pd.Series(bids).ewm(halflife=halflife, times=times, adjust=True).mean().tolist()
    start = 0
    for index, (ts, _, _) in enumerate(rows):
        while rows[start][0] < ts - FRAME_US:
            start += 1
        found = {name: double(value) for name, value in functions(rows[start : index + 1]).items()}
        exact = ewma([(t, p) for t, p, _ in rows[: index + 1]])[0]
        farthest = max(farthest, abs(mpf(expanding[index]) / exact - 1))
        out.append({"product_id": product, "ts": ts, **found, "pandas_ewma": expanding[index]})
table = pa.Table.from_pylist(out)
table = table.set_column(1, "ts", table["ts"].cast(pa.timestamp("us", tz="UTC")))
pq.write_table(table, "functions.parquet", compression="zstd")
print(f"pandas' ewm is off by at most {mp.nstr(farthest, 3)} (relative)")
