"""Metrics as a CSV file that pandas can read at any moment."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .._common.files import make_folder
from .._common.names import Names, column_name
from .._common.warn import warn
from .._journal import layout
from .._journal.records import Log, Status
from .._journal.state import is_others
from ..errors import TrackerBlocked
from ._options import checked
from ._projection import Projection, is_as_long
from .base import BatchTracker

# A reader may see the part of a write that lies before a page's end, and part of a row that is written
# over: half a number. Up to this size such a write replaces the file instead; beyond, that costs too much.
_REPLACED_BYTES = 2**20
_PAGE = 4096

_REACH = 1000  # rows: one that lies further back is complete


class CsvLogger(BatchTracker):
    """Writes ``metrics.csv``: the epoch first, then a column for each metric in order of appearance.

    Records of one epoch that share no metric (training, then validation) make one row, even if records of another axis
    come between; any other record is a row of its own. A metric that first comes later adds a column: the whole file is
    then replaced by one with the new column, so a reader sees the old table or the new one, never half of it. Other
    axes than the epoch have a column each; a metric that is called as one of them (an ``epoch`` of 1.5, beside
    ``step``) is in that column.

    In a managed run the file is built from the run's journal, and anew when the run is resumed. By hand, rows are added
    to the file that is there.

    Args:
        csv_filename: the file's name in ``output_run``, or an absolute path. Another file that is already at such a
            path is renamed; a child run writes into its own directory.
        output_run: the directory where logs are stored.

    Attributes:
        csv_filename: the path of the CSV file.
        file_initialized: whether the file has its header.
        fieldnames: the names of the columns so far, in order.
    """

    batch_size = 4096
    holds_no_lock = True
    reads_whole_journal = True
    builds_anew = True

    @checked
    def __init__(self, *, csv_filename: str = layout.TABLE, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        name = os.path.basename(csv_filename) if os.path.isabs(csv_filename) else csv_filename
        if not layout.is_free(name):  # of a run inside this one, the table has that name in its directory
            raise ValueError(
                f"csv_filename={csv_filename!r} must be a file's name without a folder, as 'metrics.csv', "
                "or an absolute path, with no name that the run's directory needs itself"
            )
        self._filename = csv_filename
        self.file_initialized = False
        self.fieldnames: list[str] = []
        self._names = Names("the CSV", column_name)
        self._columns: set[str] = set()
        self._file = Projection()
        self._open: dict[str, _Row] = {}  # of each axis the newest row, which a next record may complete
        self._tail: list[_Row] = []  # the rows from the first open one on

    @property
    def files(self) -> tuple[str, ...]:
        """The CSV file, where it is in the run's directory."""
        return () if self._is_elsewhere else (os.path.basename(self._filename),)

    @property
    def csv_filename(self) -> str:
        """The path of the CSV file."""
        return self._filename if self._is_elsewhere else os.path.join(self.output_run, *self.files)

    @property
    def _is_elsewhere(self) -> bool:
        """Whether the file is not in the run's directory; that of a run inside another is, or both had one file."""
        return os.path.isabs(self._filename) and self.begin.parent is None

    def _places(self) -> Mapping[str, str]:
        return {"csv_filename": self._filename} if os.path.isabs(self._filename) else {}

    def _given(self, option: str) -> Any:
        return self._filename if option == "csv_filename" else super()._given(option)

    def is_intact(self) -> bool:
        """Whether the file is there, and as long as it was at the run's end."""
        return is_as_long(self.csv_filename, self.state.get("size"))

    def init(self) -> None:
        """Make the file with its header; by hand, go on with the one that is there."""
        if not self.is_by_hand and is_others(self.output_run, self.begin.uid):
            raise TrackerBlocked(f"{self.output_run} was deleted, and is another run's now: its table is not replaced")
        make_folder(os.path.dirname(self.csv_filename))
        self._clear_away()
        self._open, self._tail = {}, []
        old = self._old_table() if self.is_by_hand else []
        self._replace(old[0] if old else [self._names.axis("epoch")], [_line(row) for row in old[1:]])
        self.file_initialized = True
        self.state["file"] = self.csv_filename
        self.location = self.csv_filename

    def _clear_away(self) -> None:
        """Delete what a process that was killed left in the middle of replacing the file; rename what is not ours."""
        if self.is_by_hand:
            return
        if self._is_elsewhere and self.state.get("file") != self.csv_filename and os.path.lexists(self.csv_filename):
            aside = f"{self.csv_filename}.{time.strftime('%Y%m%d-%H%M%S')}.{self.begin.uid}"
            os.rename(self.csv_filename, aside)
            warn(f"{self.csv_filename} was there before this run: it is called {aside} now")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._temporary)

    def _old_table(self) -> list[list[str]]:
        """The table that is there, whoever wrote it and however it ends its lines."""
        if not os.path.lexists(self.csv_filename):
            return []
        fd = os.open(self.csv_filename, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(fd, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
        if any("\n" in cell or "\r" in cell for row in rows[1:] for cell in row):
            raise ValueError(
                f"{self.csv_filename} has cells of several lines, so it is no table of metrics: choose another name"
            )
        return [row + [""] * (len(rows[0]) - len(row)) for row in rows]

    def log_batch(self, records: Sequence[Log]) -> None:
        """Add rows, with one write."""
        self._file.need()
        tail, opened = [row.copy() for row in self._tail], dict(self._open)
        opened = {axis: tail[self._tail.index(row)] for axis, row in opened.items()}
        for record in records:
            self._add(record, tail, opened)
        new = list(dict.fromkeys(name for row in tail if row.is_changed for name in row.cells))
        fieldnames = self.fieldnames + [name for name in new if name not in self._columns]
        first = next((place for place, row in enumerate(tail) if row.is_changed), len(tail))
        at = self._file.size - sum(len(row.line) for row in self._tail[first:])
        for row in tail[first:] if len(fieldnames) == len(self.fieldnames) else tail:
            row.write(fieldnames)
        lines = [row.line for row in tail[first:]]
        if len(fieldnames) > len(self.fieldnames) or self._shows_in_parts(at, sum(map(len, lines))):
            self._replace(fieldnames, lines, keep=at)
        else:
            self._file.write(b"".join(lines), at)
        self._open = {axis: row for axis, row in opened.items() if any(row is each for each in tail[-_REACH:])}
        open_rows = {id(row) for row in self._open.values()}
        self._tail = tail[next(place for place, row in enumerate(tail) if id(row) in open_rows) :]

    def _add(self, record: Log, tail: list[_Row], opened: dict[str, _Row]) -> None:
        """Put the record into the open row of its axis, or into a new one."""
        axis = self._names.axis(record.axis)
        cells = {self._names.beside(record.axis, name): repr(value) for name, value in record.columns().items()}
        row = opened.get(axis)
        if (
            row is None
            or row.step != record.step
            or not cells.keys().isdisjoint(row.cells)
            or row.number + _REACH <= tail[-1].number
        ):
            row = opened[axis] = _Row(record.step, {axis: str(record.step)}, tail[-1].number + 1 if tail else 0)
            tail.append(row)
        row.cells.update(cells)
        row.is_changed = True

    def _shows_in_parts(self, at: int, length: int) -> bool:
        """Whether a reader may see half of such a write, and the file is small enough to be replaced."""
        return at + length <= _REPLACED_BYTES and (at < self._file.size or at % _PAGE + length > _PAGE)

    def _replace(self, fieldnames: list[str], lines: Sequence[bytes], keep: int = 0) -> None:
        """Put a file with these columns in place: the old rows up to the offset ``keep``, then ``lines``."""
        ending = b"," * (len(fieldnames) - len(self.fieldnames)) + b"\n"
        self._file.replace(
            self.csv_filename,
            self._temporary,
            _line(fieldnames),
            b"".join(lines),
            keep=keep,
            changed=lambda rows: rows.replace(b"\n", ending),
        )
        self.fieldnames = fieldnames
        self._columns = set(fieldnames)

    @property
    def _temporary(self) -> str:
        """Where the file is written that replaces it. By hand, no lock keeps two processes apart."""
        return f"{self.csv_filename}.{os.getpid()}.tmp" if self.is_by_hand else f"{self.csv_filename}.tmp"

    def is_transient(self, error: BaseException) -> bool:
        """A disk may have room again."""
        return isinstance(error, OSError)

    def finish(self, status: Status) -> None:
        """Close the file."""
        self._file.need()
        self.state["size"] = str(self._file.size)
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Row:
    """One row: its columns' cells, its line in the file, and which it is of the rows."""

    __slots__ = ("cells", "is_changed", "line", "number", "step")

    def __init__(self, step: int, cells: dict[str, str], number: int, line: bytes = b"") -> None:
        self.step, self.cells, self.number, self.line = step, cells, number, line
        self.is_changed = False

    def copy(self) -> _Row:
        """The same, for a batch that may fail."""
        return _Row(self.step, dict(self.cells), self.number, self.line)

    def write(self, fieldnames: Sequence[str]) -> None:
        """Make its line, of a cell for each column."""
        self.line = ",".join([self.cells.get(name, "") for name in fieldnames]).encode() + b"\n"
        self.is_changed = False


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)  # so that it quotes a cell with either
    return text.getvalue()[:-2].encode("utf-8", "backslashreplace") + b"\n"
