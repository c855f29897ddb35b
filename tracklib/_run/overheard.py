"""A stream of Python's that leads to no descriptor, as a notebook's: what is written there is overheard."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any


class Overheard:
    """Stands in for ``sys.stdout`` or ``sys.stderr``. All that is no ``write`` is the stream's own, and so is each
    write in a forked child.

    Args:
        name: ``"stdout"`` or ``"stderr"``.
        hear: is told what was written; it must not raise.
    """

    def __init__(self, name: str, hear: Callable[[bytes], None]) -> None:
        self._name, self._hear = name, hear
        self._stream: Any = getattr(sys, name)
        self._process = os.getpid()

    def write(self, text: str) -> Any:
        """Write, and tell of it."""
        written = self._stream.write(text)
        if self._process == os.getpid():
            with contextlib.suppress(Exception):  # a text that is none
                self._hear(text.encode("utf-8", "backslashreplace"))
        return written

    def writelines(self, lines: Any) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def end(self) -> None:
        """Put the stream back, unless somebody else stands in for it by now."""
        self._hear = lambda written: None
        if getattr(sys, self._name, None) is self:
            setattr(sys, self._name, self._stream)


def overhear(hear: Callable[[bytes], None]) -> list[Overheard]:
    """Stand in for each of the two streams that does not write to its own number."""
    made = []
    for name, fd in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name, None) is not None and not _leads_to(getattr(sys, name), fd):
            made.append(Overheard(name, hear))
            setattr(sys, name, made[-1])
    return made


def _leads_to(stream: Any, fd: int) -> bool:
    with contextlib.suppress(Exception):  # a stream that has no number, as io.StringIO
        return bool(stream.fileno() == fd)
    return False
