"""Real clients of PostgreSQL against `squall serve`: psycopg 3, SQLAlchemy and pandas, psql, and JDBC.

Usage: pg_clients.py SQUALL [JDBC_JAR]. Python needs psycopg, sqlalchemy and pandas, and JayDeBeApi for JDBC. What is not installed is
named at the end; everything else has to hold.
"""

import datetime
import decimal
import ipaddress
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import pandas
import psycopg
import sqlalchemy
from psycopg.types.json import Jsonb

PASSWORD = "correct horse"
UTC = datetime.timezone.utc
skipped = []


def equal(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def psycopg_reads_every_type(dsn):
    for binary in (False, True):
        with psycopg.connect(dsn, autocommit=True) as connection:
            cursor = connection.cursor(binary=binary)

            def row(sql, values=None):
                return cursor.execute(sql, values).fetchone()

            equal(
                row(
                    "SELECT true, 1::SMALLINT, 2::INT, 3::BIGINT, 1.5::REAL, 2.5::DOUBLE, 12.345::DECIMAL(10, 3), 'é', X'00ff',"
                    " DATE '2026-01-02', TIME '03:04:05.6', TIMESTAMP '2026-01-02T03:04:05.123456789',"
                    " CAST('2026-01-02T03:04:05.5Z' AS TIMESTAMP WITH TIME ZONE), INTERVAL '2 days 3 seconds', NULL"
                ),
                (
                    True, 1, 2, 3, 1.5, 2.5, decimal.Decimal("12.345"), "é", b"\x00\xff",
                    datetime.date(2026, 1, 2), datetime.time(3, 4, 5, 600000),
                    datetime.datetime(2026, 1, 2, 3, 4, 5, 123456),
                    datetime.datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=UTC),
                    datetime.timedelta(days=2, seconds=3), None,
                ),
            )
            nan, *others = row("SELECT 'NaN'::DOUBLE, 'Infinity'::DOUBLE, '-inf'::DOUBLE, 1e300, 0.1 + 0.2::DOUBLE")
            assert math.isnan(nan)
            equal(others, [math.inf, -math.inf, 1e300, 0.1 + 0.2])
            equal(row("SELECT [1, 2, NULL], ['a', 'b,\"c'], [1.5]"), ([1, 2, None], ["a", 'b,"c'], [1.5]))
            values = (
                1, 2**40, 1.5, "it's", None, True, datetime.date(2026, 1, 2), decimal.Decimal("12.50"), b"\x00\x01", [1, 2],
                datetime.datetime(2026, 1, 2, 3, 4, 5, 6), datetime.datetime(2026, 1, 2, tzinfo=UTC),
                datetime.timedelta(days=1, seconds=2),
            )
            equal(row("SELECT " + ", ".join(["%s"] * len(values)), values), values)
            equal(row("SELECT %s::BIGINT[], 'b' = ANY(%s)", (["1", "2"], ["a", "b"])), ([1, 2], True))
            count, *_ = row(
                "SELECT count(*) FROM ticks WHERE ts BETWEEN %s AND %s AND price > %s",
                ("2020-01-01T00:00:00Z", datetime.datetime(2030, 1, 1, tzinfo=UTC), "1"),
            )
            assert count > 10_000
            number, address = uuid.UUID(int=5), ipaddress.ip_address("10.0.0.1")
            equal(row("SELECT %b = '00000000-0000-0000-0000-000000000005', %b, %b", (number, address, Jsonb({"a": 1}))), (True, "10.0.0.1", '{"a": 1}'))
            equal(row("SELECT %s, %s", (number, Jsonb([1]))), (str(number), "[1]"))
            # A nanosecond more than a microsecond is read as a whole number.
            nanoseconds, instant = row("SELECT CAST(ts AS BIGINT), ts FROM ticks ORDER BY ts DESC LIMIT 1")
            equal(nanoseconds // 1000, round(instant.timestamp() * 1_000_000))


def psycopg_runs_what_programs_run(dsn):
    with psycopg.connect(dsn) as connection:
        with connection.cursor("named", binary=True) as cursor:
            cursor.itersize = 1000
            cursor.execute("SELECT value FROM generate_series(1, %s)", (5000,))
            equal(sum(value for (value,) in cursor), 12_502_500)
        connection.rollback()
        try:
            connection.execute("SELECT nothing")
            raise AssertionError("a missing column is an error")
        except psycopg.errors.UndefinedColumn:
            pass
        try:
            connection.execute("SELECT 1")
            raise AssertionError("nothing goes on in a failed transaction")
        except psycopg.errors.InFailedSqlTransaction:
            connection.rollback()
        cursor = connection.cursor()
        cursor.executemany("SELECT %s::BIGINT + 1", [(number,) for number in range(50)], returning=True)
        results = [cursor.fetchone()[0]]
        while cursor.nextset():
            results.append(cursor.fetchone()[0])
        equal(results, list(range(1, 51)))
        equal([connection.execute("SELECT %s + 1", (n,), prepare=True).fetchone()[0] for n in range(10)], list(range(1, 11)))
        connection.rollback()
        connection.autocommit = True
        timer = threading.Timer(0.5, connection.cancel)
        timer.start()
        try:
            connection.execute("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000000) b")
            raise AssertionError("the query has no end")
        except psycopg.errors.QueryCanceled:
            pass
        try:
            connection.execute("CREATE TABLE t AS SELECT 1 AS a")
            raise AssertionError("the server only reads")
        except psycopg.errors.ReadOnlySqlTransaction:
            pass
        try:
            psycopg.connect(dsn, password="wrong")
            raise AssertionError("the password is wrong")
        except psycopg.OperationalError:
            pass


def many_clients_at_once(dsn):
    failed = []

    def work(seed):
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                for number in range(20):
                    equal(connection.execute("SELECT %s * 2", (seed + number,)).fetchone()[0], 2 * (seed + number))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failed, [])


def sqlalchemy_reflects_and_pandas_reads(dsn):
    engine = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    inspector = sqlalchemy.inspect(engine)
    equal(inspector.get_schema_names(), ["information_schema", "public"])
    assert "landed_ticks" in inspector.get_table_names()
    assert "ticks" in inspector.get_view_names()
    assert "FROM landed_ticks" in inspector.get_view_definition("ticks")
    assert inspector.has_table("landed_ticks") and not inspector.has_table("nothing")
    columns = {column["name"]: column for column in inspector.get_columns("landed_ticks")}
    assert isinstance(columns["ts"]["type"], sqlalchemy.TIMESTAMP) and columns["ts"]["type"].timezone
    assert isinstance(columns["price"]["type"], sqlalchemy.DOUBLE_PRECISION)
    equal(inspector.get_pk_constraint("landed_ticks")["constrained_columns"], [])
    equal((inspector.get_indexes("landed_ticks"), inspector.get_foreign_keys("landed_ticks")), ([], []))
    table = sqlalchemy.Table("landed_ticks", sqlalchemy.MetaData(), autoload_with=engine)
    assert "best_bid" in table.columns
    with engine.connect() as connection:
        query = sqlalchemy.select(table.c.product_id, sqlalchemy.func.count()).group_by(table.c.product_id)
        rows = connection.execute(query.where(table.c.price > 0).limit(10)).all()
        equal([row[0] for row in rows], ["BTC-USD"])
        frame = pandas.read_sql(
            sqlalchemy.text("SELECT ts, price, side, CASE WHEN log_offset = :at THEN NULL ELSE price END AS gap FROM ticks ORDER BY ts LIMIT 1000"),
            connection,
            params={"at": -1},
        )
        equal(len(frame), 1000)
        equal([str(frame.dtypes[name]) for name in ("ts", "price")], ["datetime64[ns, UTC]" if str(frame.dtypes["ts"]).startswith("datetime64[ns") else "datetime64[us, UTC]", "float64"])
        special = pandas.read_sql(sqlalchemy.text("SELECT 'NaN'::DOUBLE AS a, 'Infinity'::DOUBLE AS b, NULL::DOUBLE AS c"), connection)
        assert math.isnan(special.a[0]) and special.b[0] == math.inf and special.c.isna()[0]
        raw = pandas.read_sql("SELECT price FROM ticks ORDER BY ts LIMIT 5", engine)
        equal(list(raw.price), list(frame.price[:5]))


# What the PostgreSQL data source of Grafana sends, 11.0 and today (public/app/plugins/datasource/grafana-postgresql-datasource/postgresMetaQuery.ts
# and the macros of pkg/tsdb/grafana-postgresql-datasource/macros.go).
GRAFANA_SCHEMAS = """quote_ident(table_schema) IN (
  SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
  FROM generate_series(
      array_lower(string_to_array(current_setting('search_path'),','),1),
      array_upper(string_to_array(current_setting('search_path'),','),1)) as i,
      string_to_array(current_setting('search_path'),',') s)"""
GRAFANA_TABLES = f"""select quote_ident(table_name) as "table" from information_schema.tables
    where quote_ident(table_schema) not in ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog',
      '_timescaledb_internal', '_timescaledb_config', 'timescaledb_information', 'timescaledb_experimental')
      and {GRAFANA_SCHEMAS}"""
GRAFANA_COLUMNS = f"""select quote_ident(column_name) as "column", data_type as "type" from information_schema.columns
    where {GRAFANA_SCHEMAS} and quote_ident(table_name) = 'ticks'"""
GRAFANA_COLUMNS_NOW = f"""SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
    WHERE CASE WHEN array_length(parse_ident('ticks'),1) = 2
      THEN quote_ident(table_schema) = (parse_ident('ticks'))[1] AND quote_ident(table_name) = (parse_ident('ticks'))[2]
      ELSE quote_ident(table_name) = 'ticks' AND {GRAFANA_SCHEMAS} END"""
GRAFANA_SERIES = """SELECT floor(extract(epoch from ts)/60)*60 AS "time", product_id AS metric, avg(price) AS value FROM ticks
    WHERE ts BETWEEN '2026-01-01T00:00:00Z' AND '2026-12-31T23:59:59.999Z' GROUP BY 1, 2 ORDER BY 1, 2"""
GRAFANA_VERSION = "SELECT current_setting('server_version_num')::int/100 as version"


def grafana_asks(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        def rows(sql):
            # Grafana's driver, pgx or lib/pq, sends statements without values by the simple protocol.
            return psycopg.ClientCursor(connection).execute(sql).fetchall()

        equal(rows("SELECT 1"), [(1,)])
        equal(rows(GRAFANA_VERSION), [(1600,)])
        tables = [name for (name,) in rows(GRAFANA_TABLES)]
        assert "ticks" in tables and "pg_class" not in tables
        for query in (GRAFANA_COLUMNS, GRAFANA_COLUMNS_NOW):
            columns = dict(rows(query))
            equal((columns["ts"], columns["price"]), ("timestamp with time zone", "double precision"))
        series = rows(GRAFANA_SERIES)
        assert len(series) >= 47 and series[0][0] % 60 == 0 and series[0][1] == "BTC-USD"
        equal(len(rows("SELECT * FROM ticks WHERE ts BETWEEN '2026-01-05T00:00:00Z' AND '2026-01-05T00:00:01Z' LIMIT 5")) > 0, True)
        epoch = "SELECT extract(epoch from ts) AS time FROM ticks WHERE extract(epoch from ts) >= 1735689600 LIMIT 1"
        equal(len(rows(epoch)), 1)


def psql_describes(dsn):
    if not shutil.which("psql"):
        skipped.append("psql: it is not installed")
        return

    def said(*commands, code=0):
        arguments = [argument for command in commands for argument in ("-c", command)]
        done = subprocess.run(["psql", "-X", dsn, *arguments], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    tables = said(r"\d")
    assert "public | ticks" in tables and "landed_ticks" in tables, tables
    assert "landed_ticks" in said(r"\dt") and "ticks" in said(r"\dv")
    described = said(r"\d landed_ticks")
    assert "timestamp with time zone" in described and "double precision" in described, described
    assert "View" in said(r"\d ticks")
    assert "public" in said(r"\dn") and "squall" in said(r"\l") and "squall" in said(r"\du")
    for command in (r"\dp", r"\z", r"\dD", r"\dF", r"\dFp", r"\dFd", r"\dFt", r"\dRs", r"\dl", r"\dconfig"):
        said(command)
    assert "SELECT" in said(r"\sv ticks")
    assert "(0 rows)" in said(r"\di") or "Did not find" in said(r"\di")
    assert "BTC-USD" in said("SELECT product_id FROM ticks LIMIT 1")
    wrong = said("SELECT prise FROM ticks", code=1)
    assert "^" in wrong and "HINT:  did you mean `price`?" in wrong, wrong
    assert "SQL" in said(r"\conninfo", "SELECT 'SQL'")
    in_transaction = said("BEGIN", "SELECT 1 AS one", "COMMIT")
    assert "COMMIT" in in_transaction


def jdbc_reads(address, jar):
    try:
        import jaydebeapi
    except ImportError:
        skipped.append("JDBC: JayDeBeApi is not installed")
        return
    if not jar or not shutil.which("java"):
        skipped.append("JDBC: there is no driver or no Java")
        return
    properties = {"user": "squall", "password": PASSWORD, "defaultRowFetchSize": "1000"}
    connection = jaydebeapi.connect("org.postgresql.Driver", f"jdbc:postgresql://{address}/squall", properties, jar)
    connection.jconn.setAutoCommit(False)
    cursor = connection.cursor()
    cursor.execute("SELECT count(*), max(price), min(ts) FROM ticks WHERE product_id = ? AND price > ?", ("BTC-USD", 1.5))
    count, price, ts = cursor.fetchone()
    assert count > 10_000 and price > 1 and ts.startswith("2026-01-05"), (count, price, ts)
    # In parts of 1,000 rows, and often enough that the driver prepares the statement and asks for binary values.
    for _ in range(8):
        cursor.execute("SELECT value, value * 1.5, NULL, 'é' FROM generate_series(1, ?)", (2500,))
        rows = cursor.fetchall()
        equal((len(rows), rows[-1]), (2500, (2500, 3750.0, None, "é")))
    connection.commit()
    meta = connection.jconn.getMetaData()

    def all_of(result, *names):
        rows = []
        while result.next():
            rows.append(tuple(str(result.getString(name)) for name in names))
        return rows

    tables = all_of(meta.getTables(None, "public", "%", None), "TABLE_NAME", "TABLE_TYPE")
    assert ("landed_ticks", "TABLE") in tables and ("ticks", "VIEW") in tables, tables
    columns = all_of(meta.getColumns(None, "public", "landed_ticks", "%"), "COLUMN_NAME", "TYPE_NAME")
    assert ("ts", "timestamptz") in columns and ("price", "float8") in columns, columns
    types = all_of(meta.getTypeInfo(), "TYPE_NAME", "DATA_TYPE")
    assert ("int8", "-5") in types and ("_int8", "2003") in types, types
    # The driver names ctid for every table; what it asks the server for is the type's number.
    equal(all_of(meta.getVersionColumns(None, "public", "landed_ticks"), "COLUMN_NAME"), [("ctid",)])
    equal(meta.getMaxColumnNameLength(), 63)
    assert "qualify" in str(meta.getSQLKeywords()).split(",")
    assert ("public",) in all_of(meta.getSchemas(), "TABLE_SCHEM")
    equal(all_of(meta.getPrimaryKeys(None, "public", "landed_ticks"), "COLUMN_NAME"), [])
    connection.close()


def rows_per_second(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.cursor(binary=True)
        began = time.time()
        cursor.execute("SELECT value, value * 1.5 AS d, 'abc' AS t FROM generate_series(1, 1000000)")
        count = len(cursor.fetchall())
        print(f"{count / (time.time() - began):,.0f} rows a second of three columns to psycopg")


def main():
    squall = pathlib.Path(sys.argv[1]).resolve()
    jar = sys.argv[2] if len(sys.argv) > 2 else None
    root = pathlib.Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(root / "sql", pathlib.Path(folder) / "sql")
        for line in (["replay", str(root / "data/sample/btc-usd.ndjson.zst")], ["land"]):
            subprocess.run([squall, *line, "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        environment = {**os.environ, "SQUALL_SERVE_PASSWORD": PASSWORD}
        server = subprocess.Popen([squall, "serve", "--pg", "127.0.0.1:0"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().strip().removeprefix("serving on ")
            dsn = f"postgresql://squall:{PASSWORD.replace(' ', '%20')}@{address}/squall"
            only = os.environ.get("ONLY", "")
            checks = [
                psycopg_reads_every_type, psycopg_runs_what_programs_run, many_clients_at_once,
                sqlalchemy_reflects_and_pandas_reads, grafana_asks, psql_describes, rows_per_second,
            ]
            for check in checks:
                if only in check.__name__:
                    check(dsn)
                    print(f"ok: {check.__name__.replace('_', ' ')}")
            if only in "jdbc_reads":
                jdbc_reads(address, jar)
                print("ok: jdbc reads")
        finally:
            server.terminate()
            equal(server.wait(timeout=10), 0)
    for what in skipped:
        print(f"skipped: {what}")


main()
