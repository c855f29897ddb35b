"""Whether a tracker's options are there, and of the types that its constructor says: in a config, and by hand."""

from __future__ import annotations

import functools
import inspect
import os
import typing
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec

from .._common.secrets import redact
from .._values.arguments import shown
from .._values.plain import plain
from ..errors import ConfigError, Mistake
from ._kinds import did_you_mean
from ._portion import WORDS
from .base import BaseTracker

P = ParamSpec("P")
T = TypeVar("T", bound=BaseTracker)


def checked(constructor: Callable[Concatenate[T, P], None]) -> Callable[Concatenate[T, P], None]:
    """A built-in tracker's constructor that says of a wrong option what a config's error says."""

    @functools.wraps(constructor)
    def construct(self: T, /, *args: P.args, **options: P.kwargs) -> None:
        kind = type(self)
        for name, value in options.items():
            if isinstance(value, os.PathLike):
                options[name] = os.fspath(value)
        if kind.__init__ is construct:  # else a subclass has options of its own
            with Mistake(TypeError):
                if args:
                    known = ", ".join(kind.config_schema)
                    raise TypeError(f"{kind.__name__} takes its options by name; it has {known}")
                if problems := wrong_options(kind, options):
                    is_known = all(name in kind.config_schema for name in options)
                    raise ConfigError(problems) if is_known else TypeError("; ".join(problems))
        constructor(self, *args, **options)

    return construct


def wrong_options(kind: type[BaseTracker], options: Mapping[Any, Any]) -> list[str]:
    schema = kind.config_schema
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(kind.__init__).parameters.values()):
        return []
    problems = [
        f"{kind.__name__} needs {name!r}" for name, entry in schema.items() if entry["required"] and name not in options
    ]
    types = _types(kind)
    for name, value in options.items():
        if name not in schema:
            problems.append(_unknown(kind, str(name)))
        elif not _fits(value, types.get(name, Any)):
            found = f"{type(value).__name__}: {shown(redact(plain(value), name), 200)}"
            problems.append(f"{kind.__name__}'s {name!r} must be {schema[name]['type']}, got {found}")
    return problems


def _unknown(kind: type[BaseTracker], name: str) -> str:
    told = f"{kind.__name__} has no option {name!r}"
    if name in WORDS:
        return f"{told}: write {kind.__name__}(...).gets({name}=...), or put it into a config"
    known = [*kind.config_schema, *WORDS]
    return f"{told}{did_you_mean(name, known)}; it has {', '.join(known)}"


def _types(kind: type[BaseTracker]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind.__init__)
    except Exception:  # a name that only a type checker can see
        return {}


def _fits(value: Any, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError:
        return False
    except Exception:  # a type that msgspec does not know
        return not inspect.isclass(annotation) or isinstance(value, annotation)
    return True
