"""What a terminal would show of a text: progress bars that draw themselves again are one line."""

from __future__ import annotations

import re

_ROWS = 60  # that may still be drawn over; what is above them stays
_WIDEST = 10_000  # characters of a line; what comes behind is left out
_PARTS = re.compile(
    r"\x1b\[([0-9;?]*)([A-Za-z@`])"  # a control sequence
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # a title, a link
    r"|\x1b[()][A-Za-z0-9]|\x1b[=>78cDEHMNOZ]"
    r"|([\r\n\b\t])|([^\x1b\r\n\b\t]+)"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*|\][^\x07\x1b]*\x1b?|[()])?\Z")


class Screen:
    """Takes a text piece by piece. Colours and titles are left out; a tab is a tab."""

    def __init__(self) -> None:
        self._rows: list[str] = [""]
        self._row = self._column = 0
        self._rest = ""  # the beginning of a control sequence

    def feed(self, text: str) -> list[str]:
        """Show a further piece; the lines that nothing is drawn over any more, which come once."""
        text = self._rest + text
        unfinished = _UNFINISHED.search(text, max(0, len(text) - 200))
        self._rest = unfinished[0] if unfinished else ""
        for part in _PARTS.finditer(text, 0, len(text) - len(self._rest)):
            number, command, control, shown = part.groups()
            if shown:
                self._write(shown)
            elif control:
                self._control(control)
            elif command:
                self._command(command, number)
        done = max(0, len(self._rows) - _ROWS)
        lines, self._rows = self._rows[:done], self._rows[done:]
        self._row = max(0, self._row - done)
        return [line.rstrip() for line in lines]

    @property
    def shown(self) -> list[str]:
        """The lines that may still be drawn over."""
        rows = [row.rstrip() for row in self._rows]
        return rows[:-1] if rows[-1] == "" else rows

    def _write(self, text: str) -> None:
        row = self._rows[self._row]
        if self._column < _WIDEST:
            before = row[: self._column].ljust(self._column)
            self._rows[self._row] = (before + text)[:_WIDEST] + row[self._column + len(text) :]
        self._column += len(text)

    def _control(self, control: str) -> None:
        if control == "\n":
            self._move(1)
            self._column = 0
        elif control == "\r":
            self._column = 0
        elif control == "\b":
            self._column = max(0, self._column - 1)
        else:
            self._write("\t")

    def _move(self, rows: int) -> None:
        self._row = max(0, self._row + rows)
        self._rows += [""] * (self._row + 1 - len(self._rows))

    def _command(self, command: str, given: str) -> None:
        number = int(given) if given.isdecimal() and len(given) < 5 else 0
        if command in "AF":
            self._move(-max(1, number))
        elif command in "BE":
            self._move(min(max(1, number), _ROWS))
        elif command == "C":
            self._column = min(self._column + max(1, number), _WIDEST)
        elif command == "D":
            self._column = max(0, self._column - max(1, number))
        elif command == "G":
            self._column = max(0, number - 1)
        elif command == "K":
            self._erase(number)
        elif command == "J" and number == 0:
            self._erase(0)
            del self._rows[self._row + 1 :]
        if command in "EF":
            self._column = 0

    def _erase(self, which: int) -> None:
        row = self._rows[self._row]
        if which == 0:
            self._rows[self._row] = row[: self._column]
        elif which == 1:
            self._rows[self._row] = " " * self._column + row[self._column :]
        else:
            self._rows[self._row] = ""
