"""What tracklib raises and warns with.

::

    TracklibError
    ├── ConfigError          (ValueError)   a tracker cannot be built from its config; lists all problems
    ├── LifecycleError       (ValueError)   the right call at the wrong time, as log before init
    ├── RunDirectoryError    (OSError)      the run's directory cannot be used, or is a live run's
    ├── WhereError           (ValueError)   a condition on runs cannot be understood; points at the character
    ├── NotFinite            (ValueError)   a metric is NaN or infinite (only with ``on_nan="stop"``)
    ├── RanksUnavailable                    the ranks of a job do not agree: one is late, or is gone
    ├── DeliveryError                       a tracker did not get everything (only with ``on_error="raise"``)
    ├── TrackerUnavailable                  raised *by* a tracker: try again later
    │   └── TrackerLost                     raised *by* a tracker: the connection is gone, begin anew
    └── TrackerBlocked                      raised *by* a tracker: no call will work until a person mends it

    Terminated               (SystemExit)   SIGTERM, on its way out through the block
    TrackerWarning           (UserWarning)  trouble that training must not be stopped for
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from ._common.columns import width

__all__ = [
    "ConfigError",
    "DeliveryError",
    "LifecycleError",
    "NotFinite",
    "RanksUnavailable",
    "RunDirectoryError",
    "Terminated",
    "TrackerBlocked",
    "TrackerLost",
    "TrackerUnavailable",
    "TrackerWarning",
    "TracklibError",
    "WhereError",
]


class TracklibError(Exception):
    """The root of every error that tracklib raises on purpose."""


class ConfigError(TracklibError, ValueError):
    """A tracker cannot be built from its config. Raised before training begins, for all configs at once.

    Attributes:
        problems: one sentence for each thing that is wrong.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        listed = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{len(self.problems)} problems in the trackers' configs:{listed}"

    def __reduce__(self) -> tuple[type[ConfigError], tuple[list[str]], dict[str, object]]:
        return type(self), (self.problems,), vars(self)  # its notes, too


class Mistake:
    """A block in which a :class:`ConfigError`, or another error of ``kinds``, is the caller's mistake in what was
    asked for: the traceback ends at the caller's line, for our own lines say nothing of it."""

    def __init__(self, *kinds: type[Exception]) -> None:
        self._kinds: tuple[type[Exception], ...] = (ConfigError, *kinds)

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and isinstance(error, self._kinds):
            error.__traceback__ = None
            if error.__cause__ is not None:
                error.__cause__.__traceback__ = None


class LifecycleError(TracklibError, ValueError):
    """The right call at the wrong time, such as ``log`` before ``init``."""


class RunDirectoryError(TracklibError, OSError):
    """The run's directory cannot be used: it cannot be read or written, holds no run, or is in use by a live process.

    Args:
        message: what is wrong with it, and how to mend that.

    Attributes:
        in_use: whether a live process has it in use: then it may work later.
    """

    def __init__(self, message: str, *, in_use: bool = False) -> None:
        super().__init__(message)
        self.in_use = in_use


class RanksUnavailable(TracklibError):
    """``t.agree`` has no answer, since a rank did not call it in time, or is gone. The message names the rank; every
    rank that called it gets this error."""


class WhereError(TracklibError, ValueError):
    """A condition on runs, such as ``"val/loss < 0.3"``, cannot be understood. The message points at the place.

    Attributes:
        condition: the whole text.
        position: the place in it, in characters, from 0 on.
        problem: what is wrong there, in words.
    """

    def __init__(self, problem: str, condition: str, position: int) -> None:
        self.problem, self.condition, self.position = problem, condition, position
        super().__init__(problem)

    def __str__(self) -> str:
        shown, at = _around(self.condition, self.position)
        return f"{self.problem}\n  {shown}\n  {' ' * at}^"

    def __reduce__(self) -> tuple[type[WhereError], tuple[str, str, int], dict[str, object]]:
        return type(self), (self.problem, self.condition, self.position), vars(self)  # its notes, too


def _around(text: str, position: int) -> tuple[str, int]:
    """The part of a long text around a position, on one line, and at which column of a terminal the position is."""
    start = max(0, position - 60)
    before = ("..." if start else "") + _on_one_line(text[start:position])
    behind = _on_one_line(text[position : position + 60]) + ("..." if len(text) > position + 60 else "")
    return before + behind, width(before)


def _on_one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


class NotFinite(TracklibError, ValueError):
    """A metric is NaN or infinite, and the run's option ``on_nan`` says ``"stop"``. The value is logged all the same.

    Attributes:
        name: the metric's name.
        value: NaN or an infinity.
        axis: what ``step`` counts, such as ``"epoch"``.
        step: where it was logged; None where that is not known: on a rank that keeps nothing.
    """

    def __init__(self, name: str, value: float, axis: str, step: int | None) -> None:
        super().__init__(name, value, axis, step)
        self.name, self.value, self.axis, self.step = name, value, axis, step

    def __str__(self) -> str:
        where = "" if self.step is None else f" at {self.axis} {self.step}"
        return f"{self.name} is {self.value}{where}, which on_nan='stop' does not go on with"


class DeliveryError(TracklibError):
    """A tracker did not get everything when the run ended. Only raised with ``on_error="raise"``. Nothing is lost: the
    journal has it, and the message says the ``tracklib sync`` command that delivers it."""


class TrackerUnavailable(TracklibError):
    """For trackers to raise: the backend cannot be reached now, and the same call may work later.

    Args:
        message: what did not work, for whoever wonders why metrics are late.
        retry_after: seconds that the backend asks to wait, if it says so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TrackerLost(TrackerUnavailable):
    """For trackers to raise: what :meth:`~tracklib.BaseTracker.init` made is gone (a process that died, a file that
    was deleted). Then ``init`` is called again, and then the same call, with the same records.

    Args:
        message: what is gone.
        from_the_start: all records of the run come again, not only those of the failed call. For a tracker that
            reads the whole journal it is always so.
    """

    def __init__(self, message: str, *, from_the_start: bool = False) -> None:
        super().__init__(message)
        self.from_the_start = from_the_start


class TrackerBlocked(TracklibError):
    """For trackers to raise: no call will work until a person mends something (a key, a permission). The user gets one
    warning with this message, and the tracker is tried again now and then."""


class Terminated(SystemExit):
    """SIGTERM arrived inside a ``tracking`` block: the process exits through the block, with code 143 (128 + 15)."""


class TrackerWarning(UserWarning):
    """Trouble in tracking. Training goes on; the message says what happened and what is kept."""
