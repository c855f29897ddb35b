"""What the ranks logged at steps that still wait for other ranks, and which of it is complete.

Ranks are not at the same step at the same time, and steps may go back, as after a checkpoint was loaded. So each rank
has a place on each axis: how often its steps went back, and its step. A rank at a later place has nothing more to say
of an earlier one, and is not waited for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .._common import clock
from .records import Contribution, Epoch, Log, Reduction
from .reduced import Weighed, reduced, value_of

WRITER = "ranks"  # of a record that combines what the ranks logged; no other writer has that name
LATE_SECONDS = 10.0
COUNT = "ranks"  # the metric that says how many, where it was not all


class Place(NamedTuple):
    """Where a rank is on an axis: how often its steps went back, and the step."""

    backs: int
    step: int


class _Said:
    """One name at one step, logged by each rank for the same time: all for the first, or all for the second."""

    def __init__(self, how: Reduction) -> None:
        self.how = how
        self.values: dict[int, Weighed] = {}
        self.time = 0
        self.is_closed = False


class _Step:
    """What was logged at one step. ``backs`` is the least number of times that a rank's steps had gone back, ``since``
    when the first rank's values came."""

    def __init__(self, place: Place) -> None:
        self.names: dict[str, list[_Said]] = {}
        self.counts: Counter[tuple[int, str]] = Counter()
        self.ranks: set[int] = set()
        self.backs = place.backs
        self.since = clock.steady()

    @property
    def open(self) -> Iterator[tuple[str, _Said]]:
        return ((name, said) for name, times in self.names.items() for said in times if not said.is_closed)


class Made(NamedTuple):
    """A combined record of a step, and from how many ranks it comes.

    Its time is 0 where rank 0 logged nothing there: then it counts as logged now. A rank that is ahead would else have
    it at a time in an epoch of rank 0's that may be superseded later.
    """

    log: Log
    ranks: int


class Shares:
    """Takes what each rank says, in its order, and gives what is complete.

    Args:
        told: how often something was made already, by axis, step and name.

    Attributes:
        late: how many values of each rank came when their step was closed.
        ranks: those that have said something.
    """

    def __init__(self, told: Counter[tuple[str, int, str]] | None = None) -> None:
        self.late: Counter[int] = Counter()
        self._told = told or Counter()
        self._steps: dict[tuple[str, int], _Step] = {}
        self._places: dict[tuple[int, str], Place] = {}
        self._closed: dict[str, dict[int, int]] = defaultdict(dict)  # by axis and backs: the highest step

    @property
    def are_open(self) -> bool:
        """Whether something waits for another rank."""
        return any(any(step.open) for step in self._steps.values())

    def take(self, rank: int, record: Contribution | Epoch) -> None:
        """Add what ``rank`` logged next."""
        if isinstance(record, Epoch):  # it is behind it
            self._go_to(rank, "epoch", record.number + 1)
            return
        place = self._go_to(rank, record.axis, record.step)
        key = record.axis, record.step
        if key not in self._steps and place.step <= self._closed[record.axis].get(place.backs, place.step - 1):
            self.late[rank] += len(record.metrics)
            return
        step = self._steps.setdefault(key, _Step(place))
        step.backs = min(step.backs, place.backs)
        step.ranks.add(rank)
        for name, value in record.metrics.items():
            weight = record.weights.get(name)
            weighed = float(value), None if weight is None else float(weight)
            self._add(step, rank, name, record.hows.get(name, record.how), weighed, record.time)

    def _go_to(self, rank: int, axis: str, step: int) -> Place:
        before = self._places.get((rank, axis), Place(0, step))
        place = self._places[rank, axis] = Place(before.backs + (step < before.step), step)
        return place

    def _add(self, step: _Step, rank: int, name: str, how: Reduction, value: Weighed, time: int) -> None:
        times = step.names.setdefault(name, [])
        nth = step.counts[rank, name]
        step.counts[rank, name] += 1
        while len(times) <= nth:
            times.append(_Said(how))
        if times[nth].is_closed:
            self.late[rank] += 1
        elif how != "first" or rank == 0:
            times[nth].values[rank] = value
            times[nth].time = max(times[nth].time, time)

    def awaited(self, ranks: Iterable[int]) -> set[int]:
        """Those of ``ranks`` that some step waits for."""
        ranks = set(ranks)
        return {
            rank
            for key, step in self._steps.items()
            for _, said in step.open
            for rank in self._missing(key, step, said, ranks)
        }

    def _missing(self, key: tuple[str, int], step: _Step, said: _Said, ranks: set[int]) -> set[int]:
        here = Place(step.backs, key[1])
        return {rank for rank in ranks if rank not in said.values and not self._is_past(rank, key[0], here)}

    def _is_past(self, rank: int, axis: str, here: Place) -> bool:
        place = self._places.get((rank, axis))
        return place is not None and place.step > here.step and place.backs >= here.backs

    def made(self, ranks: Iterable[int], size: int, all_of_it: bool = False) -> Iterator[Made]:
        """What is complete: no more of it comes from any of ``ranks``, or it has waited for ten seconds.

        Args:
            ranks: those that still live.
            size: how many ranks there are in all.
            all_of_it: all that there is, as nothing is waited for any more.
        """
        living = set(ranks)
        for key, step in sorted(self._steps.items(), key=lambda item: item[1].since):
            is_late = all_of_it or clock.steady() - step.since >= LATE_SECONDS
            for times in _in_turn(step):
                metrics, time = self._close(key, step, times, living, is_late)
                if metrics:
                    if len(step.ranks) < size:
                        metrics.setdefault(COUNT, float(len(step.ranks)))
                    yield Made(
                        Log(time=time, axis=key[0], step=key[1], metrics=metrics, writer=WRITER), len(step.ranks)
                    )
            if not any(step.open) and (
                all_of_it or all(self._is_past(rank, key[0], Place(step.backs, key[1])) for rank in living)
            ):
                self._drop(key, step)

    def _close(
        self, key: tuple[str, int], step: _Step, times: dict[str, _Said], living: set[int], is_late: bool
    ) -> tuple[dict[str, float], int]:
        metrics: dict[str, float] = {}
        time = 0
        for name, said in times.items():
            said.is_closed = is_late or not self._missing(key, step, said, living)
            if said.is_closed and said.values:
                made = _made(name, said)
                if self._told:
                    made = {each: value for each, value in made.items() if not self._was_told(key, each)}
                metrics.update(made)
                time = max(time, said.time) if made and 0 in said.values else time
        return metrics, time

    def _was_told(self, key: tuple[str, int], name: str) -> bool:
        told = self._told.get((*key, name), 0)
        if told:
            self._told[*key, name] = told - 1
        return bool(told)

    def _drop(self, key: tuple[str, int], step: _Step) -> None:
        del self._steps[key]
        closed = self._closed[key[0]]
        closed[step.backs] = max(key[1], closed.get(step.backs, key[1]))


def put_together(said: Mapping[int, Contribution]) -> dict[str, float]:
    """What is made of one word of each rank, by name."""
    names: dict[str, _Said] = {}
    for rank, record in sorted(said.items()):
        for name, value in record.metrics.items():
            weight = record.weights.get(name)
            each = names.setdefault(name, _Said(record.hows.get(name, record.how)))
            if each.how != "first" or rank == 0:
                each.values[rank] = float(value), None if weight is None else float(weight)
    there = {name: each for name, each in sorted(names.items()) if each.values}
    return {made: value for name, each in there.items() for made, value in _made(name, each).items()}


def _made(name: str, said: _Said) -> dict[str, float]:
    if said.how == "each":
        return {f"{name}/rank{rank}": value_of(said.values[rank]) for rank in sorted(said.values)}
    return {name: reduced(said.how, said.values)}


def _in_turn(step: _Step) -> Iterator[dict[str, _Said]]:
    """What each name was said for the first time, for the second ..., as far as it is open."""
    for nth in range(max(map(len, step.names.values()), default=0)):
        times = {name: said[nth] for name, said in step.names.items() if len(said) > nth and not said[nth].is_closed}
        if times:
            yield times
