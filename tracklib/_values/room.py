"""How much one call may bring, and the names in it. The limits are in :mod:`tracklib.limits`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from .. import limits
from .._common.names import with_hash
from .._common.secrets import redact_head
from .mappings import type_name

DEPTH = 16
SHORT = 100  # characters; a name or text as short does not count for limits.CALL, a longer one is cut to it

_T = TypeVar("_T")


class Room:
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


def name_of(key: Any) -> str:
    """``key`` as a name that UTF-8 has bytes for, of at most ``limits.NAME`` characters."""
    return cut_name(text_of(key))


def cut_name(name: str) -> str:
    limit = limits.NAME
    return name if len(name) <= limit else with_hash(redact_head(name, limit - 10), name, limit)


def text_of(key: Any) -> str:
    try:
        if isinstance(key, bytes | bytearray):
            key = key[: limits.TEXT]
        text = str.__str__(key) if isinstance(key, str) else str(key)  # of an enum's text the text, as JSON has it
        return text.encode("utf-8", "backslashreplace").decode()
    except Exception:
        return f"<{type_name(type(key))}>"
