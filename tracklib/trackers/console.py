"""The console: a line for each epoch, or a table that grows by one in a terminal."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from .._common import clock
from .._common.names import printable
from .._journal.records import Best, Log, Note, Status, Superseded
from ._console_table import Table, table_on
from ._console_words import duration, line, number
from ._options import checked
from .base import BatchTracker

_OTHER_SECONDS = 10.0  # between two lines of another axis than the epoch
_QUIET_SECONDS = 3.0  # then what is known of the first epoch is shown: nobody knows what else it will have
_BEST = "best "  # and the metric: where a best value is in the tracker's state
_RICH = ("rich.console", "rich.text")


class Console(BatchTracker):
    """Prints on stderr how the run gets on: a line for each epoch, and at the end the best values, the status and where
    the run is.

    In a terminal, with rich installed, the lines are the rows of a table. It only adds lines, so what your program
    prints stays, and progress bars of tqdm and rich stay below. All records of one epoch make one line. It is printed
    when every metric that earlier epochs had is there, at the latest when the next epoch begins; that of the first
    epoch, when the epoch is finished, or when nothing has been logged for three seconds. A metric that the run's option
    ``best`` names has a star where it is the best so far. Another axis has a line, of its newest record, at most every
    ten seconds. After a resume, earlier attempts' epochs are not printed again; ``tracklib sync`` prints none.

    Args:
        output_run: the directory where logs are stored.
    """

    extra = "console"
    batch_size = 1024

    @checked
    def __init__(self, *, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.imports = _RICH if _is_terminal(sys.stderr) else ()
        self._speaks = False
        self._table: Table | None = None
        self._start_over()

    def _start_over(self) -> None:
        self._step: int | None = None
        self._row: dict[str, float] = {}  # what is not printed yet of the epoch
        self._seen: set[str] = set()  # metrics of the epoch
        self._known: set[str] = set()  # metrics of the epochs before it
        self._took_at = 0.0
        self._repeats = False  # whether an epoch had a metric twice, so that nobody knows which is the last
        self._now = self._before = self._printed = self.begin.time
        self._greeted = self.begin.attempt <= 1
        self._bests: dict[str, Best] = {}

    def init(self) -> None:
        """Find out whether stderr is a terminal."""
        self._start_over()
        self._speaks = self.begin.pid == os.getpid()  # else it is a dead process' run
        may_import = self.is_by_hand or all(module in sys.modules for module in _RICH)  # see imports
        self._table = table_on(sys.stderr) if may_import and _is_terminal(sys.stderr) else None

    def log_batch(self, records: Sequence[Log]) -> None:
        """Note metrics; print what is complete."""
        for record in records:
            if record.time < self.begin.time:  # of an earlier attempt
                self.state["last"] = f"{printable(record.axis)} {record.step}"
            elif record.axis == "epoch":
                self._take(record)
            else:
                self._take_other(record)

    def _take(self, record: Log) -> None:
        metrics = record.columns()
        if record.step != self._step:
            self._print_row()
            self._known |= self._seen
            self._seen = set()
            self._step = record.step
            self._before = self._before or record.time
        self._took_at = clock.steady()
        self._repeats = self._repeats or not self._seen.isdisjoint(metrics)
        self._seen.update(metrics)
        self._row.update(metrics)
        self._now = record.time
        if self._known and not self._repeats and self._seen >= self._known:
            self._print_row()

    def _take_other(self, record: Log) -> None:
        self._now = record.time
        if record.time - self._printed >= _OTHER_SECONDS * 1000:
            self._printed = record.time
            self._say(line(record.axis, record.step, record.columns()))

    def idle(self) -> None:
        """Print what is known of the first epoch: in a loop by hand, nobody says that it is finished."""
        if not self._known and not self._repeats and clock.steady() - self._took_at >= _QUIET_SECONDS:
            self._print_row()

    def finish_epoch(self, epoch: int) -> None:
        """Print the row of an epoch that is finished, the first one's too."""
        if self._step == epoch:
            self._print_row()

    def log_superseded(self, superseded: Superseded) -> None:
        """Forget what is not printed yet of an epoch that comes again."""
        if self._step is not None and self._step >= superseded.epoch:
            self._row, self._seen, self._step = {}, set(), None

    def _print_row(self) -> None:
        """Print what is not printed yet of the epoch, if there is anything."""
        if self._row and self._step is not None:
            took = duration(self._now - self._before)
            best = {name for name, value in self._row.items() if self._is_best(name, value, self._step)}
            rows = self._table.rows("epoch", self._step, self._row, took, best) if self._table else None
            self._say(rows or f"{line('epoch', self._step, self._row, best)}  ({took})")
            self.state["last"] = f"epoch {self._step}"
            self._before = self._printed = self._now
        self._row = {}

    def _is_best(self, name: str, value: float, step: int) -> bool:
        """Whether it is the best value so far of a metric that ``best`` names. Of an epoch that is printed at once
        nobody has said so yet."""
        best = self._bests.get(name)
        if best is None or (best.axis == "epoch" and best.step == step):
            return best is not None and best.value == value
        return math.isfinite(value) and (value < best.value if best.mode == "min" else value > best.value)

    def _say(self, text: str) -> None:
        if not self._greeted:
            self._greeted = True
            after = f", after {self.state['last']}" if "last" in self.state else ""
            text = f"{printable(self.begin.name)} goes on: attempt {self.begin.attempt}{after}\n{text}"
        if self._speaks:
            with contextlib.suppress(Exception):  # a stream that is closed, broken or not there
                _write(sys.stderr, text)  # as it is now: a progress bar of rich puts itself in its place

    def log_note(self, note: Note) -> None:
        """Print it, if it is of this attempt."""
        if note.time >= self.begin.time:
            where = "" if note.step is None else f" ({printable(note.axis)} {note.step})"
            self._say(f"note{where}: {printable(' '.join(note.text.split()))}")

    def log_best(self, best: Best) -> None:
        """Note the best value so far of a metric, for the end."""
        self._bests[best.name] = best
        self.state[_BEST + best.name] = f"{number(best.value)} at {printable(best.axis)} {best.step}"

    def finish(self, status: Status) -> None:
        """Print what is left, the best values, and how the run ended."""
        self.close()
        for name, value in self.state.items():
            if name.startswith(_BEST):
                self._say(f"{printable(name)}: {value}")
        took = duration((self.ended_at or self._now) - self.begin.time)
        last = f"{self.state['last']}, " if "last" in self.state else ""
        name = printable(self.begin.name) or "run"
        said = f"{name} {status.value} ({last}{took}): {printable(self.output_run)}"
        self._say(self._table.ending(said, status) if self._table else said)

    def close(self) -> None:
        """Print what is left."""
        self._print_row()


def _is_terminal(stream: TextIO) -> bool:
    with contextlib.suppress(Exception):  # no stderr at all, one that is closed
        return stream.isatty()
    return False


def _write(stream: TextIO, text: str) -> None:
    """Write lines; where bars of tqdm are on the screen, above them."""
    bars = getattr(sys.modules.get("tqdm"), "tqdm", None)
    if bars is not None and getattr(bars, "_instances", None):
        bars.write(text, file=stream)
    else:
        stream.write(text + "\n")
    stream.flush()
