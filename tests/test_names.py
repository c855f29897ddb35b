"""Names: each backend gets one that it takes, and two names never become one."""

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

from tracklib._names import Names, csv_name, mlflow_name, tensorboard_name, wandb_name, with_hash
from tracklib.errors import TrackerWarning

pieces = st.sampled_from([".", "..", "/", "a", " ", "\n", "é", "#", "\\", "\x00", "-", "x" * 130, "%"])
any_name = st.text() | st.lists(pieces).map("".join)


@given(any_name)
def test_mlflow_takes_every_name(raw):
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
def test_an_mlflow_name_stays_as_near_as_it_can(raw, name):
    assert mlflow_name(raw) == name


def test_two_long_names_that_begin_alike_stay_apart_at_mlflow():
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
def test_a_wandb_name_is_not_empty_and_none_of_its_own(raw, name):
    assert wandb_name(raw) == name


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_column_name_is_a_formula(first):
    assert csv_name(f"{first}1+1") == f"'{first}1+1"


@pytest.mark.parametrize(("raw", "name"), [("loss", "loss"), ("a=b", "a=b"), (" =1", " =1"), ("", "unnamed")])
def test_a_column_name_stays_as_it_is_otherwise(raw, name):
    assert csv_name(raw) == name


@pytest.mark.parametrize("limit", [64, 250])
@pytest.mark.parametrize("raw", ["loss", "x" * 400, "caf\udce9", ""])
def test_a_hash_is_six_digits_within_the_limit_and_the_same_each_time(raw, limit):
    name = with_hash(raw, raw, limit)
    assert len(name) <= limit
    assert name == with_hash(raw, raw, limit)
    assert re.fullmatch(r"(?s).*-[0-9a-f]{6}", name)


def test_names_that_stay_apart_are_translated_without_a_word():
    names = Names("MLflow", mlflow_name)
    assert [names["a@b"], names["a"], names["a@b"]] == ["a_b", "a", "a_b"]


def test_each_name_is_translated_once():
    asked = []
    names = Names("B", lambda raw: asked.append(raw) or raw)
    for _ in range(3):
        names["loss"], names.axis("epoch")
    assert asked == ["loss", "epoch"]


def test_the_second_of_two_names_that_fall_together_has_a_hash_and_one_warning():
    names = Names("MLflow", mlflow_name)
    assert names["a@b"] == "a_b"
    with pytest.warns(TrackerWarning) as warned:
        second = names["a#b"]
    assert second == with_hash("a_b", "a#b")
    assert str(warned[0].message) == f"MLflow has 'a_b' for 'a@b' already: 'a#b' is called {second!r} there"
    assert (names["a@b"], names["a#b"]) == ("a_b", second)
    assert len(warned) == 1


def test_a_metric_called_as_the_axis_has_a_name_of_its_own():
    names = Names("the CSV", csv_name)
    assert names.axis("epoch") == "epoch"
    with pytest.warns(TrackerWarning, match="the CSV has 'epoch' for 'epoch' already"):
        assert names["epoch"].startswith("epoch-")
    assert names.axis("epoch") == "epoch"


def test_an_axis_called_as_a_metric_has_a_name_of_its_own():
    names = Names("the CSV", csv_name)
    names["step"]
    with pytest.warns(TrackerWarning):
        assert names.axis("step") not in ("step", "")


def test_a_name_within_a_group_is_apart_from_a_metric_that_is_called_so():
    names = Names("TensorBoard", tensorboard_name)
    assert names.within("batch", "loss") == names.within("batch", "loss") == "batch/loss"
    with pytest.warns(TrackerWarning, match="'batch/loss'"):
        assert names["batch/loss"] != "batch/loss"


def test_a_hash_that_is_taken_is_not_taken_twice():
    names = Names("MLflow", mlflow_name)
    raws = ["a@b", with_hash("a_b", "a#b"), "a#b"]
    with pytest.warns(TrackerWarning):
        translated = [names[raw] for raw in raws]
    assert len(set(translated)) == 3


@pytest.mark.parametrize("rule", [mlflow_name, wandb_name, csv_name, tensorboard_name])
@given(raws=st.lists(any_name | st.sampled_from(["", "unnamed", "_step", "metric_step", "a@b", "a#b", "a_b"])))
def test_no_two_names_become_one_and_each_keeps_its_own(rule, raws):
    names = Names("B", rule)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = {raw: names[raw] for raw in raws}
    assert len(set(first.values())) == len(first)
    assert {raw: names[raw] for raw in reversed(raws)} == first
