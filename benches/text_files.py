"""Reading CSV and JSON: squall beside DuckDB, as whole processes in turn.

    python benches/text_files.py target/release/squall [FOLDER]

It needs duckdb. It writes a CSV file of 3 million rows (164 MB) and one of a million JSON objects (89 MB), and prints the median of 5
runs, and the peak memory.
"""

import datetime
import os
import statistics
import subprocess
import sys
import tempfile

RUNS = 5
QUERIES = {
    "CSV, count": "SELECT count(*) FROM 'quotes.csv'",
    "CSV, all columns": "SELECT product, side, count(*), sum(price * size), min(ts), max(ts), max(note) FROM 'quotes.csv' GROUP BY ALL",
    "JSON, count": "SELECT count(*) FROM 'trades.ndjson'",
    "JSON, all columns": "SELECT product, side, count(*), sum(price * size), min(ts), max(ts) FROM 'trades.ndjson' GROUP BY ALL",
}
DUCKDB = "import duckdb, sys; duckdb.execute('set threads=2'); duckdb.sql(sys.argv[1]).fetchall()"


def write():
    start = datetime.datetime(2026, 1, 5)
    with open("quotes.csv", "w") as file:
        file.write("ts,product,price,size,side,note\n")
        for row in range(3_000_000):
            ts = (start + datetime.timedelta(milliseconds=row)).isoformat(timespec="milliseconds")
            price = 60_000 + row * 101 % 100_000 / 100
            file.write(f"{ts}Z,BTC-USD,{price:.2f},{row % 10}.5,{'buy' if row % 2 else 'sell'},n{row % 1000}\n")
    with open("trades.ndjson", "w") as file:
        for row in range(1_000_000):
            ts = (start + datetime.timedelta(seconds=1 + row // 50)).isoformat()
            price = 60_000 + row * 101 % 100_000 / 100
            side = "sell" if row % 3 else "buy"
            file.write(f'{{"ts":"{ts}Z","product":"BTC-USD","price":{price:.2f},"size":{row % 10},"side":"{side}"}}\n')


def run(command):
    timed = subprocess.run(["/usr/bin/time", "-f", "%e %M", *command], capture_output=True, text=True, check=True)
    seconds, kilobytes = timed.stderr.split()[-2:]
    return float(seconds), int(kilobytes) / 1000


def main():
    squall = os.path.abspath(sys.argv[1])
    os.chdir(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    if not os.path.exists("trades.ndjson"):
        write()
    for name, query in QUERIES.items():
        runs = {"squall": [], "DuckDB": []}
        for _ in range(RUNS):
            runs["squall"].append(run([squall, "sql", query]))
            runs["DuckDB"].append(run([sys.executable, "-c", DUCKDB, query]))
        for program, timed in runs.items():
            seconds = statistics.median(seconds for seconds, _ in timed)
            print(f"{name}, {program}: {seconds:.2f} s, {max(memory for _, memory in timed):.0f} MB")


main()
