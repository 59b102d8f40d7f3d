"""ASOF JOIN and SUMMARIZE of squall beside DuckDB and Polars, as whole processes in turn.

    python benches/asof.py target/release/squall [FOLDER]

It needs duckdb, polars, numpy and pyarrow. It writes two tables of 10 million ticks of 3 products, each in the order of time and in
the order of product and time (600 MB), and prints the median of 5 runs, and the peak memory.
"""

import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS, RUNS = 10_000_000, 5

JOIN = """SELECT count(*), sum(r.rv), sum(l.lv) FROM 'l{0}.parquet' l
ASOF LEFT JOIN 'r{0}.parquet' r ON l.product_id = r.product_id AND l.ts >= r.ts"""
DUCKDB = 'import duckdb; c = duckdb.connect(); c.execute("set threads=2"); c.execute("""{}""").fetchall()'
POLARS = """import polars as pl
l, r = pl.scan_parquet('l_time.parquet'), pl.scan_parquet('r_time.parquet')
joined = l.join_asof(r, on='ts', by='product_id', strategy='backward', check_sortedness=False)
joined.select(pl.len(), pl.col('rv').sum(), pl.col('lv').sum()).collect()"""


def write(name, column, seed):
    random = np.random.default_rng(seed)
    product = np.sort(random.integers(0, 3, ROWS))
    ts = np.empty(ROWS, dtype="int64")
    for number in range(3):
        rows = product == number
        ts[rows] = 1_760_000_000_000_000_000 + np.cumsum(random.integers(1, 20_000_000, rows.sum()))
    names = pa.array(["BTC-USD", "ETH-USD", "SOL-USD"]).take(pa.array(product))
    values = 100 + np.cumsum(random.normal(0, 0.01, ROWS))
    table = pa.table({"product_id": names, "ts": pa.array(ts, pa.timestamp("ns", "UTC")), column: values})
    pq.write_table(table, f"{name}_key.parquet", row_group_size=1_000_000)
    pq.write_table(table.take(pa.array(np.argsort(ts, kind="stable"))), f"{name}_time.parquet", row_group_size=1_000_000)


def run(command):
    timed = subprocess.run(["/usr/bin/time", "-f", "%e %M", *command], capture_output=True, text=True, check=True)
    seconds, kilobytes = timed.stderr.split()[-2:]
    return float(seconds), int(kilobytes) / 1000


def main():
    squall = os.path.abspath(sys.argv[1])
    os.chdir(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    if not os.path.exists("r_time.parquet"):
        write("l", "lv", 1)
        write("r", "rv", 2)
    commands = {
        "ASOF JOIN, squall, files by time": [squall, "sql", JOIN.format("_time")],
        "ASOF JOIN, squall, files by product and time": [squall, "sql", JOIN.format("_key")],
        "ASOF JOIN, DuckDB": [sys.executable, "-c", DUCKDB.format(JOIN.format("_time"))],
        "ASOF JOIN, Polars": [sys.executable, "-c", POLARS],
        "SUMMARIZE, squall": [squall, "sql", "SUMMARIZE 'l_key.parquet'"],
        "SUMMARIZE, DuckDB": [sys.executable, "-c", DUCKDB.format("SUMMARIZE SELECT * FROM 'l_key.parquet'")],
    }
    found = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            found[name].append(run(command))
    for name, runs in found.items():
        seconds, megabytes = zip(*runs)
        print(f"{name}: {statistics.median(seconds):.2f} s, {max(megabytes):.0f} MB")


main()
