"""Columns as another package's frame; each package is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .column import Column

Columns = Mapping[str, Column]


def to_pandas(columns: Columns, length: int) -> Any:
    """A pandas DataFrame."""
    try:
        import numpy as np
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_pandas needs pandas, which is not installed: pip install pandas") from error

    def of(column: Column) -> Any:
        if column.kind == "text":
            return pd.Series(column.dense(), dtype=object)
        values = np.frombuffer(column.dense(), "f8" if column.kind == "float" else "i8")
        if column.kind == "float":
            return pd.Series(values)
        gaps = np.ones(length, bool)
        gaps[np.asarray(range(length) if column.rows is None else column.rows, "i8")] = False
        if column.kind == "time":
            times = pd.Series(values.view("M8[ms]")).dt.tz_localize("UTC")
            return times if column.is_whole else times.mask(gaps)
        return pd.Series(values) if column.is_whole else pd.Series(pd.arrays.IntegerArray(values.copy(), gaps))

    return pd.DataFrame({name: of(column) for name, column in columns.items()}, index=pd.RangeIndex(length))


def to_arrow(columns: Columns, length: int) -> Any:
    """A ``pyarrow.Table``."""
    import pyarrow as pa

    kinds = {"int": pa.int64(), "float": pa.float64(), "time": pa.timestamp("ms", "UTC")}

    def of(column: Column) -> Any:
        if column.kind == "text":
            return _texts(column, lambda values: pa.array(values))
        bitmap = column.bitmap()
        buffers = [bitmap and pa.py_buffer(bitmap), pa.py_buffer(column.dense())]
        return pa.Array.from_buffers(kinds[column.kind], length, buffers)

    return pa.table({name: of(column) for name, column in columns.items()})


def to_polars(columns: Columns, length: int) -> Any:
    """A polars DataFrame."""
    import polars as pl

    kinds = {"int": pl.Int64(), "float": pl.Float64(), "time": pl.Datetime("ms", "UTC")}

    def of(name: str, column: Column) -> Any:
        if column.kind == "text":
            return _texts(column, lambda values: pl.Series(name, values, strict=True))
        values = column.dense() if column.is_whole else list(column)
        return pl.Series(name, _as_numpy(values), pl.Int64() if column.kind == "time" else kinds[column.kind]).cast(
            kinds[column.kind]
        )

    return pl.DataFrame([of(name, column) for name, column in columns.items()])


def _as_numpy(values: Any) -> Any:
    """An array as numpy has it, without a copy, where numpy is there: polars reads that at once."""
    try:
        import numpy as np
    except ImportError:
        return values
    return values if isinstance(values, list) else np.frombuffer(values, "f8" if values.typecode == "d" else "i8")


def _texts(column: Column, make: Any) -> Any:
    """The values as they are, where they are of one kind; else each as text, and what is nested as JSON."""
    values = column.dense()
    if {type(value) for value in values if value is not None} & {dict, list}:
        return make([_text(value) for value in values])
    try:
        return make(values)
    except Exception:  # each package has its own, for mixed values
        return make([_text(value) for value in values])


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list | bool) else repr(value)


def stream(columns: Columns, length: int, requested_schema: Any) -> Any:
    """Arrow's ``ArrowArrayStream`` in a capsule, by pyarrow or polars."""
    for make in (to_arrow, to_polars):
        try:
            frame = make(columns, length)
        except ImportError:
            continue
        return frame.__arrow_c_stream__(requested_schema)
    raise ImportError(
        "to hand a table on as Arrow needs pyarrow or polars, and neither is installed: pip install pyarrow"
    )
