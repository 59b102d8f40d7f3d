"""How programs end: by themselves, by an error, by Ctrl-C, with the connection; none is left, and none waits for ever."""

import gc
import os
import signal
import subprocess
import sys
import time

import pytest

import squall

LONG = "SELECT sum(a.value % b.value) AS never FROM generate_series(1, 9000000) a, generate_series(1, 9000000) b"
MANY = "SELECT value AS n, repeat('x', 100) AS text FROM generate_series(1, 20000000) AS s(value)"


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def test_errors_say_what_where_and_what_next(con):
    with pytest.raises(squall.Error) as caught:
        con.sql("SELECT 1 AS n,\n  nothing FROM tickz")
    error = caught.value
    assert error.message == "there is no table or view `tickz`" and error.hint == "did you mean `ticks`?"
    assert (error.line, error.column, error.code) == (2, 16, 1)
    assert "^^^^^" in str(error) and "Hint: " in str(error)


def test_an_error_behind_the_first_rows_is_not_the_end(empty):
    result = empty.sql("SELECT 1 / (500000 - value) AS n FROM generate_series(1, 1000000) AS s(value)")
    with pytest.raises(squall.Error, match="divide by zero"):
        result.arrow()
    with pytest.raises(squall.Error):
        result.arrow()


def test_large_results_stream(empty, tmp_path, running):
    with empty.sql(MANY) as result:
        batches = result.batches()
        assert next(batches).num_rows > 0
        # The rest waits in the program.
        assert running(tmp_path)
        with pytest.raises(squall.Error, match="passed on"):
            result.arrow()
    assert not running(tmp_path)
    assert sum(batch.num_rows for batch in empty.sql("SELECT * FROM generate_series(1, 300000)").reader()) == 300000


def test_results_that_nobody_holds_end(empty, tmp_path, running):
    result = empty.sql(MANY)
    assert "(first 10 rows)" in repr(result) and running(tmp_path)
    del result
    gc.collect()
    until(lambda: not running(tmp_path))


def test_a_closed_connection_ends_what_runs(tmp_path, running):
    con = squall.connect(tmp_path)
    read = con.sql("SELECT 1 AS n")
    read.arrow()
    waiting = con.sql(MANY)
    con.close()
    assert not running(tmp_path)
    assert read.fetchall() == [(1,)]
    with pytest.raises(squall.Error, match="closed"):
        waiting.arrow()
    with pytest.raises(squall.Error, match="closed"):
        con.sql("SELECT 1")


@pytest.mark.parametrize("call", [f"con.sql({LONG!r})", f"list(con.sql({MANY!r}).batches())", f"con.run('slow')"])
def test_ctrl_c_ends_the_program(tmp_path, running, call):
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "slow.sql").write_text(LONG)
    script = f"import squall\ncon = squall.connect('.')\nprint('go', flush=True)\ntry:\n    {call}\nexcept KeyboardInterrupt:\n    print('stopped')"
    python = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert python.stdout.readline() == "go\n"
    until(lambda: len(running(tmp_path)) == 2)
    time.sleep(0.5)
    os.kill(python.pid, signal.SIGINT)
    assert python.communicate(timeout=20)[0] == "stopped\n"
    assert not running(tmp_path)


def test_python_that_ends_leaves_nothing(tmp_path, running):
    script = f"import squall\nr = squall.connect('.').sql({MANY!r})\nraise SystemExit(3)"
    assert subprocess.run([sys.executable, "-c", script], cwd=tmp_path, timeout=60).returncode == 3
    assert not running(tmp_path)


def test_standard_error_never_blocks(fake):
    con = fake("head -c 3000000 /dev/zero | tr '\\0' 'w' >&2; echo done")
    assert con.run("x") == "done\n"


def test_warnings_are_pythons(fake):
    with pytest.warns(squall.Warning, match="look here") as caught:
        fake("echo 'Warning: look here' >&2; echo done").run("x")
    assert caught[0].filename == __file__


def test_programs_that_say_nothing(fake):
    with pytest.raises(squall.Error, match="exit code 7") as caught:
        fake("exit 7").sql("SELECT 1")
    assert caught.value.code == 7
    with pytest.raises(squall.Error, match="signal 9"):
        fake("kill -9 $$").run("x")


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(squall.Error, match="no folder") as caught:
        squall.connect(tmp_path / "nowhere")
    assert "squall init" in caught.value.hint
    with pytest.raises(squall.Error, match="not a program"):
        squall.connect(tmp_path, program=tmp_path / "nothing")


def test_settings_reach_the_program(project, program):
    con = squall.connect(project, set={"land.late_ms": 500}, data="data")
    assert con.sql("SELECT count(*) > 0 FROM ticks").fetchall() == [(True,)]
    with pytest.raises(squall.Error, match="late_mss"):
        squall.connect(project, set={"land.late_mss": 500}).tables()
