"""What the tests share: the program (SQUALL_PROGRAM, or the installed wheel's own), and a project with landed ticks and models.

The folder's name has a space and letters outside ASCII on purpose.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import squall
from squall._program import find

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def program():
    return find(None)


@pytest.fixture(scope="session")
def project(program, tmp_path_factory):
    """A folder with the recording of data/sample, landed, and two models."""
    folder = tmp_path_factory.mktemp("projekt") / "mein Ordner ü"
    folder.mkdir()
    shutil.copytree(CHECKOUT / "sql", folder / "sql")
    recordings = sorted(map(str, (CHECKOUT / "data" / "sample").glob("*.ndjson.zst")))
    for command in (["replay", *recordings], ["land"]):
        subprocess.run([program, *command], cwd=folder, check=True, capture_output=True)
    con = squall.connect(folder)
    con.run("+spike_training")
    con.train("naive_volatility", "spike_logistic")
    return folder


@pytest.fixture
def con(project):
    with squall.connect(project) as con:
        yield con


@pytest.fixture
def empty(tmp_path):
    """A connection to an empty folder."""
    with squall.connect(tmp_path) as con:
        yield con


@pytest.fixture
def fake(tmp_path):
    """Makes a connection whose program is a script of the shell."""

    def make(script):
        file = tmp_path / "fake"
        file.write_text("#!/bin/sh\n" + script)
        file.chmod(0o755)
        return squall.connect(tmp_path, program=file)

    return make


@pytest.fixture
def running():
    """Returns the processes whose working directory is a folder, other than this one."""

    def find_them(folder):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "cwd") == os.fspath(folder) and int(process.name) != os.getpid():
                    found.append(int(process.name))
            except OSError:
                continue  # It has ended, or belongs to somebody else.
        return found

    return find_them
