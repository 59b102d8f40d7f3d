#!/usr/bin/env python3
"""Record what the referee says of hard inputs: make.py PATH/TO/exact_features.py, run in this folder.

Writes quotes.parquet and exact.parquet. Made with Python 3.11.7, numpy 2.4.6 and pyarrow 26.0.1.
"""
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

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
subprocess.run([sys.executable, sys.argv[1], "quotes.parquet", "exact.parquet"], check=True)
