"""What a user hands in, checked and in the form that a record takes."""

from __future__ import annotations

import contextlib
import enum
import inspect
import itertools
import os
import threading
import types
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Literal

from .. import limits
from .._common.secrets import redact, redact_head, redact_text
from .mappings import Raised, as_mapping, item_of
from .numbers import to_float, to_index, to_int
from .plain import plain
from .room import DEPTH, name_of

INT64 = 2**63
_LOOKED_AT = 20_000
_NOTE = 10_000


def as_text(what: str, value: Any) -> str | None:
    """A name as the user gave it, without the secrets in it."""
    if value is None:
        return None
    if isinstance(value, str):
        return redact_text(name_of(value))
    raise TypeError(f"{what} must be text, as {what}='baseline'; got {type(value).__name__}")


def as_note(text: Any) -> str:
    """What a note says, without the secrets in it; of a long one the beginning.

    Raises:
        TypeError: it is no text.
        ValueError: it is empty.
    """
    if not isinstance(text, str):
        raise TypeError(f"a note must be text, as t.note('lr lowered'); got {type(text).__name__}")
    if not text.strip():
        raise ValueError("a note must say something; it is empty")
    return redact_head(text.encode("utf-8", "backslashreplace").decode(), _NOTE)


def as_axis(value: Any) -> str:
    """The name of an axis; for one that is not plainly in order."""
    if isinstance(value, str):
        return name_of(value)
    raise TypeError(f"axis must be a name, as 'epoch' or 'batch'; got {type(value).__name__}")


def as_path(output_run: Any) -> str:
    if output_run is None or isinstance(output_run, str | os.PathLike):
        return os.path.expanduser(os.fspath(output_run or ""))
    raise TypeError(f"output_run must be a directory's path, as 'runs/digits'; got {type(output_run).__name__}")


def as_seconds(what: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        seconds = to_float(value)
    except Exception:
        seconds = 0.0
    if isinstance(value, bool) or not 0 < seconds < threading.TIMEOUT_MAX:
        raise ValueError(f"{what} must be a number of seconds above 0, as {what}=10; got {shown(value)}")
    return seconds


def whole_number(value: Any) -> int | None:
    """``value`` as a whole number of 64 bits, whichever package's it is; None if it is none."""
    for ask in (to_index, to_int):
        with contextlib.suppress(Exception):
            step = ask(value)
            return step if -INT64 <= step < INT64 else None
    return None


def shown(value: Any, limit: int = 80) -> str:
    """What ``value`` looks like, secrets masked, short; whatever it is."""
    try:
        if isinstance(value, str | bytes):
            value = value[:_LOOKED_AT]
        return redact_head(repr(value), limit).encode("utf-8", "backslashreplace").decode()
    except Exception:  # a number of more than 4,300 digits has no repr
        return f"of type {type(value).__name__}"


def holds(folder: str, path: str) -> bool:
    """Whether ``path`` lies in ``folder``, or is it."""
    folder, path = os.path.realpath(folder), os.path.realpath(path)
    return os.path.commonpath([folder, path]) == folder


def as_names(what: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"{what} must be a list of names, as {what}=['resume']; got {shown(names)}")
    return tuple(map(name_of, names))


def as_params(params: Any, leave_out: Sequence[str] = ()) -> dict[str, Any]:
    """``params`` as a record takes them, without those of the flat names in ``leave_out``."""
    mapping = as_mapping(params)
    if mapping is None:
        raise TypeError(f"params must map names to values, as {{'lr': 0.1}}; got {type(params).__name__}")
    redacted: dict[str, Any] = redact(plain(mapping))
    return _without(redacted, leave_out, "") if leave_out else redacted


def _without(params: dict[str, Any], names: Sequence[str], prefix: str) -> dict[str, Any]:
    return {
        name: _without(value, names, f"{prefix}{name}/") if isinstance(value, dict) else value
        for name, value in params.items()
        if prefix + name not in names
    }


def arguments_of(function: Any, args: Any, kwargs: Any, without: str = "") -> dict[str, Any]:
    """The arguments of a call by name, defaults among them; an object that is no value by its class's name.

    Raises:
        TypeError: ``function`` cannot be called so.
        ValueError: it is a builtin that does not tell its arguments.
    """
    function, args = _apart_from_its_class(function, args)
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        is_rest = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
        arguments |= value if is_rest else {name: value}
    return {name: _value(value) for name, value in arguments.items() if name != without}


def _apart_from_its_class(function: Any, args: Any) -> tuple[Any, Any]:
    """Bind a class method's function to its class: one that is decorated below ``@classmethod`` gets the class as an
    argument from Python 3.13 on."""
    owner = args[0] if args and inspect.isfunction(function) else None
    if isinstance(owner, type) and isinstance(inspect.getattr_static(owner, function.__name__, None), classmethod):
        return types.MethodType(function, owner), args[1:]
    return function, args


_LISTED = 100  # a container of more is data
_LISTS = (Sequence, Set)
_SIMPLE = (str, int, float, os.PathLike, enum.Enum)


def _value(value: Any, depth: int = DEPTH) -> Any:
    """``value`` if it is a number, a text, or a container of such; else what kind of thing it is."""
    if value is None or isinstance(value, _SIMPLE):
        return value
    if isinstance(value, Raised):
        return str(value)
    mapping = as_mapping(value)
    if mapping is not None and len(mapping) <= _LISTED and depth:
        return {name: _value(item_of(mapping, name), depth - 1) for name in mapping}
    if isinstance(value, _LISTS) and not isinstance(value, bytes | bytearray) and len(value) <= _LISTED and depth:
        return [_value(item, depth - 1) for item in value]
    with contextlib.suppress(Exception):
        to_float(value)
        return value
    return getattr(value, "__qualname__", type(value).__name__)  # a function's and a class's own name


def as_bests(best: Any) -> dict[str, Literal["min", "max"]]:
    if best is not None and not isinstance(best, Mapping):
        raise TypeError(f"best must map names to 'max' or 'min', as {{'val/accuracy': 'max'}}; got {shown(best)}")
    bests = dict(best or {})
    for name, mode in bests.items():
        if not isinstance(name, str):
            raise TypeError(f"best must map names to 'max' or 'min', as {{'val/accuracy': 'max'}}; got {shown(best)}")
        if mode not in ("min", "max"):
            raise ValueError(f"best={{{name!r}: {mode!r}}} must say what is better: 'max' or 'min'")
    return bests


def as_tags(tags: Mapping[str, Any] | Iterable[str]) -> dict[str, str]:
    if isinstance(tags, str | bytes) or not isinstance(tags, Mapping | Iterable):
        raise TypeError(f"tags must be a mapping or a list of words, as ['baseline']; got {type(tags).__name__}")
    if not isinstance(tags, Mapping):
        tags = dict.fromkeys(map(name_of, itertools.islice(tags, limits.KEYS + 1)), "")
    return {name: value if isinstance(value, str) else str(value) for name, value in redact(plain(tags)).items()}
