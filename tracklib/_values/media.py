"""Figures, images, texts and tables, rendered to files."""

from __future__ import annotations

import contextlib
import csv
import importlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._common.names import column_name
from .._common.secrets import redact_source
from .._common.warn import warn
from .mappings import as_mapping
from .plain import plain

_PICTURES = "png jpg jpeg gif webp bmp tif tiff"
_ENDINGS = {  # what a name may end with and is its format; in "lr=0.1" and "epoch.best" the dot means nothing
    "figure": f"{_PICTURES} pdf svg eps ps html json",
    "image": _PICTURES,
    "table": "csv",
}
_ENDING = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,7})$")

_Table = tuple[list[Any], Iterable[Iterable[Any]]]  # the columns' names, and the rows


def with_ending(name: str, kind: str, value: Any) -> str:
    """The file's name: ``name``, with the ending of its kind where it has none."""
    found = _ENDING.search(name)
    if found and (kind == "text" or found[1].lower() in _ENDINGS[kind].split()):
        return name
    ending = {"image": "png", "text": "txt", "table": "csv"}.get(kind)
    return f"{name}.{ending or ('html' if hasattr(value, 'write_html') else 'png')}"


def save_figure(figure: Any, path: str) -> None:
    """A matplotlib figure (or the one around axes) or a plotly figure, in the format of ``path``'s ending.

    Raises:
        TypeError: it is neither.
    """
    around: Any = getattr(figure, "figure", None)  # of axes, and of seaborn's grids
    if hasattr(around, "savefig"):
        around.savefig(path)
    elif hasattr(figure, "savefig"):
        figure.savefig(path)
    elif not hasattr(figure, "write_html"):
        raise TypeError(f"a figure must be matplotlib's or plotly's; got {type(figure).__name__}")
    elif path.lower().endswith(".html"):
        figure.write_html(path, include_plotlyjs="cdn")
    elif path.lower().endswith(".json"):
        figure.write_json(path)
    else:
        figure.write_image(path)


def save_image(image: Any, path: str) -> None:
    """A Pillow image, or an array or tensor of pixels: height by width, with 1, 3 or 4 channels in front or
    behind; integers of 0 to 255, or floats of 0 to 1.

    Raises:
        TypeError: it is neither.
        ImportError: Pillow is needed for an array, and is not installed.
    """
    if hasattr(image, "getbands"):  # Pillow's
        image.save(path)
        return
    if not hasattr(image, "__array__"):
        instead = "; a picture that is a file is kept by log_artifact" if isinstance(image, str) else ""
        raise TypeError(f"an image must be Pillow's, or an array of pixels; got {type(image).__name__}{instead}")
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError:
        raise ImportError("an array becomes an image by Pillow: pip install pillow") from None
    pillow.fromarray(_pixels(image)).save(path)


def _pixels(image: Any) -> Any:
    """An array of bytes: height by width, or by width by 3 or 4 channels."""
    with contextlib.suppress(AttributeError):  # torch's; numpy knows no bfloat16
        image = image.detach().cpu()
        image = image.float() if image.is_floating_point() else image
    return eight_bits(channels_last(image.__array__()))


def channels_last(pixels: Any) -> Any:
    """A picture's pixels: height by width, or by width by 3 or 4 channels.

    Raises:
        TypeError: it is no picture.
    """
    shape = pixels.shape
    if pixels.ndim == 3 and shape[0] in (1, 3, 4) and shape[2] not in (1, 3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,), (4,)) or not pixels.size:
        raise TypeError(f"an image must be height by width, with 1, 3 or 4 channels; its shape is {shape}")
    return pixels


def eight_bits(pixels: Any) -> Any:
    """Pixels as bytes.

    Raises:
        TypeError: they are no numbers.
    """
    brightest = {"f": 1, "b": 1, "u": 255, "i": 255}.get(pixels.dtype.kind)
    if brightest is None:
        raise TypeError(f"an image must be of numbers; it is of {pixels.dtype}")
    pixels = importlib.import_module("numpy").where(pixels == pixels, pixels, 0)  # NaN is no brightness
    least, most = pixels.min(), pixels.max()
    if least < 0 or most > brightest:
        warn(f"the image's values go from {least:g} to {most:g}: what is not within 0 to {brightest} is cut off")
    return (pixels.clip(0, brightest) * (255 / brightest)).round().astype("uint8")


def save_text(text: Any, path: str) -> None:
    """A text, as UTF-8, secrets masked."""
    with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(redact_source(str(text)))


def save_html(html: Any, path: str) -> None:
    """A page, or a part of one, as a page; secrets masked.

    Raises:
        TypeError: it is no text, and does not say itself as HTML.
    """
    text = html if isinstance(html, str) else html._repr_html_() if hasattr(html, "_repr_html_") else None
    if not isinstance(text, str):
        raise TypeError(f"html must be a text, or say itself as HTML by _repr_html_; got {type(html).__name__}")
    head = "" if "<html" in text[:1000].lower() else '<!doctype html>\n<meta charset="utf-8">\n'
    save_text(head + text, path)


def save_table(table: Any, path: str) -> None:
    """A pandas or polars table, a list of rows (mappings, dataclasses and such), or a mapping of columns, as CSV.

    Raises:
        TypeError: it is none of these.
        ValueError: the columns are not equally long.
    """
    names, rows = _names_and_rows(table)
    with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)  # its line ends are CR LF: so it knows that both are to be quoted
        if names:
            writer.writerow(map(_column, names))
        writer.writerows(map(_cell, row) for row in rows)


def _names_and_rows(table: Any) -> _Table:
    if hasattr(table, "to_frame"):  # one column of pandas or polars
        table = table.to_frame()
    if hasattr(table, "itertuples"):  # pandas
        if type(table.index).__name__ != "RangeIndex":  # which says nothing
            table = table.reset_index(allow_duplicates=True)
        return list(table.columns), table.itertuples(index=False, name=None)
    if hasattr(table, "iter_rows"):  # polars
        return list(table.columns), table.iter_rows()
    return _of_columns(table) if isinstance(table, Mapping) else _of_rows(table)


def _of_columns(table: Mapping[Any, Any]) -> _Table:
    for name, column in table.items():
        if isinstance(column, str | bytes) or not hasattr(column, "__len__"):
            raise TypeError(f"a table's column must be a list of values; {name!r} is {type(column).__name__}")
    lengths = {name: len(column) for name, column in table.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"a table's columns must be equally long; they are {lengths}")
    return list(table), zip(*table.values(), strict=True)


def _of_rows(table: Any) -> _Table:
    rows = [as_mapping(row) for row in table] if isinstance(table, list | tuple) else None
    if rows is None or None in rows:
        found = f"a list of {type(table[rows.index(None)]).__name__}" if rows else type(table).__name__
        raise TypeError(f"a table must be pandas' or polars', a list of dicts, or a dict of lists; got {found}")
    mappings = [row for row in rows if row is not None]
    names = list(dict.fromkeys(name for row in mappings for name in row))
    return names, ([row.get(name) for name in names] for row in mappings)


def _column(name: Any) -> str:
    """A column's name; pandas' of several levels are joined as nested metrics are."""
    return column_name("/".join(filter(None, map(str, name))) if isinstance(name, tuple) else str(name))


def _cell(value: Any) -> Any:
    """A text that no spreadsheet runs as a formula; a number as it is."""
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas' words for what is missing
        return None
    if value is None or type(value) in (float, int, bool):
        return value
    cell = plain(value)
    if isinstance(cell, str) and cell and (isinstance(value, str) or not _is_number(cell)):
        return column_name(cell)
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
