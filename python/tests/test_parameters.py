"""Parameters arrive as the values that they are."""

import datetime
import decimal
import math
import uuid

import numpy
import pandas
import pyarrow as pa
import pytest

import squall

UTC = datetime.timezone.utc
PARIS = datetime.timezone(datetime.timedelta(hours=1))
HOSTILE = ["it's", "'; DROP TABLE ticks; --", "\\'", "$1", "/* ", "-- ", "a\nb\tc", "é🌩", "", "''", '"']


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(empty, text):
    assert empty.sql("SELECT $1 AS v, $2 AS n", [text, 1]).fetchall() == [(text, 1)]


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -5, 2**63 - 1, -(2**63), 0.1, -0.0, 1e300, 5e-324, b"\x00'\xff", [1, 2, None], ["a'b", "c"],
        {"a": 1, "b'": "x"}, datetime.date(2026, 1, 5), datetime.time(1, 2, 3, 4), datetime.timedelta(seconds=-1, microseconds=1),
        datetime.datetime(2026, 1, 5, 1, 2, 3, 4), datetime.datetime(2026, 1, 5, 1, 2, 3, 4, UTC),
        decimal.Decimal("1.10"), decimal.Decimal("-0.001"), decimal.Decimal("1E+3"),
    ],
)  # fmt: skip
def test_values_come_back(empty, value):
    ((back,),) = empty.sql("SELECT $1 AS v", [value]).fetchall()
    assert back == value
    if isinstance(value, float):
        assert math.copysign(1, back) == math.copysign(1, value)


def test_what_python_has_no_equal_for(empty):
    row = [float("nan"), float("-inf"), 2**64, numpy.int32(7), numpy.float64(0.5), uuid.UUID(int=5)]
    names = ", ".join(f"${n} AS c{n}" for n in range(1, len(row) + 1))
    ((nan, infinity, large, seven, half, text),) = empty.sql(f"SELECT {names}", row).fetchall()
    assert math.isnan(nan) and infinity == -math.inf and large == 2**64
    assert (seven, half, text) == (7, 0.5, str(uuid.UUID(int=5)))
    ((nothing, duration),) = empty.sql("SELECT $1 AS a, $2 AS b", [pandas.NaT, pandas.Timedelta(-1)]).fetchall()
    assert nothing is None and duration == pandas.Timedelta(-1)


def test_an_instant_is_the_same_in_every_zone(empty):
    here = datetime.datetime(2026, 1, 5, 1, tzinfo=PARIS)
    table = empty.sql("SELECT $1 AS t, $2 AS stamp", [here, pandas.Timestamp(1, tz="UTC")]).arrow()
    assert table.schema.field("t").type == pa.timestamp("ns", "UTC")
    assert table["t"].to_pylist() == [here] and table["stamp"].to_pylist()[0].value == 1


def test_parameters_choose_rows(con):
    query = "SELECT count(*) FROM ticks WHERE product_id = $1 AND ts >= $2 -- of one product\n;"
    ((all_,),) = con.sql("SELECT count(*) FROM ticks").fetchall()
    first = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    assert con.sql(query, ["BTC-USD", first]).fetchall() == [(all_,)]
    assert con.sql(query, ["BTC-USD' OR true", first]).fetchall() == [(0,)]


def test_errors_of_parameters(empty):
    with pytest.raises(squall.Error, match="placeholder"):
        empty.sql("SELECT $1, $2", [1])
    with pytest.raises(squall.Error) as caught:
        empty.sql("SELECT nonsense($1)", [1])
    assert (caught.value.line, caught.value.column) == (1, 8)
    for wrong in (object(), datetime.time(1, tzinfo=UTC), numpy.datetime64(1, "ns"), numpy.array([1, 2])):
        with pytest.raises(TypeError):
            empty.sql("SELECT $1", [wrong])
    for wrong in (10**40, decimal.Decimal("NaN")):
        with pytest.raises(ValueError):
            empty.sql("SELECT $1", [wrong])
    for wrong in ("abc", {"a": 1}):
        with pytest.raises(TypeError):
            empty.sql("SELECT $1", wrong)
    assert empty.sql("SELECT 1", []).fetchall() == [(1,)]
