"""What is printed beside the bar over the epochs: it has lines of its own, above the bar."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, TextIO

from .._common.last_line import GivesWay


class BesideBar:
    """Stands in for ``sys.stdout`` while a bar is drawn by stderr on the same terminal, as rich has it too. All that is
    no ``write`` is the stream's own; so is each write in a forked child, and once the bar is closed.

    Args:
        bar: gives way to what is printed.
        stream: ``sys.stdout`` as it was.
    """

    def __init__(self, bar: GivesWay, stream: TextIO) -> None:
        self._bar: GivesWay | None = bar
        self._stream = stream
        self._process = os.getpid()

    def write(self, text: str) -> int:
        """Write, and have the bar below the line; below a line that is only begun, once it is ended."""
        bar = self._bar if self._process == os.getpid() else None
        if bar is not None and text:
            bar.give_way()
        written = self._stream.write(text)
        if bar is not None and text.endswith("\n"):
            self._stream.flush()
            bar.come_back()
        return written

    def writelines(self, lines: Any) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def end(self) -> None:
        """Put the stream back, unless somebody else stands in for it by now."""
        self._bar = None
        with contextlib.suppress(Exception):
            self._stream.flush()
        if sys.stdout is self:
            sys.stdout = self._stream


def stand_beside(bar: GivesWay) -> BesideBar | None:
    """Stand in for ``sys.stdout``, if that is a terminal."""
    with contextlib.suppress(Exception):
        if sys.stdout.isatty():
            beside = BesideBar(bar, sys.stdout)
            sys.stdout = beside
            return beside
    return None
