"""What the program says when something is wrong, as exceptions and warnings."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Optional

_PLACE = re.compile(r"^ *--> (?:.*:(\d+):(\d+)|line (\d+), column (\d+))$", re.MULTILINE)
_PARTS = re.compile(r"^(?: *--> |Caused by: |Hint: )", re.MULTILINE)
_BEGIN = re.compile(r"^[Ee]rror: ", re.MULTILINE)
_WARNING = "Warning: "
_HERE = Path(__file__).parent


class Error(Exception):
    """Something that squall refused or could not do. As text, it is all that the program says.

    Attributes:
        message: What is wrong, without the place and the hint.
        hint: What to try next, or None.
        line: The line of the statement's text where it is wrong, from 1, or None.
        column: The column in this line, from 1, or None.
        code: The program's exit code, or None if no program ran; below 0 it is the signal that ended it.
    """

    def __init__(self, text: str, hint: Optional[str] = None, code: Optional[int] = None) -> None:
        super().__init__(text if hint is None else f"{text}\nHint: {hint}")
        self.message: str = text
        self.hint: Optional[str] = hint
        self.line: Optional[int] = None
        self.column: Optional[int] = None
        self.code: Optional[int] = code


class Warning(UserWarning):
    """Something that squall noticed, although it did what was asked."""


def failure(said: str, code: int, before: int = 0) -> Error:
    """Returns the exception for a program that ended with `code` and wrote `said` to standard error.

    `before` is how many characters stand before the user's text on its first line.
    """
    begin = _BEGIN.search(said)
    if begin is None:
        ended = f"squall was ended by signal {-code}" if code < 0 else f"squall ended with exit code {code}"
        return Error(f"{ended}\n{said.strip()}".strip(), code=code)
    text = said[begin.end() :].strip()
    error = Error(text, code=code)
    part = _PARTS.search(text)
    error.message = text[: part.start()].strip() if part else text
    hint = text.rfind("\nHint: ")
    if hint >= 0:
        error.hint = text[hint + len("\nHint: ") :]
    place = _PLACE.search(text)
    if place:
        error.line, error.column = (int(number) for number in place.groups() if number)
        if error.line == 1:
            error.column = max(1, error.column - before)
    return error


def warn(said: str) -> None:
    """Passes on what the program warned of, as warnings of the line that called this package."""
    level = 1
    frame = sys._getframe()
    while frame.f_back is not None and Path(frame.f_code.co_filename).parent == _HERE:
        frame = frame.f_back
        level += 1
    for line in said.splitlines():
        if line.startswith(_WARNING):
            warnings.warn(line[len(_WARNING) :], Warning, stacklevel=level)
