"""A rank other than 0: the same checks and the same errors as rank 0, and nothing kept."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import Scripted

from tracklib import LifecycleError, RunDirectoryError, Trackers, tracked, tracking
from tracklib._run.other_ranks import rehearse

FIGURE = pytest.importorskip("matplotlib.figure").Figure


class Scalar:
    """A tensor whose number nobody may ask for: that would wait for its device."""

    def item(self) -> Any:
        pytest.fail("asked")

    __float__ = __int__ = item


WRONG: dict[str, Callable[[Trackers, Path], Any]] = {
    "what cannot be agreed on": lambda t, _: t.agree({"n": "x"}),
    "a link that is neither": lambda t, _: t.log_checkpoint(__file__, link=np.zeros(2)),  # type: ignore[arg-type]
    "a time to wait that is none": lambda t, _: t.wait_ready("x"),  # type: ignore[arg-type]
    "metrics that are none": lambda t, _: t.log(0, "x"),
    "no metrics": lambda t, _: t.log(0, None),
    "an axis that is no name": lambda t, _: t.log(0, {"loss": 1.0}, axis=3),  # type: ignore[arg-type]
    "a word for all ranks that is none": lambda t, _: t.log(0, {"loss": 1.0}, ranks="median"),  # type: ignore[arg-type]
    "params that are none": lambda t, _: t.log_params(5),
    "tags that are none": lambda t, _: t.log_tags("baseline"),
    "a file that is missing": lambda t, _: t.log_artifact("no_such_file"),
    "a file without a path": lambda t, _: t.log_artifact(""),
    "a path that is none": lambda t, _: t.log_artifact(3),  # type: ignore[arg-type]
    "a file's name with a folder": lambda t, _: t.log_artifact(__file__, name="a/b"),
    "a named pipe": lambda t, folder: t.log_artifact(folder / "pipe"),
    "a socket": lambda t, folder: t.log_artifact(folder / "socket"),
    "the run's own directory": lambda t, _: t.log_artifact(t.directory + "/.."),
    "an image that is none": lambda t, _: t.log_image("x", "cat.png"),
    "an image of a wrong shape": lambda t, _: t.log_image("x", np.zeros((2, 2, 2, 2))),
    "an image of words": lambda t, _: t.log_image("x", np.array([["a"]])),
    "an image that its format cannot hold": lambda t, _: t.log_image("x.jpg", np.zeros((2, 2, 4))),
    "an image before its name": lambda t, _: t.log_image(np.zeros((2, 2)), "x"),  # type: ignore[arg-type]
    "a figure that is none": lambda t, _: t.log_figure("x", 3),
    "a figure in no format of its package": lambda t, _: t.log_figure("x.html", FIGURE()),
    "a table that is none": lambda t, _: t.log_table("x", 3),
    "a table of unequal columns": lambda t, _: t.log_table("x", {"a": [1], "b": [1, 2]}),
    "a name with a folder": lambda t, _: t.log_text("a/b", "x"),
    "a name that is none": lambda t, _: t.log_text(3, "x"),  # type: ignore[arg-type]
    "a count of epochs that is none": lambda t, _: t.epochs("x"),  # type: ignore[arg-type]
    "fewer epochs than none": lambda t, _: t.epochs(-1),
    "epochs inside epochs": lambda t, _: [list(t.epochs(2)) for _ in t.epochs(2)],
    "a child without a name": lambda t, _: t.child(""),
    "a child whose name is none": lambda t, _: t.child(3),  # type: ignore[arg-type]
    "an option that a child has not": lambda t, _: t.child("a", param={"lr": 1}),  # type: ignore[call-arg]
    "an option of a child that is none": lambda t, _: t.child("a", params=5),
    "a status that is none": lambda t, _: t.finish("done"),
    "an error that is none": lambda t, _: t.finish(error="boom"),  # type: ignore[arg-type]
    "what ends it is none": lambda t, _: t.ending("boom"),  # type: ignore[arg-type]
    "the same run again while it goes on": lambda t, _: t.again(),
    "an end at exit that is none": lambda t, _: setattr(t, "at_exit", "done"),
    "a tracker that is not there": lambda t, _: t["Nope"],
    "a second beginning": lambda t, _: t.init(),
}


def error_on(rank: int, wrong: Callable[[Trackers, Path], Any], folder: Path) -> tuple[type[BaseException], str]:
    with Trackers(output_run=folder / "run", rank=rank) as t, pytest.raises(Exception) as caught:  # noqa: PT011
        wrong(t, folder)
    return caught.type, str(caught.value)


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_use_raises_the_same_on_every_rank(tmp_path: Path, wrong: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert error_on(1, WRONG[wrong], tmp_path) == error_on(0, WRONG[wrong], tmp_path)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_folder_that_cannot_be_copied_whole_raises_on_every_rank(tmp_path: Path, rank: int) -> None:
    (tmp_path / "model/deep").mkdir(parents=True)
    (tmp_path / "model/deep/link").symlink_to("nowhere")
    with Trackers(output_run=tmp_path / "run", rank=rank) as t, pytest.raises(OSError, match="nowhere|link"):
        t.log_artifact(tmp_path / "model")


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_second_child_of_a_name_is_refused_on_every_rank_while_the_first_goes_on(tmp_path: Path, rank: int) -> None:
    with tracking(output_run=tmp_path / "run", rank=rank) as t:
        with t.child("a"), pytest.raises(RunDirectoryError, match="a run that is still going on"), t.child("a"):
            pass
        with t.child("a"):
            pass


@pytest.mark.parametrize("rank", [0, 1])
def test_a_directory_that_no_file_system_can_hold_is_refused_on_every_rank(tmp_path: Path, rank: int) -> None:
    with pytest.raises(RunDirectoryError, match="cannot be used"):
        Trackers(output_run=f"{tmp_path}/\ud800", rank=rank).init()


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_directory_is_refused_on_every_rank_while_another_run_has_it(tmp_path: Path, rank: int) -> None:
    with tracking(output_run=tmp_path / "run", rank=rank):
        with pytest.raises(RunDirectoryError, match="a run that is still going on"):
            Trackers(output_run=tmp_path / "elsewhere/../run", rank=rank).init()


@pytest.mark.slow
def test_runs_without_a_directory_of_their_own_do_not_meet_on_another_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda form, *_: "now")
    with tracking(name="x", rank=1), tracking(name="x", rank=1):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_tracker_object_of_another_run_is_refused_on_every_rank(tmp_path: Path, rank: int) -> None:
    tracker = Scripted()
    with tracking([tracker], output_run=tmp_path / "a", rank=rank):
        with pytest.raises(LifecycleError, match="belongs to the run in"):
            Trackers([tracker], tmp_path / "b", rank=rank).init()


def test_a_number_is_not_waited_for_where_it_is_not_kept(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        t.log(0, {"loss": Scalar()})
        t.log(Scalar(), {"loss": 1.0})


def test_a_tracked_function_makes_nobody_wait_where_nothing_is_kept(tmp_path: Path) -> None:
    @tracked(params=True)
    def bare(x: Scalar, epoch: Scalar) -> Scalar:
        return x

    @tracked(every=2)
    def mapping(epoch: Scalar) -> dict[str, Scalar]:
        return {"loss": epoch}

    with tracking(output_run=tmp_path / "run", rank=1):
        for _ in range(3):
            bare(Scalar(), Scalar())
            mapping(Scalar())


@pytest.mark.parametrize("word", [tracking, Trackers])
def test_the_launcher_tells_each_word_the_rank_on_entering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: Any
) -> None:
    block = word(output_run=tmp_path / "run")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.warns(match="finds no run of rank 0"), block as t:
        t.log(0, {"loss": 1.0})
        with t.child("a") as child:
            monkeypatch.setenv("RANK", "0")
            child.log(0, {"loss": 1.0})
            with child.child("b"):  # whose rank is its parent's
                pass
    assert not (tmp_path / "run").exists()


def test_what_is_copied_is_not_read_on_another_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights.pt").write_bytes(b"x" * 10)
    monkeypatch.setattr("shutil.copyfileobj", pytest.fail)
    monkeypatch.setattr("tempfile.mkdtemp", pytest.fail)
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        t.log_artifact(tmp_path / "model")
        t.log_artifact(tmp_path / "model/weights.pt")
    assert sorted(os.listdir(tmp_path)) == ["model"]


def test_a_rank_without_a_scratch_disk_takes_a_picture_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        t.log_image("x", np.zeros((2, 2)))


def test_a_run_on_another_rank_that_nobody_ends_lets_the_process_end(tmp_path: Path) -> None:
    code = "from tracklib import Trackers; t = Trackers(output_run='run', rank=1); t.init(); t.log(0, {})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_folder_with_a_named_pipe_in_it_raises_on_every_rank(tmp_path: Path, rank: int) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder/pipe")
    with tracking(output_run=tmp_path / "run", rank=rank) as t, pytest.raises(shutil.Error if not rank else OSError):
        t.log_artifact(tmp_path / "folder")


def test_a_full_scratch_disk_of_a_rank_is_nobodys_trouble_and_what_is_wrong_is_still_told() -> None:
    def full(path: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def wrong(path: str) -> None:
        raise OSError(errno.EINVAL, "cannot write mode P as JPEG")

    rehearse("x.png", full)
    with pytest.raises(OSError, match="cannot write mode P"):
        rehearse("x.jpg", wrong)
