#!/usr/bin/env python3
"""Checks that DuckDB, Polars, pandas and pyarrow read landed Parquet as squall does.

    tests/others_read.py SQUALL DATA_FOLDER

Compares the number of rows of each product and status, the sums of the numbers, and the first and last times.
"""

import csv
import glob
import io
import math
import subprocess
import sys

import duckdb
import pandas
import polars
import pyarrow.parquet

NUMBERS = ["price", "best_bid", "best_ask", "volume_24_h", "last_size"]
KEYS = ["product_id", "status"]


def columns():
    """The expressions that every engine computes in SQL."""
    times = ["min(epoch_ns(ts))", "max(epoch_ns(ts))", "sum(log_offset)"]
    return ["count(*)", *(f"sum({number})" for number in NUMBERS), *times]


def rows(table):
    """Key → numbers, from rows that begin with the keys."""
    return {tuple(row[:2]): [float(cell) if cell not in ("", None) else 0.0 for cell in row[2:]] for row in table}


def squall(program, data):
    sql = ", ".join(columns()).replace("epoch_ns(ts)", "CAST(ts AS BIGINT)")
    query = f"SELECT {', '.join(KEYS)}, {sql} FROM landed_ticks GROUP BY {', '.join(KEYS)}"
    command = [program, "--data", data, "sql", "--format", "csv", query]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return rows(list(csv.reader(io.StringIO(output)))[1:])


def by_duckdb(files):
    return rows(duckdb.sql(
        f"SELECT {', '.join(KEYS)}, {', '.join(columns())} FROM read_parquet({files!r}) GROUP BY ALL").fetchall())


def by_frame(frame):
    """From a pandas frame, which pandas or pyarrow read."""
    table = []
    for key, group in frame.groupby(KEYS):
        ns = group["ts"].astype("int64")
        sums = [group[number].sum() for number in NUMBERS]
        table.append([*key, len(group), *sums, ns.min(), ns.max(), group["log_offset"].sum()])
    return rows(table)


def by_polars(files):
    ns = polars.col("ts").dt.epoch("ns")
    frame = polars.read_parquet(files).group_by(KEYS).agg(
        polars.len(), *(polars.col(number).sum() for number in NUMBERS),
        ns.min().alias("first"), ns.max().alias("last"), polars.col("log_offset").sum())
    return rows(frame.rows())


def main():
    program, data = sys.argv[1:]
    files = sorted(glob.glob(f"{data}/ticks/*.parquet"))
    expected = squall(program, data)
    assert files and expected, f"nothing has landed in {data}"
    readers = {
        "duckdb": by_duckdb(files),
        "polars": by_polars(files),
        "pandas": by_frame(pandas.concat([pandas.read_parquet(file) for file in files])),
        "pyarrow": by_frame(pyarrow.parquet.read_table(files).to_pandas()),
    }
    for name, found in readers.items():
        assert found.keys() == expected.keys(), f"{name} finds {sorted(found)}, squall {sorted(expected)}"
        for key, numbers in expected.items():
            for column, ours, theirs in zip(columns(), numbers, found[key], strict=True):
                # Sums depend on the order of their terms.
                assert math.isclose(ours, theirs, rel_tol=1e-12), f"{name}, {key}, {column}: {theirs}, squall {ours}"
        print(f"{name} reads {sum(row[0] for row in found.values()):.0f} rows as squall does")


if __name__ == "__main__":
    main()
