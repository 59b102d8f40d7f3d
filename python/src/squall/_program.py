"""Where the program is, and how it runs: in a process group of its own, which ends with whoever asked."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO, List, NoReturn, Optional

from ._error import Error, failure, warn

# Names the program to run. It is not passed on: the program takes every variable that begins with SQUALL_ for a setting.
_VARIABLE = "SQUALL_PROGRAM"

_PACKAGED = Path(__file__).parent / "bin" / "squall"

# How long a program has to end by itself, and to remove the files that it had begun.
_PATIENCE_S = 2.0


def find(program: Optional[os.PathLike[str] | str]) -> str:
    """Returns the program to run: the one given, or SQUALL_PROGRAM, or the wheel's own, or that on the PATH."""
    chosen = program or os.environ.get(_VARIABLE)
    if chosen:
        found = shutil.which(os.path.abspath(os.path.expanduser(chosen)))
        if found is None:
            raise Error(f"{os.fspath(chosen)} is not a program", "name the file that `cargo build --release` made")
        return found
    if _PACKAGED.is_file():
        return str(_PACKAGED)
    found = shutil.which("squall")
    if found is None:
        raise Error("there is no program `squall`", "install the wheel, or set SQUALL_PROGRAM to the program")
    return found


def main() -> NoReturn:
    """Becomes the program that the wheel brought along."""
    os.execv(_PACKAGED, ["squall", *sys.argv[1:]])


class Running:
    """A program that runs. Its standard error goes to a file, so that it never waits for a reader of it."""

    def __init__(self, command: List[str], folder: str, text: Optional[str] = None, before: int = 0) -> None:
        self._before = before
        self._said = tempfile.TemporaryFile()
        with tempfile.TemporaryFile() as given:
            if text is not None:
                given.write(text.encode("utf-8"))
                given.seek(0)
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=self._said,
                    env={name: value for name, value in os.environ.items() if name != _VARIABLE},
                    start_new_session=True,
                )
            except OSError as error:
                self._said.close()
                raise Error(f"cannot start {command[0]}: {error}") from error
        # It runs when nobody holds this object any more, and before Python ends.
        self._end = weakref.finalize(self, _end, self._process)

    @property
    def output(self) -> BinaryIO:
        """The program's standard output."""
        assert self._process.stdout is not None  # It was opened as a pipe.
        return self._process.stdout  # type: ignore[return-value]

    def wait(self) -> None:
        """Waits for the program's end. Raises Error if it failed."""
        code, said = self.ended()
        if code != 0:
            raise failure(said, code, self._before)
        warn(said)

    def ended(self) -> tuple[int, str]:
        """Waits for the program's end, and returns its exit code and what it wrote to standard error."""
        try:
            code = self._process.wait()
        except BaseException:
            self.stop()
            raise
        self._said.seek(0)
        said = self._said.read().decode("utf-8", errors="replace")
        self.stop()
        return code, said

    def text(self) -> str:
        """Reads all of standard output."""
        try:
            return self.output.read().decode("utf-8", errors="replace")
        except BaseException:
            self.stop()
            raise

    @property
    def stopped(self) -> bool:
        """Whether somebody ended the program before its own end was seen."""
        return self._said.closed

    def stop(self) -> None:
        """Ends the program, if it still runs, and everything that it started."""
        self._end()
        self._said.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is not None:
        process.stdout.close()
    # As long as nobody has waited for the process, its number belongs to it.
    for sent in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sent)
        try:
            process.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            continue
