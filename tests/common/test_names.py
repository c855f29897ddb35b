"""Names: each backend gets one that it takes, and two names never become one."""

import re
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

from tracklib._common.names import (
    Names,
    column_name,
    file_name,
    in_one_line,
    with_hash,
)
from tracklib.errors import TrackerWarning
from tracklib.trackers._mlflow_limits import mlflow_name
from tracklib.trackers._wandb_limits import wandb_name, wandb_param_name
from tracklib.trackers.tensorboard import tensorboard_name

pieces = st.sampled_from([".", "..", "/", "a", " ", "\n", "é", "#", "\\", "\x00", "-", "x" * 130, "%"])
any_name = st.text() | st.lists(pieces).map("".join)


@pytest.mark.slow
@given(any_name)
def test_mlflow_takes_every_name(raw: Any) -> None:
    name = mlflow_name(raw)
    _validate_metric_name(name)
    _validate_param_name(name)
    _validate_tag_name(name)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("loss", "loss"),
        ("train/loss", "train/loss"),
        ("top 5: a_b-c.d", "top 5: a_b-c.d"),
        ("préc", "préc"),
        ("f1@0.5", "f1_0.5"),
        ("a\nb", "a_b"),
        ("", "unnamed"),
        ("/", "unnamed"),
        ("..", "unnamed"),
        ("/a", "a"),
        ("a/", "a"),
        ("a//b", "a/b"),
        ("a/../b", "a/b"),
        ("../../etc/passwd", "etc/passwd"),
        ("./a", "a"),
        ("..0", "_.0"),
        ("a/..0", "a/..0"),
        ("x" * 250, "x" * 250),
    ],
)
def test_an_mlflow_name_stays_as_near_as_it_can(raw: Any, name: Any) -> None:
    assert mlflow_name(raw) == name


def test_two_long_names_that_begin_alike_stay_apart_at_mlflow() -> None:
    one, two = mlflow_name("x" * 300 + "1"), mlflow_name("x" * 300 + "2")
    assert one != two
    assert (len(one), len(two)) == (250, 250)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("loss", "loss"),
        ("a/b.c", "a/b.c"),
        ("", "unnamed"),
        ("_step", "metric_step"),
        ("_timestamp", "metric_timestamp"),
        ("_runtime", "metric_runtime"),
        ("_wandb", "metric_wandb"),
        ("_wandb.x", "metric_wandb.x"),
        ("_private", "_private"),
        ("step", "step"),
    ],
)
def test_a_wandb_name_is_not_empty_and_none_of_its_own(raw: str, name: str) -> None:
    assert wandb_name(raw) == name


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_column_name_is_a_formula(first: str) -> None:
    assert column_name(f"{first}1+1") == f"'{first}1+1"


@pytest.mark.parametrize(("raw", "name"), [("loss", "loss"), ("a=b", "a=b"), (" =1", " =1"), ("", "unnamed")])
def test_a_column_name_stays_as_it_is_otherwise(raw: str, name: str) -> None:
    assert column_name(raw) == name


@pytest.mark.parametrize("limit", [64, 250])
@pytest.mark.parametrize("raw", ["loss", "x" * 400, "caf\udce9", ""])
def test_a_hash_is_six_digits_within_the_limit_and_the_same_each_time(raw: Any, limit: int) -> None:
    name = with_hash(raw, raw, limit)
    assert len(name) <= limit
    assert name == with_hash(raw, raw, limit)
    assert re.fullmatch(r"(?s).*-[0-9a-f]{6}", name)


def test_names_that_stay_apart_are_translated_without_a_word() -> None:
    names = Names("MLflow", mlflow_name)
    assert [names["a@b"], names["a"], names["a@b"]] == ["a_b", "a", "a_b"]


def test_each_name_is_translated_once() -> None:
    asked = []

    def translated(raw: str) -> str:
        asked.append(raw)
        return raw

    names = Names("B", translated)
    for _ in range(3):
        names["loss"], names.axis("epoch")
    assert asked == ["loss", "epoch"]


def test_the_second_of_two_names_that_fall_together_has_a_hash_and_one_warning() -> None:
    names = Names("MLflow", mlflow_name)
    assert names["a@b"] == "a_b"
    with pytest.warns(TrackerWarning) as warned:
        second = names["a#b"]
    assert second == with_hash("a_b", "a#b")
    assert str(warned[0].message) == f"MLflow has 'a_b' for 'a@b' already: 'a#b' is called {second!r} there"
    assert (names["a@b"], names["a#b"]) == ("a_b", second)
    assert len(warned) == 1


def test_a_metric_called_as_the_axis_has_a_name_of_its_own() -> None:
    names = Names("the CSV", column_name)
    assert names.axis("epoch") == "epoch"
    with pytest.warns(TrackerWarning, match=r"the CSV has the axis 'epoch', so .* write t\.log\(epoch, {\.\.\.}\)"):
        assert names["epoch"].startswith("epoch-")
    assert names.axis("epoch") == "epoch"


def test_an_axis_shares_its_name_with_a_metric_of_another_axis_and_with_none_of_its_own() -> None:
    names = Names("the CSV", column_name)
    assert names.beside("epoch", "step") == names.axis("step") == "step"
    assert names.axis("epoch") == names.beside("step", "epoch") == "epoch"
    assert names.beside("step", "step") == "metrics/step"
    with pytest.warns(TrackerWarning):
        assert names.beside("epoch", "epoch") not in ("epoch", "")


def test_a_name_within_a_group_is_apart_from_a_metric_that_is_called_so() -> None:
    names = Names("TensorBoard", tensorboard_name)
    assert names.within("batch", "loss") == names.within("batch", "loss") == "batch/loss"
    with pytest.warns(TrackerWarning, match="'batch/loss'"):
        assert names["batch/loss"] != "batch/loss"


def test_a_hash_that_is_taken_is_not_taken_twice() -> None:
    names = Names("MLflow", mlflow_name)
    raws = ["a@b", with_hash("a_b", "a#b"), "a#b"]
    with pytest.warns(TrackerWarning):
        translated = [names[raw] for raw in raws]
    assert len(set(translated)) == 3


@pytest.mark.parametrize("rule", [mlflow_name, wandb_name, column_name, tensorboard_name])
@given(raws=st.lists(any_name | st.sampled_from(["", "unnamed", "_step", "metric_step", "a@b", "a#b", "a_b"])))
def test_no_two_names_become_one_and_each_keeps_its_own(rule: Any, raws: Any) -> None:
    names = Names("B", rule)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = {raw: names[raw] for raw in raws}
    assert len(set(first.values())) == len(first)
    assert {raw: names[raw] for raw in reversed(raws)} == first


# The table outlives the process


def restored(state: Any, rule: Any = mlflow_name, **options: Any) -> Any:
    names = Names("B", rule, **options)
    names.restore(state)
    return names


def translated(names: Any, raws: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [names[raw] for raw in raws]


def test_a_table_that_is_kept_gives_the_same_names_in_any_other_order() -> None:
    raws = ["a_b", "a@b", "a#b", "loss", "", "x" * 300, "x" * 299 + "y"]
    state: dict[str, Any] = {}
    names = Names("B", mlflow_name)
    first = translated(names, raws)
    names.keep(state)
    assert translated(restored(state), raws[::-1]) == first[::-1]


def test_without_the_table_the_order_would_decide() -> None:
    one = translated(Names("B", mlflow_name), ["a@b", "a#b"])
    assert one != translated(Names("B", mlflow_name), ["a#b", "a@b"])[::-1]


def test_a_new_name_does_not_get_one_that_an_earlier_process_gave_away() -> None:
    state: dict[str, Any] = {}
    names = Names("B", mlflow_name)
    assert names["a_b"] == "a_b"
    names.keep(state)
    again = restored(state)
    with pytest.warns(TrackerWarning):
        assert again["a@b"] == with_hash("a_b", "a@b")
    assert again["a_b"] == "a_b"


def test_a_name_that_was_warned_of_is_not_warned_of_after_a_restart() -> None:
    state: dict[str, Any] = {}
    names = Names("B", mlflow_name)
    translated(names, ["a@b", "a#b"])
    names.keep(state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert restored(state)["a#b"] == names["a#b"]


def test_an_axis_keeps_its_name_too() -> None:
    state: dict[str, Any] = {}
    names = Names("B", column_name)
    translated(names, ["step"])
    axis = names.axis("step")
    names.keep(state)
    again = restored(state, column_name)
    assert (again.axis("step"), again["step"]) == (axis, "step")


def test_a_metric_may_be_called_as_an_axis_is_kept() -> None:
    names = Names("B", column_name)
    assert names["axis step"] == "axis step"
    assert names.axis("step") == "step"
    assert names["axis\0step"] == "axis\0step"


def test_the_state_is_written_only_when_the_table_grew() -> None:
    class State(dict[str, Any]):
        written = 0

        def __setitem__(self, key: Any, value: Any) -> None:
            self.written += 1
            super().__setitem__(key, value)

    state = State()
    names = Names("B", mlflow_name, "table")
    for _ in range(5):
        names["loss"], names["a@b"]
        names.keep(state)
    assert state.written == 1
    assert list(state) == ["table"]


def test_the_table_stays_short_however_long_the_names_are() -> None:
    state: dict[str, Any] = {}
    names = Names("B", mlflow_name)
    translated(names, [str(number) * 10_000 for number in range(10)])
    names.keep(state)
    assert len(state["names"]) < 5_000


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"name a": 5}', "null", '{"a": ""}', '{"": ""}'])
def test_a_table_that_somebody_damaged_is_as_good_as_none(kept: str) -> None:
    assert restored({"names": kept})["a@b"] == "a_b"


def test_a_name_that_is_taken_from_the_start_is_nobodys() -> None:
    names = Names("MLflow", mlflow_name, taken={"tracklib.uid": "the run's identity"})
    with pytest.warns(TrackerWarning, match="MLflow has 'tracklib.uid' for \"the run's identity\" already"):
        assert names["tracklib.uid"] == with_hash("tracklib.uid", "tracklib.uid")


@given(st.lists(any_name | st.sampled_from(["a@b", "a#b", "a_b", "\udce9"])), st.integers(0, 5))
def test_a_restart_anywhere_changes_no_name(raws: Any, at: Any) -> None:
    state: dict[str, Any] = {}
    names = Names("B", mlflow_name)
    first = dict(zip(raws[:at], translated(names, raws[:at]), strict=True))
    names.keep(state)
    again = restored(state)
    rest = dict(zip(raws, translated(again, raws), strict=True))
    assert {raw: rest[raw] for raw in first} == first
    assert len(set(rest.values())) == len(rest)


# Other names


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("lr", "lr"),
        ("a.b", "a.b"),
        ("", "unnamed"),
        ("_wandb", "param_wandb"),
        ("wandb_version", "param_wandb_version"),
    ],
)
def test_a_param_of_wandb_is_not_empty_and_none_of_its_own(raw: str, name: str) -> None:
    assert wandb_param_name(raw) == name


@pytest.mark.parametrize("raw", ["lr", "a/b", "é" * 250, "é/" * 120, "../x", "a" * 300, "\x00", "/", "😀" * 200])
def test_a_files_name_is_relative_and_short_enough_for_every_file_system(raw: Any) -> None:
    name = file_name(raw)
    assert len(name.encode()) <= 200
    assert not name.startswith("/")
    assert ".." not in name.split("/")
    assert file_name("lr") == "lr"


@pytest.mark.parametrize(("raw", "name"), [("digits", "digits"), ("a\nb\x00", "a_b_"), ("x" * 128, "x" * 128)])
def test_a_runs_name_is_in_one_line(raw: Any, name: Any) -> None:
    assert in_one_line(raw, 128) == name


def test_a_runs_name_that_is_too_long_ends_in_a_hash() -> None:
    one, two = in_one_line("x" * 129, 128), in_one_line("x" * 130, 128)
    assert (len(one), len(two), one == two) == (128, 128, False)


@pytest.mark.parametrize("word", ["of", "beside"])
def test_what_the_machine_did_shares_its_name_with_no_metric_of_the_users(word: str) -> None:
    names = Names("x", mlflow_name)
    name = getattr(names, word)
    assert name("system", "system/cpu_percent") == "system/cpu_percent"
    with pytest.warns(TrackerWarning, match="already"):
        own = name("epoch", "system/cpu_percent")
    assert own.startswith("system/cpu_percent-")

    state: dict[str, str] = {}
    names.keep(state)
    resumed = Names("x", mlflow_name)
    resumed.restore(state)
    assert getattr(resumed, word)("epoch", "system/cpu_percent") == own
    assert getattr(resumed, word)("system", "system/cpu_percent") == "system/cpu_percent"
