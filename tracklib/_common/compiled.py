"""torch.compile: it compiles the user's functions, and none of ours.

A tracked function breaks the graph where it is called: what it returns is a value only then. Whatever runs from there
is Python's again, and torch compiles each of its functions for itself. In ours it would find nothing to compile, take
seconds to find that out, and warn of it.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_HOUSE = __name__.partition(".")[0]
_FRAMES = "torch._C._dynamo.eval_frame"  # there as soon as torch is imported
_skipped: set[str] = set()  # modules


def keep_ours_out() -> None:
    """Have torch, where it is imported, run our modules' functions as they are. Those that they call are compiled. A
    version of torch that cannot be told so costs warnings, and no run."""
    skip = _skip_of(sys.modules.get(_FRAMES))
    if skip is None:
        return
    with contextlib.suppress(Exception):
        for name in [name for name in list(sys.modules) if name.partition(".")[0] == _HOUSE and name not in _skipped]:
            _skipped.add(name)
            for code in _codes_of(vars(sys.modules[name]), name):
                skip(code)


def _skip_of(frames: Any) -> Callable[[types.CodeType], object] | None:
    """What marks a code; None without torch, and where it has neither the way of today nor that until torch 2.6."""
    try:
        action = frames._FrameAction
        strategy = frames._FrameExecStrategy(action.SKIP, action.DEFAULT)
        mark = frames.set_code_exec_strategy
        return lambda code: mark(code, strategy)
    except Exception:
        skip: Callable[[types.CodeType], object] | None = getattr(frames, "skip_code", None)
        return skip


def _codes_of(members: Mapping[str, object], module: str) -> Iterator[types.CodeType]:
    for member in list(members.values()):
        if isinstance(member, classmethod | staticmethod):
            member = member.__func__
        if isinstance(member, property):
            member = member.fget
        member = inspect.unwrap(member) if isinstance(member, types.FunctionType) else member
        if isinstance(member, types.FunctionType) and member.__module__ == module:
            yield from _with_inner(member.__code__)
        elif isinstance(member, type) and member.__module__ == module:
            yield from _codes_of(vars(member), module)


def _with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant)
