"""Any metric dict in, a flat dict of str to float out; and what a returned value means as metrics.

No array or tensor package is imported: their scalars are asked by ``item()`` or ``__float__``. Whatever a
value raises when it is asked, MemoryError and RecursionError too, costs its own key only; KeyboardInterrupt
and SystemExit are not the value's, and pass. How much one call may bring is in :mod:`tracklib.limits`.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from .. import limits
from .._common.distinct import apart
from .._common.names import with_hash
from .._common.secrets import error_text, known_secrets, redact_head, redact_text, shows_secret
from .._common.warn import warn

DEPTH = 16
MORE = "..."
_NUMBERS = frozenset({float, int, bool})
_TEXT = (str, bytes, bytearray)
_SHORT = 100  # characters; a name or text as short does not count for limits.CALL, a longer one is cut to it
_KNOWN = 100_000
_NAMED = 100
_type_name = type.__dict__["__name__"].__get__  # whatever a metaclass makes of the name

# Names that were looked at and are good as they are: text of at most _SHORT characters that UTF-8 has bytes
# for, without a secret. Most calls bring no other.
_good_names: set[str] = set()


_T = TypeVar("_T")


class Skipped(NamedTuple):
    """A value that is no number: its flat key, and why it was passed over."""

    key: str
    why: str


class Raised:
    """Stands for a value that raised when it was asked for."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __str__(self) -> str:
        return f"<{_type_name(type(self.error))}>"


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
    if type(metrics) is not dict or len(metrics) > limits.KEYS or len(metrics) * _SHORT > limits.CALL:
        return None
    flat: dict[str, float] = metrics.copy()
    try:
        for key, value in flat.items():
            kind = type(value)
            if kind is not float:
                if number or not (kind is int or kind is bool):  # no set: that would ask a metaclass for a hash
                    return None
                flat[key] = float(value)
            if type(key) is not str or key not in _good_names:
                return None
    except OverflowError:  # the sweep says of which
        return None
    return flat


class _Room:
    """How much one call may still bring. What stands behind a container has its place, however long that one is."""

    def __init__(self) -> None:
        self.items = limits.KEYS
        self.characters = limits.CALL
        self._reserved = 0

    @property
    def asked(self) -> int:
        """How many items to ask a container for: one more than there is room for."""
        return max(0, self.items - self._reserved) + 1

    def each(self, items: list[_T]) -> Iterator[tuple[_T, bool]]:
        """Each of a container's items, with whether there is room for it; none behind one without room."""
        for index, item in enumerate(items):
            if self.items <= self._reserved:
                yield item, False
                return
            self.items -= 1
            behind = len(items) - index - 1
            self._reserved += behind
            try:
                yield item, True
            finally:
                self._reserved -= behind


class _Sweep:
    """One call's metrics on their way to a flat dict: what is kept, what was skipped, how much may still come."""

    def __init__(self, number: Callable[[Any], Any]) -> None:
        self.flat: dict[str, Any] = {}
        self._number = number
        self.skipped: list[Skipped] = []
        self._unkept = 0
        self._room = _Room()

    def take(self, metrics: Mapping[Any, Any], prefix: str, inside: tuple[int, ...]) -> None:
        """``inside`` holds the ids of the containers around a value, so that no cycle is followed."""
        try:
            pairs = _pairs(metrics, self._room.asked)
        except Exception as error:
            self._skip(prefix.rstrip("/"), f"its items() raised {_type_name(type(error))}")
            return
        for (key, value), has_room in self._room.each(pairs):
            name = _cut_name(prefix + _name(key))
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
        if len(name) <= _SHORT:
            return True
        self._room.characters -= len(name)
        if self._room.characters >= 0:
            return True
        why = f"the names of one call have {limits.CALL} characters at most (tracklib.limits.CALL)"
        self._skip(with_hash(name, name, _SHORT), why)
        return False

    def _take_one(self, name: str, value: Any, inside: tuple[int, ...]) -> None:
        try:
            nested = None if type(value) in _NUMBERS else as_mapping(value)
            if nested is None:
                self._keep(name, value)
            elif id(value) in inside or len(inside) > DEPTH:
                why = f"{_type_name(type(value))} holds itself, or is nested too deeply"
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
    _good_names.update(name for name in new if len(name) <= _SHORT and name not in bad)
    return apart((redact_text(name) if name in bad else name, value) for name, value in flat.items()) if bad else flat


def _pairs(mapping: Mapping[Any, Any], most: int) -> list[tuple[Any, Any]]:
    """The first ``most`` items; where they cannot be told at once, each for itself."""
    try:
        pairs = list(itertools.islice(mapping.items(), most))
        return pairs if type(mapping) is dict else [(key, value) for key, value in pairs]
    except Exception:
        return [(key, item_of(mapping, key)) for key in itertools.islice(mapping, most)]


def item_of(mapping: Mapping[Any, Any], key: Any) -> Any:
    """``mapping[key]``; where that fails, what says so."""
    try:
        return mapping[key]
    except Exception as error:
        return Raised(error)


def to_float(value: Any) -> float:
    """A number of any package as a float: NaN and the infinities stay.

    Raises:
        TypeError: it is no number; whatever the value itself raises when asked.
    """
    value = _item_of(value)
    if isinstance(value, _TEXT) or not hasattr(value, "__float__"):
        raise TypeError("it is no number")
    return float(value)


def to_int(value: Any) -> int:
    """A whole number of any package as an int, without a rounding on the way: ``3``, ``3.0``, ``Decimal(3)``.

    Raises:
        TypeError: it is no number; ValueError: it is not whole; whatever the value itself raises when asked.
    """
    value = _item_of(value)
    if isinstance(value, _TEXT):
        raise TypeError("it is no number")
    number = int(value)
    if number != value:
        raise ValueError("it is not whole")
    return number


def _item_of(value: Any) -> Any:
    """The one number in a scalar of numpy, torch, jax, pandas, or in an array of one element."""
    item = getattr(value, "item", None)
    if not callable(item):
        return value
    if getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M"):
        raise TypeError("it is no number")  # numpy makes an int of a date in nanoseconds, but not of others
    return item()


def as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """``value`` as a mapping if it is one in substance, else None.

    A mapping, a dataclass instance, a named tuple, an attrs, pydantic or msgspec object, a namespace.
    """
    try:
        if type(value) is dict or isinstance(value, Mapping):  # to ask an abstract class takes longer
            return value
        if type(value) is Raised:
            return None
        names = _field_names(value)
    except Exception:  # a __class__ that raises, and the like
        return None
    return None if names is None else {name: _field(value, name) for name in names}


def _field_names(value: Any) -> Any:
    kind = type(value)
    names: Any = None
    if isinstance(value, tuple):
        names = getattr(kind, "_fields", None)
    elif dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [field.name for field in kind.__attrs_attrs__]
    elif hasattr(kind, "__pydantic_fields__"):
        names = [*kind.__pydantic_fields__, *(getattr(value, "__pydantic_extra__", None) or ())]
    elif hasattr(kind, "__struct_fields__"):
        names = kind.__struct_fields__
    elif isinstance(value, types.SimpleNamespace) or _is_namespace(value):
        names = list(vars(value))
    return names


def _is_namespace(value: Any) -> bool:
    argparse = sys.modules.get("argparse")  # nobody has one of its objects before it is imported
    return argparse is not None and isinstance(value, argparse.Namespace)


def _field(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception as error:
        return Raised(error)


def as_metrics(returned: Any, name: str) -> Mapping[Any, Any] | None:
    """What a tracked function's return value says as metrics; None if it says nothing that is one.

    What :func:`as_mapping` takes; the mappings inside a tuple, where the first to use a name has it;
    a bare number, under ``name``.
    """
    mapping = as_mapping(returned)
    if mapping is not None:
        return mapping
    try:
        if isinstance(returned, tuple):
            return _merge([inner for inner in map(as_mapping, returned) if inner is not None])
        return {name: to_float(returned)}
    except Exception:
        return None


def _merge(mappings: list[Mapping[Any, Any]]) -> dict[Any, Any] | None:
    merged: dict[Any, Any] = {}
    for mapping in mappings:
        try:
            for key, value in _pairs(mapping, limits.KEYS + 1):
                merged.setdefault(key, value)
        except Exception:
            merged.setdefault(_type_name(type(mapping)), mapping)  # for clean() to name
    return merged or None


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it: containers rebuilt, scalars of any package as numbers, else text.

    What is beyond :mod:`tracklib.limits` is cut, with one warning that says where.
    """
    plainer = _Plainer()
    made = plainer.make(value, "", ())
    if plainer.cut:
        more = f" and {len(plainer.cut) - 3} more" if len(plainer.cut) > 3 else ""
        warn(f"too long to be kept whole, see tracklib.limits: {', '.join(plainer.cut[:3])}{more}")
    return made


class _Plainer:
    """One call's params or tags on their way to plain ones; ``cut`` says what was too long."""

    def __init__(self) -> None:
        self.cut: list[str] = []
        self._room = _Room()

    def make(self, value: Any, where: str, inside: tuple[int, ...]) -> Any:
        try:
            if id(value) in inside or len(inside) > DEPTH:
                return self._text(_name(value), where)
            return self._make(value, where, (*inside, id(value)))
        except Exception:
            return self._text(_name(value), where)

    def _make(self, value: Any, where: str, inside: tuple[int, ...]) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(_name(value), where)
        nested = as_mapping(value)
        if nested is not None:
            return self._mapping(nested, where, inside)
        if isinstance(value, set | frozenset):  # in an order that the next process has too
            return sorted(self._list(value, where, inside), key=str)
        if isinstance(value, Sequence) and not isinstance(value, _TEXT):  # omegaconf's lists, too
            return self._list(value, where, inside)
        made = _plain_scalar(value)
        return self._text(_name(made), where) if isinstance(made, str) else made

    def _mapping(self, value: Mapping[Any, Any], where: str, inside: tuple[int, ...]) -> dict[str, Any]:
        made = []
        for (key, item), has_room in self._room.each(_pairs(value, self._room.asked)):
            if not has_room:
                made.append(self._more(where))
                break
            name = self._named(key)
            path = f"{where}/{name[:_SHORT]}" if where else name[:_SHORT]
            made.append((name, self.make(item, path, inside)))
        return apart(made)

    def _list(self, value: Iterable[Any], where: str, inside: tuple[int, ...]) -> list[Any]:
        made = []
        for item, has_room in self._room.each(list(itertools.islice(value, self._room.asked))):
            if not has_room:
                made.append(self._more(where)[1])
                break
            made.append(self.make(item, where, inside))
        return made

    def _more(self, where: str) -> tuple[str, str]:
        self.cut.append(f"{where or 'all'} (a call takes {limits.KEYS} items)")
        return MORE, MORE

    def _named(self, key: Any) -> str:
        name = _name(key)
        if len(name) <= _SHORT:
            return name
        self._room.characters -= len(name)
        if len(name) <= limits.NAME and self._room.characters >= 0:
            return name
        cut = with_hash(name, name, limits.NAME if self._room.characters >= 0 else _SHORT)
        self.cut.append(f"the name {cut[:20]}... ({len(name)} characters)")
        return cut

    def _text(self, text: str, where: str) -> str:
        if len(text) <= _SHORT:
            return text
        limit = max(_SHORT, min(limits.TEXT, self._room.characters))
        self._room.characters -= min(limit, len(text))
        if len(text) <= limit:
            return text
        self.cut.append(f"{where or 'a text'} ({len(text)} characters)")
        note = f" ({len(text)} characters)"
        return redact_head(text, limit - len(note) - len(MORE), self._known) + note

    @functools.cached_property
    def _known(self) -> list[str]:
        return known_secrets()


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        value = value[: limits.TEXT]  # the repr of 100 MB takes long
    elif callable(getattr(value, "item", None)):
        value = value.item()
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value if isinstance(value, bool) else int(value)
    if isinstance(value, float):
        number = float(value)
        return number if number - number == 0 else str(number)
    return str(value)


def name_of(key: Any) -> str:
    """``key`` as a name that UTF-8 has bytes for, of at most ``limits.NAME`` characters."""
    return _cut_name(_name(key))


def _cut_name(name: str) -> str:
    limit = limits.NAME
    return name if len(name) <= limit else with_hash(redact_head(name, limit - 10), name, limit)


def _name(key: Any) -> str:
    try:
        if isinstance(key, bytes | bytearray):
            key = key[: limits.TEXT]
        return str(key).encode("utf-8", "backslashreplace").decode()
    except Exception:
        return f"<{_type_name(type(key))}>"


def _why(value: Any, error: Exception) -> str:
    if type(value) is Raised:
        value, error = value.error, value.error
        said = error_text(error)
        return f"asking for it raised {_type_name(type(error))}{': ' + said if said else ''}"
    kind = _type_name(type(value))
    if isinstance(error, TypeError):
        return f"{kind} is no number"
    return f"{kind} is no single number ({_type_name(type(error))}: {error_text(error)})"
