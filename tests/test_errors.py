"""The errors: what they are kinds of, and what they say."""

import pickle
from typing import Any

import pytest

from tracklib import errors
from tracklib.errors import (
    ConfigError,
    DeliveryError,
    LifecycleError,
    RunDirectoryError,
    TrackerBlocked,
    TrackerUnavailable,
    TrackerWarning,
    TracklibError,
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
