"""The errors: what they are kinds of, and what they say."""

import pickle
from typing import Any

import pytest

from tracklib import errors
from tracklib.errors import (
    ConfigError,
    DeliveryError,
    LifecycleError,
    NotFinite,
    RunDirectoryError,
    TrackerBlocked,
    TrackerLost,
    TrackerUnavailable,
    TrackerWarning,
    TracklibError,
    WhereError,
)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ConfigError, ValueError),
        (LifecycleError, ValueError),
        (RunDirectoryError, OSError),
        (DeliveryError, TracklibError),
        (TrackerUnavailable, TracklibError),
        (TrackerBlocked, TracklibError),
    ],
)
def test_each_error_is_a_tracklib_error_and_what_its_docstring_tree_says(kind: Any, builtin: Any) -> None:
    assert issubclass(kind, TracklibError)
    assert issubclass(kind, builtin)


def test_the_warning_is_no_error() -> None:
    assert issubclass(TrackerWarning, UserWarning)
    assert not issubclass(TrackerWarning, TracklibError)


def test_the_tree_in_the_docstring_names_every_public_word() -> None:
    assert [name for name in errors.__all__ if name not in errors.__doc__] == []


def test_one_problem_is_said_as_it_is() -> None:
    assert str(ConfigError(["no tracker is called 'Wandbb'"])) == "no tracker is called 'Wandbb'"


def test_many_problems_are_listed_one_a_line() -> None:
    assert str(ConfigError(["a is wrong", "b is wrong"])) == (
        "2 problems in the trackers' configs:\n  - a is wrong\n  - b is wrong"
    )


def test_a_config_error_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(ConfigError(["a is wrong", "b is wrong"])))
    assert type(copy) is ConfigError
    assert copy.problems == ["a is wrong", "b is wrong"]


def test_an_unavailable_tracker_may_say_how_long_to_wait() -> None:
    assert TrackerUnavailable("busy", retry_after=3.0).retry_after == 3.0
    assert TrackerUnavailable("busy").retry_after is None


def test_an_unavailable_tracker_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(TrackerUnavailable("busy", retry_after=3.0)))
    assert (str(copy), copy.retry_after) == ("busy", 3.0)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError(["a is wrong"]),
        WhereError("wrong", "a < b", 2),
        RunDirectoryError("in use", in_use=True),
        NotFinite("loss", 1.0, "epoch", 3),
        TrackerLost("gone", from_the_start=True),
        DeliveryError("late"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_from_another_process_has_its_notes_and_attributes(error: Exception) -> None:
    error.add_note("Mlflow got 3 of 5 records")
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert copy.__notes__ == ["Mlflow got 3 of 5 records"]


@pytest.mark.parametrize(
    ("before", "columns"), [("loss ", 5), ("\u6a21\u578b ", 5), ("e\u0301 ", 2), ("\u6a21" * 70, 123), ("a\t", 2)]
)
def test_what_is_wrong_is_pointed_at_behind_letters_of_any_width(before: str, columns: int) -> None:
    assert str(WhereError("wrong", f"{before})", len(before))).split("\n")[2] == f"  {' ' * columns}^"
