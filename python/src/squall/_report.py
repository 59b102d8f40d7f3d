"""A report: one HTML file, and the rows behind it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any, Callable

_HEIGHT = 640


class Report:
    """A report that was written.

    Attributes:
        path: The page, one HTML file that needs no network.
        text: What the program printed, with the verdict first.
    """

    def __init__(self, path: Path, text: str, rows: Callable[[], Any]) -> None:
        self.path = path
        self.text = text
        self._rows = rows

    def html(self) -> str:
        """Returns the page."""
        return self.path.read_text(encoding="utf-8")

    def json(self) -> Any:
        """Computes the report again, and returns the rows behind it.

        Returns:
            A dict: verdict, arguments, warnings, and in `queries` a list of {name, sql, columns, rows}.

        Raises:
            Error: The report cannot be made, or is not of a kind that has rows.
        """
        return self._rows()

    def __repr__(self) -> str:
        return self.text.strip()

    def _repr_html_(self) -> str:
        page = html.escape(self.html(), quote=True)
        look = f"width: 100%; height: {_HEIGHT}px; border: 1px solid #8886"
        return f'<iframe sandbox="allow-scripts allow-popups" style="{look}" srcdoc="{page}"></iframe>'
