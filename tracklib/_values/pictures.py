"""Pictures that are drawn here: a browser shows them, and no package is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from .judged import Confusion, PrecisionRecall

_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" '
    'font-family="system-ui, sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n'
)
_INK, _DIM, _LINE = "#171a20", "#667080", "#e4e7ec"
_BLUE = (51, 102, 204)
_NUMBERED = 30  # labels: of more, a cell has no number in it
_SHOWN = 18  # characters of a label


def confusion_svg(told: Confusion, title: str) -> str:
    """A square for each pair, the darker the greater its share of what is."""
    labels, counts = told
    cell = max(6, min(48, 900 // len(labels)))
    left, top, side = 150, 130, cell * len(labels)
    right = sum(row[i] for i, row in enumerate(counts))
    accuracy = f"{right / sum(map(sum, counts)):.2%} right"
    parts = [
        _HEAD.format(left + side + 20, top + side + 20),
        _text(20, 26, title, weight="600"),
        _text(20, 46, accuracy),
    ]
    if len(labels) * 12 <= side:
        parts += _labels(labels, left, top, cell)
    for i, row in enumerate(counts):
        for j, number in enumerate(row):
            parts += _cell(number, sum(row), left + j * cell, top + i * cell, cell, f"{labels[i]} as {labels[j]}", told)
    parts.append(f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="{_LINE}"/>\n</svg>\n')
    return "".join(parts)


def _labels(labels: Sequence[str], left: int, top: int, cell: int) -> Iterator[str]:
    yield _text(left - 10, top - 10, "is \\ said", anchor="end", fill=_DIM)
    for i, label in enumerate(labels):
        shown = label if len(label) <= _SHOWN else label[: _SHOWN - 1] + "…"
        middle = i * cell + cell / 2
        yield _text(left - 8, top + middle + 4, shown, anchor="end")
        yield f'<g transform="translate({left + middle + 4:g} {top - 8}) rotate(-60)">{_text(0, 0, shown)}</g>\n'


def _cell(number: int, of: int, x: int, y: int, side: int, what: str, told: Confusion) -> Iterator[str]:
    share = number / of if of else 0.0
    if not number and len(told.labels) > _NUMBERED:
        return
    colour = "#{:02x}{:02x}{:02x}".format(*(round(255 - share * (255 - part)) for part in _BLUE))
    yield f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="{colour}" stroke="{_LINE}">'
    yield f"<title>{escape(_drawable(what))}: {number} of {of}</title></rect>\n"
    if len(told.labels) <= _NUMBERED:
        ink = "#fff" if share > 0.5 else _INK if number else _DIM
        yield _text(x + side / 2, y + side / 2 + 4, str(number), anchor="middle", fill=ink, events="none")


def precision_recall_svg(told: PrecisionRecall, title: str) -> str:
    """The precision over the recall."""
    left, top, side = 60, 70, 400
    parts = [_HEAD.format(left + side + 30, top + side + 60), _text(20, 26, title, weight="600")]
    parts.append(_text(20, 46, f"average precision {told.average:.4f}", fill=_DIM))
    for tenth in range(0, 11, 2):
        at, y = left + side * tenth / 10, top + side - side * tenth / 10
        parts.append(f'<path d="M{left} {y:g}h{side}M{at:g} {top}v{side}" stroke="{_LINE}"/>\n')
        parts.append(_text(left - 8, y + 4, f"{tenth / 10:g}", anchor="end", fill=_DIM))
        parts.append(_text(at, top + side + 18, f"{tenth / 10:g}", anchor="middle", fill=_DIM))
    places, before = [], f"M{left} {top + side * (1 - told.points[0][1]):.2f}"
    for _, precision, recall in told.points:
        places.append(f"{left + side * recall:.2f} {top + side * (1 - precision):.2f}")
    colour = "#{:02x}{:02x}{:02x}".format(*_BLUE)
    parts.append(f'<path d="{before}L{"L".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>\n')
    parts.append(_text(left + side / 2, top + side + 40, "recall", anchor="middle"))
    parts.append(
        f'<g transform="translate(18 {top + side / 2:g}) rotate(-90)">{_text(0, 0, "precision", anchor="middle")}</g>'
    )
    return "".join([*parts, "\n</svg>\n"])


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", fill: str = _INK, weight: str = "400", events: str = "auto"
) -> str:
    how = f'text-anchor="{anchor}" fill="{fill}" font-weight="{weight}" pointer-events="{events}"'
    return f'<text x="{x:g}" y="{y:g}" {how}>{escape(_drawable(text))}</text>\n'


def _drawable(text: str) -> str:
    """Without what no XML may hold."""
    return "".join(each if each >= " " and not "\ud800" <= each <= "\udfff" else "\ufffd" for each in text)
