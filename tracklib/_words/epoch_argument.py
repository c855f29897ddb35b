"""The argument that tells a tracked function's epoch: looked up once, when the function is decorated."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import Any

from .callables import underlying

_NOWHERE = sys.maxsize  # the position of an argument that is not given by position


def find_argument(function: Any, name: str, needed: bool) -> tuple[int, Any]:
    """The position and the default of the argument ``name``; ``sys.maxsize`` where none is given by position.

    wrapt hands an instance over apart from the arguments, so a position counts it, also where the
    function is bound already and its signature leaves it out.

    Raises:
        ValueError: it is ``needed``, and there is none.
    """
    inner = function.__func__ if isinstance(function, classmethod | staticmethod) else function
    try:
        parameters = inspect.signature(inner).parameters
    except (TypeError, ValueError):  # a builtin that does not tell
        return _NOWHERE, None
    parameter = parameters.get(name)
    if parameter is None:
        given = _given_to_partial(inner, name)
        if needed and given is None and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            raise ValueError(
                f"{name_of_function(function)} has no argument {name!r}; it has {', '.join(parameters) or 'none'}"
            )
        return _NOWHERE, given
    default = None if parameter.default is parameter.empty else parameter.default
    if parameter.kind is parameter.KEYWORD_ONLY:
        return _NOWHERE, default
    is_bound = getattr(inner, "__self__", None) is not None
    return list(parameters).index(name) + is_bound, default


def _given_to_partial(function: Any, name: str) -> Any:
    """The argument ``name`` where a ``functools.partial`` holds it by position, which hides it."""
    if not isinstance(function, functools.partial):
        return None
    return inspect.signature(function.func).bind_partial(*function.args).arguments.get(name)


def name_of_function(function: Any) -> str:
    """What messages call a function, and what a bare number that it returns is logged as."""
    name: str = getattr(underlying(function), "__name__", type(function).__name__)
    return name
