"""Conditions on runs: one small grammar, and errors that point at the character."""

from __future__ import annotations

import contextlib
import pickle
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

import tracklib
from tracklib import WhereError, tracking
from tracklib.reading import Run, Runs
from tracklib.reading.where import parse


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    directory = tmp_path_factory.mktemp("runs") / "digits"
    params = {"lr": 0.1, "optimizer": "adam", "model": {"width": 64}, "amp": True, "seed": "7", "betas": [0.9, 0.99]}
    tags = {"stage": "a test", "baseline": "", "loss": "a tag"}
    with tracking(output_run=directory, params=params, tags=tags, best={"val/loss": "min"}) as t:
        for epoch, loss in enumerate([0.5, 0.25, 0.75]):
            t.log(epoch, {"val/loss": loss, "nan": float("nan"), "my metric": 1})
    return tracklib.load(directory)


@pytest.mark.parametrize(
    "condition",
    [
        "lr = 0.1",
        "lr == .1",
        "lr<0.2",
        "lr >= 1e-1 and optimizer = adam",
        "optimizer='adam' and optimizer != \"sgd\"",
        "optimizer ~ ADA",
        "not optimizer = sgd",
        "model/width = 64",
        "params.model/width > 63.9",
        "seed = 7",
        "seed < 10",
        "amp",
        "amp = true",
        "betas ~ 0.99",
        "val/loss = 0.25",
        "best.val/loss < 0.3",
        "last.val/loss = 0.75",
        "first.val/loss = 0.5 and max.val/loss = 0.75 and min.val/loss = 0.25 and mean.val/loss = 0.5",
        "count.val/loss = 3",
        "`my metric` = 1",
        "nan = nan",
        "baseline",
        "tags.stage = 'a test'",
        "loss = 'a tag'",
        "status = finished and name = digits and epoch = 2 and attempts = 1",
        "age < 2h and took < 1d and age >= 0s",
        "(lr = 1 or lr = 0.1) AND NOT (lr = 1)",
        "lr = 1 or lr = 2 or lr = 0.1",
    ],
)
def test_the_run_meets(run: Run, condition: str) -> None:
    assert parse(condition)(run)


@pytest.mark.parametrize(
    "condition",
    [
        "lr > 0.1",
        "missing",
        "missing = 1",
        "missing != 1",
        "optimizer < 5",
        "optimizer = ada",
        "nan < 1",
        "lr = true",
        "lr = 1 or optimizer = sgd and lr = 0.1",
        "not (lr = 0.1 or missing)",
        "error",
    ],
)
def test_the_run_does_not_meet(run: Run, condition: str) -> None:
    assert not parse(condition)(run)


@pytest.mark.parametrize(
    ("condition", "problem", "position"),
    [
        ("", "the name of a param, a metric or a tag is wanted here", 0),
        ("lr <", "a value is wanted behind <", 4),
        ("lr << 3", "a value is wanted behind <", 4),
        ("< 3", "the name of a param, a metric or a tag is wanted here", 0),
        ("lr = 1 lr = 2", "'and' or 'or' is wanted here", 7),
        ("and lr = 1", "a name is wanted before 'and'", 0),
        ("(lr = 1", "a ) is wanted here", 0),
        ("lr = 1)", "'and' or 'or' is wanted here", 6),
        ("lr = 'adam", "this ' has no second one", 5),
        ("lr ! 3", "'!' means nothing here", 3),
        ("  `lr", "this ` has no second one", 2),
        ("not", "the name of a param, a metric or a tag is wanted here", 3),
        ("(" * 200, "it is nested more than 100 deep", 100),
    ],
)
def test_what_cannot_be_understood_is_pointed_at(condition: str, problem: str, position: int) -> None:
    with pytest.raises(WhereError) as caught:
        parse(condition)
    assert (caught.value.problem, caught.value.position) == (problem, position)


def test_the_message_shows_the_place() -> None:
    with pytest.raises(WhereError) as caught:
        parse("val/loss < 0.3 adn lr = 1")
    assert str(caught.value) == "'and' or 'or' is wanted here\n  val/loss < 0.3 adn lr = 1\n                 ^"


def test_a_long_condition_is_shown_around_the_place() -> None:
    with pytest.raises(WhereError) as caught:
        parse("a = 1 and " * 100 + "!")
    _, shown, pointer = str(caught.value).split("\n")
    assert shown[pointer.index("^")] == "!"
    assert len(shown) < 150


def test_the_error_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(WhereError("wrong", "a < b", 2)))
    assert (str(copy), copy.position) == ("wrong\n  a < b\n    ^", 2)


class _PointsIntoIt(Exception):
    pass


@given(st.text())
def test_any_text_is_a_condition_or_a_where_error_that_points_into_it(text: str) -> None:
    with contextlib.suppress(_PointsIntoIt):
        try:
            parse(text)
        except WhereError as error:
            if 0 <= error.position <= len(text) and "^" in str(error):
                raise _PointsIntoIt from None
            raise


def test_nothing_of_a_condition_is_ever_evaluated(run: Run) -> None:
    assert not parse("__import__ = 1")(run)
    with pytest.raises(WhereError):
        parse("__import__('os').system('true')")


def test_runs_are_filtered_and_sorted_and_those_without_a_value_come_last(tmp_path: Path) -> None:
    for name, params in {"a": {"lr": 2.0}, "b": {"lr": 1.0}, "c": {}}.items():
        with tracking(output_run=tmp_path / name, params=params):
            pass

    def names(runs: Runs) -> list[str]:
        return [run.name for run in runs]

    assert names(tracklib.runs(tmp_path)) == ["a", "b", "c"]
    assert names(tracklib.runs(tmp_path, sort="lr")) == ["b", "a", "c"]
    assert names(tracklib.runs(tmp_path, sort="-lr")) == ["a", "b", "c"]
    assert names(tracklib.runs(tmp_path, where="lr > 1")) == ["a"]
    assert names(tracklib.runs(tmp_path, where=lambda run: not run.params)) == ["c"]
