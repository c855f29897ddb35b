"""What a run may be told besides its trackers. The list is written here, once.

``tracking``, ``Trackers`` and ``t.child`` take the options as keywords, whose types are those of :class:`RunOptions`
and :class:`ChildOptions`; from there on they travel as one frozen :class:`Options`. What each means is told in
:class:`tracklib.tracking`, where a user looks first.
"""

from __future__ import annotations

import difflib
import inspect
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self, TypedDict, TypeVar, get_args

import msgspec
from msgspec.structs import replace

from .._common.modes import GRANTS, Access
from .._journal.records import Parent, Reduction, Status
from .._values.arguments import (
    as_bests,
    as_names,
    as_params,
    as_path,
    as_seconds,
    as_tags,
    as_text,
    shown,
    whole_number,
)
from ..errors import Mistake
from .alerting import Alerts
from .called_elsewhere import option_meant, option_of_a_tracker
from .guards import as_guards
from .verdict import as_status

F = TypeVar("F", bound=Callable[..., Any])


class ChildOptions(TypedDict, total=False):
    """What a run inside another one may be told; what stands only in :class:`RunOptions` is its parent's to say."""

    resume: bool
    params: Any
    leave_out: Iterable[str]
    tags: Mapping[str, Any] | Iterable[str] | None
    best: Mapping[str, Literal["min", "max"]] | None
    on_nan: Literal["warn", "stop"] | Mapping[str, Literal["warn", "stop"]] | None
    environment: bool | None
    system_metrics: float | None
    alerts: Alerts
    console: bool
    leave: Literal["wait", "later"]
    on_error: Literal["warn", "raise"]
    ranks: Reduction | None


class RunOptions(ChildOptions, total=False):
    """What any run may be told."""

    name: str | None
    parent: Parent | None
    rank: int | None
    at_exit: Status | str | None
    group_access: Access | None
    preemptible: bool
    rewind_to: int | str | None
    quiet: bool


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What one run was told."""

    output_run: str | os.PathLike[str] | None = None
    resume: bool = False
    name: str | None = None
    params: Any = None
    leave_out: Iterable[str] = ()
    tags: Mapping[str, Any] | Iterable[str] | None = None
    best: Mapping[str, Literal["min", "max"]] | None = None
    on_nan: Literal["warn", "stop"] | Mapping[str, Literal["warn", "stop"]] | None = None
    environment: bool | None = None
    system_metrics: float | None = None
    alerts: Alerts = None
    console: bool = False
    leave: Literal["wait", "later"] = "wait"
    on_error: Literal["warn", "raise"] = "warn"
    ranks: Reduction | None = None
    parent: Parent | None = None
    rank: int | None = None
    at_exit: Status | str | None = None
    group_access: Access | None = None
    preemptible: bool = False
    rewind_to: int | str | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.console, bool):
            raise TypeError(f"console must be True or False: keep what the run prints, or not; got {self.console!r}")
        if isinstance(self.resume, str):
            raise TypeError(f"resume must be True or False: go on with what is there, or not; got {self.resume!r}")
        if self.leave not in ("wait", "later"):
            raise ValueError(f"leave must be 'wait' or 'later', got {self.leave!r}")
        if self.on_error not in ("warn", "raise"):
            raise ValueError(f"on_error must be 'warn' or 'raise', got {self.on_error!r}")
        need_reduction(self.ranks)
        if self.group_access not in (None, *GRANTS):
            raise ValueError(f"group_access must be 'read', 'write' or None, got {self.group_access!r}")
        if self.resume and not self.output_run:
            raise ValueError("resume=True needs output_run: the directory of the run that goes on")
        if self.rewind_to is not None and not self.resume:
            raise ValueError("rewind_to needs resume=True: it goes back in the run that goes on")
        if self.preemptible and not self.output_run:
            raise ValueError("preemptible=True needs output_run: the directory by which the job finds its run again")
        if self.parent is not None and not isinstance(self.parent, Parent):
            got = type(self.parent).__name__
            raise TypeError(f"parent must be a Parent, as Parent(uid=t.uid, output_run=t.directory); got {got}")
        if self.rank is not None and not _is_rank(self.rank):
            raise ValueError(f"rank must be a whole number from 0 on, as 0 or 3; got {shown(self.rank)}")

    @classmethod
    def of(cls, word: str, **given: Any) -> Self:
        """What ``word`` was told.

        Raises:
            TypeError: there is no such option.
            ValueError: an option cannot mean anything.
        """
        with Mistake(TypeError, ValueError):
            for name in given:
                if name not in cls.__struct_fields__:
                    raise unexpected(word, name, cls.__struct_fields__)
            return cls(**given)

    def checked(self) -> Self:
        """The same, each in the form that a record takes.

        Raises:
            TypeError, ValueError: the first that is not what it should be.
        """
        with Mistake(TypeError, ValueError):
            leave_out = as_names("leave_out", self.leave_out)
            return replace(
                self,
                output_run=as_path(self.output_run),
                name=as_text("name", self.name),
                params=None if self.params is None else as_params(self.params, leave_out),
                leave_out=leave_out,
                tags=None if self.tags is None else as_tags(self.tags),
                best=as_bests(self.best),
                on_nan=as_guards(self.on_nan),
                rewind_to=_as_place(self.rewind_to),
                at_exit=None if self.at_exit is None else as_status(self.at_exit),
                system_metrics=as_seconds("system_metrics", self.system_metrics),
            )


def need_reduction(ranks: Any) -> None:
    """See that ``ranks`` says what is made of what the ranks say, or None.

    Raises:
        ValueError: it is none of the words.
    """
    if ranks is not None and (not isinstance(ranks, str) or ranks not in _REDUCTIONS):
        raise ValueError(f"ranks must be one of {', '.join(map(repr, _REDUCTIONS))}, or None; got {shown(ranks)}")


_REDUCTIONS = get_args(Reduction)


def unexpected(word: str, name: str, known: Iterable[str]) -> TypeError:
    """The error that there is no such option."""
    known = list(known)
    meant = option_meant(name, known) or next(iter(difflib.get_close_matches(name, known, 1)), "")
    hint = option_of_a_tracker(name) or (f"did you mean {meant}? " if meant else "")
    hint = f"{hint}It" if hint else "it"
    return TypeError(f"{word} got an unexpected keyword argument {name!r}: {hint} takes {', '.join(known)}")


def _as_place(value: Any) -> int | str | None:
    number = None if value is None or isinstance(value, str) else whole_number(value)
    if value is None or (isinstance(value, str) and value):
        return value if value is None else str(value)
    if number is None or number < -1:
        raise ValueError(
            "rewind_to must be the last epoch that is to count (-1: none), or 'latest', 'best' or a checkpoint's name; "
            f"got {shown(value)}"
        )
    return number


def _is_rank(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and operator.index(value) >= 0
    except TypeError:
        return False


def takes(options: type[ChildOptions]) -> Callable[[F], F]:
    """Show the ``**options`` of a function one by one, with their defaults, to ``help`` and ``inspect.signature``."""
    names = [name for name in Options.__struct_fields__ if name in options.__annotations__]

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        shown = [_parameter(name) for name in names]
        function.__signature__ = signature.replace(parameters=own + shown)  # type: ignore[attr-defined]  # any function takes one
        return function

    return decorate


def _parameter(name: str) -> inspect.Parameter:
    default = Options.__struct_defaults__[Options.__struct_fields__.index(name)]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Options.__annotations__[name]
    )
