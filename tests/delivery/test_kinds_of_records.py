"""What a tracker gets of each kind of record, and of artifacts and checkpoints that could not be written at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from one_delivery import Folder
from patience import PATIENT
from scripted import Scripted, begin, end, log, run_of

from tracklib import TrackerBlocked, TrackerLost
from tracklib._delivery import cursor as cursors
from tracklib._delivery.delivery import Delivery
from tracklib._delivery.handing import LAST_TRIES
from tracklib._delivery.packages import need_packages
from tracklib._delivery.put_off import PutOff
from tracklib._delivery.standing import Progress, Standing
from tracklib._delivery.surroundings import Surroundings
from tracklib._delivery.worker import Worker
from tracklib._journal.reader import Entry, Reader
from tracklib._journal.records import (
    Artifact,
    Best,
    Checkpoint,
    Epoch,
    Histogram,
    Log,
    Note,
    Params,
    Superseded,
    Tags,
)
from tracklib.errors import LifecycleError


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class Noting(Scripted):
    """Takes each kind by its own method."""

    def finish_epoch(self, number: int) -> None:
        self._do("epoch", number)

    def log_best(self, best: Best) -> None:
        self._do("best", (best.name, best.value))

    def log_histogram(self, histogram: Histogram) -> None:
        self._do("histogram", (histogram.name, histogram.ordinal))

    def log_superseded(self, superseded: Superseded) -> None:
        self._do("superseded", superseded.epoch)

    def log_note(self, note: Note) -> None:
        self._do("note", note.text)

    def log_checkpoint(self, checkpoint: Checkpoint, path: str) -> None:
        self._do("checkpoint", (checkpoint.name, Path(path).exists()))


def histogram(step: int, time: int = 2_000) -> Histogram:
    return Histogram(
        time=time, axis="epoch", step=step, name="weights", low=0.0, high=1.0, counts=[1], min=0.0, max=1.0, mean=0.5,
        std=0.1,
    )  # fmt: skip


def best(value: float, time: int = 2_000, step: int = 0) -> Best:
    return Best(time=time, name="loss", mode="min", value=value, axis="epoch", step=step)


def checkpoint(folder: Folder, name: str, epoch: int) -> Checkpoint:
    (folder.path / "checkpoints").mkdir(exist_ok=True)
    (folder.path / "checkpoints" / name).write_text(name)
    return Checkpoint(time=2_000, name=name, epoch=epoch)


def test_each_kind_of_record_comes_by_its_own_method_in_the_journals_order(folder: Folder) -> None:
    folder.write(
        *run_of(
            Params(time=1, params={"lr": 1}), Tags(time=1, tags={"a": ""}), log(0), best(0.5), histogram(0),
            Epoch(time=2_000, number=0), Note(time=2_000, text="it looks well"), checkpoint(folder, "last.pt", 0),
        )
    )  # fmt: skip
    tracker = Noting()
    delivery = folder.deliver(tracker)
    assert [call for call in tracker.calls if call[0] not in ("init", "finish")] == [
        ("log_params", {"lr": 1}),
        ("log_tags", {"a": ""}),
        ("log", [0]),
        ("best", ("loss", 0.5)),
        ("histogram", ("weights", 5)),
        ("epoch", 0),
        ("note", "it looks well"),
        ("checkpoint", ("last.pt", True)),
    ]
    assert (delivery.standing, delivery.delivered) == (Standing.DONE, 7)  # an epoch's end says nothing


def test_what_is_superseded_in_a_piece_is_not_handed_over_and_what_supersedes_it_is_told(folder: Folder) -> None:
    folder.write(*run_of(log(0), log(1), best(0.1, step=1), histogram(1), Superseded(time=3_000, since=2_000, epoch=1)))
    tracker = Noting()
    folder.deliver(tracker)
    assert tracker.steps == [0]
    assert [call for call, _ in tracker.calls] == ["init", "log", "superseded", "finish"]


def test_a_tracker_that_can_leave_out_what_it_has_begins_anew_when_that_is_superseded(folder: Folder) -> None:
    class Anew(Noting):
        reads_whole_journal = True
        builds_anew = True

    folder.write(begin(), log(0), log(1))
    tracker = Anew(script={"log": [None, free := threading.Event()]})
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    tracker.until(lambda: len(tracker.of("log")) == 2)
    folder.write(
        Superseded(time=3_000, since=2_000, epoch=1),
        Log(time=4_000, axis="epoch", step=1, metrics={"loss": 9.0}),
        end(),
    )
    delivery.hurry()
    free.set()
    delivery.join(PATIENT)
    again = tracker.calls[[call for call, _ in tracker.calls].index("init", 1) :]
    assert [what for call, what in again if call == "log"] == [[0], [1]]
    assert tracker.rows[-1] == (1, {"loss": 9.0})


class Onlooker:
    def __init__(self, error: Exception | None = None) -> None:
        self.seen: list[type] = []
        self.error = error

    def take(self, entries: Sequence[Entry], reader: Reader, superseded: Sequence[Superseded] = ()) -> None:
        self.seen += [type(entry.record) for entry in entries]
        if self.error:
            raise self.error


@pytest.mark.parametrize("error", [None, ValueError("a bug")])
def test_who_looks_on_sees_what_is_read_and_what_fails_there_is_no_trouble_of_the_trackers(
    folder: Folder, error: Exception | None
) -> None:
    folder.write(*run_of(log(0), log(1)))
    onlooker = Onlooker(error)
    delivery = folder.delivery(tracker := Scripted())
    delivery.show_to(onlooker)
    delivery.run()
    assert (tracker.steps, delivery.standing, delivery.trouble) == ([0, 1], Standing.DONE, "")
    assert [kind.__name__ for kind in onlooker.seen] == ["Begin", "Log", "Log", "End"]


def test_a_tracker_that_fails_when_it_is_idle_goes_on(folder: Folder) -> None:
    class Idle(Scripted):
        def idle(self) -> None:
            self._do("idle")

    folder.write(begin(), log(0))
    tracker = Idle(script={"idle": [OSError("no route"), free := threading.Event()]})
    delivery = folder.delivery(tracker)  # which does not rest
    delivery.start()
    tracker.until(lambda: len(tracker.of("idle")) == 2)
    seen = delivery.standing
    delivery.abandon()
    free.set()
    delivery.join(PATIENT)
    assert (seen, delivery.standing) == (Standing.DELIVERING, Standing.ABANDONED)


# Runs that the backend lost, and records on which it fails ---------------------------------------------


def test_a_run_that_the_backend_lost_is_connected_anew_and_gets_the_same_records(folder: Folder) -> None:
    folder.write(*run_of(log(0), log(1)))
    tracker = Scripted(script={"log": [None, TrackerLost("it was deleted")]})
    delivery = folder.deliver(tracker)
    assert [call for call, _ in tracker.calls] == ["init", "log", "log", "init", "log", "finish"]
    assert (tracker.steps, delivery.standing) == ([0, 1], Standing.DONE)


@pytest.mark.parametrize("error", [TrackerLost("it was deleted"), LifecycleError("it was finished")], ids=repr)
def test_an_artifact_for_a_run_that_is_lost_or_finished_comes_with_the_next_connection(
    folder: Folder, error: Exception
) -> None:
    folder.write(*run_of(checkpoint(folder, "last.pt", 0)))
    tracker = Noting(
        script={"checkpoint": [ConnectionError("down"), error], "finish": [lambda: delivery._loop.aside.soon()]}
    )
    delivery: Delivery = folder.delivery(tracker)
    delivery.hurry()
    delivery.run()
    calls = [call for call, _ in tracker.calls]
    assert calls == ["init", "checkpoint", "finish", "checkpoint", "init", "checkpoint", "finish"]
    assert (delivery.standing, delivery.aside, delivery.rejected) == (Standing.DONE, 0, 0)


def test_an_answer_whether_the_backend_takes_other_records_that_fails_accuses_no_record(folder: Folder) -> None:
    def nobody() -> bool:
        raise SystemExit("as some SDKs do")

    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"log": [ConnectionError("down")] * (LAST_TRIES + 10)})
    tracker.is_answering = nobody  # type: ignore[method-assign]
    delivery = folder.deliver(tracker)
    assert (tracker.steps, delivery.rejected) == ([1], 0)


def test_a_projection_is_never_at_fault_however_often_its_disk_refuses(folder: Folder) -> None:
    class Projection(Scripted):
        reads_whole_journal = True

    folder.write(*run_of(log(1), log(2)))
    tracker = Projection(script={"log": [OSError("disk full")] * 30}, batch_size=8)
    tracker.is_transient = lambda error: True  # type: ignore[method-assign]
    delivery = folder.deliver(tracker)
    assert (tracker.steps, delivery.rejected) == ([1, 2], 0)


def test_a_refused_artifact_is_put_among_the_rejected_and_the_rest_goes_on(folder: Folder) -> None:
    folder.write(*run_of(checkpoint(folder, "last.pt", 0), log(1)))
    tracker = Noting(script={"checkpoint": [ValueError("too large")]})
    delivery = folder.deliver(tracker)
    assert (tracker.steps, delivery.rejected) == ([1], 1)
    assert [line["reason"] for line in folder.rejected] == ["ValueError: too large"]


def test_files_that_were_refused_are_sent_once_more_where_that_is_asked_for(folder: Folder) -> None:
    (folder.path / "artifacts").mkdir()
    (folder.path / "artifacts/a.txt").write_text("a")
    folder.write(*run_of(checkpoint(folder, "last.pt", 0), Artifact(time=1, name="a.txt")))
    refusing = Noting(script={"checkpoint": [ValueError("too large")], "log_artifact": [ValueError("no text")]})
    assert folder.deliver(refusing).rejected == 2

    delivery = folder.delivery(tracker := Noting(), again=True)
    delivery.hurry()
    delivery.run()
    assert tracker.calls[1:3] == [
        ("checkpoint", ("last.pt", True)),
        ("log_artifact", ("a.txt", str(folder.path / "artifacts/a.txt"))),
    ]
    assert (delivery.rejected, (folder.path / "rejected.jsonl").exists()) == (0, False)


def test_one_that_the_system_gave_no_thread_begins_when_somebody_waits(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    folder.write(*run_of(log(1)))
    delivery = folder.delivery(tracker := Scripted(), Delivery)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        delivery.start()
    assert delivery.standing is Standing.BLOCKED
    delivery.hurry()
    delivery.join(PATIENT)
    assert (tracker.steps, delivery.standing) == ([1], Standing.DONE)


def test_a_thread_of_the_training_imports_no_package_of_a_trackers() -> None:
    class Needing(Scripted):
        requires = ("no_such_package_at_all",)

    with pytest.raises(TrackerBlocked, match="no_such_package_at_all could not be imported when the run began"):
        need_packages(Needing(), imports=False)
    with pytest.raises(ImportError):
        need_packages(Needing(), imports=True)


# Giving up, and what nobody begins ---------------------------------------------------------------------


def test_one_that_is_given_up_while_an_artifact_is_written_puts_nothing_aside(folder: Folder) -> None:
    folder.write(*run_of(checkpoint(folder, "last.pt", 0), log(1)))
    tracker = Noting(script={"checkpoint": [free := threading.Event()]})
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    tracker.until(lambda: tracker.of("checkpoint"))
    delivery.abandon()
    free.set()
    delivery.join(PATIENT)
    assert (delivery.standing, delivery.aside, tracker.steps) == (Standing.ABANDONED, 0, [])


def test_a_disk_that_hangs_while_the_place_is_saved_holds_up_nobody_who_gives_it_up(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "_SAVE_PATIENCE", 0.01)
    folder.write(*run_of(log(1)))
    delivery = folder.delivery(tracker := Scripted())
    hangs, free = threading.Event(), threading.Event()

    def write() -> None:
        with delivery._loop.cursor.unsealed():
            hangs.set()
            assert free.wait(PATIENT)

    writer = threading.Thread(target=write)
    writer.start()
    assert hangs.wait(PATIENT)
    delivery.abandon()
    free.set()
    writer.join(PATIENT)
    delivery.run()
    assert (delivery.standing, tracker.steps) == (Standing.ABANDONED, [])
    delivery.abandon()  # once more is no more


def test_what_is_put_off_is_at_rest_whatever_it_is_told_and_all_of_it_is_missing(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2)))
    put_off = PutOff(tracker := Scripted(), "Scripted", folder.journal.path)
    for told in (put_off.start, put_off.hurry, put_off.wake, put_off.abandon, put_off.settle):
        told()
        assert put_off.at_rest
    assert (put_off.missing, put_off.rejected, put_off.aside, put_off.damaged) == (2, 0, 0, 0)
    assert (put_off.offset, put_off.progress(), put_off.trouble) == (0, Progress(0), "TRACKLIB_MODE is offline")
    assert tracker.calls == []


def test_a_worker_that_has_not_begun_is_not_alive_has_worked_nothing_and_is_waited_for_by_nobody() -> None:
    worker = Worker("Scripted")
    assert (worker.has_begun, worker.is_alive, worker.worked) == (False, False, 0.0)
    worker.join(PATIENT)


def test_a_folder_that_was_deleted_gives_the_companion_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert Surroundings.here().folder == "/"
