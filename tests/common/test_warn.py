"""Warnings: the reported file and line are the caller's, whatever lies between."""

import contextlib
import functools
import inspect
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
import wrapt

from tracklib._common.names import Names
from tracklib._common.warn import mention, tell, warn, warn_at_the_end
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


def test_where_a_warning_cannot_be_shown_the_log_tells_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise ValueError("I/O operation on closed file")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", closed)
        warn("the disk is full")
    assert caplog.messages == ["the disk is full"]


@pytest.mark.parametrize("named", [True, False])
def test_at_a_good_end_only_a_filter_that_names_our_warnings_makes_an_error_of_one(
    caplog: pytest.LogCaptureFixture, named: bool
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrackerWarning if named else Warning)
        with pytest.raises(TrackerWarning) if named else contextlib.nullcontext():
            warn_at_the_end("the disk is full")
    assert caplog.messages == ([] if named else ["the disk is full"])


class Fails(logging.Handler):
    """A handler that raises, as rich's does at a wrong markup."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self._error


@pytest.fixture
def fails() -> Iterator[Callable[[BaseException], None]]:
    log = logging.getLogger("tracklib")
    level, handlers = log.level, list[logging.Handler]()

    def make(error: BaseException) -> None:
        handlers.append(Fails(error))
        log.addHandler(handlers[-1])
        log.setLevel(logging.DEBUG)

    yield make
    log.setLevel(level)
    for handler in handlers:
        log.removeHandler(handler)


@pytest.mark.parametrize("say", [tell, mention])
def test_a_log_handler_that_raises_is_nobodys_trouble(
    fails: Callable[[BaseException], None], say: Callable[[str], None]
) -> None:
    fails(RuntimeError("wrong markup"))
    say("the disk is full")


def test_ctrl_c_in_a_log_handler_goes_on_in_the_main_thread_and_in_no_other(
    fails: Callable[[BaseException], None],
) -> None:
    fails(KeyboardInterrupt())
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(tell, "the disk is full").exception() is None
    with pytest.raises(KeyboardInterrupt):
        tell("the disk is full")


def test_what_is_mentioned_is_said_to_who_asks_for_it(caplog: pytest.LogCaptureFixture) -> None:
    for level in (logging.INFO, logging.DEBUG):
        with caplog.at_level(level, "tracklib"):
            mention("once")
    assert caplog.messages == ["once"]
