"""The table of names: how a metric is called by its user, and how each backend calls it.

Read a row as: *raw* is logged, and is called so at MLflow, W&B and in the CSV; ``None`` is "as it is". ``~`` stands
for the six digits of a hash, which keep two names apart. The journal has every name as it is. All rows are one run,
in this order, with a real MLflow server, real offline W&B and the CSV: of two names that fall together, the
second has the hash.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from everywhere import Everywhere
from mlflow_server import MlflowServer

from tracklib import limits, tracking

LONG = "n" * 10_000


class Row(NamedTuple):
    what: str
    raw: Any
    mlflow: str | None = None
    wandb: str | None = None
    csv: str | None = None
    journal: str | None = None


TABLE = [
    # What stays as it is
    Row("a word", "loss"),
    Row("a slash", "train/loss"),
    Row("three slashes", "a/b/c/d"),
    Row("a space", "top 5"),
    Row("a dot", "a.b"),
    Row("dashes and colons", "k-fold: 3_a"),
    Row("a digit first", "1st"),
    Row("capitals are others", "Loss"),
    Row("Latin letters", "précision"),
    Row("another script", "損失"),
    Row("é as one sign", "caf\u00e9"),
    Row("é as two signs is another name", "cafe\u0301", mlflow="cafe_"),
    Row("250 characters", "x" * 250),
    Row("an underscore first", "_private"),
    Row("the step's name", "step"),
    Row("a space first and last", " padded "),
    Row("only a space", " "),
    Row("what pandas calls a column without a name", "Unnamed: 0"),
    Row("what reads as a number", "1.0"),
    Row("nan", "nan"),
    Row("system/", "system/gpu"),
    # What MLflow does not take
    Row("parentheses", "loss(train)", mlflow="loss_train_"),
    Row("an at sign", "f1@0.5", mlflow="f1_0.5"),
    Row("per cent", "acc%", mlflow="acc_"),
    Row("brackets", "iou[3]", mlflow="iou_3_"),
    Row("quotes and commas", 'say "a", b', mlflow="say _a__ b"),
    Row("a backslash", "a\\b", mlflow="a_b"),
    Row("an emoji", "😀", mlflow="_"),
    Row("a star", "a*", mlflow="a_"),
    Row("a hash sign", "#1", mlflow="_1"),
    Row("a semicolon and an equals sign", "a;b=c", mlflow="a_b_c"),
    Row("HTML", "<b>x</b>", mlflow="_b_x_/b_"),
    Row("a slash first", "/lead", mlflow="lead"),
    Row("a slash last", "trail/", mlflow="trail"),
    Row("two slashes", "two//slashes", mlflow="two/slashes"),
    Row("only a slash", "/", mlflow="unnamed"),
    Row("a dot alone", ".", mlflow="unnamed~"),
    Row("the folder above", "..", mlflow="unnamed~"),
    Row("out of the folder", "../x", mlflow="x"),
    Row("far out of the folder", "../../etc/passwd", mlflow="etc/passwd"),
    Row("in and out", "in/../out", mlflow="in/out"),
    Row("two dots and more", "..0", mlflow="_.0"),
    Row("251 characters", "y" * 251, mlflow="y" * 243 + "~"),
    Row("10,000 characters", LONG, mlflow="n" * 243 + "~"),
    Row("10,000 others that begin alike", LONG[:-1] + "m", mlflow="n" * 243 + "~"),
    # What W&B has for itself, or cannot show
    Row("empty", "", mlflow="unnamed~", wandb="unnamed", csv="unnamed"),
    Row("W&B's step", "_step", wandb="metric_step"),
    Row("W&B's time", "_timestamp", wandb="metric_timestamp"),
    Row("W&B's clock", "_runtime", wandb="metric_runtime"),
    Row("W&B's own", "_wandb/x", wandb="metric_wandb/x"),
    Row("a newline", "a\nb", mlflow="a_b~", wandb="a_b"),
    Row("a tab", "a\tb", mlflow="a_b~", wandb="a_b~"),
    Row("a carriage return", "a\rb", mlflow="a_b~", wandb="a_b~"),
    Row("both", "c\r\nd", mlflow="c__d", wandb="c__d"),
    Row("NUL", "a\x00b", mlflow="a_b~", wandb="a_b~"),
    Row("an escape sequence of the terminal", "\x1b[31mred", mlflow="__31mred", wandb="_[31mred"),
    Row(
        "a lone surrogate", "caf\udce9", mlflow="caf_udce9", wandb="caf\\udce9", csv="caf\\udce9", journal="caf\\udce9"
    ),
    # What a spreadsheet would run
    Row("a formula", "=1+1", mlflow="_1_1", csv="'=1+1"),
    Row("a plus", "+1", mlflow="_1~", csv="'+1"),
    Row("a minus", "-loss", csv="'-loss"),
    Row("an at sign first", "@SUM(A1)", mlflow="_SUM_A1_", csv="'@SUM(A1)"),
    Row("a tab first", "\t=1", mlflow="__1", wandb="_=1", csv="'\t=1"),
    Row("a newline first", "\n=1", mlflow="__1~", wandb="_=1~", csv="'\n=1"),
    Row("a wide equals sign", "\uff1d1", mlflow="_1~", csv="'\uff1d1"),
    # What falls together
    Row("the name of a translated one", "f1_0.5", mlflow="f1_0.5~"),
    Row("one more that falls there", "f1#0.5", mlflow="f1_0.5~"),
    Row("a name that W&B's was made of", "metric_step", wandb="metric_step~"),
    Row("unnamed itself", "unnamed", mlflow="unnamed~", wandb="unnamed~", csv="unnamed~"),
    Row("the epoch's", "epoch", wandb="epoch~", csv="epoch~"),
    Row("a quoted one", "'=1+1", mlflow="__1_1", csv="'=1+1~"),
    # What is no text
    Row("a number", 7, journal="7"),
    Row("None", None, journal="None"),
    Row("a tuple", ("a", 1), mlflow="__a__ 1_", journal="('a', 1)"),
    Row("a path", Path("some/path"), journal="some/path"),
    Row("bytes", b"loss", mlflow="b_loss_", journal="b'loss'"),
    # What is too long, or secret
    Row(
        "100 MB",
        "L" * 100_000_000,
        mlflow="L" * 243 + "~",
        journal="L" * (limits.NAME - 10) + "...~",
    ),
    Row(
        "a URL with its password",
        "loss@https://me:hunter2@host/x",
        mlflow="loss_https:/____host/x",
        journal="loss@https://***@host/x",
    ),
]
IDS = [row.what for row in TABLE]
COUNT = len(TABLE)


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory, mlflow_server: MlflowServer) -> Everywhere:
    """One run with every row, logged twice: the table must not grow, nor warn again."""
    everywhere = Everywhere(tmp_path_factory.mktemp("names") / "run", mlflow_server.uri)
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("tracklib").addHandler(handler)
    try:
        with everywhere.run() as run, warnings.catch_warnings():
            warnings.simplefilter("error")
            for step, row in enumerate(TABLE + TABLE):
                run.log(step, {"before": step, row.raw: half(step), "after": step})
    finally:
        logging.getLogger("tracklib").removeHandler(handler)
    everywhere.said = said  # type: ignore[attr-defined]
    return everywhere


def half(step: int) -> float:
    """A value that is not the step: a metric that only repeats its axis is no column of its own."""
    return step + 0.5


def raw_name(row: Row) -> str:
    if row.journal is not None:
        return row.journal
    assert isinstance(row.raw, str)
    return row.raw


def like(expected: str) -> re.Pattern[str]:
    return re.compile(re.escape(expected).replace("\\~", "-[0-9a-f]{6}"), re.DOTALL)


def test_the_table_is_long_and_each_row_says_another_thing() -> None:
    assert len(set(IDS)) == len(TABLE) >= 60


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_the_journal_has_the_name_as_it_is(row: Row, everywhere: Everywhere) -> None:
    before, name, after = everywhere.journal[TABLE.index(row)].metrics
    assert (before, after) == ("before", "after")
    assert like(raw_name(row)).fullmatch(name)


@pytest.mark.parametrize("row", TABLE, ids=IDS)
@pytest.mark.parametrize("backend", ["mlflow", "wandb", "csv"])
def test_a_name_is_called_as_the_table_says(row: Row, backend: str, everywhere: Everywhere) -> None:
    step = TABLE.index(row)
    read: dict[str, Callable[[], Any]] = {
        "mlflow": lambda: everywhere.mlflow.data.metrics,
        "wandb": lambda: everywhere.wandb.rows[step],
        "csv": lambda: everywhere.csv.columns,
    }
    names = read[backend]()
    expected = like(getattr(row, backend) if getattr(row, backend) is not None else raw_name(row))

    found = [name for name in names if expected.fullmatch(name)]

    there = [name for name in found if (step, half(step)) in everywhere.values(backend, name)]
    (name,) = there
    assert everywhere.values(backend, name) == [(step, half(step)), (step + COUNT, half(step + COUNT))]


@pytest.mark.parametrize("tracker", ["Mlflow", "Wandb"])
def test_the_run_keeps_which_name_is_whose(tracker: str, everywhere: Everywhere) -> None:
    table = everywhere.names(tracker)
    backend = tracker.lower()
    for step, row in enumerate(TABLE):
        raw = raw_name(row)
        if raw in table:  # not the long ones, for which a hash stands
            assert (step, half(step)) in everywhere.values(backend, table[raw]), raw
    assert len(table) == COUNT + 2


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("backend", ["mlflow", "wandb", "csv"])
def test_the_neighbours_of_every_name_arrive(backend: str, name: str, everywhere: Everywhere) -> None:
    assert everywhere.values(backend, name) == [(step, float(step)) for step in range(2 * COUNT)]


@pytest.mark.parametrize(("backend", "shown"), [("mlflow", "MLflow has"), ("wandb", "W&B has"), ("csv", "the CSV has")])
def test_each_name_that_fell_together_with_another_is_said_once_and_no_other(
    backend: str, shown: str, everywhere: Everywhere
) -> None:
    said = [line for line in everywhere.said if line.startswith(shown)]  # type: ignore[attr-defined]
    hashed = [row for row in TABLE if "~" in (getattr(row, backend) or "") and len(getattr(row, backend)) < 200]
    assert len(said) == len(hashed)
    assert len(set(said)) == len(said)
    assert max(map(len, said)) < 1000


def test_nothing_was_written_outside_of_the_run(everywhere: Everywhere) -> None:
    assert [path.name for path in everywhere.where.parent.iterdir()] == ["run"]


# Where a run lies, and what it is called -------------------------------------------------------------------

RUN_NAMES = [
    "digits", "../up", "../../etc/passwd", "/etc/passwd", "a/b", ".", "..", "...", " ", "a\x00b", "a\nb", "caf\udce9",
    "~root", "-rf", "$(id)", "`id`", "con", "é" * 300, "x" * 10_000, "😀", "a\\b", "%2e%2e%2f", "nul\x00", ".hidden",
]  # fmt: skip


@pytest.mark.parametrize("name", RUN_NAMES, ids=lambda name: ascii(name)[:20])
def test_a_runs_name_leads_out_of_no_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with tracking(name=name) as run:
        run.log(0, {"loss": 0.5})

    (runs,) = tmp_path.iterdir()
    (folder,) = runs.iterdir()
    assert runs.name == "runs"
    assert not folder.name.startswith(".")
    assert (folder / "metrics.csv").read_text() == "epoch,loss\n0,0.5\n"


@pytest.mark.parametrize("name", ["x" * 10_000, "a\nb/../c\x00", "../up", "😀", "password=hunter2hunter2"])
def test_a_run_is_called_so_at_every_backend(name: str, tmp_path: Path, mlflow_server: MlflowServer) -> None:
    one = Everywhere(tmp_path / "run", mlflow_server.uri)
    with one.run(name=name):
        pass

    at_mlflow, at_wandb = one.mlflow.info.run_name, one.wandb.run.display_name
    plain = re.sub(r"[\x00-\x1f]", "_", name).replace("hunter2hunter2", "***")
    assert (at_mlflow, at_wandb) == (plain, plain) or (at_mlflow[:200], at_wandb[:100]) == (name[:200], name[:100])
    assert (len(at_mlflow) <= 250, len(at_wandb) <= 128) == (True, True)
