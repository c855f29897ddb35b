"""The table of steps: what is given as the epoch, and the step that each backend has.

Read a row as: *epoch* is given, on ``axis``, and the metric arrives at ``step``. All rows are one run, in this
order, with a real MLflow server, real offline W&B and the CSV; so "the next" is the one behind the row before.
Where there is a ``warning``, what was given cannot be a step.
"""

from __future__ import annotations

import decimal
import enum
import fractions
import math
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
from everywhere import Everywhere
from mlflow_server import MlflowServer

MOST, LEAST = 2**63 - 1, -(2**63)


class Tensor:
    """As a tensor of one element."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def item(self) -> Any:
        return self.value


class Index:
    def __index__(self) -> int:
        return 41


class Evil:
    def __getattr__(self, name: str) -> Any:
        raise MemoryError

    def __repr__(self) -> str:
        raise RecursionError


class EvilIndex:
    def __index__(self) -> int:
        raise MemoryError


class Level(enum.IntEnum):
    HIGH = 42


class Row(NamedTuple):
    what: str
    epoch: Any
    step: int
    axis: str = "epoch"
    warning: str = ""


def wrong(what: str, epoch: Any, step: int, words: str, axis: str = "epoch") -> Row:
    return Row(what, epoch, step, axis, f"{axis} {words} is no whole number of 64 bits: {step} is taken")


TABLE = [
    # Any order
    Row("the first", 0, 0),
    Row("the next", 1, 1),
    Row("one left out", 5, 5),
    Row("back again", 2, 2),
    Row("the same once more", 2, 2),
    Row("and once more", 2, 2),
    Row("a negative one", -1, -1),
    Row("a large one", 10**12, 10**12),
    Row("the largest of 53 bits", 2**53 - 1, 2**53 - 1),
    Row("the largest of 64 bits", MOST, MOST),
    Row("the smallest of 64 bits", LEAST, LEAST),
    # No step: the next one on this axis
    Row("None behind the smallest", None, LEAST + 1),
    Row("7, and then", 7, 7),
    Row("None", None, 8),
    Row("None again", None, 9),
    # Whole numbers of any kind
    Row("True", True, 1),
    Row("a whole float", 11.0, 11),
    Row("minus zero", -0.0, 0),
    Row("a whole Decimal", decimal.Decimal("12"), 12),
    Row("a large Decimal, exactly", decimal.Decimal(2**60 + 1), 2**60 + 1),
    Row("a whole Fraction", fractions.Fraction(26, 2), 13),
    Row("np.int64", np.int64(14), 14),
    Row("np.int8", np.int8(-15), -15),
    Row("np.uint64", np.uint64(16), 16),
    Row("a whole np.float32", np.float32(17.0), 17),
    Row("a 0-d array", np.array(18), 18),
    Row("an array of one element", np.array([19]), 19),
    Row("a tensor", Tensor(20), 20),
    Row("a tensor of a whole float", Tensor(21.0), 21),
    Row("what has __index__", Index(), 41),
    Row("an IntEnum", Level.HIGH, 42),
    # What cannot be a step: the next one, and a warning
    wrong("half a number", 1.5, 43, "1.5"),
    wrong("NaN", math.nan, 44, "nan"),
    wrong("infinity", math.inf, 45, "inf"),
    wrong("text", "x", 46, "'x'"),
    wrong("text of a number", "3", 47, "'3'"),
    wrong("one more than 64 bits hold", 2**63, 48, "9223372036854775808"),
    wrong("a number of 5000 digits", 10**5000, 49, "of type int"),
    wrong("a list", [1], 50, "[1]"),
    wrong("an array of two", np.array([1, 2]), 51, "array([1, 2])"),
    wrong("a complex number", 1j, 52, "1j"),
    wrong("what raises", Evil(), 53, "of type Evil"),
    wrong("an index that raises", EvilIndex(), 54, "<"),
    wrong("100 MB of text", "x" * 100_000_000, 55, "'xxx"),
    wrong("a secret", "token=abcdefgh", 56, "'token=***"),
    # Other axes count for themselves
    Row("a batch", 0, 0, "batch"),
    Row("the next batch", None, 1, "batch"),
    Row("a batch of long ago", -3, -3, "batch"),
    wrong("half a batch", 0.5, -2, "0.5", "batch"),
    Row("the epoch goes on from where it was", None, 57),
    Row("an axis with an odd name", 3, 3, "a/b c*é"),
    Row("an axis without a name", 4, 4, ""),
    Row("the largest, and", MOST, MOST, "last"),
    Row("there is none behind the largest", None, MOST, "last"),
]
IDS = [row.what for row in TABLE]


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory, mlflow_server: MlflowServer) -> Everywhere:
    return Everywhere(tmp_path_factory.mktemp("steps") / "run", mlflow_server.uri)


@pytest.fixture(scope="module")
def said(everywhere: Everywhere) -> list[list[warnings.WarningMessage]]:
    said = []
    with everywhere.run() as run:
        for number, row in enumerate(TABLE):
            run._warned.clear()  # a run warns once of an axis
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                run.log(row.epoch, {"v": number}, axis=row.axis)
            said.append(caught)
    return said


def in_rows(everywhere: Everywhere) -> dict[int, dict[str, Any]]:
    """The CSV's rows by their value, without the empty cells."""
    text = (everywhere.where / "metrics.csv").read_text().splitlines()
    header, *rows = [line.split(",") for line in text]
    made = [{name: cell for name, cell in zip(header, row, strict=True) if cell} for row in rows]
    return {int(float(row.pop("v"))): row for row in made}


AXES = {"": "unnamed"}  # what an axis is called at W&B and in the CSV


def test_the_table_is_long_and_each_row_says_another_thing() -> None:
    assert len(set(IDS)) == len(TABLE) >= 30


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_a_metric_is_at_its_step_everywhere(row: Row, everywhere: Everywhere, said: Any) -> None:
    number, axis = TABLE.index(row), AXES.get(row.axis, row.axis)

    (at_mlflow,) = [step for step, value in everywhere.in_mlflow("v") if value == number]
    (at_wandb,) = [at for at in everywhere.wandb.rows if at["v"] == number]

    assert (everywhere.journal[number].axis, everywhere.journal[number].step) == (row.axis, row.step)
    assert at_mlflow == row.step
    assert at_wandb[axis] == row.step
    assert in_rows(everywhere)[number] == {axis: str(row.step)}


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_only_what_cannot_be_a_step_is_warned_of_at_the_users_line(row: Row, said: Any) -> None:
    warned = said[TABLE.index(row)]
    assert [one.filename for one in warned] == [__file__] * bool(row.warning)
    words, _, taken = row.warning.partition(" is no whole")
    assert all(words in str(one.message) and taken in str(one.message) for one in warned)


def test_nothing_is_dropped_and_the_order_is_kept(everywhere: Everywhere, said: Any) -> None:
    numbers = list(range(len(TABLE)))
    assert sorted(value for _, value in everywhere.in_mlflow("v")) == numbers
    assert [row["v"] for row in everywhere.wandb.rows] == numbers
    assert [int(value) for value in everywhere.csv["v"]] == numbers


def test_pandas_reads_a_column_of_steps_for_each_axis(everywhere: Everywhere, said: Any) -> None:
    assert set(everywhere.csv) == {"epoch", "v", "batch", "a/b c*é", "unnamed", "last"}
    assert [int(step) for step in everywhere.csv["batch"].dropna()] == [0, 1, -3, -2]


def test_wandb_has_a_step_metric_for_each_axis(tmp_path: Any, mlflow_server: MlflowServer) -> None:
    """Each metric on an axis of its own, as one logs them; in the table, one metric is on all of them."""
    one = Everywhere(tmp_path / "run", mlflow_server.uri)
    with one.run() as run:
        run.log(0, {"loss": 1.0})
        run.log(100, {"batch_loss": 1.0}, axis="batch")
        run.log(3, {"val/loss": 1.0}, axis="a*")
    assert one.wandb.step_metrics == {
        "epoch": "",
        "*": "epoch",
        "batch": "",
        "batch_loss": "batch",
        "val/loss": "a*",
    }
    assert [one.in_mlflow(name) for name in ("loss", "batch_loss", "val/loss")] == [[(0, 1.0)], [(100, 1.0)], [(3, 1)]]
