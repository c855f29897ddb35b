"""The contract: what a manager tells a tracker, and what a tracker knows by hand."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tracklib import BaseTracker, Log, Mlflow, TrackerBlocked, TrackerUnavailable, TrackerWarning, Wandb
from tracklib._journal.records import Begin
from tracklib.trackers.base import BatchTracker


class Smallest(BaseTracker):
    """Nothing but what the contract asks for, without a constructor of its own."""

    def init(self) -> None:
        self.rows: list[tuple[int, Mapping[str, float]]] = []

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        self.rows.append((epoch, log_dict))


class Batches(BatchTracker):
    def init(self) -> None:
        self.records: list[Log] = []

    def log_batch(self, records: Sequence[Log]) -> None:
        self.records += records


def record(step: int) -> Log:
    return Log(time=1, axis="epoch", step=step, metrics={"loss": 0.5}, ordinal=step)


def test_a_tracker_of_init_and_log_gets_each_record_of_a_batch() -> None:
    tracker = Smallest()
    tracker.init()
    tracker.log_batch([record(0), record(1)])
    assert tracker.rows == [(0, {"loss": 0.5}), (1, {"loss": 0.5})]


def test_what_is_logged_by_hand_is_a_batch_of_one_with_the_next_ordinal() -> None:
    tracker: Any = Batches()
    tracker.init()
    tracker.log(epoch=3, log_dict={"in": {"loss": 1}})
    with pytest.warns(TrackerWarning, match="'note' is not logged"):
        tracker.log(epoch=3, log_dict={"loss": 2, "note": "x"})
    assert [(r.axis, r.step, r.metrics, r.ordinal) for r in tracker.records] == [
        ("epoch", 3, {"in/loss": 1.0}, 0),
        ("epoch", 3, {"loss": 2.0}, 1),
    ]


def test_by_hand_a_tracker_has_a_run_of_its_own_for_the_occasion() -> None:
    one, two = Smallest(), Smallest()
    assert one.begin is one.begin
    assert one.begin.uid != two.begin.uid
    assert (one.begin.name, one.begin.attempt, one.is_by_hand) == ("", 0, True)


def test_a_manager_tells_a_tracker_all_at_once(tmp_path: Path) -> None:
    begin = Begin(time=1, format=1, uid="u", attempt=1, name="n", pid=2, host="h", configs=[])
    kept = {"run_id": "r"}
    tracker = Smallest()
    tracker.attach(begin, str(tmp_path), kept)
    tracker.state["more"] = "m"
    assert (tracker.begin, tracker.output_run, tracker.is_by_hand) == (begin, str(tmp_path), False)
    assert tracker.state == {"run_id": "r", "more": "m"}
    assert kept == {"run_id": "r"}


@pytest.mark.parametrize("kind", [Mlflow, Wandb, Smallest])
@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (FileNotFoundError("gone"), False),
        (TrackerUnavailable("later"), True),
        (TrackerBlocked("a key is missing"), False),
        (ValueError("no"), False),
        (KeyboardInterrupt(), False),
    ],
    ids=repr,
)
def test_which_errors_may_pass_by_themselves_at_any_tracker(
    kind: type[BaseTracker], error: BaseException, transient: bool
) -> None:
    assert kind().is_transient(error) is transient


@pytest.mark.parametrize(("kind", "transient"), [(Mlflow, True), (Wandb, True), (Smallest, False)])
def test_a_full_disk_passes_by_itself_at_a_backend_that_is_known_to_write_files(
    kind: type[BaseTracker], transient: bool
) -> None:
    """Elsewhere it may be anything: what the package requests raises for a refusal is an ``OSError``, too."""
    assert kind().is_transient(OSError(errno.ENOSPC, "No space left on device")) is transient
