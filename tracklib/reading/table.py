"""Tables that need no data-frame package, and become a frame of whichever there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import frames
from .column import Column
from .showing import table_as_html


class Tabular:
    """Columns of equal length, without a data frame package. ``pl.DataFrame(table)``, ``pa.table(table)``, DuckDB's
    ``from table`` and everything else that speaks Arrow's capsule protocol take it, if pyarrow or polars is installed;
    ``pd.DataFrame.from_arrow(table)`` of pandas 3 too.
    """

    def __init__(self, columns: Mapping[str, Column], length: int) -> None:
        self._columns = dict(columns)
        self._length = length

    @property
    def columns(self) -> list[str]:
        """The columns' names, in order."""
        return list(self._columns)

    def __len__(self) -> int:
        """How many rows there are."""
        return self._length

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: there is none; the message says which there are.
        """
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"no column {name!r}; there are {', '.join(map(repr, self._columns)) or 'none'}") from None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each row, as a dict of columns to values; None where it has none. Times are in milliseconds since 1970,
        UTC."""
        for values in zip(*self._columns.values(), strict=True):
            yield dict(zip(self._columns, values, strict=True))

    def to_pandas(self) -> Any:
        """A pandas DataFrame; numbers are not copied. An integer column with gaps is of pandas' ``Int64``.

        Raises:
            ImportError: pandas is not installed.
        """
        return frames.to_pandas(self._columns, self._length)

    def to_polars(self) -> Any:
        """A polars DataFrame.

        Raises:
            ImportError: polars is not installed.
        """
        return frames.to_polars(self._columns, self._length)

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``; numbers are not copied.

        Raises:
            ImportError: pyarrow is not installed.
        """
        return frames.to_arrow(self._columns, self._length)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return frames.stream(self._columns, self._length, requested_schema)

    def _repr_html_(self) -> str:
        return table_as_html(self)

    def __repr__(self) -> str:
        names = ", ".join(self._columns)
        return f"<{type(self).__name__} of {self._length} rows: {names if len(names) < 200 else names[:200] + ' ...'}>"


class Table(Tabular):
    """A table: ``table["lr"]`` is a column."""

    def __getitem__(self, name: str) -> Column:
        return self.column(name)
