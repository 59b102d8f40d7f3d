"""The rows of a statement: read as they come, and handed over as Arrow."""

from __future__ import annotations

import html
import importlib
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Tuple

import pyarrow as pa

from ._error import Error
from ._program import Running

if TYPE_CHECKING:
    import pandas
    import polars

# How many rows and characters of a value are shown.
_SHOWN_ROWS = 10
_SHOWN_CHARACTERS = 60


class Result:
    """The rows of one statement. They are computed once, and read from the program as far as they are needed.

    Whatever shows or returns rows (`arrow`, `to_pandas`, `to_polars`, `fetchall`, printing) keeps them, so you can ask again.
    `batches` and `reader` pass them on without keeping them, for results that do not fit in memory. A result of which rows are
    left holds its program; `close`, `with`, or letting the result go ends it.
    """

    def __init__(self, running: Running) -> None:
        """Waits for the first rows.

        Raises:
            Error: The statement failed before its first row.
        """
        self._running: Optional[Running] = running
        self._reader: Optional[pa.RecordBatchReader] = None
        self._kept: List[pa.RecordBatch] = []
        self._passed_on = False
        self._closed = False
        self._schema = pa.schema([])
        try:
            if not running.output.peek(1):  # type: ignore[attr-defined]
                # A statement such as CREATE TABLE has no rows.
                self._ended()
                return
            self._reader = pa.ipc.open_stream(running.output)
            self._schema = self._reader.schema
            self._keep_one()
        except BaseException:
            running.stop()
            raise

    @property
    def schema(self) -> pa.Schema:
        """The columns with their Arrow types; none for a statement without rows, such as CREATE TABLE."""
        return self._schema

    @property
    def columns(self) -> List[str]:
        """The names of the columns."""
        return list(self._schema.names)

    def arrow(self) -> pa.Table:
        """Returns all rows as a table.

        Raises:
            Error: The statement failed on the way; or the rows were passed on before, by `batches` or `reader`.
        """
        self._still_here()
        while self._keep_one():
            pass
        return pa.Table.from_batches(self._kept, self._schema)

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """Returns all rows as a DataFrame of pandas.

        Whole numbers with NULL become floats, as pandas has it; `types_mapper=pandas.ArrowDtype` keeps the types.

        Args:
            options: What pyarrow.Table.to_pandas takes.

        Raises:
            Error: As for `arrow`.
            ImportError: pandas is not installed.
        """
        _need("pandas")
        return self.arrow().to_pandas(**options)

    df = to_pandas

    def to_polars(self) -> polars.DataFrame:
        """Returns all rows as a DataFrame of Polars.

        Raises:
            Error: As for `arrow`.
            ImportError: polars is not installed.
        """
        return _need("polars").from_arrow(self.arrow())  # type: ignore[no-any-return]

    pl = to_polars

    def fetchall(self) -> List[Tuple[Any, ...]]:
        """Returns all rows as tuples of Python's values; NULL is None.

        Times with nanoseconds are pandas.Timestamp if pandas is installed, or else datetime, cut to microseconds.

        Raises:
            Error: As for `arrow`.
        """
        return _rows(self.arrow())

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Passes the rows on as record batches, as they are computed, and keeps none of them.

        Raises:
            Error: The statement failed on the way; or the rows were passed on before.
        """
        self._still_here()
        self._passed_on = True
        return self._pass_on()

    def reader(self) -> pa.RecordBatchReader:
        """Passes the rows on as a reader of Arrow, as `batches` does. DuckDB, Polars and pyarrow write files from it."""
        return pa.RecordBatchReader.from_batches(self._schema, self.batches())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Hands all rows to another library without a copy."""
        return self.arrow().__arrow_c_stream__(requested_schema)

    def close(self) -> None:
        """Ends the program, if it still computes. What was read can still be shown; there are no further rows."""
        self._closed = self._closed or self._running is not None
        if self._running is not None:
            self._running.stop()
        self._running = self._reader = None

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self._schema.names:
            return "no rows: the statement has no result"
        cells, more = self._shown()
        names = self._schema.names
        widths = [max(map(len, column)) for column in zip(names, *cells)]
        lines = [" │ ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (names, *cells)]
        lines.insert(1, "─┼─".join("─" * width for width in widths))
        return "\n".join([*lines, *([f"(first {len(cells)} rows)"] if more else [])])

    def _repr_html_(self) -> str:
        if not self._schema.names:
            return f"<p>{self!r}</p>"
        cells, more = self._shown()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._schema.names)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        note = f"<p>first {len(cells)} rows</p>" if more else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"

    def _shown(self) -> Tuple[List[List[str]], bool]:
        """Returns the first rows as text, and whether there are more. No more is read than is shown."""
        if self._passed_on:
            return [], True
        while sum(batch.num_rows for batch in self._kept) <= _SHOWN_ROWS and self._keep_one():
            pass
        first = pa.Table.from_batches(self._kept, self._schema).slice(0, _SHOWN_ROWS + 1)
        rows = [[_text(value) for value in row] for row in _rows(first)]
        return rows[:_SHOWN_ROWS], len(rows) > _SHOWN_ROWS

    def _still_here(self) -> None:
        if self._passed_on:
            raise Error("the rows were passed on and not kept", "run the statement again")
        if self._closed:
            raise Error("the result was closed before its last row", "run the statement again")

    def _keep_one(self) -> bool:
        """Reads a batch more; returns whether there was one."""
        batch = self._next()
        if batch is not None:
            self._kept.append(batch)
        return batch is not None

    def _pass_on(self) -> Iterator[pa.RecordBatch]:
        while self._kept:
            yield self._kept.pop(0)
        while True:
            batch = self._next()
            if batch is None:
                return
            yield batch

    def _next(self) -> Optional[pa.RecordBatch]:
        if self._closed and self._passed_on:
            raise Error("the result was closed before its last row", "run the statement again")
        if self._running is None or self._reader is None:
            return None
        if self._running.stopped:
            raise Error("the connection was closed before the last row of the result", "read results before you close it")
        try:
            return self._reader.read_next_batch()
        except StopIteration:
            pass
        except (pa.ArrowException, OSError):
            # A program that fails leaves half a message; what it says is the reason.
            self._ended()
            raise
        except BaseException:
            self.close()
            raise
        self._ended()
        return None

    def _ended(self) -> None:
        """Waits for the program's end. Raises Error if it failed: then the rows so far are not the result."""
        running, self._running, self._reader = self._running, None, None
        if running is not None:
            self._closed = True
            running.wait()
            self._closed = False


def _rows(table: pa.Table) -> List[Tuple[Any, ...]]:
    if table.num_columns == 0:
        return []
    return list(zip(*(_values(column) for column in table.columns)))


def _values(column: pa.ChunkedArray) -> List[Any]:
    kind = column.type
    if pa.types.is_time64(kind) and kind.unit == "ns":
        column = column.cast(pa.time64("us"), safe=False)
    elif not _has("pandas") and pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    elif not _has("pandas") and pa.types.is_duration(kind) and kind.unit == "ns":
        column = column.cast(pa.duration("us"), safe=False)
    return column.to_pylist()  # type: ignore[no-any-return]


def _text(value: Any) -> str:
    text = "NULL" if value is None else str(value)
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _has(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _need(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{module} is not installed: `pip install {module}`, or use .arrow()") from error
