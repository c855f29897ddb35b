"""Checks of what arrives where something goes wrong: each record, once or at least once, as the tracker claims."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from .._journal.records import Log
from ..trackers.base import BaseTracker
from .case import TrackerCase
from .programs import ALL, run_program, run_python


class FaultTests(TrackerCase):
    """A part of :class:`~tracklib.testing.TrackerTests`."""

    def arrived(self, directory: str, count: int) -> None:
        """Check that the backend has the records 0 to ``count - 1`` of the run in ``directory``, and each once if the
        tracker claims that."""
        found = self.values(directory)
        assert sorted(set(found)) == [float(number) for number in range(count)]
        if self.stores_once:
            assert len(found) == count

    def logged(self, tracker: BaseTracker, directory: str, count: int = 10) -> None:
        """Have a whole run in ``directory``, with ``tracker``, of ``count`` records."""
        with self.run(tracker, directory) as run:
            for step in range(count):
                run.log(step, {"a": float(step)})

    def test_a_killed_run_arrives_by_sync(self, config: dict[str, Any], directory: str) -> None:
        assert run_program("kill", self.kind, config, directory) == -signal.SIGKILL
        run_python("-m", "tracklib", "sync", directory)
        self.arrived(directory, ALL)
        if "status" in self.keeps:
            assert self.read_status(directory) == self.tells.get("killed", "killed")

    def test_a_forked_childs_records_arrive(self, config: dict[str, Any], directory: str) -> None:
        run_program("fork", self.kind, config, directory)
        self.arrived(directory, 3)

    def test_a_call_that_hangs_does_not_hold_the_block_and_sync_delivers(
        self, config: dict[str, Any], directory: str
    ) -> None:
        run_program("hang", self.kind, config, directory)
        run_python("-m", "tracklib", "sync", directory)
        self.arrived_late(directory)

    def test_a_backend_that_was_never_there_gets_it_by_sync(self, config: dict[str, Any], directory: str) -> None:
        run_program("no_init", self.kind, config, directory)
        run_python("-m", "tracklib", "sync", directory)
        self.arrived_late(directory)

    def arrived_late(self, directory: str) -> None:
        """Check that the one record of the run in ``directory``, and its end, came by ``tracklib sync``."""
        assert set(self.values(directory)) == {1.0}
        if "status" in self.keeps:
            assert self.read_status(directory) == "finished"

    def test_a_lost_answer_brings_the_batch_again(self, config: dict[str, Any], directory: str) -> None:
        if self.kind.builds_anew:
            pytest.skip(f"{self.kind.__name__} writes a file of its own: no answer can get lost")
        lose = failing(self.kind.log_batch, [ConnectionError("the answer was lost")], after=True)
        self.logged(self.faulty(config, log_batch=lose), directory)
        self.arrived(directory, 10)

    def test_an_outage_is_waited_for(self, config: dict[str, Any], directory: str) -> None:
        fail = failing(self.kind.log_batch, [ConnectionError("no route to host")])
        self.logged(self.faulty(config, log_batch=fail), directory)
        assert self.values(directory) == [float(step) for step in range(10)]

    def test_an_init_whose_answer_was_lost_makes_no_second_run(self, config: dict[str, Any], directory: str) -> None:
        lose = failing(self.kind.init, [ConnectionError("the answer was lost")], after=True)
        self.logged(self.faulty(config, init=lose), directory)
        self.arrived(directory, 10)

    @pytest.mark.filterwarnings("ignore::tracklib.TrackerWarning")
    def test_a_refused_record_is_put_aside_and_its_neighbours_arrive(
        self, config: dict[str, Any], directory: str
    ) -> None:
        real = self.kind.log_batch

        def picky(tracker: BaseTracker, records: Sequence[Log]) -> None:
            if any(record.step == 3 for record in records):
                raise ValueError("no threes")
            real(tracker, records)

        with self.run(self.faulty(config, log_batch=picky), directory, on_error="warn") as run:
            for step in range(10):
                run.log(step, {"a": float(step)})
        assert self.refused(directory).count("no threes") == 1
        assert sorted(set(self.values(directory))) == [float(step) for step in range(10) if step != 3]

    def test_it_can_be_closed_without_having_begun(self, config: dict[str, Any], directory: str) -> None:
        os.makedirs(directory)
        tracker = self.made(config)
        tracker.output_run = directory
        tracker.close()


def failing(
    real: Callable[..., None], errors: Iterable[BaseException | None], after: bool = False
) -> Callable[..., None]:
    """``real``, which raises the errors in its first calls, before or after it did its work; what it acknowledged
    meanwhile is lost with the answer."""
    to_come = itertools.chain(errors, itertools.repeat(None))

    def call(tracker: BaseTracker, *arguments: Any) -> None:
        error = next(to_come)
        if error is None:
            real(tracker, *arguments)
        elif after:
            heard = vars(tracker).get("acknowledge", tracker.acknowledge)
            vars(tracker)["acknowledge"] = lambda records=0: None
            real(tracker, *arguments)
            vars(tracker)["acknowledge"] = heard
        if error is not None:
            raise error

    return call
