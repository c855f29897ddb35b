"""Warnings: the reported file and line are the caller's, whatever lies between."""

import contextlib
import functools
import inspect
import threading
import warnings
from pathlib import Path
from typing import Any, cast

import pytest
import wrapt

from tracklib._common.names import Names
from tracklib._common.warn import warn
from tracklib.errors import TrackerWarning
from tracklib.trackers import CsvLogger
from tracklib.trackers._wandb_limits import wandb_name


def reported(call: Any) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    (warning,) = caught
    return warning


def line_of(function: Any) -> Any:
    return inspect.getsourcelines(function)[1]


def test_a_warning_is_a_tracker_warning_with_the_message() -> None:
    warning = reported(lambda: warn("the disk is full"))
    assert warning.category is TrackerWarning
    assert str(warning.message) == "the disk is full"


def directly() -> None:
    warn("x")


def through_one_module_of_ours() -> None:
    names = Names("W&B", wandb_name)
    names["_step"], names["metric_step"]


def through_two_modules_of_ours(path: Path) -> None:
    csv = CsvLogger(output_run=str(path))
    csv.init()
    csv.log(epoch=1, log_dict=cast(Any, {"loss": "low"}))


def test_a_warning_points_at_the_line_that_called() -> None:
    warning = reported(directly)
    assert (warning.filename, warning.lineno) == (__file__, line_of(directly) + 1)


def test_a_warning_points_past_a_module_of_ours() -> None:
    warning = reported(through_one_module_of_ours)
    assert (warning.filename, warning.lineno) == (__file__, line_of(through_one_module_of_ours) + 2)


def test_a_warning_points_past_two_modules_of_ours(tmp_path: Path) -> None:
    warning = reported(lambda: through_two_modules_of_ours(tmp_path))
    assert (warning.filename, warning.lineno) == (__file__, line_of(through_two_modules_of_ours) + 3)


def ours(source: Any) -> Any:
    """What ``source`` defines, as if it were written in a module of tracklib."""
    defined = {"warn": warn, "contextlib": contextlib, "functools": functools, "wrapt": wrapt}
    exec(compile(source, warn.__code__.co_filename, "exec"), defined)
    return defined["made"]


CONTEXT = ours("""
@contextlib.contextmanager
def made():
    yield
    warn('x')
""")
DISPATCHED = ours("made = functools.singledispatch(lambda message: warn(message))")
DECORATED = ours("""
@wrapt.decorator
def passes_through(wrapped, instance, args, kwargs):
    return wrapped(*args, **kwargs)

made = passes_through(lambda: warn('x'))
""")


def through_contextlib() -> None:
    with CONTEXT():
        pass


def through_functools() -> None:
    DISPATCHED("x")


def through_wrapt() -> None:
    DECORATED()


@pytest.mark.parametrize("call", [through_contextlib, through_functools, through_wrapt])
def test_a_warning_points_past_the_libraries_that_ours_is_called_through(call: Any) -> None:
    warning = reported(call)
    assert (warning.filename, warning.lineno) == (__file__, line_of(call) + 1)


def test_where_no_line_of_the_users_is_the_log_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    thread = threading.Thread(target=ours("def made(): warn('x')"))
    thread.start()
    thread.join()
    assert caplog.messages == ["x"]


def test_a_warning_may_be_made_an_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TrackerWarning, match="the disk is full"):
            warn("the disk is full")


def test_a_secret_in_a_message_is_masked_and_a_very_long_one_is_cut() -> None:
    with pytest.warns(TrackerWarning) as caught:
        warn("refused: token=abcdefgh")
        warn("x" * 5_000)
    assert [str(one.message) for one in caught] == ["refused: token=***", "x" * 2_000 + "..."]
