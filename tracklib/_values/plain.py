"""Params and tags as JSON can hold them."""

from __future__ import annotations

import enum
import functools
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from .. import limits
from .._common.distinct import apart
from .._common.names import with_hash
from .._common.secrets import known_secrets, redact_head
from .._common.warn import warn
from .mappings import as_mapping, pairs_of
from .numbers import TEXT, is_masked, need_there, need_unmasked_tensor
from .room import DEPTH, SHORT, Room, text_of

MORE = "..."
_PLAIN = (str, int, float, bool, type(None))
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]{4,}")


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
        self._room = Room()

    def make(self, value: Any, where: str, inside: tuple[int, ...]) -> Any:
        try:
            if id(value) in inside or len(inside) > DEPTH:
                return self._text(text_of(value), where)
            return self._make(value, where, (*inside, id(value)))
        except Exception:
            return self._text(text_of(value), where)

    def _make(self, value: Any, where: str, inside: tuple[int, ...]) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return self.make(value.value if isinstance(value.value, _PLAIN) else value.name, where, inside)
        if isinstance(value, str):
            return self._text(text_of(value), where)
        nested = as_mapping(value)
        if nested is not None:
            return self._mapping(nested, where, inside)
        if isinstance(value, set | frozenset):  # in an order that the next process has too
            return sorted(self._list(value, where, inside), key=str)
        if isinstance(value, Sequence) and not isinstance(value, TEXT):  # omegaconf's lists, too
            return self._list(value, where, inside)
        made = _plain_scalar(value)
        return self._text(text_of(made), where) if isinstance(made, str) else made

    def _mapping(self, value: Mapping[Any, Any], where: str, inside: tuple[int, ...]) -> dict[str, Any]:
        made = []
        for (key, item), has_room in self._room.each(pairs_of(value, self._room.asked)):
            if not has_room:
                made.append(self._more(where))
                break
            name = self._named(key)
            path = f"{where}/{name[:SHORT]}" if where else name[:SHORT]
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
        name = text_of(key)
        if len(name) <= SHORT:
            return name
        self._room.characters -= len(name)
        if len(name) <= limits.NAME and self._room.characters >= 0:
            return name
        cut = with_hash(name, name, limits.NAME if self._room.characters >= 0 else SHORT)
        self.cut.append(f"the name {cut[:20]}... ({len(name)} characters)")
        return cut

    def _text(self, text: str, where: str) -> str:
        if len(text) <= SHORT:
            return text
        limit = max(SHORT, min(limits.TEXT, self._room.characters))
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
    elif callable(getattr(value, "item", None)) and not is_masked(value):
        need_unmasked_tensor(value)
        value = value.item()
    need_there(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value if isinstance(value, bool) else int(value)
    if isinstance(value, float):
        number = float(value)
        return number if number - number == 0 else str(number)
    return _named(value)


def _named(value: Any) -> str:
    """A text for ``value`` that is the same in the next process: no address is in it."""
    kind = type(value)
    if isinstance(value, type | BuiltinFunctionType | FunctionType | MethodType):
        return value.__qualname__
    if all(getattr(kind, name) is getattr(object, name) for name in ("__str__", "__repr__")):
        return kind.__qualname__
    return _ADDRESS.sub("", str(value))
