"""Any metric dict in, a flat dict of str to float out.

Whatever a value raises when it is asked, MemoryError and RecursionError too, costs its own key only;
KeyboardInterrupt and SystemExit are not the value's, and pass. :mod:`tracklib.limits` bounds what one call may bring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .. import limits
from .._common.distinct import apart
from .._common.names import with_hash
from .._common.secrets import error_text, redact_text, shows_secret
from .mappings import Raised, as_mapping, pairs_of, type_name
from .numbers import to_float
from .room import DEPTH, SHORT, Room, cut_name, text_of

_NUMBERS = frozenset({float, int, bool})
_KNOWN = 100_000
_NAMED = 100

# Names that were looked at and are good as they are: text of at most SHORT characters that UTF-8 has bytes
# for, without a secret. Most calls bring no other.
_good_names: set[str] = set()


class Skipped(NamedTuple):
    """A value that is no number: its flat key, and why it was passed over."""

    key: str
    why: str


def clean(
    metrics: Mapping[Any, Any], number: Callable[[Any], Any] | None = None
) -> tuple[dict[str, Any], list[Skipped]]:
    """``metrics`` flat, nested keys joined by ``/``, every number a float; and what was skipped.

    Never raises for a value: one that is no number, or that fails when asked, costs its own key only.

    Args:
        metrics: names to whatever the user has.
        number: makes a number of a value, or raises; None takes :func:`to_float`.
    """
    flat = _cleaned_at_once(metrics, number)
    if flat is not None:
        return flat, []
    sweep = _Sweep(number or to_float)
    sweep.take(metrics, "", (id(metrics),))
    return _with_good_names(sweep.flat), sweep.skipped


def _cleaned_at_once(metrics: Mapping[Any, Any], number: Callable[[Any], Any] | None) -> dict[str, float] | None:
    """A dict of Python's numbers under names that were there before, as most are; None for any other."""
    if type(metrics) is not dict or len(metrics) > limits.KEYS or len(metrics) * SHORT > limits.CALL:
        return None
    flat: dict[str, float] = metrics.copy()
    try:
        if not _good_names.issuperset(flat):
            return None
        for key, value in flat.items():
            if type(key) is not str:  # it only equals a text
                return None
            if type(value) is not float:
                return None if number else _with_floats(flat)
    except Exception:  # a key's own hash
        return None
    return flat


def _with_floats(flat: dict[str, Any]) -> dict[str, float] | None:
    """``flat`` with its whole numbers as floats; None where something else is among them."""
    try:
        for key, value in flat.items():
            kind = type(value)
            if type(key) is not str:
                return None
            if kind is not float:
                if not (kind is int or kind is bool):  # no set: that would ask a metaclass for a hash
                    return None
                flat[key] = float(value)
    except OverflowError:  # the sweep says of which
        return None
    return flat


class _Sweep:
    """One call's metrics on their way to a flat dict: what is kept, what was skipped, how much may still come."""

    def __init__(self, number: Callable[[Any], Any]) -> None:
        self.flat: dict[str, Any] = {}
        self._number = number
        self.skipped: list[Skipped] = []
        self._unkept = 0
        self._room = Room()

    def take(self, metrics: Mapping[Any, Any], prefix: str, inside: tuple[int, ...]) -> None:
        """``inside`` holds the ids of the containers around a value, so that no cycle is followed."""
        try:
            pairs = pairs_of(metrics, self._room.asked)
        except Exception as error:
            self._skip(prefix.rstrip("/"), f"its items() raised {type_name(type(error))}")
            return
        for (key, value), has_room in self._room.each(pairs):
            name = cut_name(prefix + text_of(key))
            if not has_room:
                self._skip(name, f"nor is any behind it, as one call takes {limits.KEYS} (tracklib.limits.KEYS)")
            elif self._is_short_enough(name):
                self._take_one(name, value, inside)

    def _skip(self, name: str, why: str) -> None:
        """Each is named, but of very many the last stands for all behind it."""
        self._unkept += 1
        if self._unkept > _NAMED:
            why = f"nor are others, {self._unkept - _NAMED + 1} in all with this one, for such reasons"
            self.skipped.pop()
        self.skipped.append(Skipped(name, why))

    def _is_short_enough(self, name: str) -> bool:
        if len(name) <= SHORT:
            return True
        self._room.characters -= len(name)
        if self._room.characters >= 0:
            return True
        why = f"the names of one call have {limits.CALL} characters at most (tracklib.limits.CALL)"
        self._skip(with_hash(name, name, SHORT), why)
        return False

    def _take_one(self, name: str, value: Any, inside: tuple[int, ...]) -> None:
        try:
            nested = None if type(value) in _NUMBERS else as_mapping(value)
            if nested is None:
                self._keep(name, value)
            elif id(value) in inside or len(inside) > DEPTH:
                why = f"{type_name(type(value))} holds itself, or is nested too deeply"
                self._skip(name, why)
            else:
                self.take(nested, name + "/", (*inside, id(value)))
        except Exception as error:
            self._skip(name, _why(value, error))

    def _keep(self, name: str, value: Any) -> None:
        if name in self.flat:
            self._skip(name, "another metric has this name already")
        else:
            self.flat[name] = self._number(value)


def _with_good_names(flat: dict[str, Any]) -> dict[str, Any]:
    """``flat`` with every secret in a name masked. All names are looked at as one text, and only once."""
    new = [name for name in flat if name not in _good_names]
    if not new:
        return flat
    bad = set(filter(shows_secret, new)) if shows_secret("\n".join(new)) else set()
    if len(_good_names) > _KNOWN:  # somebody makes a name up at each step
        _good_names.clear()
    _good_names.update(name for name in new if len(name) <= SHORT and name not in bad)
    return apart((redact_text(name) if name in bad else name, value) for name, value in flat.items()) if bad else flat


def _why(value: Any, error: Exception) -> str:
    if type(value) is Raised:
        value, error = value.error, value.error
        said = error_text(error)
        return f"asking for it raised {type_name(type(error))}{': ' + said if said else ''}"
    kind = type_name(type(value))
    if isinstance(error, TypeError):
        return f"{kind} is no number"
    return f"{kind} is no single number ({type_name(type(error))}: {error_text(error)})"
