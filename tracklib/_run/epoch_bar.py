"""The bar over a run's epochs."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from .._common import clock, last_line
from .._common.names import printable
from .beside_bar import BesideBar, stand_beside

_BAR = 50  # characters for the bar itself, its numbers and its times
_NAME = 24
_UNKNOWN = 160  # columns, where there is no terminal
_EVERY = 0.1  # seconds between two drawings of new metrics


class EpochBar:
    """A tqdm bar over epochs: in a terminal or a notebook, and nowhere else. It never raises. What is printed
    meanwhile is above it.

    Args:
        name: what stands before the bar.
        finished: how many epochs were finished before.
        count: of how many.
        silent: show nothing at all.
    """

    def __init__(self, name: str, finished: int, count: int, silent: bool = False) -> None:
        self._bar: Any = None
        self._newest: dict[str, float] = {}
        self._drawn = 0.0
        self._beside: BesideBar | None = None
        self._gives_way = False  # to a line that somebody has begun
        with contextlib.suppress(Exception):
            if not silent and (_in_notebook() or sys.stderr.isatty()):
                self._bar = _kind()(
                    total=count, initial=finished, desc=_short(printable(name)), unit="epoch", dynamic_ncols=True
                )
                if not _in_notebook():
                    self._beside = stand_beside(self)
                    last_line.is_drawn(self)

    def show(self, metrics: Mapping[str, float]) -> None:
        """Show the newest value of each metric behind the bar, ten times a second at most."""
        if self._bar is None:
            return
        self._newest.update(metrics)
        if clock.steady() - self._drawn >= _EVERY:
            self._draw()

    def advance(self) -> None:
        """One more epoch is finished."""
        if self._bar is not None:
            with contextlib.suppress(Exception):
                if self._gives_way:
                    self._bar.n += 1
                else:
                    self._bar.update()
            self.show({})

    def give_way(self) -> bool:
        """Clear the screen of the bar, and of the training's own ones, until :meth:`come_back`. False: they were not
        there."""
        if self._gives_way:
            return False
        self._gives_way = True
        with contextlib.suppress(Exception):
            for bar in list(self._bar._instances):
                bar.clear()
        return True

    def come_back(self) -> None:
        """Draw the bar again."""
        self._gives_way = False
        with contextlib.suppress(Exception):
            self._bar.refresh()

    def _draw(self) -> None:
        if self._gives_way:
            return
        self._drawn = clock.steady()
        with contextlib.suppress(Exception):
            texts = [f"{printable(name)}={value:.4g}" for name, value in list(self._newest.items())]
            self._bar.set_postfix_str(_fitting(texts, _columns() - _BAR - len(self._bar.desc or "")))

    def close(self) -> None:
        """Leave the bar as it is."""
        last_line.is_gone(self)
        if self._beside is not None:
            self._beside.end()
            self._beside = None
        if self._bar is not None:
            with contextlib.suppress(Exception):
                if self._gives_way:
                    self._gives_way = False
                    self._bar.fp.write("\n")
                self._draw()
                self._bar.close()
            self._bar = None


def _kind() -> Any:
    """tqdm for here. In a notebook without ipywidgets its own choice, ``tqdm.auto``, is a line with a warning."""
    if _in_notebook() and importlib.util.find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as in_widgets

        return in_widgets
    from tqdm import tqdm

    return tqdm


def _short(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 3] + "..."


def _columns() -> int:
    """How wide the terminal is."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _UNKNOWN
    except (OSError, ValueError, AttributeError):  # a notebook
        return _UNKNOWN


def _fitting(texts: list[str], room: int) -> str:
    """As many ``texts`` as there is room for, and how many more there are."""
    shown = texts[:]
    while shown and len(_joined(shown, len(texts))) > room:
        shown.pop()
    return _joined(shown, len(texts))


def _joined(shown: list[str], of: int) -> str:
    more = [f"+{of - len(shown)}"] if len(shown) < of else []
    return ", ".join([*shown, *more])


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code; nothing is imported for the answer."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
