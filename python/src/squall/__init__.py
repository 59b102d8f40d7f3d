"""squall in Python: runs the program `squall`, and hands its results over as Arrow.

    con = squall.connect("path/of/a/project")
    con.sql("SELECT * FROM ticks LIMIT 5").to_pandas()
"""

from ._connection import Connection, connect
from ._error import Error, Warning
from ._report import Report
from ._result import Result

__all__ = ["Connection", "Error", "Report", "Result", "Warning", "connect"]
