"""t.log_checkpoint keeps what was there at the call, as much of it as is wanted; t.checkpoint finds it again."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from kept import records
from patience import PATIENT

from tracklib import LifecycleError, TrackerWarning, load, tracking
from tracklib._common import snapshots
from tracklib._common.snapshots import Snapshot
from tracklib._journal.records import Checkpoint, End
from tracklib._run import keeping
from tracklib._run.copies import Copies
from tracklib.testing import MemoryTracker

BEST: Any = {"acc": "max"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(tmp_path / "model.pt", 0)


def saved(path: Path, epoch: int) -> Path:
    """A model's file, put in place as a careful program does."""
    new = path.with_suffix(".new")
    new.write_bytes(b"%d" % epoch * 100)
    new.replace(path)
    return path


@pytest.fixture
def _copied_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is so small that it is copied at the call."""
    monkeypatch.setattr(keeping, "AT_ONCE_BYTES", -1)


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A copy waits for this, having its files."""
    event, copy = threading.Event(), Snapshot.copy

    def waiting(self: Snapshot, target: str, further: Callable[[], object]) -> str:
        assert event.wait(PATIENT)
        return copy(self, target, further)

    monkeypatch.setattr(Snapshot, "copy", waiting)
    yield event
    event.set()


def test_the_latest_the_best_an_epochs_and_a_named_one_are_found_in_this_attempt_and_the_next(
    tmp_path: Path, model: Path
) -> None:
    for again in (False, True):
        with tracking(output_run=tmp_path / "run", best=BEST, resume=again) as t:
            if not again:
                assert t.checkpoint("latest") is t.checkpoint("best") is None
                for epoch, accuracy in enumerate([0.1, 0.9, 0.5]):
                    t.log(epoch, {"acc": accuracy})
                    t.log_checkpoint(saved(model, epoch), metrics={"acc": accuracy}, name="own" if epoch == 2 else None)
            latest, best = t.checkpoint(), t.checkpoint("best")
            assert latest is not None
            assert best is not None
            assert (latest.epoch, latest.name, latest.aliases) == (2, "own", ("latest",))
            assert (best.epoch, best.metrics, best.aliases) == (1, {"acc": 0.9}, ("best",))
            assert Path(best).read_bytes() == b"1" * 100
            assert best == str(tmp_path / "run/checkpoints/epoch-1.pt") == t.checkpoint(1) == t.checkpoint("epoch-1.pt")
            assert best.sha256 == hashlib.sha256(b"1" * 100).hexdigest()
            assert t.checkpoint(7) is t.checkpoint("other") is None
    run = load(tmp_path / "run")
    assert [each.epoch for each in run.checkpoints] == [0, 1, 2]
    assert run.checkpoint("best") == best
    assert run.as_dict()["checkpoints"][1]["aliases"] == ["best"]
    assert pickle.loads(pickle.dumps(best)) == str(best)


def test_without_metrics_it_has_the_values_that_were_logged_at_its_epoch(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run", best=BEST) as t:
        for epoch in t.epochs(4):
            if epoch < 2:
                t.log(epoch, {"acc": epoch, "loss": 1})
            t.log_checkpoint(model)
    said = records(tmp_path / "run", Checkpoint)
    assert [each.metrics for each in said] == [{"acc": 0}, {"acc": 1}, {}, {}]
    assert [each.aliases for each in said] == [["latest", "best"], ["latest", "best"], ["latest"], ["latest"]]


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"keep": 2}, [1, 6, 7]),
        ({"keep": 1, "keep_best": 2}, [1, 2, 7]),
        ({"keep": 1, "keep_best": 0}, [7]),
        ({"keep": 1, "keep_every": 3}, [0, 1, 3, 6, 7]),
    ],
)
def test_what_is_not_to_be_kept_is_let_go(tmp_path: Path, model: Path, rule: Any, left: list[int]) -> None:
    with tracking(output_run=tmp_path / "run", best=BEST) as t:
        for epoch, accuracy in enumerate([0.1, 0.9, 0.8, 0.3, 0.2, 0.1, 0.4, 0.1]):
            t.log_checkpoint(model, {"acc": accuracy}, epoch=epoch, **rule)
    files = sorted(os.listdir(tmp_path / "run/checkpoints"))
    assert files == [f"epoch-{epoch}.pt" for epoch in left]
    assert [each.epoch for each in load(tmp_path / "run").checkpoints] == left


def test_a_later_one_of_a_name_takes_the_place_of_the_earlier_one(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(saved(model, 1), epoch=1, name="last")
        t.log_checkpoint(saved(model, 2), epoch=2, name="last")
        (only,) = load(t.directory).checkpoints
    assert (only.epoch, Path(only).read_bytes()) == (2, b"2" * 100)


def test_a_folder_is_kept_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/empty").mkdir()
    (tmp_path / "deep/er/weights").write_bytes(b"w" * 10)
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(tmp_path / "deep", epoch=3)
        kept = t.checkpoint()
    assert kept is not None
    assert (kept.name, kept.size, kept.sha256) == ("epoch-3", 10, "")
    assert Path(kept, "er/weights").read_bytes() == b"w" * 10
    assert os.path.isdir(os.path.join(kept, "empty"))


@pytest.mark.parametrize("files", [3, snapshots.FILES + 5])
@pytest.mark.usefixtures("_copied_behind")
def test_a_folder_of_many_files_is_kept_whole(tmp_path: Path, files: int) -> None:
    (tmp_path / "deep").mkdir()
    for number in range(files):
        (tmp_path / f"deep/{number}").write_text(str(number))
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(tmp_path / "deep", epoch=0)
    kept = tmp_path / "run/checkpoints/epoch-0"
    assert {each.name: each.read_text() for each in kept.iterdir()} == {str(n): str(n) for n in range(files)}


# What becomes of the file ---------------------------------------------------------------------------


@pytest.mark.parametrize("becomes", ["deleted", "replaced"])
@pytest.mark.usefixtures("_copied_behind")
def test_the_loop_goes_on_and_what_was_there_is_kept(
    tmp_path: Path, model: Path, go_on: threading.Event, becomes: str
) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(model, epoch=0)  # while no copy can be made
        assert records(t, Checkpoint) == []
        model.unlink() if becomes == "deleted" else saved(model, 7)
        go_on.set()
        kept = t.checkpoint()
        assert kept is not None
        assert Path(kept).read_bytes() == b"0" * 100
        assert kept.sha256 == hashlib.sha256(b"0" * 100).hexdigest()


@pytest.mark.usefixtures("_copied_behind")
def test_what_is_written_into_before_it_is_copied_is_not_kept_and_then_copied_at_once(
    tmp_path: Path, model: Path, go_on: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    with tracking(output_run=tmp_path / "run") as t, caplog.at_level(logging.WARNING):
        t.log_checkpoint(model, epoch=0)
        model.write_bytes(b"spoiled")
        go_on.set()
        assert t.checkpoint() is None
        assert "checkpoint epoch-0.pt is not kept" in caplog.text
        assert "was written into before it was copied" in caplog.text
        t.log_checkpoint(model, epoch=1)
        model.write_bytes(b"the next one")
        kept = t.checkpoint()
        assert kept is not None
        assert Path(kept).read_bytes() == b"spoiled"


@pytest.mark.usefixtures("_copied_behind")
def test_the_runs_end_waits_for_a_copy_that_gets_on(tmp_path: Path, model: Path, go_on: threading.Event) -> None:
    run = tracking(output_run=tmp_path / "run")
    with run as t:
        t.log_checkpoint(model, epoch=0)
        t.log_checkpoint(model, epoch=1)
        threading.Timer(0.2, go_on.set).start()
    kinds = [type(record) for record in records(tmp_path / "run", Checkpoint | End)]
    assert kinds == [Checkpoint, Checkpoint, End]


@pytest.mark.usefixtures("_copied_behind", "go_on")
def test_a_copy_that_does_not_get_on_does_not_hold_up_the_end(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tracklib._run.copies._PATIENCE", 0.05)
    with caplog.at_level(logging.WARNING), tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(model, epoch=0)
    assert "is not kept: the disk did not get on with it" in caplog.text
    assert load(tmp_path / "run").checkpoints == []


def test_who_was_interrupted_as_he_waited_for_a_copy_does_not_wait_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracklib._run.copies._PATIENCE", float("inf"))
    copies, over = Copies(), threading.Event()
    copies.add(over.wait)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr("tracklib._run.copies.clock.steady", lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            copies.end()
    assert copies.end()
    over.set()


def test_where_the_system_gives_no_more_threads_it_is_copied_at_once(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(work: Callable[[], None]) -> threading.Thread:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(keeping, "AT_ONCE_BYTES", -1)
    with tracking(output_run=tmp_path / "run") as t:
        monkeypatch.setattr("tracklib._run.copies.thread", refuse)
        for epoch in range(3):
            t.log_checkpoint(model, epoch=epoch)
            assert [each.epoch for each in records(t, Checkpoint)] == list(range(epoch + 1))


@pytest.mark.usefixtures("_copied_behind")
def test_where_the_file_system_shares_no_blocks_it_is_asked_once(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def cannot(*_: Any) -> int:
        asked.append(1)
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr("fcntl.ioctl", cannot)
    with tracking(output_run=tmp_path / "run") as t:
        for epoch in range(3):
            t.log_checkpoint(model, epoch=epoch)
    assert asked == [1]
    assert [each.epoch for each in load(tmp_path / "run").checkpoints] == [0, 1, 2]


@pytest.mark.usefixtures("_copied_behind")
def test_a_disk_that_fails_while_blocks_are_shared_is_told(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> int:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr("fcntl.ioctl", fails)
    with tracking(output_run=tmp_path / "run") as t, pytest.raises(OSError, match="input/output error"):
        t.log_checkpoint(model, epoch=0)


def test_a_metric_that_is_no_number_is_left_out_and_said(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run", best=BEST) as t:
        with pytest.warns(TrackerWarning, match="metric 'note' of the checkpoint is left out: str is no number"):
            t.log_checkpoint(model, {"acc": 0.5, "note": "good"}, epoch=0)
        (kept,) = records(t, Checkpoint)
    assert kept.metrics == {"acc": 0.5}


def test_a_thread_that_keeps_one_while_the_run_ends_is_told_so(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Snapshot.copy
    with tracking(output_run=tmp_path / "run") as t:

        def copy(*arguments: Any) -> str:
            t.finish()
            return real(*arguments)

        monkeypatch.setattr(Snapshot, "copy", copy)
        with pytest.raises(LifecycleError, match="checkpoint epoch--1.pt is not kept: another thread ended the run"):
            t.log_checkpoint(model)
    assert not load(tmp_path / "run").checkpoints


@pytest.mark.usefixtures("_copied_behind")
def test_a_disk_that_refuses_is_told_and_the_training_goes_on(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Snapshot, target: str, further: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Snapshot, "copy", refuse)
    with caplog.at_level(logging.WARNING), tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(model, epoch=0)
        assert t.checkpoint() is None
    assert "checkpoint epoch-0.pt is not kept: [Errno 28] No space left on device" in caplog.text


@pytest.mark.usefixtures("_copied_behind")
def test_blocks_are_shared_where_the_file_system_can(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloned = []

    def clone(new: int, request: int, old: int) -> int:
        cloned.append(request)
        os.write(new, os.pread(old, 1000, 0))
        return 0

    monkeypatch.setattr("fcntl.ioctl", clone)  # ext4, where the tests run, has no such thing
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(model, epoch=0)
        assert [(each.epoch, each.size) for each in records(t, Checkpoint)] == [(0, 100)]  # without waiting
    assert cloned == [0x40049409]
    assert (tmp_path / "run/checkpoints/epoch-0.pt").read_bytes() == b"0" * 100


def test_a_linked_file_has_a_second_name_and_its_own_rights(tmp_path: Path, model: Path) -> None:
    model.chmod(0o644)
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(model, epoch=0, link=True)
    kept = tmp_path / "run/checkpoints/epoch-0.pt"
    assert kept.samefile(model)
    assert model.stat().st_mode & 0o777 == 0o644
    assert load(tmp_path / "run").checkpoints[0].size == 100


def test_what_a_killed_attempt_left_half_copied_is_taken_away(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(model, epoch=0)
    for name, age in (("old", 100), ("young", 0)):
        left = tmp_path / f"run/checkpoints/.new-{name}"
        left.mkdir()
        (left / "new.pt").write_bytes(b"half")
        for path in (left / "new.pt", left):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    with tracking(output_run=tmp_path / "run", resume=True):
        pass
    assert sorted(os.listdir(tmp_path / "run/checkpoints")) == [".new-young", "epoch-0.pt"]


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_copy_leaves_whole_ones_and_the_training_goes_on_behind_them(tmp_path: Path) -> None:
    script = """
        import os, signal
        from tracklib import tracking
        is_first = not os.path.exists("run")
        with tracking(output_run="run", resume=True) as t:
            kept = t.checkpoint()
            for epoch in t.epochs(4, start=kept.epoch + 1 if kept else 0):
                t.log(epoch, {"loss": epoch})
                with open("new", "wb") as file:
                    file.write(bytes([epoch]) * 50_000_000)
                os.replace("new", "model.pt")
                t.log_checkpoint("model.pt", keep=1)
                if is_first and epoch == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
    """
    run_bare(tmp_path, script, code=-signal.SIGKILL)
    for kept in load(tmp_path / "run").checkpoints:
        assert hashlib.sha256(Path(kept).read_bytes()).hexdigest() == kept.sha256
    run_bare(tmp_path, script)
    run = load(tmp_path / "run")
    assert [(kept.epoch, kept.size) for kept in run.checkpoints] == [(3, 50_000_000)]
    assert list(run.metrics["loss"]) == [(epoch, epoch) for epoch in range(4)]


# What counts ----------------------------------------------------------------------------------------


def test_one_of_an_epoch_that_is_done_again_counts_no_more(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run", best=BEST) as t:
        for epoch in t.epochs(4):
            t.log_checkpoint(model, {"acc": epoch})
        kept = t.checkpoint(1)
        assert kept is not None
        for _ in t.epochs(5, start=kept.epoch + 1):
            assert t.checkpoint() == t.checkpoint("best") == kept
            break
    assert [each.epoch for each in load(tmp_path / "run").checkpoints] == [0, 1]
    with tracking(output_run=tmp_path / "run", best=BEST, resume=True) as t:
        assert t.checkpoint("best") == kept


@pytest.mark.usefixtures("_copied_behind")
def test_one_that_is_still_being_copied_when_a_loop_goes_back_counts_no_more(
    tmp_path: Path, model: Path, go_on: threading.Event
) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for epoch in t.epochs(3):
            if epoch == 2:
                t.log_checkpoint(model)
        threading.Timer(0.2, go_on.set).start()
        next(t.epochs(3, start=1))
        assert t.checkpoint() is None


def test_the_best_is_the_newest_of_those_that_are_there(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run", best=BEST) as t:
        for epoch, accuracy in enumerate([0.5, 0.9, 0.7]):
            t.log_checkpoint(model, {"acc": accuracy}, epoch=epoch)
        (tmp_path / "run/checkpoints/epoch-1.pt").unlink()
        best = t.checkpoint("best")
    assert best is not None
    assert best.epoch == 2


def test_a_name_that_leads_elsewhere_is_not_followed(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t._attempt.journal.append(Checkpoint(time=t._attempt.journal.now(), name="../../model.pt", epoch=0))
        t.log_checkpoint(model, epoch=1, keep=1, keep_best=0)
    assert model.exists()
    assert [each.name for each in load(tmp_path / "run").checkpoints] == ["epoch-1.pt"]


def test_nan_is_never_the_best(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run", best=BEST) as t:
        t.log_checkpoint(model, {"acc": 0.5}, epoch=0)
        t.log_checkpoint(model, {"acc": float("nan"), "loss": 1}, epoch=1)
        best = t.checkpoint("best")
    assert best is not None
    assert best.epoch == 0


def test_metrics_of_which_nobody_said_which_is_better_are_told(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        with pytest.warns(TrackerWarning, match=r"no checkpoint with 'acc' is the best one: .* best=\{'acc': 'max'\}"):
            t.log_checkpoint(model, {"acc": 0.5}, epoch=0)
        assert t.checkpoint("best") is None


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"path": "missing.pt"}, FileNotFoundError, "missing.pt"),
        ({"path": ""}, ValueError, "path must say which file or folder"),
        ({"path": "/dev/null"}, OSError, "neither a file nor a folder"),
        ({"path": "."}, ValueError, "holds the run's own directory"),
        ({"name": "a/b"}, ValueError, "must be a file's name without a folder"),
        ({"name": "x" * 256}, ValueError, "has 256 bytes: a file's name may have 255; shorten it"),
        ({"metrics": 0.5}, TypeError, "metrics must map names to numbers"),
        ({"epoch": "x"}, ValueError, "epoch must be a whole number, as 7; got 'x'"),
        ({"keep": 0}, ValueError, "keep must be a whole number from 1 on, as 3; got 0"),
        ({"keep_best": -1}, ValueError, "keep_best must be a whole number from 0 on"),
        ({"keep_every": 1.5}, ValueError, "keep_every must be a whole number from 1 on"),
    ],
)
@pytest.mark.parametrize("rank", [0, 1])
def test_wrong_use_is_told_at_once_on_every_rank(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, rank: int, wrong: Any, error: Any, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with tracking(output_run=tmp_path / "run", rank=rank) as t:
        with pytest.raises(error, match=words.replace("(", r"\(")):
            t.log_checkpoint(**({"path": model} | wrong))
        with pytest.raises(TypeError, match="checkpoint takes 'latest', 'best', a name or an epoch; got None"):
            t.checkpoint(None)  # type: ignore[arg-type]
    with pytest.raises(LifecycleError):
        t.log_checkpoint(model)


# In other processes, and at trackers ------------------------------------------------------------------


def test_another_rank_finds_what_rank_0_has_kept(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(model, epoch=4)
    with tracking(output_run=tmp_path / "run", rank=1, resume=True) as t:
        t.log_checkpoint(model, epoch=5)
        kept = t.checkpoint()
        assert kept is not None
        assert kept.epoch == 4
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        assert t.checkpoint() is None


@pytest.mark.slow
def test_a_worker_keeps_one_in_the_run(tmp_path: Path) -> None:
    script = """
        import multiprocessing
        from tracklib import current, tracking

        def work(epoch):
            open(f"m-{epoch}.pt", "w").write(str(epoch))
            current().log_checkpoint(f"m-{epoch}.pt", {"acc": -epoch}, epoch=epoch, keep=1)
            return current().checkpoint(0).epoch

        if __name__ == "__main__":
            for method in ("spawn", "fork"):
                with tracking(output_run=method, best={"acc": "max"}) as t:
                    with multiprocessing.get_context(method).Pool(1) as pool:
                        print(pool.map(t.inside(work), range(3)))
                        pool.close()
                        pool.join()
    """
    assert run_bare(tmp_path, script) == "[0, 0, 0]\n[0, 0, 0]\n"
    for method in ("spawn", "fork"):
        assert [each.name for each in load(tmp_path / method).checkpoints] == ["epoch-0.pt", "epoch-2.pt"]
        assert [each.aliases for each in load(tmp_path / method).checkpoints] == [("best",), ("latest",)]


def test_switched_off_it_keeps_nothing(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_MODE", "disabled")
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(model, {"acc": 0.5})
        assert t.checkpoint() is None
    assert not (tmp_path / "run").exists()


def test_a_tracker_is_told_and_by_default_takes_it_for_an_artifact(tmp_path: Path, model: Path) -> None:
    class Artifacts(MemoryTracker):
        log_checkpoint = MemoryTracker.__mro__[2].log_checkpoint  # type: ignore[attr-defined]  # the default

    told, default = MemoryTracker(), Artifacts()
    with tracking([told, default], output_run=tmp_path / "run", best=BEST) as t:
        t.log_checkpoint(model, {"acc": 0.5}, epoch=0)
    assert told.checkpoints["epoch-0.pt"].aliases == ["latest", "best"]
    assert default.artifacts == {"epoch-0.pt": b"0" * 100}


def test_one_that_a_tracker_cannot_take_now_comes_later_with_all_that_was_said_of_it(
    tmp_path: Path, model: Path
) -> None:
    class Busy(MemoryTracker):
        refused = 0

        def log_checkpoint(self, checkpoint: Checkpoint, path: str) -> None:
            self.refused += 1
            if self.refused < 2:
                raise ConnectionError("not now")
            super().log_checkpoint(checkpoint, path)

    busy = Busy()
    with tracking([busy], output_run=tmp_path / "run", best=BEST) as t:
        t.log_checkpoint(model, {"acc": 0.5}, epoch=3)
        t.log(3, {"acc": 0.5})
    assert busy.checkpoints["epoch-3.pt"].metrics == {"acc": 0.5}
    assert busy.records[0].step == 3


def test_params_of_the_users_that_look_like_a_checkpoint_are_none(tmp_path: Path, model: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log_params({"layer": {"name": "a", "type": "checkpoint", "epoch": 3}})
        assert t.checkpoint() is None
        t.log_checkpoint(model, epoch=0)
        kept = t.checkpoint()
    assert kept is not None
    assert kept.name == "epoch-0.pt"


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_cannot_get_a_second_name_is_copied(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/part").write_bytes(b"0" * 100)
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(tmp_path / "folder" if is_folder else model, epoch=0, name="kept", link=True)
        kept = t.checkpoint()
    assert kept is not None
    assert (Path(kept, "part") if is_folder else Path(kept)).read_bytes() == b"0" * 100
