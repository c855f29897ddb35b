"""TensorBoard: what is written is read back with TensorBoard's own reader, each point once."""

from __future__ import annotations

import errno
import math
import os
import signal
import stat
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path
from typing import Any, cast

import pytest
from patience import PATIENT
from tensorboard.backend.event_processing.event_accumulator import STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import api_pb2, metadata

from tracklib import LifecycleError, Status, TensorBoard, TrackerLost, TrackerWarning, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.records import Begin, Log, Note

CONFIG = {"type": "TensorBoard"}


def reader(folder: Path) -> Any:
    return EventAccumulator(str(folder), size_guidance=STORE_EVERYTHING_SIZE_GUIDANCE)


def read(folder: Path) -> Any:
    return reader(folder).Reload()


def steps(folder: Path, tag: str = "loss") -> list[int]:
    """The steps of a scalar, in the order in which they lie in the files; a torn end is no error."""
    found = read(folder)
    return [event.step for event in found.Scalars(tag)] if tag in found.Tags()["scalars"] else []


def hparams(folder: Path) -> dict[str, Any]:
    content = read(folder).PluginTagToContent("hparams")[metadata.SESSION_START_INFO_TAG]
    info = metadata.parse_session_start_info_plugin_data(content)
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in info.hparams.items()}


def status(folder: Path) -> int | None:
    content = read(folder).PluginTagToContent("hparams").get(metadata.SESSION_END_INFO_TAG)
    return metadata.parse_session_end_info_plugin_data(content).status if content else None


def texts(folder: Path, tag: str) -> list[tuple[int, str]]:
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in read(folder).Tensors(tag)]


def with_events(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.stat().st_size]


def managed(directory: Path, **options: Any) -> TensorBoard:
    tracker = TensorBoard(output_run=str(directory), **options)
    tracker.begin = Begin(time=1_500, format=1, uid="u1", attempt=1, name="n", pid=2, host="h", configs=[])
    return tracker


def record(
    step: int, axis: str = "epoch", time: int = 2_500, metrics: dict[str, float] | None = None, **named: float
) -> Log:
    return Log(time=time, axis=axis, step=step, metrics=metrics or named)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tensorboard"


@pytest.fixture
def tracker(tmp_path: Path) -> Any:
    tracker = managed(tmp_path)
    tracker.init()
    yield tracker
    tracker.close()


# Scalars


def test_each_metric_is_a_scalar_with_its_step_and_the_time_at_which_it_was_logged(tracker: Any, folder: Path) -> None:
    tracker.log_batch([record(3, time=2_500, loss=0.5), record(4, time=3_250, loss=0.25, accuracy=1.0)])

    found = read(folder)
    assert [(e.step, e.wall_time, e.value) for e in found.Scalars("loss")] == [(3, 2.5, 0.5), (4, 3.25, 0.25)]
    assert [(e.step, e.value) for e in found.Scalars("accuracy")] == [(4, 1.0)]


def test_steps_may_repeat_go_back_and_be_negative(tracker: Any, folder: Path) -> None:
    tracker.log_batch([record(step, loss=0.5) for step in (5, 5, 2, -3)])

    assert steps(folder) == [5, 5, 2, -3]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_value_that_is_not_finite_arrives(tracker: Any, folder: Path, value: Any) -> None:
    tracker.log_batch([record(0, loss=value)])

    assert repr(read(folder).Scalars("loss")[0].value) == repr(value)


def test_a_value_beyond_32_bits_is_an_infinity(tracker: Any, folder: Path) -> None:
    tracker.log_batch([record(0, loss=1e300)])

    assert read(folder).Scalars("loss")[0].value == math.inf


def test_another_axis_is_the_first_part_of_the_tag(tracker: Any, folder: Path) -> None:
    tracker.log_batch([record(7, "batch", loss=0.5), record(0, loss=0.25)])

    assert (steps(folder, "batch/loss"), steps(folder, "loss")) == ([7], [0])


def test_a_metric_that_is_called_like_one_of_another_axis_is_kept_apart(tracker: Any, folder: Path) -> None:
    with pytest.warns(TrackerWarning, match="TensorBoard has 'batch/loss'"):
        tracker.log_batch([record(7, "batch", loss=0.5), record(0, metrics={"batch/loss": 0.25})])

    assert len(read(folder).Tags()["scalars"]) == 2
    assert steps(folder, "batch/loss") == [7]


@pytest.mark.parametrize(("name", "tag"), [("", "unnamed"), ("caf\udce9", "caf\\udce9"), ("a b/é%", "a b/é%")])
def test_a_name_of_any_characters_is_a_tag(tracker: Any, folder: Path, name: str, tag: str) -> None:
    tracker.log_batch([record(0, metrics={name: 0.5})])

    assert read(folder).Tags()["scalars"] == [tag]


def test_what_is_written_can_be_read_at_once(tracker: Any, folder: Path) -> None:
    for epoch in range(3):
        tracker.log_batch([record(epoch, loss=0.5)])
        assert steps(folder) == list(range(epoch + 1))


# Params, tags, status, artifacts


def test_params_are_hyperparameters_with_their_types(tracker: Any, folder: Path) -> None:
    tracker.log_params({"lr": 0.5, "layers": 3, "fast": True, "name": "x", "opt": {"betas": [1, 2]}, "no": None})

    assert hparams(folder) == {
        "lr": 0.5, "layers": 3.0, "fast": True, "name": "x", "opt/betas": "[1, 2]", "no": "null"
    }  # fmt: skip


def test_params_that_come_later_stand_beside_the_first_ones(tracker: Any, folder: Path) -> None:
    tracker.log_params({"lr": 0.5, "seed": 1})
    tracker.log_batch([record(0, loss=0.5)])
    tracker.log_params({"lr": 0.25, "layers": 3})
    tracker.log_batch([record(1, loss=0.25)])

    assert hparams(folder) == {"lr": 0.25, "seed": 1.0, "layers": 3.0}
    assert steps(folder) == [0, 1]


def test_params_that_say_nothing_new_write_nothing(tracker: Any, folder: Path) -> None:
    tracker.log_params({"lr": 0.5})
    before = sorted(os.listdir(folder))
    tracker.log_params({"lr": 0.5})

    assert sorted(os.listdir(folder)) == before


def test_by_hand_a_secret_is_masked(tmp_path: Path, folder: Path) -> None:
    tracker = TensorBoard(output_run=str(tmp_path))
    tracker.init()
    tracker.log_params({"api_key": "abcdef"})
    tracker.close()

    assert "abcdef" not in str(hparams(folder))


def test_notes_are_a_text_that_grows(tracker: Any, folder: Path) -> None:
    for text in ("one", "<b>two</b>"):
        tracker.log_note(Note(time=0, text=text, step=3))

    one, two = texts(folder, "run/notes")
    assert one == (0, "    1970-01-01 00:00:00, epoch 3: one")
    assert two[1].splitlines()[1] == "    1970-01-01 00:00:00, epoch 3: <b>two</b>"


def test_tags_are_a_text_that_shows_them_as_they_are(tracker: Any, folder: Path) -> None:
    tracker.log_tags({"team": "<b>vision</b>"})
    tracker.log_tags({"baseline": ""})

    assert texts(folder, "run/tags") == [(0, "    team: <b>vision</b>"), (1, "    team: <b>vision</b>\n    baseline")]


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (Status.FINISHED, api_pb2.STATUS_SUCCESS),
        (Status.FAILED, api_pb2.STATUS_FAILURE),
        (Status.KILLED, api_pb2.STATUS_FAILURE),
        (Status.PREEMPTED, api_pb2.STATUS_FAILURE),
    ],
)
def test_the_status_is_the_sessions(tracker: Any, folder: Path, ended: Any, expected: Any) -> None:
    assert status(folder) is None
    tracker.finish(ended)

    assert status(folder) == expected


def png(width: int = 3, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" + b"\x7f\x00\x7f" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_png_file_is_an_image_and_its_newest_content_the_next_step(
    tracker: Any, folder: Path, tmp_path: Path
) -> None:
    for width in (3, 5, 5):
        (tmp_path / "figure.png").write_bytes(png(width))
        tracker.log_artifact("figure.png", str(tmp_path / "figure.png"))

    images = read(folder).Images("artifacts/figure.png")
    assert [(image.step, image.width, image.height) for image in images] == [(0, 3, 2), (1, 5, 2)]
    assert images[1].encoded_image_string == png(5)


@pytest.mark.parametrize(("name", "shown"), [("notes.md", "# hi"), ("notes.txt", "    # hi")])
def test_a_text_file_is_a_text(tracker: Any, folder: Path, tmp_path: Path, name: str, shown: str) -> None:
    (tmp_path / name).write_text("# hi")
    tracker.log_artifact(name, str(tmp_path / name))

    assert texts(folder, f"artifacts/{name}") == [(0, shown)]


@pytest.mark.parametrize("name", ["model.pt", "folder.png"])
def test_what_tensorboard_has_no_place_for_is_left_out(tracker: Any, folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "model.pt").write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    before = [path.read_bytes() for path in folder.iterdir()]
    tracker.log_artifact(name, str(tmp_path / name))

    assert [path.read_bytes() for path in folder.iterdir()] == before


@pytest.mark.parametrize(("content", "why"), [(b"no image", "is no PNG"), (b"\0" * (2**22 + 1), "too large")])
def test_a_png_file_that_cannot_be_shown_is_told(
    tracker: Any, folder: Path, tmp_path: Path, content: Any, why: str
) -> None:
    (tmp_path / "figure.png").write_bytes(content)
    with pytest.warns(TrackerWarning, match=why):
        tracker.log_artifact("figure.png", str(tmp_path / "figure.png"))

    assert read(folder).Tags()["images"] == []


# The file


def test_the_file_and_its_folder_are_for_their_owner_alone(tracker: Any, folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
    assert (tracker.location, tracker.files) == (str(folder), ("tensorboard",))


def test_a_folder_of_ones_own_is_taken_and_an_earlier_runs_files_in_it_are_kept(tmp_path: Path) -> None:
    earlier = managed(tmp_path, log_dir=str(tmp_path / "mine"))
    earlier.begin = Begin(time=1, format=1, uid="u0", attempt=1, name="n", pid=2, host="h", configs=[])
    mine = managed(tmp_path, log_dir=str(tmp_path / "mine"))
    for step, tracker in enumerate((earlier, mine)):
        tracker.init()
        tracker.log_batch([record(step, loss=0.5)])
        tracker.finish(Status.FINISHED)

    assert steps(tmp_path / "mine") == [0, 1]
    assert (mine.location, mine.files) == (str(tmp_path / "mine"), ())


def test_a_relative_folder_is_meant_from_where_the_tracker_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tracker = TensorBoard(log_dir="mine")
    monkeypatch.chdir("/")

    assert tracker.folder == str(tmp_path / "mine")


def test_by_hand_a_further_file_is_written_and_the_first_is_kept(tmp_path: Path, folder: Path) -> None:
    for epoch in range(2):
        tracker = TensorBoard(output_run=str(tmp_path))
        tracker.init()
        tracker.log(epoch, {"loss": 0.5})
        tracker.log_params({"lr": epoch})
        tracker.finish(Status.FINISHED)

    assert steps(folder) == [0, 1]


def test_by_hand_what_is_no_number_is_said(tmp_path: Path, folder: Path) -> None:
    tracker = TensorBoard(output_run=str(tmp_path))
    tracker.init()
    with pytest.warns(TrackerWarning, match="metric 'note' is not logged"):
        tracker.log(0, cast(Any, {"note": "x", "in": {"loss": 1}}))
    tracker.close()

    assert steps(folder, "in/loss") == [0]


def test_log_before_init_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(LifecycleError, match="call init"):
        TensorBoard(output_run=str(tmp_path)).log(0, {"loss": 0.5})


# Once


def test_to_begin_again_replaces_what_there_was(tracker: Any, folder: Path) -> None:
    for _ in range(3):
        tracker.init()
        tracker.log_params({"lr": 0.5})
        tracker.log_batch([record(0, loss=0.5), record(1, loss=0.5)])

    assert steps(folder) == [0, 1]
    assert len(with_events(folder)) == 1


def test_a_reader_that_looks_on_goes_over_to_the_new_file_and_has_each_point_once(tmp_path: Path, folder: Path) -> None:
    looking = reader(folder)
    seen = []
    for attempt in range(3):
        tracker = managed(tmp_path)
        tracker.init()
        tracker.log_params({"lr": 0.5})
        tracker.log_batch([record(step, loss=0.5) for step in range(attempt + 1)])
        looking.Reload()
        tracker.log_params({"late": 1})
        tracker.log_batch([record(attempt + 10, loss=0.5)])
        looking.Reload()
        seen.append([event.step for event in looking.Scalars("loss")])
        tracker.close()

    assert seen == [[0, 10], [0, 1, 11], [0, 1, 2, 12]]


def test_a_file_that_was_emptied_long_ago_is_deleted(tracker: Any, folder: Path, tmp_path: Path) -> None:
    tracker.log_batch([record(0, loss=0.5)])
    (first,) = with_events(folder)
    tracker.init()
    os.utime(folder / first, (1, 1))
    tracker.init()

    assert first not in os.listdir(folder)


@pytest.mark.parametrize("left", ["events.out.new.0000000001.h.1.0.u1", "events.out.new.0000000001.h.1.0.other"])
def test_what_a_killed_process_left_half_done_is_deleted_if_it_is_of_this_run(
    tmp_path: Path, folder: Path, left: str
) -> None:
    folder.mkdir()
    (folder / left).write_bytes(b"half")
    managed(tmp_path).init()

    assert (left in os.listdir(folder)) == left.endswith("other")


@pytest.mark.parametrize("harm", [os.unlink, lambda path: os.truncate(path, 10)])
def test_a_file_that_somebody_spoiled_is_written_anew(tracker: Any, folder: Path, harm: Any) -> None:
    tracker.log_batch([record(0, loss=0.5)])
    (name,) = with_events(folder)
    harm(folder / name)

    with pytest.raises(TrackerLost, match="written anew"):
        tracker.log_batch([record(1, loss=0.5)])
    with pytest.raises(TrackerLost):
        tracker.finish(Status.FINISHED)


@pytest.mark.slow
def test_after_a_full_disk_the_same_records_are_there_once(tmp_path: Path, folder: Path) -> None:
    program = """
        import os, resource, signal, sys
        from tracklib import Log, TensorBoard

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        tracker = TensorBoard(output_run=sys.argv[1])
        tracker.init()
        records = [Log(time=step, axis="epoch", step=step, metrics={"loss": 0.5}) for step in range(10)]
        tracker.log_batch(records[:2])
        (path,) = os.scandir(tracker.folder)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 70, resource.RLIM_INFINITY))
        try:
            tracker.log_batch(records[2:])
        except OSError as error:
            print(error.errno, tracker.is_transient(error))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        tracker.log_batch(records[2:])
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert ran.stdout == f"{errno.EFBIG} True\n"
    assert steps(folder) == list(range(10))


def test_params_for_which_there_is_no_room_come_with_the_next_try(
    tracker: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker.log_batch([record(0, loss=0.5)])
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        tracker.log_params({"lr": 0.5})
    monkeypatch.undo()
    with pytest.raises(TrackerLost):  # and all of it comes again
        tracker.log_params({"lr": 0.5})
    assert not [name for name in os.listdir(folder) if "new" in name]


def test_short_writes_make_the_file_whole(tracker: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, rest, at: real(fd, rest[:7], at))
    tracker.log_batch([record(0, loss=0.5), record(1, loss=0.5)])

    assert steps(folder) == [0, 1]


def test_an_artifact_that_is_gone_is_not_waited_for(tracker: Any) -> None:
    assert not tracker.is_transient(FileNotFoundError())
    assert tracker.is_transient(OSError(errno.ENOSPC, "full"))


# In a run


@pytest.mark.slow
def test_a_run_arrives_whole(tmp_path: Path) -> None:
    (tmp_path / "figure.png").write_bytes(png())
    with tracking([CONFIG], output_run=tmp_path / "run", params={"lr": 0.5}, tags=["baseline"]) as t:
        for epoch in range(20):
            t.log(epoch, {"loss": 1 / (epoch + 1)})
        t.log_artifact(tmp_path / "figure.png")

    folder = tmp_path / "run/tensorboard"
    assert steps(folder) == list(range(20))
    assert hparams(folder) == {"lr": 0.5}
    assert texts(folder, "run/tags") == [(0, "    baseline")]
    assert len(read(folder).Images("artifacts/figure.png")) == 1
    assert status(folder) == api_pb2.STATUS_SUCCESS
    assert len(os.listdir(folder)) == 1


@pytest.mark.slow
def test_a_resumed_run_has_each_point_once_and_the_status_of_its_last_attempt(tmp_path: Path) -> None:
    for attempt in range(3):
        try:
            with tracking([CONFIG], output_run=tmp_path / "run", resume=True, params={"lr": 0.5}) as t:
                for epoch in range(4):
                    t.log(4 * attempt + epoch, {"loss": 0.5})
                assert attempt == 2, "not yet"
        except AssertionError:
            assert status(tmp_path / "run/tensorboard") == api_pb2.STATUS_FAILURE

    assert steps(tmp_path / "run/tensorboard") == list(range(12))
    assert status(tmp_path / "run/tensorboard") == api_pb2.STATUS_SUCCESS


def test_an_earlier_run_takes_its_events_with_it(tmp_path: Path) -> None:
    for first in (0, 10):
        with tracking([CONFIG], output_run=tmp_path / "run") as t:
            t.log(first, {"loss": 0.5})

    (previous,) = (tmp_path / "run/previous").iterdir()
    assert (steps(tmp_path / "run/tensorboard"), steps(previous / "tensorboard")) == ([10], [0])


def killed(directory: Path, epochs: int, resume: bool = False) -> None:
    """A process that is killed while its tracker is writing."""
    script = f"""
        import os, signal
        from tracklib import tracking, trackers
        from tracklib.trackers import tensorboard

        real = os.pwrite
        def pwrite(fd, rest, at):
            if Tracker.killed_at and at > Tracker.killed_at:
                real(fd, rest[: len(rest) // 2], at)
                os.kill(os.getpid(), signal.SIGKILL)
            return real(fd, rest, at)

        Tracker = tensorboard.TensorBoard
        Tracker.killed_at = 0
        Tracker.batch_size = 7
        here = {{"type": "TensorBoard", "in_process": True}}
        tensorboard.os.pwrite = pwrite
        with tracking([here], output_run={str(directory)!r}, resume={resume}) as t:
            start = t._first_step()
            for epoch in range(start, start + {epochs}):
                t.log(epoch, {{"loss": 0.5}})
            t.flush()
            Tracker.killed_at = 1
            t.log(start + {epochs}, {{"loss": 0.5}})
            signal.pause()
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=PATIENT)
    assert ran.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_run_that_was_killed_in_a_write_has_each_point_once_after_sync(tmp_path: Path) -> None:
    killed(tmp_path / "run", 40)
    folder = tmp_path / "run/tensorboard"
    assert steps(folder) == list(range(40))  # and a half one

    outcome = {outcome.tracker: outcome.left for outcome in sync(str(tmp_path / "run")).outcomes}

    assert outcome == {"TensorBoard": None, "CsvLogger": None}
    assert steps(folder) == list(range(41))
    assert status(folder) == api_pb2.STATUS_FAILURE


@pytest.mark.slow
def test_a_run_that_was_killed_again_and_again_has_each_point_once(tmp_path: Path) -> None:
    for attempt in range(3):
        killed(tmp_path / "run", 9, resume=True)
        found = steps(tmp_path / "run/tensorboard")
        assert found == list(range(attempt * 10 + 9))

    sync(str(tmp_path / "run"))

    assert steps(tmp_path / "run/tensorboard") == list(range(30))


@pytest.mark.slow
def test_a_second_sync_writes_nothing_and_one_after_a_loss_writes_all(tmp_path: Path) -> None:
    killed(tmp_path / "run", 5)
    folder = tmp_path / "run/tensorboard"
    sync(str(tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    sync(str(tmp_path / "run"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    for name in before:
        (folder / name).unlink()
    sync(str(tmp_path / "run"))

    assert steps(folder) == list(range(6))


def test_a_run_goes_to_tensorboard_a_week_later(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", params={"lr": 0.5}) as t:
        t.log(0, {"loss": 0.5})
    sync(str(tmp_path / "run"), {"type": "TensorBoard", "log_dir": str(tmp_path / "all")})

    assert (steps(tmp_path / "all"), hparams(tmp_path / "all")) == ([0], {"lr": 0.5})


def test_the_loader_of_single_files_reads_it_too(tracker: Any, folder: Path) -> None:
    tracker.log_batch([record(step, loss=0.5) for step in range(3)])
    (name,) = with_events(folder)

    events = list(EventFileLoader(str(folder / name)).Load())

    assert events[0].file_version == "brain.Event:2"
    assert [event.step for event in events if any(v.tag == "loss" for v in event.summary.value)] == [0, 1, 2]


@pytest.mark.slow
def test_neither_tensorflow_nor_pytorch_is_imported(tmp_path: Path) -> None:
    program = """
        import sys
        from tracklib import TensorBoard
        tracker = TensorBoard(output_run=sys.argv[1])
        tracker.init()
        tracker.log(0, {"loss": 0.5})
        tracker.log_params({"lr": 0.5})
        tracker.log_tags({"a": "b"})
        tracker.close()
        print({"tensorflow", "torch"} & set(sys.modules))
    """
    (tmp_path / "tensorflow.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "run")],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip

    assert ran.stdout == "set()\n"
