"""Compares squall's answers with DuckDB's on generated queries with windows, joins and aggregates.

    pip install duckdb==2.0.1
    python tests/differential.py --squall target/release/squall --queries 20000 --seed 1

Each query is generated from its number and the seed, so a difference can be made again: `--only NUMBER` runs one query and
prints both answers. The data has NULLs, ties, both zeros, NaN and dates at the ends of months. Doubles are compared to 12 digits.
"""

import argparse
import csv
import io
import math
import os
import random
import subprocess
import sys
import tempfile

import duckdb

BATCH = 100

DATA = """
SELECT i::BIGINT AS i,
  CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 7 % 4)::BIGINT END AS g,
  CASE WHEN i % 13 = 0 THEN NULL ELSE (i * 5 % 17)::BIGINT END AS k,
  CASE WHEN i % 17 = 0 THEN NULL WHEN i % 19 = 0 THEN 'NaN'::DOUBLE WHEN i % 7 = 0 THEN -0.0 ELSE (i * 3 % 23) / 4.0 - 2 END::DOUBLE AS d,
  (DATE '2024-01-25' + (i * 11 % 40)::INTEGER)::DATE AS dt,
  (TIMESTAMP '2024-02-28 23:00:00' + to_seconds((i * 37 % 71) * 600))::TIMESTAMP AS ts,
  CASE WHEN i % 5 = 0 THEN NULL ELSE (i * 31 % 50)::BIGINT END AS v,
  CASE WHEN i % 9 = 0 THEN NULL ELSE (i * 13 % 64) / 8.0 END::DOUBLE AS x,
  (i * 29 % 100 / 4.0)::DECIMAL(9, 2) AS m,
  CASE WHEN i % 8 = 0 THEN NULL ELSE chr((97 + i * 3 % 6)::INTEGER) END AS s
FROM range(1, 61) AS t (i)
"""

AGGREGATES = [
    "count(*)", "count({c})", "sum(v)", "sum(x)", "avg(v)", "avg(x)", "min({c})", "max({c})", "sum(m)",
    "stddev_samp(v)", "var_pop(x)", "bool_and(v > 5)", "bool_or(v > 40)", "count(DISTINCT {c})",
    "string_agg(s, '+')", "bit_and(v)", "bit_or(v)", "regr_slope(x, v)", "corr(x, v)", "covar_pop(x, v)", "median(x)",
]
PICKS = ["first_value({c}{n})", "last_value({c}{n})", "nth_value({c}, 2{n})"]
SHIFTS = ["lag({c}, {k}{n})", "lead({c}, {k}{n})", "lag(v, {k}, -1{n})", "lead(v, {k}, -1{n})"]
RANKS = ["row_number()", "rank()", "dense_rank()", "percent_rank()", "cume_dist()", "ntile(3)"]


def bounds(rng, offsets):
    """Returns a frame's bounds, the first not after the second."""
    places = [(-9, "UNBOUNDED PRECEDING"), (0, "CURRENT ROW"), (9, "UNBOUNDED FOLLOWING")]
    for size, text in offsets:
        places += [(-size, f"{text} PRECEDING"), (size, f"{text} FOLLOWING")]
    start = rng.choice([place for place in places if place[0] < 9])
    end = rng.choice([place for place in places if place[0] >= start[0] and place[0] > -9])
    return f"BETWEEN {start[1]} AND {end[1]}"


def window(rng):
    """Returns a window, and whether its rows have a total order."""
    partition = rng.choice(["", "PARTITION BY g ", "PARTITION BY s ", "PARTITION BY g, s "])
    direction = rng.choice(["ASC NULLS LAST", "DESC NULLS LAST", "ASC NULLS FIRST", "DESC NULLS FIRST"])
    kind = rng.choice(["rows", "rows", "range", "range", "groups", "default"])
    if kind == "range":
        key, offsets = rng.choice([
            ("k", [(1, "1"), (3, "3")]),
            ("d", [(1, "0.5"), (2, "1.25")]),
            ("m", [(1, "0.75"), (2, "5")]),
            ("dt", [(1, "INTERVAL '2 days'"), (2, "INTERVAL '1 month'")]),
            ("ts", [(1, "INTERVAL '20 minutes'"), (2, "INTERVAL '3 hours'")]),
        ])
        return f"{partition}ORDER BY {key} {direction} RANGE {bounds(rng, offsets)}", False
    if kind == "rows":
        key = rng.choice(["k", "dt", "s", "x"])
        return f"{partition}ORDER BY {key} {direction}, i ROWS {bounds(rng, [(1, '1'), (2, '3')])}", True
    if kind == "groups":
        return f"{partition}ORDER BY {rng.choice(['k', 'dt', 's'])} {direction} GROUPS {bounds(rng, [(1, '1'), (2, '2')])}", False
    return f"{partition}ORDER BY {rng.choice(['k', 'd', 'dt', 's'])} {direction}, i", True


def call(rng, total):
    """Returns a call as squall writes it and as DuckDB writes it."""
    column = rng.choice(["v", "x", "s", "dt", "m"])
    if not total:
        template = rng.choice([name for name in AGGREGATES if "string_agg" not in name] + RANKS[1:5])
    else:
        template = rng.choice(AGGREGATES + PICKS * 4 + SHIFTS * 4 + RANKS)
    nulls = rng.choice(["", " IGNORE NULLS"]) if "{n}" in template else ""
    fields = {"c": column, "k": rng.choice([1, 2, 4])}
    ours = template.format(n="", **fields) + nulls
    return ours, template.format(n=nulls, **fields)


def query(number, seed):
    """Returns the query of a number, for squall and for DuckDB."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.random()
    if kind < 0.15:
        group = rng.choice(["g", "s", "g, s", "dt", "k"])
        columns = ", ".join(f"{rng.choice(AGGREGATES[:9] + AGGREGATES[9:14]).format(c=rng.choice(['v', 'x', 's', 'dt']))} AS a{n}" for n in range(3))
        having = rng.choice(["", " HAVING count(*) > 2", " HAVING sum(v) > 30"])
        both = f"SELECT {group}, {columns} FROM t GROUP BY {group}{having}"
        return both, both
    if kind < 0.3:
        join = rng.choice(["JOIN", "LEFT JOIN", "FULL JOIN"])
        key = rng.choice(["a.k = b.k", "a.g = b.g AND a.s = b.s", "a.d = b.d", "a.dt = b.dt"])
        both = f"SELECT a.i, b.i AS j, a.v + b.v AS w FROM t AS a {join} (SELECT * FROM t WHERE {rng.choice(['i < 20', 'v > 10', 'd >= 0', 'd <> 1'])}) AS b ON {key}"
        return both, both
    ours, theirs = [], []
    for n in range(rng.choice([1, 2, 3])):
        spec, total = window(rng)
        one, other = call(rng, total)
        ours.append(f"{one} OVER ({spec}) AS c{n}")
        theirs.append(f"{other} OVER ({spec}) AS c{n}")
    tail = rng.choice(["", "", " WHERE v > 10", " WHERE d > 0"])
    tail += " ORDER BY i" + rng.choice(["", "", " LIMIT 5"])
    return tuple(f"SELECT i, {', '.join(calls)} FROM t{tail}" for calls in (ours, theirs))


def plain(value):
    """Returns a value in the form in which both engines' values are compared."""
    if value is None or value == "":
        return "NULL"
    if isinstance(value, bool) or value in ("true", "false"):
        return str(value).lower()
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value).replace("T", " ")
    if math.isnan(number):
        # A correlation that is not defined is NaN in DuckDB and NULL in squall. No column that is compared has NaN.
        return "NULL"
    return f"{number:.12g}" if number else "0"


def rows_of(rows):
    return sorted([plain(value) for value in row] for row in rows)


def squall_answers(squall, data, queries):
    """Returns each query's rows, or its error as text."""
    script = []
    for number, text in queries:
        script.append(f"SELECT 'query' AS query, {number} AS number")
        script.append(f"WITH t AS (SELECT * FROM '{data}') {text}")
    run = subprocess.run([squall, "--quiet", "sql", "--format", "csv", "-"], input=";\n".join(script), capture_output=True, text=True, cwd=os.path.dirname(data))
    answers, current = {}, None
    lines = list(csv.reader(io.StringIO(run.stdout)))
    place = 0
    while place < len(lines):
        if lines[place] == ["query", "number"]:
            current = int(lines[place + 1][1])
            answers[current] = []
            place += 3
            continue
        answers[current].append(lines[place])
        place += 1
    if current is None:
        sys.exit(f"squall answers nothing: {run.stderr}")
    if run.returncode != 0:
        answers[current] = run.stderr
    return answers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squall", default="target/debug/squall")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp()
    data = f"{folder}/t.parquet"
    engine = duckdb.connect()
    engine.execute(f"COPY ({DATA}) TO '{data}' (FORMAT parquet)")
    engine.execute(f"CREATE TABLE t AS SELECT * FROM '{data}'")
    numbers = [arguments.only] if arguments.only is not None else list(range(arguments.queries))
    different = 0
    while numbers:
        batch, numbers = numbers[:BATCH], numbers[BATCH:]
        pending = [(number, query(number, arguments.seed)[0]) for number in batch]
        while pending:
            answers = squall_answers(os.path.abspath(arguments.squall), data, pending)
            for number in [number for number, _ in pending if number in answers]:
                ours, theirs = query(number, arguments.seed)
                answer = answers[number]
                try:
                    expected = rows_of(engine.execute(theirs).fetchall())
                except duckdb.Error as error:
                    expected = f"DuckDB: {error}"
                got = answer if isinstance(answer, str) else rows_of(answer)
                if got != expected:
                    different += 1
                    print(f"-- {number}\n{ours};")
                    if isinstance(got, str) or isinstance(expected, str):
                        print(f"   squall: {got if isinstance(got, str) else 'rows'}\n   {expected if isinstance(expected, str) else ''}"[:600])
                    else:
                        wrong = [pair for pair in zip(got, expected) if pair[0] != pair[1]][:3]
                        print(f"   {len(got)} and {len(expected)} rows; (squall, DuckDB): {wrong}"[:600])
                    sys.stdout.flush()
            done = max((number for number, _ in pending if number in answers), default=pending[0][0])
            pending = [(number, text) for number, text in pending if number > done]
    print(f"{different} differences")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
