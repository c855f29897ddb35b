"""A param is the same in the next process: no address is in it, and an enum of a plain value is that value."""

from __future__ import annotations

import enum
import functools
from pathlib import Path
from typing import Any

import pytest

from tracklib import load, tracked, tracking
from tracklib._values.arguments import as_params


class Plain:
    """An object that tells nothing of itself."""


class Kind(enum.Enum):
    """Of plain values, and one of an object."""

    SGD = "sgd"
    TWO = 2
    ODD = Plain()


class Word(str, enum.Enum):  # noqa: UP042  # as many write it
    """As many configs have it."""

    RELU = "relu"


def scale(x: float, by: float = 2) -> float:
    return x * by


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Plain(), "Plain"),
        (Plain, "Plain"),
        (scale, "scale"),
        (len, "len"),
        (lambda: 0, "<lambda>"),
        (functools.partial(scale, by=3), "functools.partial(<function scale>, by=3)"),
        (Kind.SGD, "sgd"),
        (Kind.TWO, 2),
        (Kind.ODD, "ODD"),
        (Word.RELU, "relu"),
        ("the text <x at 0x7f00aa> stays", "the text <x at 0x7f00aa> stays"),
        (Path("a/b"), "a/b"),
    ],
)
def test_it_has_a_name_in_place_of_an_address(value: Any, kept: Any) -> None:
    found = as_params({"x": value})["x"]
    if kept == "<lambda>":
        assert found.endswith("<lambda>")
        assert " at 0x" not in found
    else:
        assert found == kept


def test_a_param_that_says_resume_can_be_left_out(tmp_path: Path) -> None:
    for resume in (False, True):

        @tracking(output_run=tmp_path, resume=resume, params=True, leave_out=["resume", "model/path"])
        def train(lr: float, model: Any, resume: bool) -> None:
            inner({"seed": 3}, resume=resume)

        @tracked(params=True)
        def inner(data: Any, resume: bool) -> dict[str, float]:
            return {"loss": 1}

        train(0.1, {"width": 2, "path": "x"}, resume=resume)
    assert load(tmp_path).params == {"lr": 0.1, "model": {"width": 2}, "data": {"seed": 3}}


def test_what_is_no_list_of_names_is_refused() -> None:
    with pytest.raises(TypeError, match="leave_out must be a list of names"):
        with tracking(leave_out="resume"):
            pass
