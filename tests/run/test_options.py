"""A run's options: listed once, checked early, and shown by name to whoever asks."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from tracklib import Parent, Trackers, current, tracking
from tracklib._run.options import ChildOptions, Options, RunOptions

WORDS: list[Any] = [tracking, Trackers]


def test_each_option_has_one_type() -> None:
    as_they_travel = get_type_hints(Options)
    as_they_are_taken = get_type_hints(RunOptions)
    assert as_they_travel == {"output_run": as_they_travel["output_run"], **as_they_are_taken}


@pytest.mark.parametrize("word", WORDS)
def test_inspect_shows_each_option_with_its_default(word: Any) -> None:
    shown = inspect.signature(word).parameters
    fields = dict(zip(Options.__struct_fields__, Options.__struct_defaults__, strict=True))
    assert {name: shown[name].default for name in fields} == fields
    assert not any(parameter.kind is parameter.VAR_KEYWORD for parameter in shown.values())


def test_a_child_takes_what_is_not_its_parents_to_say() -> None:
    shown = set(inspect.signature(Trackers.child).parameters)
    assert shown == {"self", "name", "output_run", *ChildOptions.__annotations__}


@pytest.mark.parametrize("name", RunOptions.__annotations__)
def test_each_option_is_explained_where_a_user_looks_first(name: str) -> None:
    assert f"        {name}: " in inspect.getdoc(tracking).replace("\n    ", "\n        ")  # type: ignore[union-attr]


def test_the_options_cannot_be_changed_on_their_way() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        Options().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"nam": "x"},
            TypeError,
            r"unexpected keyword argument 'nam': did you mean name\? It takes output_run, resume, name, ",
        ),
        ({"on_error": "ignore"}, ValueError, "on_error must be 'warn' or 'raise'"),
        ({"resume": True}, ValueError, "resume=True needs output_run"),
        ({"console": 1}, TypeError, "console must be True or False: keep what the run prints, or not; got 1"),
        ({"group_access": "all"}, ValueError, "group_access must be 'read', 'write' or None, got 'all'"),
        ({"parent": "abc"}, TypeError, "parent must be a Parent, as Parent\\(uid=t.uid, output_run=t.directory\\)"),
        ({"rank": "0"}, ValueError, "rank must be a whole number from 0 on"),
        ({"rank": -1}, ValueError, "rank must be a whole number from 0 on"),
        ({"rank": True}, ValueError, "rank must be a whole number from 0 on"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_block(
    word: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        word(**options)


@pytest.mark.parametrize("option", ["name", "parent", "rank"])
def test_a_child_is_not_told_what_its_parent_says(tmp_path: Path, option: str) -> None:
    told: Any = {option: None}
    with tracking(output_run=tmp_path) as t, pytest.raises(TypeError, match=option):
        t.child("a", **told)


def test_a_rank_of_another_package_is_one(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    with tracking(output_run=tmp_path / "run", rank=numpy.int64(1)):
        pass
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("word", WORDS)
def test_a_parent_that_is_given_counts_more_than_the_block_around(tmp_path: Path, word: Any) -> None:
    given = Parent(uid="other", output_run="/elsewhere")
    with tracking(output_run=tmp_path / "outer"):
        with word(output_run=tmp_path / "inner", parent=given):
            assert current() is not None
    begin = (tmp_path / "inner/journal.jsonl").read_bytes().split(b"\n")[0]
    assert msgspec.json.decode(begin)["parent"] == {"uid": "other", "output_run": "/elsewhere"}
