"""The page's one file: markup, style, script and data in it, and a policy under which nothing else can run or load."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ..._common.texts import as_json
from .sections import SECTIONS

_SCRIPTS = (
    *("uplot/uPlot.iife.min", "dom", "format", "data", "state", "fields", "colours", "detail", "lines", "ranges"),
    *("chart", "tooltip", "charts", "sections", "run", "overview", "controls", "keys"),
)
_OF_SEVERAL = ("where", "table", "scale", "parallel", "scatter")
_OF_ONE = ("alone",)
_START = "app"  # last, as it begins to draw
_STYLES = ("uplot/uPlot.min", "page")

MARK = '<meta name="generator" content="tracklib">'
"""The line by which a file is recognised as a report of ours, which may be written over."""


def html(told: dict[str, Any], reads_itself: bool = False) -> str:
    """The page that shows ``told`` (see ``told.py``).

    Args:
        told: what the page's ``data.js`` takes.
        reads_itself: whether the page may ask the server that it came from, and nobody else.
    """
    sections = [f"sections/{name}" for name in SECTIONS if any(name in run["sections"] for run in told["runs"])]
    several = ("several",) if len(told["runs"]) > 1 else ()
    style = _tight(_joined((*_STYLES, *several, *filter(_has_style, sections)), "css"))
    choosing = _OF_SEVERAL if len(told["runs"]) > 1 else _OF_ONE
    own = [f"(() => {{\n{_joined((name,), 'js')}\n}})();" for name in sections]  # names of one are not another's
    script = "\n".join([_joined((*_SCRIPTS, *choosing), "js"), *own, _joined((_START,), "js")])
    parts = {
        "mark": MARK,
        "policy": _policy(style, script, reads_itself),
        "style": style,
        "script": script,
        "licence": _asset("uplot/LICENSE"),  # it goes wherever the code goes
        # In a script's text `<` could end it or begin a comment; in JSON it has a second spelling.
        "data": as_json(told).decode().replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("page.html"))


def _policy(style: str, script: str, reads_itself: bool) -> str:
    """Only this very script and style count, by their hashes; pictures are those in the page."""
    connect = "connect-src 'self'; " if reads_itself else ""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; media-src data:; "
        f"{connect}base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _joined(names: tuple[str, ...], ending: str) -> str:
    return "\n".join(_terse(_asset(f"{name}.{ending}")) for name in names)


def _terse(text: str) -> str:
    """Without comments, and without indentation: a third of a small page would be that."""
    text = re.sub(r"^\s*/\*.*?\*/\s*$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"(?<=[;{},(]) // [^\"'`\n]*$", "", text, flags=re.MULTILINE)  # behind code, and in no text
    return re.sub(r"^\s+", "", text, flags=re.MULTILINE)


@cache
def _tight(style: str) -> str:
    """A style without the spaces and lines that only people need; ours has none of them in a text."""
    return re.sub(r"\s*([{};,>])\s*", r"\1", style)


def _has_style(name: str) -> bool:
    return _place(f"{name}.css").is_file()


@cache
def _asset(name: str) -> str:
    return _place(name).read_text(encoding="utf-8")


def _place(name: str) -> Traversable:
    return files(__package__).joinpath("assets", *name.split("/"))
