"""The best value of each metric that a run's option ``best`` names."""

from __future__ import annotations

import contextlib
import difflib
import threading
from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from .._journal.journal import Journal
from .._journal.last_attempt import Earlier, best_of
from .._journal.records import Best, Superseded

Mode = Literal["min", "max"]
_SEEN = 1000


class Bests:
    """Knows the best values, and writes each better one into the journal.

    Args:
        modes: for each metric, what is better.

    Attributes:
        found: the best so far, by the metric's name.
    """

    def __init__(self, modes: Mapping[str, Mode]) -> None:
        self.modes = modes
        self.found: dict[str, Best] = {}
        self._newest: dict[str, tuple[str, int, float]] = {}  # axis, step and value
        self.seen: set[str] = set()  # metrics, while some best is missing
        self.shared: set[str] = set()  # metrics whose value is made of all ranks', later
        self.start()

    def start(self) -> None:
        """Begin, or go on in a forked child: another thread may have held the lock."""
        self._lock = threading.RLock()

    def go_on(self, directory: str, earlier: Earlier) -> None:
        """Begin with what was the best before.

        Raises:
            OSError: the journal cannot be read.
        """
        self.found = self._before(directory, earlier.size)

    def rewind(self, directory: str, journal: Journal, superseded: Superseded) -> None:
        """Go back to what was the best before what is ``superseded``, and say it once more."""
        if not any(superseded.covers(best) for best in self.found.values()):
            return
        with self._lock:
            before = {}
            with contextlib.suppress(OSError):  # the directory was deleted
                before = self._before(directory, journal.size)
            for name, best in before.items():
                if best != self.found.get(name):
                    before[name] = again = replace(best, time=journal.now(later=True))
                    journal.append(again)
            self.found = before

    def _before(self, directory: str, size: int) -> dict[str, Best]:
        found = [best_of(directory, name, mode, size) for name, mode in self.modes.items()]
        return {best.name: best for best in found if best}

    def see(self, metrics: Mapping[str, float], axis: str, step: int, journal: Journal) -> None:
        """Look at what was logged."""
        if len(self.found) < len(self.modes) and len(self.seen) < _SEEN:
            self.seen.update(metrics)
        for name, mode in self.modes.items():
            if name in metrics:
                self._newest[name] = axis, step, metrics[name]
                if _is_better(metrics[name], self.found.get(name), mode):
                    self._keep(name, mode, metrics[name], axis, step, journal)

    def see_shared(self, metrics: Mapping[str, float]) -> None:
        """Look at a rank's own part: the value comes, but is not known yet."""
        self.shared.update(name for name in self.modes if name in metrics)
        if len(self.seen) < _SEEN:
            self.seen.update(metrics)

    def at(self, epoch: int) -> dict[str, float]:
        """The newest finite values, as far as they are not of another epoch."""
        return {
            name: value
            for name, (axis, step, value) in self._newest.items()
            if value - value == 0 and (axis != "epoch" or step == epoch)
        }

    def missing(self) -> list[str]:
        """What never came, in words."""
        told = []
        for name in self.modes:
            if name not in self.found and name not in self.seen:
                meant = difflib.get_close_matches(name, self.seen, 1, 0.5)
                hint = f"did you mean {meant[0]!r}?" if meant else "no metric of that name was logged"
                told.append(f"best: {name!r} never came: {hint}")
        return told

    def _keep(self, name: str, mode: Mode, value: float, axis: str, step: int, journal: Journal) -> None:
        with self._lock:  # so that of two threads the better one is the last in the journal, too
            if _is_better(value, self.found.get(name), mode):
                time = journal.now(later=True)  # than the best before, or MLflow would show the larger of the two
                best = Best(time=time, name=name, mode=mode, value=value, axis=axis, step=step)
                self.found[name] = best
                journal.append(best)


def _is_better(value: float, best: Best | None, mode: Mode) -> bool:
    """Whether ``value`` is a finite number, and better than the best one so far."""
    if value - value != 0:
        return False
    return best is None or (value > best.value if mode == "max" else value < best.value)
