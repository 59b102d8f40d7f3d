"""Real clients of Arrow Flight SQL against `squall serve --flight`: ADBC, and pandas and Polars through it.

Usage: flight_clients.py SQUALL. Python needs adbc-driver-flightsql, pyarrow, pandas and polars.
"""

import datetime
import decimal
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import pandas
import polars
import pyarrow
from adbc_driver_flightsql import DatabaseOptions

PASSWORD = "correct horse"
UTC = datetime.timezone.utc
ENDLESS = "SELECT count(*) AS n FROM generate_series(1, 100000000) AS a, generate_series(1, 100000000) AS b"


def equal(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def connect(uri, password=PASSWORD, **options):
    return flightsql.connect(uri, db_kwargs={"username": "squall", "password": password, **options}, autocommit=True)


def refused(kind, said, work):
    """Checks that something fails with a status and a message."""
    try:
        work()
    except adbc_driver_manager.Error as error:
        assert said in str(error), f"{said!r} is not in {error}"
        equal(error.status_code, kind)
        return
    raise AssertionError(f"it should be refused: {said}")


def table(cursor, sql, values=None):
    cursor.execute(sql, values)
    return cursor.fetch_arrow_table()


Code = adbc_driver_manager.AdbcStatusCode


def adbc_reads_every_type(uri):
    with connect(uri) as connection, connection.cursor() as cursor:
        got = table(
            cursor,
            "SELECT true AS flag, 1::TINYINT AS a, 2::SMALLINT AS b, 3::INT AS c, 4::BIGINT AS d, 5::BIGINT UNSIGNED AS e,"
            " 1.5::REAL AS f, 'NaN'::DOUBLE AS g, 12.345::DECIMAL(10, 3) AS h, 'é' AS text, arrow_cast('v', 'Utf8View') AS view,"
            " arrow_cast('w', 'Dictionary(Int32, Utf8)') AS word, X'00ff' AS bytes, DATE '2026-01-02' AS day, TIME '03:04:05.6' AS time,"
            " TIMESTAMP '2026-01-02T03:04:05.123456789' AS local, CAST('2026-01-02T03:04:05.5Z' AS TIMESTAMP WITH TIME ZONE) AS instant,"
            " INTERVAL '2 days' AS span, NULL AS nothing, [1, NULL] AS list, {'a': 1, 'b': ['x']} AS record,"
            " arrow_cast('2026-01-02T03:04:05', 'Timestamp(Microsecond, Some(\"Europe/Berlin\"))') AS berlin",
        )
        row = got.drop(["g", "span", "local"]).to_pylist()[0]
        equal(
            {name: row[name] for name in row if name not in ("instant", "berlin")},
            {
                "flag": True, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 1.5, "h": decimal.Decimal("12.345"), "text": "é",
                "view": "v", "word": "w", "bytes": b"\x00\xff", "day": datetime.date(2026, 1, 2),
                "time": datetime.time(3, 4, 5, 600000), "nothing": None, "list": [1, None], "record": {"a": 1, "b": ["x"]},
            },
        )
        equal(got.schema.field("berlin").type, pyarrow.timestamp("us", "Europe/Berlin"))
        equal(got["local"].cast("int64")[0].as_py() % 1_000_000_000, 123_456_789)
        equal(str(got["instant"].cast(pyarrow.timestamp("ms", "UTC"))[0].as_py()), "2026-01-02 03:04:05.500000+00:00")
        assert got["g"][0].as_py() != got["g"][0].as_py()
        equal(table(cursor, "SELECT 1 AS a, 'b' AS b WHERE false").schema.names, ["a", "b"])
        nulls = table(cursor, "SELECT CASE WHEN value > 1 THEN value END AS v, nullif('a', 'a') AS t FROM generate_series(1, 3) ORDER BY value")
        equal(nulls.to_pydict(), {"v": [None, 2, 3], "t": [None] * 3})
        landed = table(cursor, "SELECT * FROM ticks")
        assert landed.num_rows > 10_000 and landed.schema.field("ts").type == pyarrow.timestamp("ns", "UTC"), landed.schema
        equal(landed["product_id"].unique().to_pylist(), ["BTC-USD"])


def adbc_gives_parameters(uri):
    with connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT value, $2 AS t FROM generate_series(1, 9) WHERE value > $1 ORDER BY 1", (6, "it's"))
        equal(cursor.fetchall(), [(7, "it's"), (8, "it's"), (9, "it's")])
        cursor.execute("SELECT value, '?' AS t FROM generate_series(1, 9) WHERE value > ? AND value < ?", (6, 8))
        equal(cursor.fetchall(), [(7, "?")])
        values = (1, 2**40, 1.5, "it's", None, True, b"\x00\x01", datetime.date(2026, 1, 2), decimal.Decimal("12.50"))
        cursor.execute("SELECT " + ", ".join(f"${at + 1}" for at in range(len(values))), values)
        equal(cursor.fetchall(), [values])
        instant = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
        cursor.execute("SELECT count(*) FROM ticks WHERE ts > $1 AND price > $2", (instant, 1.0))
        assert cursor.fetchone()[0] > 10_000
        one_row = pyarrow.record_batch({"1": pyarrow.array([[1, 2]]), "2": pyarrow.array([2])})
        cursor.execute("SELECT $2 = ANY($1), $1", one_row)
        equal(cursor.fetchall(), [(True, [1, 2])])
        for number in range(10):
            cursor.execute("SELECT $1 + 1", (number,))
            equal(cursor.fetchone(), (number + 1,))


def adbc_is_refused_and_told_why(uri):
    refused(Code.UNAUTHENTICATED, "the user or the password is wrong", lambda: connect(uri, "wrong"))
    with connect(uri) as connection, connection.cursor() as cursor:
        refused(Code.INVALID_ARGUMENT, "did you mean `price`?", lambda: cursor.execute("SELECT prise FROM ticks"))
        refused(Code.NOT_FOUND, "nosuch", lambda: cursor.execute("SELECT * FROM nosuch"))
        refused(Code.UNAUTHORIZED, "this server only reads", lambda: cursor.execute("CREATE TABLE t AS SELECT 1 AS a"))
        refused(Code.UNAUTHORIZED, "allow-create", lambda: cursor.execute("CREATE VIEW v AS SELECT 1 AS a"))
        rows = pyarrow.table({"a": [1]})
        refused(Code.UNAUTHORIZED, "this server only reads", lambda: cursor.adbc_ingest("t", rows))
        # The error comes after rows.
        refused(Code.INVALID_ARGUMENT, "zero", lambda: table(cursor, "SELECT 1 / (value - 500000) AS a FROM generate_series(1, 1000000)"))
        refused(Code.TIMEOUT, "", lambda: (table(cursor, "SET statement_timeout = '300ms'"), table(cursor, ENDLESS)))
        equal(table(cursor, "SHOW statement_timeout").to_pylist(), [{"statement_timeout": "300ms"}])
        table(cursor, "SET statement_timeout = 0")
        greedy = "SELECT array_agg(repeat('x', 1000)) AS a FROM generate_series(1, 3000000)"
        try:
            table(cursor, greedy)
            raise AssertionError("the memory is limited")
        except adbc_driver_manager.Error as error:
            assert "memory" in str(error).lower(), error
        equal(table(cursor, "SELECT 1 AS a").to_pylist(), [{"a": 1}])


def adbc_cancels(uri):
    with connect(uri) as connection, connection.cursor() as cursor:
        timer = threading.Timer(0.5, cursor.adbc_cancel)
        timer.start()
        refused(Code.CANCELLED, "", lambda: table(cursor, ENDLESS))
        equal(table(cursor, "SELECT 1 AS a").num_rows, 1)


def adbc_lists_tables(uri):
    with connect(uri) as connection:
        objects = connection.adbc_get_objects().read_all().to_pylist()
        equal([catalog["catalog_name"] for catalog in objects], ["squall"])
        schemas = objects[0]["catalog_db_schemas"]
        equal([schema["db_schema_name"] for schema in schemas], ["public"])
        tables = {one["table_name"]: one for one in schemas[0]["db_schema_tables"]}
        equal((tables["landed_ticks"]["table_type"], tables["ticks"]["table_type"]), ("TABLE", "VIEW"))
        columns = [column["column_name"] for column in tables["ticks"]["table_columns"]]
        assert "product_id" in columns and "price" in columns, columns
        few = connection.adbc_get_objects(depth="tables", table_name_filter="landed_t%").read_all().to_pylist()
        equal([one["table_name"] for one in few[0]["catalog_db_schemas"][0]["db_schema_tables"]], ["landed_ticks"])
        equal(connection.adbc_get_table_types(), ["TABLE", "VIEW"])
        equal(connection.adbc_get_table_schema("ticks").field("price").type, pyarrow.float64())
        about = connection.adbc_get_info()
        equal(about["vendor_name"], "squall")


def polars_and_pandas_read(uri):
    query = "SELECT product_id, ts, price FROM ticks ORDER BY ts LIMIT 1000"
    with connect(uri) as connection:
        frame = polars.read_database(query, connection)
        equal((frame.shape, frame.schema["price"], frame.schema["ts"]), ((1000, 3), polars.Float64, polars.Datetime("ns", "UTC")))
        frame = pandas.read_sql(query, connection)
        equal(frame.shape, (1000, 3))
        equal(str(frame["ts"].dt.tz), "UTC")
        arrow = pandas.read_sql(query, connection, dtype_backend="pyarrow")
        equal(str(arrow["price"].dtype), "double[pyarrow]")


def polars_opens_a_uri(folder, squall):
    # `read_database_uri` passes the address alone, so this is for a server without a password.
    with Server(squall, folder, "--no-password") as uri:
        address = uri.replace("grpc://", "flightsql://") + "?transport=tcp"
        frame = polars.read_database_uri("SELECT count(*) AS n FROM ticks", address, engine="adbc")
        assert frame["n"][0] > 10_000


def tls_is_used(folder, squall):
    where = pathlib.Path(folder)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", where / "key.pem", "-out", where / "cert.pem", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )
    with Server(squall, folder, "--tls-cert", "cert.pem", "--tls-key", "key.pem") as uri:
        assert uri.startswith("grpc+tls://"), uri
        trusted = {DatabaseOptions.TLS_ROOT_CERTS.value: (where / "cert.pem").read_text()}
        with connect(uri, **trusted) as connection, connection.cursor() as cursor:
            equal(table(cursor, "SELECT 1 AS a").to_pylist(), [{"a": 1}])
        for wrong in (lambda: connect(uri), lambda: connect(uri.replace("grpc+tls", "grpc"))):
            try:
                wrong()
                raise AssertionError("the server speaks TLS, with its own certificate")
            except adbc_driver_manager.Error:
                pass


def views_are_made_where_it_is_allowed(folder, squall):
    with Server(squall, folder, "--allow-create") as uri, connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE VIEW many AS SELECT 41 + 1 AS a")
        cursor.fetchall()
        equal(table(cursor, "SELECT a FROM many").to_pylist(), [{"a": 42}])
        cursor.executescript("DROP VIEW many")
        refused(Code.NOT_FOUND, "many", lambda: cursor.execute("SELECT a FROM many"))


def rows_per_second(uri):
    with connect(uri) as connection, connection.cursor() as cursor:
        began = time.time()
        rows = table(cursor, "SELECT value, value * 1.5 AS d, 'abc' AS t FROM generate_series(1, 1000000)").num_rows
        equal(rows, 1_000_000)
        print(f"{rows / (time.time() - began):,.0f} rows a second of three columns to ADBC")


class Server:
    """`squall serve --flight` with some options."""

    def __init__(self, squall, folder, *options):
        environment = {**os.environ, "SQUALL_SERVE_PASSWORD": PASSWORD}
        line = [squall, "serve", "--flight", "127.0.0.1:0", *options]
        self.process = subprocess.Popen(line, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self.process.stdout.readline().strip().removeprefix("serving on ")

    def __exit__(self, *_):
        self.process.terminate()
        equal(self.process.wait(timeout=10), 0)


def main():
    squall = pathlib.Path(sys.argv[1]).resolve()
    root = pathlib.Path(__file__).resolve().parent.parent
    only = os.environ.get("ONLY", "")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(root / "sql", pathlib.Path(folder) / "sql")
        for line in (["replay", str(root / "data/sample/btc-usd.ndjson.zst")], ["land"]):
            subprocess.run([squall, *line, "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with Server(squall, folder, "--set", "engine.memory_limit_mb=512") as uri:
            checks = [
                adbc_reads_every_type, adbc_gives_parameters, adbc_is_refused_and_told_why, adbc_cancels, adbc_lists_tables,
                polars_and_pandas_read, rows_per_second,
            ]
            for check in checks:
                if only in check.__name__:
                    check(uri)
                    print(f"ok: {check.__name__.replace('_', ' ')}")
        for check in (polars_opens_a_uri, tls_is_used, views_are_made_where_it_is_allowed):
            if only in check.__name__:
                check(folder, squall)
                print(f"ok: {check.__name__.replace('_', ' ')}")


main()
