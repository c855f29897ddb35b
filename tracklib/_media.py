"""Figures, images, texts and tables, rendered to files."""

from __future__ import annotations

import contextlib
import csv
import importlib
from collections.abc import Mapping
from typing import Any

from ._names import csv_name


def file_name(name: str, kind: str, value: Any) -> str:
    """The file's name: ``name``, with the ending of its kind where it has none."""
    endings = {"image": ".png", "text": ".txt", "table": ".csv"}
    ending = endings.get(kind) or (".html" if hasattr(value, "write_html") else ".png")
    return name if "." in name else name + ending


def save_figure(figure: Any, path: str) -> None:
    """A matplotlib figure (or an axes' one) as a picture; a plotly figure as a page, or as ``.json``.

    Raises:
        TypeError: it is neither.
    """
    figure = getattr(figure, "figure", figure) if hasattr(getattr(figure, "figure", None), "savefig") else figure
    if hasattr(figure, "savefig"):
        figure.savefig(path)
    elif hasattr(figure, "write_html") and not path.endswith(".json"):
        figure.write_html(path, include_plotlyjs="cdn")
    elif hasattr(figure, "write_json"):
        figure.write_json(path)
    else:
        raise TypeError(f"a figure must be matplotlib's or plotly's; got {type(figure).__name__}")


def save_image(image: Any, path: str) -> None:
    """A Pillow image, or an array or tensor of pixels: height by width, with 1, 3 or 4 channels in front or
    behind; integers of 0 to 255, or floats of 0 to 1.

    Raises:
        TypeError: it is neither.
        ImportError: Pillow is needed for an array, and is not installed.
    """
    if hasattr(image, "save") and hasattr(image, "getbands"):
        image.save(path)
        return
    if not hasattr(image, "__array__"):
        raise TypeError(f"an image must be Pillow's, or an array of pixels; got {type(image).__name__}")
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError as error:
        raise ImportError(
            "an array becomes an image by Pillow: pip install pillow, or hand a picture's file"
        ) from error
    pillow.fromarray(_pixels(image)).save(path)


def _pixels(image: Any) -> Any:
    with contextlib.suppress(AttributeError):  # torch
        image = image.detach().cpu()
    pixels = image.__array__()
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4) and pixels.shape[2] not in (1, 3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise TypeError(f"an image must be height by width, with 1, 3 or 4 channels; its shape is {pixels.shape}")
    scaled = pixels * 255 if pixels.dtype.kind == "f" else pixels * (255 if pixels.dtype.kind == "b" else 1)
    return scaled.clip(0, 255).round().astype("uint8")


def save_text(text: str, path: str) -> None:
    """A text, as UTF-8."""
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def save_table(table: Any, path: str) -> None:
    """A pandas or polars table, a list of mappings, or a mapping of columns, as CSV.

    Raises:
        TypeError: it is none of these.
    """
    if hasattr(table, "to_csv"):  # pandas
        table.to_csv(path, index=type(table.index).__name__ != "RangeIndex")
    elif hasattr(table, "write_csv"):  # polars
        table.write_csv(path)
    else:
        _write_rows(_rows(table), path)


def _rows(table: Any) -> list[Mapping[Any, Any]]:
    if isinstance(table, Mapping):
        names = list(table)
        return [dict(zip(names, row, strict=True)) for row in zip(*table.values(), strict=True)]
    rows = list(table) if isinstance(table, list | tuple) else []
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(f"a table must be pandas' or polars', or a list of dicts; got {type(table).__name__}")
    return rows


def _write_rows(rows: list[Mapping[Any, Any]], path: str) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([csv_name(str(name)) for name in names])
        for row in rows:
            writer.writerow([_cell(row.get(name, "")) for name in names])


def _cell(value: Any) -> Any:
    """A text that no spreadsheet runs as a formula; a number as it is."""
    return csv_name(value) if isinstance(value, str) and value else value
