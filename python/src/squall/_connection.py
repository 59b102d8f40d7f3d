"""A project's folder, and what the program does there."""

from __future__ import annotations

import json
import os
import weakref
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ._error import Error, failure, warn
from ._literal import literal, quoted
from ._program import Running, find
from ._report import Report
from ._result import Result

StrPath = Union[str, "os.PathLike[str]"]

# A statement with parameters stands between these.
_PREPARE = "PREPARE from_python AS "
_EXECUTE = "\n;\nEXECUTE from_python"


def connect(
    path: StrPath = ".",
    *,
    data: Optional[StrPath] = None,
    set: Optional[Mapping[str, Any]] = None,
    env: Optional[str] = None,
    program: Optional[StrPath] = None,
) -> Connection:
    """Opens a project: a folder with sql/, data/ and perhaps squall.toml. Any folder will do for SQL over files.

    Args:
        path: The folder. Relative paths, of `data` and in SQL, begin there.
        data: The folder of everything that squall stores, if it is not that of the settings.
        set: Settings that replace those of squall.toml, such as {"land.late_ms": 500}.
        env: The environment: its settings, models, scores and reports.
        program: The program to run instead of the wheel's own; also the variable SQUALL_PROGRAM.

    Raises:
        Error: There is no such folder, or no such program.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise Error(f"there is no folder {folder}", "`squall init FOLDER` begins a project")
    options: List[str] = []
    if data is not None:
        options += ["--data", os.fspath(data)]
    for key, value in (set or {}).items():
        options += ["--set", f"{key}={_setting(value)}"]
    if env is not None:
        options += ["--env", env]
    return Connection(str(folder.resolve()), [find(program), *options])


class Connection:
    """A project's folder. Every call runs the program once; nothing is kept between two calls but what is on disk.

    So CREATE TABLE makes a table that later calls see, and CREATE TEMP TABLE and SET last as long as the call.
    """

    def __init__(self, folder: str, command: List[str]) -> None:
        """See `connect`."""
        self._folder = folder
        self._command = command
        self._running: weakref.WeakSet[Running] = weakref.WeakSet()
        self._closed = False

    @property
    def path(self) -> Path:
        """The project's folder."""
        return Path(self._folder)

    def sql(self, query: str, params: Optional[Sequence[Any]] = None) -> Result:
        """Runs SQL, and returns the rows of its one result.

        Statements without a result, such as CREATE TEMP TABLE and SET, may stand before the one with it, each with `;`.

        Args:
            query: The statements.
            params: The values of $1, $2 and so on, in one statement: None, bool, int, float, str, bytes, Decimal, date, time,
                datetime, timedelta, UUID, lists and dicts of these, and NumPy's numbers. They go there as values.

        Raises:
            Error: The program refuses the statement, or it fails; `line` and `column` say where.
            TypeError: A parameter has no SQL type.
            ValueError: A parameter does not fit into its SQL type.
        """
        before = 0
        if params is not None:
            if isinstance(params, (str, bytes, Mapping)):
                raise TypeError("params is a list of values: [\"BTC-USD\", 10] for $1 and $2")
            values = ", ".join(map(literal, params))
            query = f"{_PREPARE}{query}{_EXECUTE}" + (f"({values})" if values else "")
            before = len(_PREPARE)
        return Result(self._start(["sql", "--format", "arrow", "--file", "-"], query, before))

    def tables(self) -> Result:
        """Lists what SELECT can read.

        Returns:
            table_catalog, table_schema, table_name, table_type.
        """
        return self.sql("SHOW TABLES")

    def queries(self, *selectors: str) -> Result:
        """Lists the project's queries, models and audits.

        Args:
            selectors: Such as "+spike_training" or "tag:T"; without any, all.

        Returns:
            kind, name, file, description, grain, time_column, tags, reads, disabled; all VARCHAR.
        """
        return Result(self._start(["list", "--format", "arrow", *_names(selectors)]))

    def models(self) -> Result:
        """Lists every version of every trained model.

        Returns:
            model, version, latest, aliases, model_type, label, features, created_at, training_rows, training_positives, problem.
        """
        return self.sql("SHOW MODELS")

    def run(self, *selectors: str, full: bool = False) -> str:
        """Materialises queries of the project, as far as they are stale.

        Args:
            selectors: Such as "+spike_training"; without any, every query.
            full: Counts tables as stale that are fresh.

        Returns:
            What the program prints: a line for each table.

        Raises:
            Error: A query is wrong or fails.
        """
        return self._text(["run", *(["--full"] if full else []), *(_names(selectors) or ["--all"])])

    def train(self, *models: str) -> str:
        """Trains models of the project; without a name, all. `metrics` has the figures.

        Returns:
            What the program prints: metrics of each split, and where the new version is.

        Raises:
            Error: There is no such model, or its rows cannot train it.
        """
        return self._text(["train", *_names(models)])

    def evaluate(self, relation: str = "spike_metrics") -> str:
        """Says how each model does on each split, and whether it beats the naive rule; records it in the table runs.

        Returns:
            What the program prints. `metrics` has the figures.
        """
        return self._text(["evaluate", "--from", relation])

    def metrics(self, model: str, relation: Optional[str] = None) -> Result:
        """Measures a model, on the rows of its training by their splits, or on the rows of a relation.

        Args:
            model: Such as "spike_logistic" or "spike_logistic@2".
            relation: A table, view or query of the project, or a SELECT statement, with the model's features and label.

        Returns:
            One row a split: the rows, positives, prevalence, average_precision, roc_auc and so on; docs/models.md has them.
        """
        return self.sql(f"SELECT * FROM ml_evaluate({_arguments(model, relation)})")

    def predict(self, model: str, relation: str) -> Result:
        """Scores rows with a model.

        Args:
            model: Such as "spike_logistic" or "spike_logistic@2".
            relation: A table, view or query of the project, or a SELECT statement, with the model's features.

        Returns:
            The relation's columns, and score.
        """
        return self.sql(f"SELECT * FROM ml_predict({_arguments(model, relation)})")

    def report(self, kind: str, *, out: Optional[StrPath] = None, **options: Any) -> Report:
        """Makes a report: one HTML file.

        Args:
            kind: Such as "eval", "drift", "card", "quality", "eda", "docs", or a report of the project; "all" makes each of
                them and the index.
            out: Where to write the page, if not to reports/out.
            options: What `squall report KIND --help` lists, such as model="spike_logistic" or early_late=0.3; a list repeats
                the option, and True stands for an option without a value.

        Raises:
            Error: There is no such report or option, or the project has no data for it.
        """
        arguments = ["report", kind]
        for name, value in options.items():
            arguments += _option(name.replace("_", "-"), value)
        text = self._text([*arguments, *_option("out", None if out is None else os.fspath(out))])
        pages = [line for line in text.splitlines() if line.endswith(".html")] if out is None else [os.fspath(out)]
        if not pages:
            raise Error(f"`squall report {kind}` wrote no page", f"it printed: {text.strip()}")
        rows = [*arguments, "--format", "json", "--out", "-"]
        return Report(self.path / pages[-1], text, lambda: json.loads(self._text(rows)))

    def check(self, *selectors: str, prove: bool = False) -> List[Dict[str, Any]]:
        """Checks the project: every file, plan, header, lint, audit and test.

        Args:
            selectors: Queries to check, with what they read; without any, the whole project.
            prove: Also recomputes features and labels over ticks that are cut.

        Returns:
            One dict a finding: kind, severity ("error" or "warn"), query, file, line, column, message, hint. Nothing is wrong
            if the list is empty.

        Raises:
            Error: The project cannot be checked at all.
        """
        running = self._start(["check", "--format", "json", *(["--prove"] if prove else []), *_names(selectors)])
        lines = running.text().splitlines()
        code, said = running.ended()
        if code != 0 and not lines:
            raise failure(said, code)
        warn(said)
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Ends what still runs. Results that were read stay; the connection takes no further calls."""
        self._closed = True
        for running in list(self._running):
            running.stop()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"squall.connect({self._folder!r})"

    def _start(self, arguments: List[str], text: Optional[str] = None, before: int = 0) -> Running:
        if self._closed:
            raise Error("the connection is closed", "squall.connect opens another one")
        running = Running([*self._command, *arguments], self._folder, text, before)
        self._running.add(running)
        return running

    def _text(self, arguments: List[str]) -> str:
        """Runs a command to its end and returns what it prints."""
        running = self._start(arguments)
        text = running.text()
        running.wait()
        return Printed(text)


class Printed(str):
    """What the program prints; a notebook shows it as the program does."""

    def __repr__(self) -> str:
        return self.rstrip("\n")


def _names(names: Sequence[str]) -> List[str]:
    """Returns the arguments for names, none of which can be taken for an option."""
    return ["--", *names] if names else []


def _arguments(*texts: Optional[str]) -> str:
    return ", ".join(quoted(text) for text in texts if text is not None)


def _option(name: str, value: Any) -> List[str]:
    if value is None or value is False:
        return []
    if value is True:
        return [f"--{name}"]
    if isinstance(value, (list, tuple)):
        return [f"--{name}={item}" for item in value]
    return [f"--{name}={value}"]


def _setting(value: Any) -> str:
    if isinstance(value, (bool, list, tuple)):
        return json.dumps(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
