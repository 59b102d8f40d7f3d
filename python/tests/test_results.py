"""Rows arrive with the types and the bits that the program computes."""

import csv
import datetime
import decimal
import io
import math
import subprocess

import duckdb
import pandas
import polars
import pyarrow as pa
import pytest

import squall


def one(con, expression):
    """The value of an expression, and its Arrow type."""
    table = con.sql(f"SELECT {expression} AS v").arrow()
    return table["v"].to_pylist()[0], table.schema.field("v").type


@pytest.mark.parametrize(
    "expression, value, kind",
    [
        ("1", 1, pa.int64()),
        ("CAST(NULL AS BIGINT)", None, pa.int64()),
        ("NULL", None, pa.null()),
        ("true", True, pa.bool_()),
        ("'a''b é 🌩'", "a'b é 🌩", pa.string()),
        ("arrow_cast('longer than what a view holds itself', 'Utf8View')", "longer than what a view holds itself", pa.string()),
        ("X'00ff'", b"\x00\xff", pa.binary()),
        ("CAST('12345678901234567890.12' AS DECIMAL(38, 2))", decimal.Decimal("12345678901234567890.12"), pa.decimal128(38, 2)),
        ("DATE '2026-01-05'", datetime.date(2026, 1, 5), pa.date32()),
        ("TIME '10:00:01'", datetime.time(10, 0, 1), pa.time64("ns")),
        ("[1, NULL, 3]", [1, None, 3], pa.list_(pa.field("item", pa.int64()))),
        ("[['a'], []]", [["a"], []], None),
        ("{'a': 1, 'b': 'x'}", {"a": 1, "b": "x"}, None),
        ("arrow_cast('k', 'Dictionary(Int32, Utf8)')", "k", pa.dictionary(pa.int32(), pa.string())),
        ("MAP {'a': 1}", [("a", 1)], None),
    ],
)
def test_types(empty, expression, value, kind):
    got, type_ = one(empty, expression)
    assert got == value
    assert kind is None or type_ == kind


def test_times_keep_nanoseconds_and_zones(empty):
    zone = "arrow_cast(TIMESTAMP '2026-01-05T00:00:00.000000001', 'Timestamp(ns, \"+02:00\")')"
    value, kind = one(empty, zone)
    assert kind == pa.timestamp("ns", "+02:00")
    assert value.nanosecond == 1 and value.utcoffset() == datetime.timedelta(hours=2)
    frame = empty.sql("SELECT arrow_cast(1, 'Timestamp(ns, \"UTC\")') AS t").to_pandas()
    assert str(frame["t"].dtype) == "datetime64[ns, UTC]" and frame["t"][0].value == 1


def test_nan_infinity_and_null_differ(empty):
    query = "SELECT * FROM (VALUES (CAST('NaN' AS DOUBLE)), (CAST('inf' AS DOUBLE)), (NULL), (CAST('-0' AS DOUBLE))) AS t(x)"
    nan, infinity, nothing, zero = [x for (x,) in empty.sql(query).fetchall()]
    assert math.isnan(nan) and math.isinf(infinity) and nothing is None and math.copysign(1, zero) == -1


def test_an_empty_result_has_columns(empty):
    result = empty.sql("SELECT 1 AS n, 'a' AS text WHERE false")
    assert result.columns == ["n", "text"]
    assert result.arrow().num_rows == 0 and result.fetchall() == []
    assert list(result.to_pandas().columns) == ["n", "text"]
    assert result.to_polars().schema == {"n": polars.Int64, "text": polars.String}


def test_a_statement_without_rows(empty):
    result = empty.sql("CREATE TABLE kept AS SELECT 7 AS n")
    assert result.columns == [] and result.arrow().num_columns == 0 and result.fetchall() == []
    assert "no result" in repr(result) and "no result" in result._repr_html_()
    assert empty.sql("SELECT n FROM kept").fetchall() == [(7,)]
    assert empty.sql("CREATE TEMP TABLE t AS SELECT 8 AS n; SELECT * FROM t").fetchall() == [(8,)]


def test_two_results_are_refused(empty):
    with pytest.raises(squall.Error, match="has a result already"):
        empty.sql("SELECT 1; SELECT 2").arrow()


def test_bits_are_the_programs_own(con, project, program):
    query = "SELECT product_id, ts, rv_60s, momentum_60s FROM spike_features ORDER BY product_id, ts LIMIT 3000"
    printed = subprocess.run([program, "sql", "--format", "csv", query], cwd=project, check=True, capture_output=True, text=True)
    expected = [float(row["rv_60s"]) if row["rv_60s"] else None for row in csv.DictReader(io.StringIO(printed.stdout))]
    assert con.sql(query).arrow()["rv_60s"].to_pylist() == expected
    assert any(expected)


def test_every_library_takes_a_result(con):
    result = con.sql("SELECT product_id, count(*) AS ticks FROM ticks GROUP BY product_id")
    count = result.fetchall()[0][1]
    assert result.df()["ticks"].sum() == count and isinstance(result.df(), pandas.DataFrame)
    assert result.pl()["ticks"].sum() == count and polars.DataFrame(result)["ticks"].sum() == count
    assert pa.table(result)["ticks"].to_pylist() == [count]
    assert duckdb.sql("SELECT sum(ticks) FROM result").fetchall() == [(count,)]


def test_rows_are_shown(con):
    result = con.sql("SELECT value AS n, '<b>' AS mark, CAST(NULL AS INT) AS nothing FROM generate_series(1, 100) AS s(value)")
    assert repr(result).splitlines()[0].split() == ["n", "│", "mark", "│", "nothing"]
    assert "(first 10 rows)" in repr(result) and "NULL" in repr(result)
    page = result._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page and page.count("<tr>") == 11
    assert len(result.fetchall()) == 100


def test_python_without_pandas_gets_times_too(empty, monkeypatch):
    monkeypatch.setattr("squall._result._has", lambda module: False)
    query = "SELECT arrow_cast(1500, 'Timestamp(ns, \"UTC\")') AS t, arrow_cast(1500, 'Duration(ns)') AS d"
    ((time, duration),) = empty.sql(query).fetchall()
    assert type(time) is datetime.datetime and time.microsecond == 1
    assert duration == datetime.timedelta(microseconds=1)
