"""Wrong configs, calls and uses: each is refused with what is wrong, where, and how to mend it.

The table is the documentation: what somebody does, which error it gives, and the words in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from scripted import Scripted

import tracklib
from tracklib import (
    BaseTracker,
    ConfigError,
    CsvLogger,
    LifecycleError,
    Mlflow,
    RunDirectoryError,
    TrackerWarning,
    tracked,
)

# What is written here, a type checker refuses: that is the point.
Trackers: Any = tracklib.Trackers
tracking: Any = tracklib.tracking


class Half(BaseTracker):
    def init(self) -> None:
        """``log`` is missing."""


class Uninstalled(Scripted):
    requires = ("no_such_package_x",)
    extra = "mlflow"


class Wrong(NamedTuple):
    """``do`` raises ``error`` with all of ``words`` in its message."""

    what: str
    do: Callable[[Path], object]
    error: type[BaseException]
    words: tuple[str, ...]


def config(*configs: Any) -> Callable[[Path], object]:
    """Ask for trackers."""
    return lambda path: Trackers(list(configs), path / "run")


def text(name: str, content: str) -> Callable[[Path], object]:
    """Ask for the trackers of a file."""

    def do(path: Path) -> object:
        (path / name).write_text(content)
        return Trackers(path / name)

    return do


def within(use: Callable[[Any], object]) -> Callable[[Path], object]:
    """Use a run that goes on."""

    def do(path: Path) -> object:
        with tracking(output_run=path / "run") as run:
            return use(run)

    return do


def ended(use: Callable[[Any], object]) -> Callable[[Path], object]:
    """Use a run that has ended."""

    def do(path: Path) -> object:
        with tracking(output_run=path / "run") as run:
            pass
        return use(run)

    return do


def unbegun(use: Callable[[Any], object]) -> Callable[[Path], object]:
    """Use a run that has not begun."""
    return lambda path: use(Trackers(output_run=path / "run"))


def enter_twice(path: Path) -> None:
    block = tracking(output_run=path / "run")
    with block, block:
        pass


def enter_again(path: Path) -> None:
    block = tracking(output_run=path / "run")
    with block:
        pass
    with block:
        pass


def share_a_directory(path: Path) -> None:
    with tracking(output_run=path / "run"), tracking(output_run=path / "run"):
        pass


def share_a_tracker(path: Path) -> None:
    tracker = Scripted()
    with tracking([tracker], output_run=path / "a"), tracking([tracker], output_run=path / "b"):
        pass


def a_file_in_the_way(path: Path) -> None:
    (path / "run").write_text("")
    Trackers(output_run=path / "run").init()


def enter_with(*configs: Any) -> Callable[[Path], object]:
    def do(path: Path) -> None:
        with tracking(list(configs), output_run=path / "run"):
            raise AssertionError("the block must not be reached")

    return do


TABLE = [
    # Configs
    Wrong("a misspelt type", config({"type": "Mlfow"}), ConfigError, ("configs[0]", "'Mlfow'", "mean 'Mlflow'?")),
    Wrong("an unknown type", config({"type": "Zzz"}), ConfigError, ("known are", "CsvLogger", "package.module:Class")),
    Wrong("no type", config({"project": "x"}), ConfigError, ("'type' is missing", "one of", "Mlflow")),
    Wrong("a type that is no text", config({"type": 5}), ConfigError, ("'type' is missing or no string", "Mlflow")),
    Wrong(
        "a misspelt option",
        config({"type": "Mlflow", "experiment": "x"}),
        ConfigError,
        ("configs[0]", "no option 'experiment'", "mean 'experiment_name'?", "it has tracking_uri"),
    ),
    Wrong(
        "a value of the wrong type",
        config({"type": "Wandb", "tags": "baseline"}),
        ConfigError,
        ("Wandb's 'tags' must be list[str] | None", "got str: 'baseline'"),
    ),
    Wrong(
        "an unknown mode of W&B",
        config({"type": "Wandb", "mode": "of"}),
        ConfigError,
        ("Wandb's 'mode' must be Literal", "offline", "got str: 'of'"),
    ),
    Wrong(
        "text in place of a dict", config("Mlflow"), ConfigError, ("configs[0]", "such as {'type': 'Mlflow'}", "str")
    ),
    Wrong("a class in place of an object", config(Mlflow), ConfigError, ("Mlflow is a class: write Mlflow(...)",)),
    Wrong("a bare class", lambda path: Trackers(CsvLogger), ConfigError, ("CsvLogger is a class: write CsvLogger(",)),
    Wrong("a number in place of configs", lambda path: Trackers(5), ConfigError, ("a list of dicts or trackers",)),
    Wrong("a set of configs", lambda path: Trackers({"Mlflow"}), ConfigError, ("for instance [{", "got set")),
    Wrong(
        "a class that lacks a method", config({"type": "Half"}), ConfigError, ("Half is not complete", "give it log")
    ),
    Wrong("a path to nothing", config({"type": "os:Nothing"}), ConfigError, ("'os:Nothing' cannot be imported",)),
    Wrong("a path to another class", config({"type": "os:PathLike"}), ConfigError, ("no subclass of tracklib.Base",)),
    Wrong(
        "a missing package",
        config({"type": "Uninstalled"}),
        ConfigError,
        ("needs no_such_package_x", 'pip install "tracklib-ml[mlflow]"'),
    ),
    Wrong(
        "three problems at once",
        config({"type": "Mlfow"}, {"type": "Mlflow", "tags": 1, "x": 2}),
        ConfigError,
        ("3 problems", "configs[0]", "configs[1]", "'tags'", "'x'"),
    ),
    Wrong("problems on entering a block", enter_with({"type": "Mlfow"}), ConfigError, ("did you mean 'Mlflow'?",)),
    Wrong("two CSV files of one name", config(CsvLogger(), CsvLogger()), ConfigError, ("give one", "csv_filename")),
    Wrong(
        "a CSV file in a folder",
        config({"type": "CsvLogger", "csv_filename": "a/b.csv"}),
        ConfigError,
        ("csv_filename='a/b.csv'", "without a folder, as 'metrics.csv'"),
    ),
    Wrong("one object twice", lambda path: Trackers([t := Scripted(), t]), ConfigError, ("configs[1]", "a second one")),
    # Files of configs
    Wrong("a file that is not there", lambda path: Trackers("a.toml"), ConfigError, ("'a.toml' is no file", "No such")),
    Wrong("a type in place of a file", lambda path: Trackers("Mlflow"), ConfigError, ("write [{'type': 'Mlflow'}]",)),
    Wrong("a file that is no TOML", text("a.toml", "a: 1"), ConfigError, ("a.toml: it is no TOML", "line 1")),
    Wrong("a file that is no JSON", text("a.json", "{"), ConfigError, ("a.json: it is no JSON", "line 1")),
    Wrong("a file that is no YAML", text("a.yaml", "a: ["), ConfigError, ("a.yaml: it is no YAML", "line 1")),
    Wrong(
        "a file of another kind", text("a.ini", ""), ConfigError, ("a.ini: ", ".toml, .yaml, .yml or .json", "'.ini'")
    ),
    Wrong("a file without trackers", text("a.toml", "x = 1"), ConfigError, ("a.toml: ", "under the key 'trackers'")),
    Wrong("a problem in a file", text("a.json", '[{"type": "Mlfow"}]'), ConfigError, ("a.json[0]: ", "mean 'Mlflow'?")),
    # The directory
    Wrong("a file in the way", a_file_in_the_way, RunDirectoryError, ("output_run=", "run'", "choose a directory")),
    Wrong("a live run's directory", share_a_directory, RunDirectoryError, ("still going on", "another output_run")),
    Wrong("a number for a directory", lambda path: Trackers(output_run=5), TypeError, ("output_run must be", "runs/")),
    # The wrong moment
    Wrong(
        "log before init", unbegun(lambda run: run.log(1, {"a": 1})), LifecycleError, ("log before init", "call init")
    ),
    Wrong(
        "log after the end", ended(lambda run: run.log(1, {"a": 1})), LifecycleError, ("log after the end", "new run")
    ),
    Wrong("finish before init", unbegun(lambda run: run.finish()), LifecycleError, ("finish before init", "call init")),
    Wrong("finish twice", ended(lambda run: run.finish()), LifecycleError, ("finish after the end", "a new run")),
    Wrong("flush before init", unbegun(lambda run: run.flush()), LifecycleError, ("flush before init", "call init")),
    Wrong("init twice", within(lambda run: run.init()), LifecycleError, ("has begun already", "make a new Trackers")),
    Wrong("entering twice", enter_twice, LifecycleError, ("entered before", "make a new one for each run")),
    Wrong("entering again", enter_again, LifecycleError, ("entered before", "make a new one for each run")),
    Wrong("one tracker in two runs", share_a_tracker, LifecycleError, ("Scripted object belongs to", "a second one")),
    # Calls
    Wrong("no mapping", within(lambda run: run.log(1, 0.5)), TypeError, ("log_dict", "as {'loss': 0.1}", "got float")),
    Wrong(
        "an axis by number", within(lambda run: run.log(1, {"a": 1}, axis=2)), TypeError, ("axis", "as 'epoch'", "int")
    ),
    Wrong("params as text", within(lambda run: run.log_params("lr=1")), TypeError, ("as {'lr': 0.1}", "got str")),
    Wrong(
        "one bare tag", within(lambda run: run.log_tags("a")), TypeError, ("a list of words, as ['baseline']", "str")
    ),
    Wrong("a missing file", within(lambda run: run.log_artifact("nope.pt")), FileNotFoundError, ("nope.pt",)),
    Wrong(
        "an artifact's name with a folder",
        within(lambda run: run.log_artifact(__file__, name="../x")),
        ValueError,
        ("name='../x'", "without a folder, as 'model.pt'"),
    ),
    Wrong(
        "the folder that the run is in",
        lambda path: within(lambda run: run.log_artifact(path))(path),
        ValueError,
        ("holds the run's own directory", "name a folder in it, or another output_run"),
    ),
    Wrong(
        "an unknown status", within(lambda run: run.finish("done")), ValueError, ("finished, failed, killed", "'done'")
    ),
    Wrong("an unknown end at exit", lambda path: Trackers(at_exit="done"), ValueError, ("finished, failed", "'done'")),
    Wrong("again in the run", within(lambda run: run.again()), LifecycleError, ("again before the end", "log into it")),
    Wrong("again before init", unbegun(lambda run: run.again()), LifecycleError, ("again before the end",)),
    Wrong("no exception", within(lambda run: run.finish(error="x")), TypeError, ("finish(error=...)", "got str")),
    Wrong("an unknown tracker", within(lambda run: run["Mlfow"]), KeyError, ("'Mlfow'", "it has CsvLogger")),
    Wrong("a name that is no text", lambda path: Trackers(name=5), TypeError, ("name must be text", "got int")),
    Wrong("params that are none", lambda path: Trackers(params=5), TypeError, ("params must map", "got int")),
    Wrong(
        "an unknown on_error", lambda path: tracking(on_error="ignore"), ValueError, ("'warn' or 'raise'", "'ignore'")
    ),
    Wrong("tracking without ()", lambda path: tracking(len), TypeError, ("write @tracking() or @tracking([...])",)),
    Wrong(
        "an epoch argument that is not there",
        lambda path: tracked(epoch="step")(lambda epoch: {}),
        ValueError,
        ("no argument 'step'", "it has epoch"),
    ),
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert {path.name for path in tmp_path.iterdir()} <= {"run", "a", "a.toml", "a.json", "a.yaml", "a.ini"}


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: re.sub(r"\W+", "-", wrong.what))
def test_it_is_refused_with_what_is_wrong_where_and_how_to_mend_it(wrong: Wrong, tmp_path: Path) -> None:
    with pytest.raises(wrong.error) as caught:
        wrong.do(tmp_path)
    message = str(caught.value)
    assert type(caught.value) is wrong.error
    assert [words for words in wrong.words if words not in message] == [], message


def test_every_row_of_the_table_is_another_mistake() -> None:
    names = [wrong.what for wrong in TABLE]
    assert len(set(names)) == len(names) >= 30


# What training must not be stopped for: a warning, at the user's line, and the run goes on.
WARNINGS: list[tuple[str, Callable[[Any], object], str]] = [
    ("an epoch that is half a number", lambda run: run.log(1.5, {"a": 1.0}), "epoch 1.5 is no whole number"),
    ("an epoch that is text", lambda run: run.log("x", {"a": 1.0}), "epoch 'x' is no whole number"),
    ("an epoch that no backend can hold", lambda run: run.log(2**64, {"a": 1.0}), "no whole number of 64 bits"),
    ("text among the metrics", lambda run: run.log(1, {"a": "x"}), "metric 'a' is not logged: str is no number"),
    ("a list among the metrics", lambda run: run.log(1, {"a": [1, 2]}), "metric 'a' is not logged: list is no number"),
]


@pytest.mark.parametrize(("what", "do", "words"), WARNINGS, ids=[what for what, _, _ in WARNINGS])
def test_it_is_warned_of_and_the_run_goes_on(
    what: str, do: Callable[[Any], object], words: str, tmp_path: Path
) -> None:
    with tracking(output_run=tmp_path / "run") as run:
        with pytest.warns(TrackerWarning, match=words) as caught:
            do(run)
        run.log(2, {"a": 1.0})
    assert [warning.filename for warning in caught] == [__file__]
