"""The examples of docs/python.md run, one after another, in a folder with a project."""

import re

from conftest import CHECKOUT


def test_the_examples_run(project, monkeypatch, capsys):
    page = (CHECKOUT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 4 and len([line for line in blocks[0].splitlines() if line]) <= 5
    monkeypatch.chdir(project)
    names = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "BTC-USD" in printed and "did you mean `ticks`?" in printed
    names["con"].close()
