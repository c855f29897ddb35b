"""Curves as SVG: a mean line in its min/max band, without a script, so that it survives a notebook's export."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from .buckets import Buckets
from .words import number

COLOUR = "#2a78d6"


class _Part(NamedTuple):
    step: float
    mean: float
    least: float
    greatest: float


def sparkline(buckets: Buckets, width: int = 160, height: int = 28) -> str:
    """A small curve, without axes."""
    return _svg(width, height, _lines(buckets, 1, 1, width - 2, height - 2), _said(buckets))


def chart(buckets: Buckets, width: int = 640, height: int = 240) -> str:
    """A curve with its axes."""
    parts = _parts(buckets, width)
    if not parts:
        return _svg(width, height, _text(width // 2, height // 2, "no finite value", "middle"), _said(buckets))
    left, top, right, bottom = 64, 24, 12, 24
    low, high = _range(parts)
    inside = [
        f'<path d="M{left} {top}V{height - bottom}H{width - right}" fill="none" stroke="currentColor" opacity=".4"/>',
        _text(left - 6, top + 8, number(high), "end"),
        _text(left - 6, height - bottom, number(low), "end"),
        _text(left, height - 8, f"{escape(buckets.axis[:40])} {parts[0].step:.0f}", "start"),
        _text(width - right, height - 8, f"{parts[-1].step:.0f}", "end"),
        _text(left, 14, escape(_cut(buckets.name)) + _each_point(buckets), "start"),
        _lines(buckets, left, top, width - left - right, height - top - bottom),
    ]
    return _svg(width, height, "".join(inside), _said(buckets))


def _each_point(buckets: Buckets) -> str:
    return f" (each point stands for {buckets.width:,} values)" if buckets.width > 1 else ""


def _said(buckets: Buckets) -> str:
    return f"{_cut(buckets.name)}: {buckets.count:,} values over {_cut(buckets.axis)}"


def _svg(width: int, height: int, inside: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(title)}" style="vertical-align:middle"><title>{escape(title)}</title>'
        f"{inside}</svg>"
    )


def _text(x: int, y: int, text: str, anchor: str) -> str:
    style = 'font-family="sans-serif" font-size="11" fill="currentColor"'
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" {style}>{text}</text>'


def _lines(buckets: Buckets, x: int, y: int, width: int, height: int) -> str:
    """The band and the line, in a rectangle."""
    parts = _parts(buckets, width)
    if not parts:
        return ""
    low, high = _range(parts)
    first, spread = parts[0].step, (parts[-1].step - parts[0].step) or 1.0

    def at(part: _Part, value: float) -> str:
        share = 0.5 if high == low else value / (high - low) - low / (high - low)
        return f"{x + width * (part.step - first) / spread:.1f},{y + height * (1 - share):.1f}"

    drawn = ""
    if any(part.least < part.greatest for part in parts):
        around = [at(part, part.greatest) for part in parts] + [at(part, part.least) for part in reversed(parts)]
        drawn = f'<polygon points="{" ".join(around)}" fill="{COLOUR}" opacity=".25"/>'
    line = " ".join(at(part, part.mean) for part in parts)
    if len(parts) == 1:
        dot = line.split(",")
        return drawn + f'<circle cx="{dot[0]}" cy="{dot[1]}" r="2" fill="{COLOUR}"/>'
    return drawn + f'<polyline points="{line}" fill="none" stroke="{COLOUR}" stroke-width="1.5"/>'


def _parts(buckets: Buckets, width: int) -> list[_Part]:
    """At most one part for each two pixels, of the values that can be drawn; what is least and greatest stays."""
    known = [
        _Part(step, mean, least if math.isfinite(least) else mean, greatest if math.isfinite(greatest) else mean)
        for step, mean, least, greatest in zip(buckets.steps, buckets.means, buckets.mins, buckets.maxs, strict=True)
        if math.isfinite(mean)
    ]
    each = max(1, math.ceil(2 * len(known) / width))
    return known if each == 1 else [_joined(known[start : start + each]) for start in range(0, len(known), each)]


def _joined(parts: Sequence[_Part]) -> _Part:
    count = len(parts)
    return _Part(
        sum(part.step / count for part in parts),
        sum(part.mean / count for part in parts),
        min(part.least for part in parts),
        max(part.greatest for part in parts),
    )


def _range(parts: Sequence[_Part]) -> tuple[float, float]:
    return min(part.least for part in parts), max(part.greatest for part in parts)


def _cut(name: str) -> str:
    return name if len(name) <= 80 else name[:79] + "…"
