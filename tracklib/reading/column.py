"""A table's column: one value a row, or none."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Literal

Kind = Literal["int", "float", "time", "text"]
"""``time`` is in milliseconds since 1970, UTC; ``text`` may be any value that JSON has."""


class Column(Sequence[Any]):
    """The values of one column; None where a row has none.

    Attributes:
        kind: what the values are.
        values: those that are there: an ``array`` of numbers, or a list.
        rows: in which rows they are, ascending; None where each row has one.
    """

    __slots__ = ("_length", "kind", "rows", "values")

    def __init__(self, kind: Kind, values: Any, rows: Sequence[int] | None = None, length: int | None = None) -> None:
        self.kind: Kind = kind
        self.values = values
        self.rows = rows
        self._length = len(values) if length is None else length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        if self.rows is None:
            yield from self.values
            return
        at = 0
        for row, value in zip(self.rows, self.values, strict=True):
            yield from [None] * (row - at)
            yield value
            at = row + 1
        yield from [None] * (self._length - at)

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index] if self.rows is not None else self.values[index]

    @property
    def is_whole(self) -> bool:
        """Whether each row has a value."""
        return self.rows is None or len(self.rows) == self._length

    def dense(self) -> Any:
        """As ``values``, with NaN, 0 or None in the rows that have none."""
        if self.is_whole:
            return self.values
        if self.kind == "text":
            return list(self)
        filled = array("d", [math.nan]) if self.kind == "float" else array("q", [0])
        filled *= self._length
        for row, value in zip(self.rows or (), self.values, strict=True):
            filled[row] = value
        return filled

    def only(self, rows: Sequence[int]) -> Column:
        """The values of these rows, as a column of the same kind."""
        every = list(self)
        chosen = [every[row] for row in rows]
        there = [value for value in chosen if value is not None]
        where = (
            None
            if len(there) == len(chosen)
            else array("q", [i for i, value in enumerate(chosen) if value is not None])
        )
        values = there if self.kind == "text" else array("d" if self.kind == "float" else "q", there)
        return Column(self.kind, values, where, len(chosen))

    def bitmap(self) -> bytes | None:
        """Which rows have a value, as Arrow has it: a bit each, the lowest first. None where all have one."""
        if self.is_whole:
            return None
        bits = bytearray((self._length + 7) // 8)
        for row in self.rows or ():
            bits[row >> 3] |= 1 << (row & 7)
        return bytes(bits)

    def __repr__(self) -> str:
        shown = ", ".join(map(str, [*self][:5]))
        return f"<Column of {self._length}: {shown}{', ...' if self._length > 5 else ''}>"
