"""How a run ended that an exception left: what each kind of exception says of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .._common import variables
from .._common.coroutines import is_cancellation
from .._journal.records import Status
from ..errors import Terminated


class Meaning(NamedTuple):
    """What a kind of exception means for the run that it leaves: its status, and a tag that tells it from others."""

    status: Status
    tag: str = ""


_LIGHTNINGS = "utilities.exceptions.SIGTERMException"  # a SystemExit without a code, which would be the normal end
_meanings = {
    "optuna.exceptions.TrialPruned": Meaning(Status.FINISHED, "pruned"),
    f"lightning.pytorch.{_LIGHTNINGS}": Meaning(Status.KILLED),
    f"pytorch_lightning.{_LIGHTNINGS}": Meaning(Status.KILLED),
}
"""By the name of the class, as nothing is imported for it."""


def ends_as(kind: type[BaseException] | str, status: Status | str, tag: str = "") -> None:
    """Set which status a run gets that an exception of ``kind``, or of a class derived from it, ends::

        ends_as("optuna.exceptions.TrialPruned", "finished", tag="pruned")

    Args:
        kind: the class, or its place as text, ``"package.module.Name"``, so that the package need not be imported.
        status: the status that the run then gets.
        tag: a bare tag that the run gets besides, such as ``"pruned"``; empty for none.

    Raises:
        ValueError: there is no such status.
    """
    _meanings[kind if isinstance(kind, str) else _named(kind)] = Meaning(as_status(status), tag)


def tag_of(error: BaseException | None) -> str:
    """The tag of a run that ``error`` left; empty where it has none."""
    known = _known(error)
    return known.tag if known else ""


def status_of(error: BaseException | None) -> Status:
    """How a block ended that ``error`` left; None is the normal end."""
    if known := _known(error):
        return Status.PREEMPTED if known.status is Status.KILLED and _is_preempted(error) else known.status
    match error:
        case None:
            return Status.FINISHED
        case Terminated():
            return Status.PREEMPTED if variables.in_slurm_job() else Status.KILLED
        case SystemExit(code=code):
            return Status.FINISHED if code in (None, 0) else Status.FAILED
        case KeyboardInterrupt() | GeneratorExit():
            return Status.KILLED
        case _ if is_cancellation(error):
            return Status.KILLED
        case BaseExceptionGroup() if not isinstance(error, ExceptionGroup):
            return Status.KILLED
        case _:
            return Status.FAILED


def is_behind(error: BaseException | None, told: BaseException) -> bool:
    """Whether ``error`` is ``told``, or was raised because of it or while it was handled."""
    return any(each is told for each in _chain(error))


def as_status(status: Any) -> Status:
    """The status of that name.

    Raises:
        ValueError: there is none.
    """
    try:
        return Status(status)
    except ValueError:
        raise ValueError(f"status must be one of {', '.join(Status)}; got {status!r}") from None


def _known(error: BaseException | None) -> Meaning | None:
    kinds = type(error).__mro__ if error is not None else ()
    return next((_meanings[name] for name in map(_named, kinds) if name in _meanings), None)


def _is_preempted(error: BaseException | None) -> bool:
    return isinstance(error, SystemExit) and variables.in_slurm_job()


def _named(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
