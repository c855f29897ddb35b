"""Leaving a run: its true status, one bounded wait, and what is said of it, whatever ends the block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from .._common.coroutines import is_cancellation, is_in_a_loop
from .._common.warn import tell, warn_at_the_end
from .._journal.records import Status
from ..errors import DeliveryError, Terminated
from ..trackers.base import BaseTracker
from .sigterm import cause_of, leaving
from .verdict import status_of

PATIENCE = 10.0
PATIENCE_AFTER_ERROR = 5.0


class OpenRun(Protocol):
    """What a run's end, a fork and the interpreter's exit ask of a run: an ``Attempt`` has it."""

    trackers: Mapping[str, BaseTracker]
    directory: str
    rank: int
    at_exit: Status
    undelivered: str
    uid: str
    words: Callable[[], object]

    @property
    def is_forgotten(self) -> bool:
        """Whether nobody has the object any more that could end it."""

    def end(self, status: Status, error: BaseException | None = None) -> None:
        """Write how it ended."""

    def leave(self, patience: float) -> None:
        """Wait for the trackers, then let go; ``undelivered`` says what did not arrive."""

    async def leave_async(self, patience: float) -> None:
        """The same, letting the event loop run."""

    def after_fork_in_child(self) -> None:
        """In a forked child: it may log into the run, and never ends it."""


def leave(run: OpenRun, status: Status, error: BaseException | None, on_error: str = "warn") -> None:
    """End ``run`` with ``status``, wait for its trackers, and say what did not arrive.

    Args:
        error: what leaves the block, if anything does. It stays the one that leaves: trouble is a note on it.
        on_error: ``"raise"`` raises at a normal end if something did not arrive; ``"warn"`` warns.

    Raises:
        DeliveryError: see ``on_error``.
        BaseException: what interrupted the wait, such as Ctrl-C, where nothing else leaves the block.
    """
    with leaving():
        late = _end(run, status, error, _swallowed(error))
        try:
            run.leave(_patience(error, late))
        except BaseException as interruption:  # what a signal's handler raises, too
            late = interruption
        _tell(run, error, late, on_error)


async def leave_async(run: OpenRun, status: Status, error: BaseException | None, on_error: str = "warn") -> None:
    """:func:`leave` that lets asyncio's event loop run meanwhile; any other one stands still."""
    if isinstance(error, GeneratorExit) or not is_in_a_loop():  # a coroutine that is being closed must not wait
        leave(run, status, error, on_error)
        return
    with leaving():
        pending = await _pending_cancellation() if error is None else None
        found = cause_of(error or pending)
        late = _end(run, status_of(found) if pending else status, error or pending, _swallowed(error or pending))
        try:
            await run.leave_async(_patience(error or pending, late))
        except BaseException as interruption:
            late = interruption
        _tell(run, error, late or pending, on_error)


def _swallowed(error: BaseException | None) -> BaseException | None:
    """The SIGTERM that came in the block, if its exception did not leave it: somebody's ``except:`` has caught it."""
    return cause_of(None) if error is None else None


async def _pending_cancellation() -> BaseException | None:
    """The cancellation that came while the block did not await anything: asyncio raises it only at the next ``await``.

    So without an ``await`` here, the run would be told finished, and the cancellation would come in our wait for the
    trackers. Ctrl-C during a block's own computation is such a cancellation.
    """
    import asyncio  # who awaits has it, as a rule

    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError as cancelled:
        return cancelled
    return None


def _end(
    run: OpenRun, status: Status, error: BaseException | None, swallowed: BaseException | None
) -> BaseException | None:
    """Write the run's end; what interrupted that or the block before, and is still to leave it."""
    try:
        run.end(status, error or swallowed)
    except BaseException as late:
        if not (isinstance(late, KeyboardInterrupt | Terminated) or is_cancellation(late)):
            raise
        run.end(status if error or swallowed else status_of(late), error or swallowed or late)
        return late
    return swallowed


def _tell(run: OpenRun, error: BaseException | None, late: BaseException | None, on_error: str) -> None:
    """Say once what did not arrive. The user's own exception wins; then an interruption of the wait."""
    undelivered, run.undelivered = run.undelivered, ""
    cause = error if error is not None else late
    if undelivered and cause is not None:
        _note(cause, undelivered)
    elif undelivered and on_error == "raise":
        raise DeliveryError(undelivered)
    elif undelivered:
        warn_at_the_end(undelivered)
    if error is None and late is not None:
        raise late


def _note(error: BaseException, text: str) -> None:
    """Add a note; an exception that takes none (a frozen dataclass) still leaves as it is."""
    try:
        error.add_note(text)
    except Exception:
        tell(text)  # not by a warning, which a filter may make an error


def _patience(error: BaseException | None, late: BaseException | None) -> float:
    """How long to wait for the trackers; not at all where a second interruption came already."""
    if error is not None and late is not None:
        return 0.0
    return PATIENCE if error is None and late is None else PATIENCE_AFTER_ERROR
