"""Python values as SQL. A value never becomes a part of the statement's text other than as a literal."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

_BIGINT = 2**63
_DIGITS = 38


def quoted(text: str) -> str:
    """Returns text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def literal(value: Any) -> str:
    """Returns a value as SQL that has the value's type.

    Raises:
        TypeError: The value is of a type that has no SQL type.
        ValueError: The value does not fit into its SQL type.
    """
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        value = _scalar(value)
    if value is None or (isinstance(value, (datetime.datetime, datetime.timedelta)) and value != value):
        return "NULL"  # NaT of pandas is a time that is not equal to itself.
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        # `repr` has the digits that give the same bits back.
        return f"CAST({quoted(repr(float(value)))} AS DOUBLE)"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"X'{bytes(value).hex()}'"
    if isinstance(value, decimal.Decimal):
        return _decimal(value)
    if isinstance(value, datetime.datetime):
        return _time(value)
    if isinstance(value, datetime.date):
        return f"CAST({quoted(value.isoformat())} AS DATE)"
    if isinstance(value, datetime.time):
        if value.tzinfo is not None:
            raise TypeError("a time of day with a zone has no SQL type; give a datetime")
        return f"CAST({quoted(value.isoformat())} AS TIME)"
    if isinstance(value, datetime.timedelta):
        return _duration(value)
    if isinstance(value, uuid.UUID):
        return quoted(str(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"named_struct({', '.join(f'{quoted(str(key))}, {literal(item)}' for key, item in value.items())})"
    raise TypeError(f"a parameter of type {type(value).__name__} has no SQL type")


def _scalar(value: Any) -> Any:
    """Returns a value of NumPy as Python's own."""
    if value.dtype.kind in "mM":
        # Python's times have no nanoseconds, and what NumPy makes of them is a number.
        raise TypeError("a time of NumPy has no zone; give a datetime or a pandas.Timestamp")
    return value.item()


def _integer(value: int) -> str:
    if -_BIGINT <= value < _BIGINT:
        return str(int(value))
    return _decimal(decimal.Decimal(value))


def _decimal(value: decimal.Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} has no DECIMAL")
    _, digits, exponent = value.as_tuple()
    scale = max(0, -int(exponent))
    precision = max(len(digits) + max(0, int(exponent)), scale, 1)
    if precision > _DIGITS:
        raise ValueError(f"{value} has more than {_DIGITS} digits, which a DECIMAL cannot hold")
    return f"CAST('{value:f}' AS DECIMAL({precision}, {scale}))"


def _time(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        return f"arrow_cast({quoted(value.isoformat())}, 'Timestamp(ns)')"
    # An instant is the same in every zone.
    instant = value.astimezone(datetime.timezone.utc)
    return f"""arrow_cast({quoted(instant.isoformat())}, 'Timestamp(ns, "UTC")')"""


def _duration(value: datetime.timedelta) -> str:
    microseconds = value // datetime.timedelta(microseconds=1)
    # Those of pandas have nanoseconds too.
    nanoseconds = getattr(value, "nanoseconds", 0)
    if nanoseconds:
        return f"arrow_cast({_integer(microseconds * 1000 + nanoseconds)}, 'Duration(ns)')"
    return f"arrow_cast({_integer(microseconds)}, 'Duration(µs)')"
