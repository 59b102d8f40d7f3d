"""Compares squall's answers with DuckDB's on generated queries: expressions, groups, joins, subqueries, windows, ASOF joins.

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

# DuckDB refuses EXCLUDE for them, or reads another frame.
WITHOUT_FRAMES = {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"}


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


def scalar(rng, depth=2):
    """Returns an expression over the columns of t: its text and its kind, of number, text, date and truth."""
    kind = rng.choice(["number", "number", "text", "date", "truth"])
    return of_kind(rng, kind, depth), kind


def of_kind(rng, kind, depth):
    """Returns an expression of a kind."""
    def inner(kind):
        return of_kind(rng, kind, depth - 1)

    if depth == 0:
        return rng.choice({
            "number": ["v", "x", "k", "i", "g", "3", "0.5", "-7"],
            "text": ["s", "'b'", "'bcd'", "'Ab c'"],
            "date": ["dt", "DATE '2024-02-29'"],
            "truth": ["v > 10", "s = 'b'", "x IS NULL", "dt < DATE '2024-02-10'", "k BETWEEN 3 AND 9", "s IN ('a', 'c')", "g NOT IN (1, 2)"],
        }[kind])
    if kind == "number":
        return rng.choice([
            lambda: f"({inner('number')} {rng.choice(['+', '-', '*'])} {inner('number')})",
            lambda: f"abs({inner('number')})",
            lambda: f"coalesce({inner('number')}, {inner('number')})",
            lambda: f"nullif({inner('number')}, {inner('number')})",
            lambda: f"CASE WHEN {inner('truth')} THEN {inner('number')} ELSE {inner('number')} END",
            lambda: f"length({inner('text')})",
            lambda: f"date_diff('{rng.choice(['day', 'week', 'month', 'quarter', 'year'])}', {inner('date')}, {inner('date')})",
            lambda: f"date_sub('{rng.choice(['day', 'week', 'month'])}', {inner('date')}, {inner('date')})",
            lambda: f"{rng.choice(['year', 'month', 'day', 'dayofyear', 'isodow', 'quarter', 'week'])}({inner('date')})",
            lambda: f"floor(({inner('number')}) / 4.0)",
            lambda: f"greatest({inner('number')}, {inner('number')})",
            lambda: f"least({inner('number')}, {inner('number')})",
            lambda: f"if({inner('truth')}, {inner('number')}, {inner('number')})",
            lambda: f"({inner('number')})::DOUBLE",
        ])()
    if kind == "text":
        return rng.choice([
            lambda: f"upper({inner('text')})",
            lambda: f"concat({inner('text')}, {inner('text')})",
            lambda: f"({inner('text')} || {inner('text')})",
            lambda: f"substr({inner('text')}, {rng.choice([1, 2, 3])})",
            lambda: f"substr({inner('text')}, {rng.choice([1, 2])}, {rng.choice([0, 1, 2])})",
            lambda: f"replace({inner('text')}, 'b', 'xy')",
            lambda: f"coalesce({inner('text')}, {inner('text')})",
            lambda: f"lpad({inner('text')}, 4, '*')",
            lambda: f"reverse({inner('text')})",
            lambda: f"trim({inner('text')})",
            lambda: f"strftime({inner('date')}, '%Y-%j %a %d')",
            lambda: f"CASE WHEN {inner('truth')} THEN {inner('text')} END",
            lambda: f"split_part({inner('text')}, 'b', 1)",
        ])()
    if kind == "date":
        return rng.choice([
            lambda: f"({inner('date')} + INTERVAL '{rng.choice(['1 month', '3 days', '1 year', '-2 months'])}')::DATE",
            lambda: f"date_trunc('{rng.choice(['month', 'week', 'year', 'quarter'])}', {inner('date')})::DATE",
            lambda: f"time_bucket(INTERVAL '{rng.choice(['7 days', '1 month', '3 days', '5 months'])}', {inner('date')})",
            lambda: f"coalesce({inner('date')}, DATE '2024-03-01')",
            lambda: f"greatest({inner('date')}, {inner('date')})",
        ])()
    return rng.choice([
        lambda: f"({inner('truth')} AND {inner('truth')})",
        lambda: f"({inner('truth')} OR {inner('truth')})",
        lambda: f"(NOT {inner('truth')})",
        lambda: f"({inner('number')} {rng.choice(['<', '<=', '=', '<>'])} {inner('number')})",
        lambda: f"({inner('text')} {rng.choice(['<', '=', '>=', '<>'])} {inner('text')})",
        lambda: f"({inner('text')} LIKE '{rng.choice(['%b%', 'a_', 'b%', '_'])}')",
        lambda: f"({inner('date')} < {inner('date')})",
        lambda: f"({inner('number')} IS NOT DISTINCT FROM {inner('number')})",
        lambda: f"(({inner('truth')}) IS TRUE)",
    ])()


def expressions(rng):
    """Rows of expressions, with a condition."""
    columns = ", ".join(f"{scalar(rng)[0]} AS c{n}" for n in range(3))
    both = f"SELECT i, {columns} FROM t WHERE {of_kind(rng, 'truth', 2)}"
    return both, both


def groups(rng):
    """Groups, grouping sets, FILTER and HAVING."""
    keys = rng.choice(["g", "s", "g, s", "ROLLUP (g, s)", "CUBE (g, s)", "GROUPING SETS ((g), (s), ())", "g % 2", "date_trunc('month', dt)"])
    plain_keys = {"ROLLUP (g, s)": "g, s", "CUBE (g, s)": "g, s", "GROUPING SETS ((g), (s), ())": "g, s"}.get(keys, keys)
    calls = [
        f"sum({rng.choice(['v', 'i', 'm'])}) FILTER (WHERE {of_kind(rng, 'truth', 1)})", "count(DISTINCT s)", "arg_max(i, v * 100 + i)", "arg_min(s, i)",
        "quantile_disc(v, 0.4)", "count_if(v > 20)", "max(x)", "min(dt)", "sum(DISTINCT v)", "avg(DISTINCT k)", "bool_or(v > 45)", "string_agg(s, ',' ORDER BY i)",
        "list(v ORDER BY i)[1]", "quantile_cont(x, 0.3)", "median(v)",
    ]
    columns = ", ".join(f"{rng.choice(calls)} AS a{n}" for n in range(2))
    having = rng.choice(["", "", " HAVING count(*) > 2", " HAVING max(v) > 30"])
    both = f"SELECT {plain_keys}, {columns} FROM t GROUP BY {keys}{having}"
    return both, both


def sets(rng):
    """Set operations."""
    sides = [f"SELECT {rng.choice(['g, s', 'g, s', 'k AS g, s', 'v AS g, NULL AS s'])} FROM t WHERE {of_kind(rng, 'truth', 1)}" for _ in range(2)]
    word = rng.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"])
    both = f"SELECT * FROM ({sides[0]} {word} {sides[1]}) AS u"
    return both, both


def subqueries(rng):
    """Subqueries that depend on the outer query, or not."""
    inner = f"(SELECT * FROM t WHERE {of_kind(rng, 'truth', 1)})"
    key = rng.choice(["b.g = a.g", "b.k = a.k", "b.s = a.s", "b.g = a.g AND b.s = a.s"])
    form = rng.choice(["scalar", "exists", "in", "not in", "any", "limit", "lateral", "count", "semi", "anti"])
    select = {
        "scalar": f"SELECT a.i, (SELECT {rng.choice(['max(b.v)', 'sum(b.i)', 'min(b.s)', 'avg(b.x)'])} FROM {inner} AS b WHERE {key}) AS c FROM t AS a",
        "count": f"SELECT a.i, (SELECT count(*) FROM {inner} AS b WHERE {key}) AS c FROM t AS a",
        "exists": f"SELECT a.i FROM t AS a WHERE {rng.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {inner} AS b WHERE {key}{rng.choice(['', ' AND b.v > 20', ' LIMIT 1'])})",
        "in": f"SELECT a.i FROM t AS a WHERE a.k IN (SELECT b.v FROM {inner} AS b{rng.choice(['', ' WHERE ' + key])})",
        "not in": f"SELECT a.i FROM t AS a WHERE a.k NOT IN (SELECT b.v FROM {inner} AS b{rng.choice(['', ' WHERE b.v IS NOT NULL'])})",
        "any": f"SELECT a.i FROM t AS a WHERE a.v > (SELECT avg(b.v) FROM {inner} AS b)",
        "limit": f"SELECT a.i, (SELECT {rng.choice(['b.v', 'b.i', 'b.s', 'b.x'])} FROM {inner} AS b WHERE {key} ORDER BY b.i {rng.choice(['', 'DESC'])} LIMIT 1) AS c FROM t AS a",
        "lateral": f"SELECT a.i, c.j FROM t AS a, LATERAL (SELECT b.i AS j FROM {inner} AS b WHERE {key} ORDER BY b.i DESC LIMIT {rng.choice([1, 2])}) AS c",
        "semi": f"SELECT a.i FROM t AS a SEMI JOIN {inner} AS b ON {key}",
        "anti": f"SELECT a.i FROM t AS a ANTI JOIN {inner} AS b ON {key}",
    }[form]
    return select, select


def using(rng):
    """Joins with USING, whose tables' names are in either order of the alphabet."""
    left, right = rng.choice([("a", "b"), ("b", "a")])
    join = rng.choice(["JOIN", "LEFT JOIN"])
    columns = rng.choice(["*", f"g, {left}.i, {right}.v", f"g AS h, {left}.*"])
    both = f"SELECT {columns} FROM (SELECT g, i FROM t WHERE i < 30) AS {left} {join} (SELECT g, v FROM t WHERE v > {rng.choice([10, 30, 45])}) AS {right} USING (g)"
    return both, both


def asof(rng):
    """ASOF joins, whose right rows have no ties."""
    key = rng.choice(["", "a.g = b.g AND ", "a.g = b.g AND a.s = b.s AND "])
    compare = rng.choice([">=", ">", "<=", "<"])
    time = rng.choice(["i", "x * 8 + i", "ts", "dt"])
    one = f"(SELECT g, s, max(v) AS v, {time} AS at FROM t WHERE i % 2 = {rng.choice([0, 1])} GROUP BY g, s, {time})" if "s" in key else f"(SELECT {'g, ' if key else ''}max(v) AS v, {time} AS at FROM t WHERE i % 2 = {rng.choice([0, 1])} GROUP BY {'g, ' if key else ''}{time})"
    both = f"SELECT a.i, b.at, b.v FROM (SELECT *, {time} AS at FROM t) AS a ASOF {rng.choice(['', 'LEFT '])}JOIN {one} AS b ON {key}a.at {compare} b.at"
    return both, both


def words(rng):
    """What analysts type."""
    both = rng.choice([
        lambda: f"SELECT v + 1 AS p, p * 2 AS q, q - k AS r FROM t WHERE {rng.choice(['p > 20', 'q > 30', 'p IS NULL'])}",
        lambda: f"SELECT {rng.choice(['max', 'min', 'count'])}(COLUMNS('{rng.choice(['^[vx]$', '[gkv]', '^d'])}')) FROM t",
        lambda: f"SELECT COLUMNS(['{rng.choice(['v', 's'])}', 'i']) FROM t",
        lambda: f"PIVOT (SELECT g, s, {rng.choice(['v', 'x', 'm'])} AS w FROM t) ON {rng.choice(['s', 'g'])} USING {rng.choice(['sum(w)', 'max(w)', 'count(w)'])}",
        lambda: "UNPIVOT (SELECT i, v, k, g FROM t) ON v, k, g INTO NAME n VALUE w",
        lambda: f"FROM (SELECT g, s, sum(v) AS w FROM t GROUP BY ALL) ORDER BY ALL",
        lambda: f"SELECT i, {rng.choice(['sum(v)', 'count(*)', 'max(x)', 'arg_max(s, i)'])} OVER (w ORDER BY i) AS c FROM t WINDOW w AS (PARTITION BY {rng.choice(['g', 's'])}) QUALIFY row_number() OVER w {rng.choice(['<', '>='])} 1000 OR true",
        lambda: f"SELECT i, s FROM t QUALIFY row_number() OVER (PARTITION BY s ORDER BY {rng.choice(['v', 'x', 'dt'])} {rng.choice(['DESC', 'ASC'])} NULLS LAST, i) = 1",
        lambda: f"SELECT DISTINCT ON (g) g, i FROM t ORDER BY g, {rng.choice(['v', 'dt'])} DESC NULLS LAST, i",
    ])()
    return both, both


KINDS = [expressions, expressions, groups, sets, subqueries, subqueries, using, asof, words]


def query(number, seed):
    """Returns the query of a number, for squall and for DuckDB."""
    rng = random.Random(f"{seed}/{number}")
    if rng.random() < 0.5:
        return rng.choice(KINDS)(rng)
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
        if any(unit in spec for unit in ("ROWS", "RANGE", "GROUPS")) and one.split("(")[0] not in WITHOUT_FRAMES:
            spec += rng.choice(["", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"])
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


def same(got, expected):
    """Returns whether two answers are the same, where the last digits of numbers do not count."""
    if isinstance(got, str) or isinstance(expected, str) or len(got) != len(expected):
        return got == expected

    def close(one, other):
        if one == other:
            return True
        try:
            return math.isclose(float(one), float(other), rel_tol=1e-10, abs_tol=1e-12)
        except ValueError:
            return False

    return all(len(a) == len(b) and all(map(close, a, b)) for a, b in zip(got, expected))


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
                if not same(got, expected):
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
