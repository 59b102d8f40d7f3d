#!/usr/bin/env python3
"""Computes the shipped features, labels and training set from landed ticks, independently of SQL.

    reference.py generate                       writes landed_ticks.parquet, seeded, and the outputs, beside this file
    reference.py compute LANDED.parquet FOLDER  writes the outputs for other landed ticks
    reference.py compare FOLDER FOLDER          compares outputs with squall's materialised tables, FOLDER/<name>/<name>.parquet

The committed outputs were made with Python 3.11, numpy 2.4.6, pandas 3.1.1 and pyarrow 26.0.1. tick_features is the Python
original's pandas code; the rest is the definition in docs/features.md, one frame at a time.
"""

import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

NS = 1_000_000_000
WINDOW_TICKS, HORIZON, SILENCE = 60, 60 * NS, 10 * NS
TAU_QUANTILE, TRAIN_SHARE, VALIDATION_SHARE = 0.95, 0.6, 0.2
PRODUCT, FLOOR, SPREAD_FLOOR = "BTC-USD", 1e-5, 1e-7
HERE = Path(__file__).parent
TIME, NUMBER, TEXT = pa.timestamp("ns", "UTC"), pa.float64(), pa.string()
LANDED = pa.schema([
    ("product_id", TEXT), ("ts", TIME), ("event_time", TIME), ("ingest_time", TIME), ("price", NUMBER),
    ("best_bid", NUMBER), ("best_bid_quantity", NUMBER), ("best_ask", NUMBER), ("best_ask_quantity", NUMBER),
    ("volume_24_h", NUMBER), ("low_24_h", NUMBER), ("high_24_h", NUMBER), ("low_52_w", NUMBER), ("high_52_w", NUMBER),
    ("price_percent_chg_24_h", NUMBER), ("side", TEXT), ("last_size", NUMBER), ("sequence_num", pa.int64()),
    ("connection", TEXT), ("status", TEXT), ("log_partition", pa.int32()), ("log_offset", pa.int64()),
])
OUTPUTS = ["tick_features", "spike_features", "spike_60s", "rv_spike_60s", "spike_training"]


def products(landed):
    ticks = landed[landed.status == "ok"].sort_values(["product_id", "ts"])
    for product, rows in ticks.groupby("product_id", sort=True):
        yield product, rows.reset_index(drop=True)


def tick_features(rows):
    out = rows[["product_id", "ts"]].copy()
    out["midprice"] = (rows.best_bid + rows.best_ask) / 2
    out["midprice_return"] = out.midprice.pct_change()
    # Exact, where rolling().std() adds and subtracts: the sample standard deviation of each window by itself.
    returns = out.midprice_return.to_numpy()
    out["rolling_vol"] = [deviation(returns[max(1, i - WINDOW_TICKS + 2) : i + 1]) for i in range(len(out))]
    out["spread"] = rows.best_ask - rows.best_bid
    count = pd.Series(1.0, out.index).rolling(WINDOW_TICKS, min_periods=2).sum()
    out["trade_intensity"] = count.astype("Int64")
    return out


def deviation(values):
    if len(values) < 2:
        return math.nan
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def mean(values):
    values = values[~np.isnan(values)]
    return math.fsum(values) / len(values) if len(values) else math.nan


def steps(rows):
    ts = rows.ts.astype("int64").to_numpy()
    mid = ((rows.best_bid + rows.best_ask) / 2).to_numpy()
    with np.errstate(all="ignore"):
        ret = np.concatenate([[math.nan], np.log(mid[1:] / mid[:-1])])
    after_silence = np.concatenate([[True], np.diff(ts) > SILENCE])
    return ts, mid, ret, after_silence


def microprice_offset(bid, bid_size, ask, ask_size):
    """By its definition, in exact arithmetic: the microprice lies so near the middle that their difference cancels."""
    if math.isnan(bid_size + ask_size) or bid_size + ask_size == 0:
        return math.nan
    bid, bid_size, ask, ask_size = map(Fraction, (bid, bid_size, ask, ask_size))
    middle = (bid + ask) / 2
    return float((bid * ask_size + ask * bid_size) / (bid_size + ask_size) / middle - 1)


def spike_features(rows):
    ts, mid, ret, after_silence = steps(rows)
    spread = (rows.best_ask - rows.best_bid).to_numpy()
    bid_size, ask_size = rows.best_bid_quantity.to_numpy(float), rows.best_ask_quantity.to_numpy(float)
    total = np.where(bid_size + ask_size == 0, math.nan, bid_size + ask_size)
    imbalance = (bid_size - ask_size) / total
    bid, ask = rows.best_bid.to_numpy(), rows.best_ask.to_numpy()
    offset = [microprice_offset(*quote) for quote in zip(bid, bid_size, ask, ask_size)]
    offset = np.array(offset, float)
    out = rows[["product_id", "ts"]].copy()
    out["midprice"], out["ret"] = mid, np.where(after_silence, math.nan, ret)
    out["book_imbalance"], out["microprice_offset"] = imbalance, offset
    end = np.arange(len(ts)) + 1
    change = np.concatenate([[False], mid[1:] != mid[:-1]])
    for seconds in (10, 60, 300):
        start = np.searchsorted(ts, ts - seconds * NS, side="left")
        columns = {name: [] for name in ("rv", "spread", "ticks", "changes", "range", "momentum", "book_imbalance", "microprice_offset")}
        for a, b in zip(start, end):
            silent = after_silence[a:b].any()
            known = not silent
            columns["rv"].append(math.sqrt(math.fsum(r * r for r in ret[a:b])) if known else math.nan)
            columns["spread"].append(mean(spread[a:b]) if known else math.nan)
            columns["ticks"].append(b - a if known else None)
            columns["changes"].append(int(change[a:b].sum()) if known else None)
            columns["range"].append(math.log(mid[a:b].max() / mid[a:b].min()) if known else math.nan)
            columns["momentum"].append(math.log(mid[b - 1] / mid[a]) if known else math.nan)
            columns["book_imbalance"].append(mean(imbalance[a:b]) if known else math.nan)
            columns["microprice_offset"].append(mean(offset[a:b]) if known else math.nan)
        for name, values in columns.items():
            dtype = "Int64" if name in ("ticks", "changes") else float
            out[f"{name}_{seconds}s"] = pd.array(values, dtype=dtype)
    relative = spread / mid
    out["bipower_60s"], out["relative_spread_60s"], out["decayed_square"], out["rv_1800s"] = [
        np.full(len(ts), math.nan) for _ in range(4)
    ]
    for i, t in enumerate(ts):
        a60, a300, a1800 = np.searchsorted(ts, [t - 60 * NS, t - 300 * NS, t - 1800 * NS], side="left")
        if not after_silence[a60 : i + 1].any():
            within = np.abs(ret[a60 + 1 : i + 1])
            if len(within) >= 2:
                out.loc[i, "bipower_60s"] = math.pi / 2 * math.fsum(within[1:] * within[:-1])
            out.loc[i, "relative_spread_60s"] = mean(relative[a60 : i + 1])
        if not after_silence[a300 : i + 1].any():
            weights = 0.5 ** ((t - ts[a300 : i + 1]) / (30 * NS))
            out.loc[i, "decayed_square"] = math.fsum(weights * ret[a300 : i + 1] ** 2) / math.fsum(weights)
            seen = [j for j in range(a1800, i + 1) if not after_silence[j]]
            observed = math.fsum((ts[j] - ts[j - 1]) / NS for j in seen)
            out.loc[i, "rv_1800s"] = math.sqrt(math.fsum(ret[j] ** 2 for j in seen) * 1800 / observed)
    return out


def labels(rows, value):
    ts, _, ret, after_silence = steps(rows)
    out = rows[["product_id", "ts"]].copy()
    start = np.searchsorted(ts, ts, side="right")
    stop = np.searchsorted(ts, ts + HORIZON, side="right")
    forward = []
    for t, a, b in zip(ts, start, stop):
        known = (
            b - a >= 2
            and ts[-1] >= t + HORIZON
            and not after_silence[a:b].any()
            and t + HORIZON - ts[b - 1] <= SILENCE
        )
        forward.append(value(ret[a:b]) if known else math.nan)
    out["forward_vol"] = forward
    return out


def realized(returns):
    return math.sqrt(math.fsum(r * r for r in returns))


def spike_training(features, label):
    rows = features.merge(label, on=["product_id", "ts"])
    rows = rows[rows.product_id == PRODUCT].sort_values("ts")
    second = rows.ts.astype("int64") // NS
    rows = rows[second != second.shift(-1)]  # the last tick of each second
    rows = rows.dropna(subset=["rv_10s", "rv_60s", "rv_300s", "rv_1800s", "bipower_60s", "forward_vol"])
    rows = rows.reset_index(drop=True)
    n = len(rows)
    train_end, validation_end = math.floor(n * TRAIN_SHARE), math.floor(n * (TRAIN_SHARE + VALIDATION_SHARE))
    place = np.arange(n)
    rows["split"] = np.where(place < train_end, "train", np.where(place < validation_end, "validation", "test"))
    horizon = pd.Timedelta(HORIZON, "ns")
    crosses = np.zeros(n, bool)
    for split, next_start in (("train", train_end), ("validation", validation_end)):
        if next_start < n:
            crosses |= (rows.split == split) & (rows.ts + horizon >= rows.ts[next_start])
    rows = rows[~crosses].reset_index(drop=True)
    train = rows.forward_vol[rows.split == "train"]
    tau = np.quantile(train, TAU_QUANTILE) if len(train) else math.nan
    out = rows[["product_id", "ts", "midprice"]].copy()
    out["current_vol"], out["forward_vol"], out["tau"] = rows.rv_60s, rows.forward_vol, tau
    out["spike"], out["split"] = rows.forward_vol >= tau, rows.split
    for column in ("rv_10s", "rv_60s", "rv_300s", "rv_1800s", "range_60s", "range_300s"):
        out[f"log_{column}"] = np.log(np.maximum(rows[column], FLOOR))
    out["log_bipower_60s"] = np.log(np.maximum(np.sqrt(rows.bipower_60s), FLOOR))
    out["log_decayed"] = np.log(np.maximum(np.sqrt(rows.decayed_square), FLOOR))
    for column in ("changes_10s", "changes_60s", "changes_300s"):
        out[f"log_{column}"] = np.log(1 + rows[column].astype(float))
    out["log_ticks_60s"] = np.log(rows.ticks_60s.astype(float))
    out["log_momentum_60s"] = np.log(np.maximum(rows.momentum_60s.abs(), FLOOR))
    out["log_spread_60s"] = np.log(np.maximum(rows.relative_spread_60s, SPREAD_FLOOR))
    return out


def compute(landed, folder):
    parts = {name: [] for name in OUTPUTS[:-1]}
    for _, rows in products(landed):
        parts["tick_features"].append(tick_features(rows))
        parts["spike_features"].append(spike_features(rows))
        parts["spike_60s"].append(labels(rows, deviation))
        parts["rv_spike_60s"].append(labels(rows, realized))
    tables = {name: pd.concat(rows, ignore_index=True) for name, rows in parts.items()}
    tables["spike_training"] = spike_training(tables["spike_features"], tables["rv_spike_60s"])
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        # pandas' missing floats are NULLs here.
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(), folder / f"{name}.parquet", compression="zstd")
        print(f"{name}: {len(table)} rows")


def generate():
    """Three products: one long enough to train on, with gaps inside; a sparse one; one that ends at once."""
    rng = np.random.default_rng(20251124)
    start = pd.Timestamp("2025-11-24T15:00:00Z").value
    frames = []
    for product, ticks, pace, price in (("BTC-USD", 1500, 3.0, 87_000.0), ("ETH-USD", 250, 2.5, 2_900.0), ("SOL-USD", 3, 1.0, 135.0)):
        calm = np.exp(np.cumsum(rng.normal(0, 0.15, ticks)) - np.arange(ticks) * 0.0005)
        calm = np.clip(calm, 0.2, 5)
        wait = rng.exponential(pace / np.sqrt(calm)) * NS
        # Messages of one match share their time, so that ts steps by a nanosecond.
        wait[rng.random(ticks) < 0.3] = 1
        wait = np.maximum(np.round(wait / 1000) * 1000, 1).astype("int64")
        if product == "BTC-USD":
            wait = np.minimum(wait, 8 * NS)
            wait[[40, 400]] = [10 * NS, 45 * NS]  # exactly the limit, and well over it
            wait[[60, 300]] = [10 * NS + 1, 9 * NS]
        ts = start + np.cumsum(wait)
        moved = rng.random(ticks) < 0.6  # the market often stands still
        mid = price * np.exp(np.cumsum(np.where(moved, rng.normal(0, 2e-5, ticks) * calm, 0)))
        half = np.round(price * 1e-6 * (1 + rng.poisson(calm)), 2) + 0.01
        bid, ask = np.round(mid - half, 2), np.round(mid + half, 2)
        sizes = np.round(rng.gamma(0.5, 0.4, (2, ticks)), 8)
        sizes[:, rng.random(ticks) < 0.02] = 0
        sizes[:, rng.random(ticks) < 0.02] = math.nan
        status = np.where(rng.random(ticks) < 0.03, "duplicate", np.where(rng.random(ticks) < 0.01, "late", "ok"))
        frames.append(pd.DataFrame({
            "product_id": product, "ts": pd.to_datetime(ts, utc=True), "best_bid": bid, "best_bid_quantity": sizes[0],
            "best_ask": ask, "best_ask_quantity": sizes[1], "status": status,
        }))
    landed = pd.concat(frames, ignore_index=True)
    landed["ts"] = landed.ts.astype("datetime64[ns, UTC]")
    landed["event_time"] = landed["ingest_time"] = landed.ts
    landed["log_partition"], landed["log_offset"] = 0, np.arange(len(landed))
    columns = [
        pa.array(landed[field.name], field.type, from_pandas=True) if field.name in landed else pa.nulls(len(landed), field.type)
        for field in LANDED
    ]
    pq.write_table(pa.Table.from_arrays(columns, schema=LANDED), HERE / "landed_ticks.parquet", compression="zstd")
    return pd.read_parquet(HERE / "landed_ticks.parquet")


def compare(expected_folder, actual_folder):
    """Prints for each column the largest relative difference, and fails where NULLs or other values differ."""
    for name in OUTPUTS:
        keys = ["product_id", "ts"]
        expected = pq.read_table(expected_folder / f"{name}.parquet").to_pandas().sort_values(keys, ignore_index=True)
        actual = pq.read_table(actual_folder / name / f"{name}.parquet").to_pandas().sort_values(keys, ignore_index=True)
        assert len(expected) == len(actual), f"{name}: {len(actual)} rows, expected {len(expected)}"
        for column in expected.columns:
            e, a = expected[column], actual[column]
            assert (e.isna() == a.isna()).all(), f"{name}.{column}: NULLs differ in {(e.isna() != a.isna()).sum()} rows"
            e, a = e.dropna(), a.dropna()
            if not pd.api.types.is_float_dtype(e):
                assert (e.astype(str) == a.astype(str)).all(), f"{name}.{column} differs"
                continue
            difference = (e - a).abs()
            relative = (difference / e.abs().clip(lower=1e-300)).where(difference > 1e-15, 0)
            print(f"{name}.{column}: {len(e)} values, largest relative difference {relative.max():.1e}, absolute {difference.max():.1e}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["generate"]:
            compute(generate(), HERE)
        case ["compute", landed, folder]:
            compute(pd.read_parquet(landed), Path(folder))
        case ["compare", expected, actual]:
            compare(Path(expected), Path(actual))
        case _:
            sys.exit(__doc__)
