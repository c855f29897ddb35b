"""The text that a run's console comes to: bars folded, secrets masked, of bounded length. It grows in one file."""

from __future__ import annotations

import codecs
import os

from .._common.secrets import known_secrets, redact_head
from .._values.screen import Screen

_WAITING = 8 * 2**20  # bytes that were not looked at yet: more is left out, as what is printed must not wait for it
_SLICE = 8192  # bytes: what is printed waits for as long as one takes
_KEY_BEGINS, _KEY_ENDS = "-----BEGIN ", "-----END "
_KEY_LINES = 200


class ConsoleText:
    """Writes what it is fed into a file.

    Args:
        fd: the file, to read and write; a text behind whose end it goes on.
        most: bytes of the file. Beyond, its middle is left out.
    """

    def __init__(self, fd: int, most: int) -> None:
        self._fd, self._most = fd, most
        self._kept = os.fstat(fd).st_size  # the bytes of lines that nothing changes any more
        self._screen = Screen()
        self._decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
        self._waiting = b""
        self._left_out = 0
        self._held: list[str] = []  # lines of a private key that has not ended yet
        self._is_new = False

    def feed(self, content: bytes) -> None:
        """Take what was printed, to be looked at by :meth:`work`."""
        room = _WAITING - len(self._waiting)
        self._waiting += content[:room]
        self._left_out += len(content[room:])

    @property
    def has_work(self) -> bool:
        """Whether a whole slice waits to be looked at; what is less waits for :meth:`show`."""
        return len(self._waiting) >= _SLICE

    def work(self) -> None:
        """Look at a slice."""
        piece, self._waiting = self._waiting[:_SLICE], self._waiting[_SLICE:]
        self._keep(self._screen.feed(self._decode(piece)))
        if not self._waiting and self._left_out:
            self._keep([f"... {self._left_out} bytes that came too fast are left out ..."])
            self._left_out = 0
        self._is_new = True

    def show(self, is_over: bool = False) -> None:
        """Have the file hold what there is by now."""
        while self._waiting:
            self.work()
        if not self._is_new and not is_over:
            return
        self._is_new = False
        if is_over:
            self._keep(self._screen.shown, is_over=True)
            self._screen = Screen()
            return
        self._write(_masked([*self._held, *self._screen.shown]))

    def _keep(self, lines: list[str], is_over: bool = False) -> None:
        lines = [*self._held, *lines]
        text = "\n".join(lines)
        holds = text.rfind(_KEY_BEGINS) > text.rfind(_KEY_ENDS) and len(lines) < _KEY_LINES and not is_over
        self._held = lines if holds else []
        if lines and not holds:
            self._kept += self._write(_masked(lines))
            if self._kept > self._most:
                self._shorten()

    def _write(self, text: bytes) -> int:
        """Put ``text`` behind what is kept, in place of what was there."""
        os.ftruncate(self._fd, self._kept)
        os.pwrite(self._fd, text, self._kept)
        return len(text)

    def _shorten(self) -> None:
        whole = os.pread(self._fd, self._kept, 0)
        head = whole[: whole.rfind(b"\n", 0, self._most // 4) + 1]
        tail = whole[whole.find(b"\n", len(whole) - self._most // 2) + 1 :]
        between = f"... {len(whole) - len(head) - len(tail)} bytes are left out ...\n".encode()
        self._kept = 0
        self._kept = self._write(head + between + tail)


def _masked(lines: list[str]) -> bytes:
    if not lines:
        return b""
    text = "\n".join(lines) + "\n"
    return redact_head(text, len(text) + 1, known_secrets()).encode("utf-8", "backslashreplace")
