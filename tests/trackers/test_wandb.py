"""``Wandb`` against real wandb, offline with its own core binary, read back from the ``.wandb`` file.

W&B's server cannot be installed: what an online run meets is only tested as far as wandb goes without one.
"""

from __future__ import annotations

import json
import math
import os
import pty
import re
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from bare import run_bare
from conftest import ScriptedServer
from mlflow_server import free_port
from patience import PATIENT
from wandb_file import WandbFile

from tracklib._journal.records import Begin, Best, Checkpoint, Log, Note, Status
from tracklib.errors import TrackerBlocked, TrackerWarning
from tracklib.trackers import Wandb, _wandb_core

SECRET = "hunter2hunter2"


@pytest.fixture(autouse=True)
def _somebody_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home directory may hold a key, and the command line is not pytest's."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "home" / ".netrc"))
    monkeypatch.setattr(sys, "argv", ["train.py", "--epochs", "3"])


@pytest.fixture
def offline(tmp_path: Path) -> Callable[..., Wandb]:
    """Makes trackers in offline mode."""

    def make(**config: Any) -> Wandb:
        return Wandb(**{"mode": "offline", "project": "p", "output_run": str(tmp_path / "run")} | config)

    return make


@pytest.fixture
def read(tmp_path: Path) -> Callable[[], WandbFile]:
    """Reads what the only run wrote."""

    def read() -> WandbFile:
        core_has_written()
        return WandbFile(tmp_path / "run")

    return read


def core_has_written() -> None:
    """W&B's core process ends the file some milliseconds after ``finish``: let it, as a process's end does."""
    import wandb

    wandb.teardown()


@pytest.fixture
def fresh_wandb() -> Iterator[None]:
    """wandb reads the environment once in a process: let it begin anew, before and after."""
    import wandb

    wandb.teardown()
    yield
    wandb.teardown()


def begin(**changes: Any) -> Begin:
    values: dict[str, Any] = {"uid": uuid.uuid4().hex, "name": "the run's name", "attempt": 1, "time": 0}
    return Begin(format=1, pid=1, host="host", configs=[], **values | changes)


def row(
    ordinal: int,
    odd: Mapping[str, float] = MappingProxyType({}),
    *,
    epoch: int | None = None,
    axis: str = "epoch",
    **metrics: float,
) -> Log:
    step = ordinal if epoch is None else epoch
    return Log(
        time=1_700_000_000_000 + 250 * ordinal, axis=axis, step=step, metrics=metrics | dict(odd), ordinal=ordinal
    )


# Rows --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_by_hand_a_run_holds_its_rows_in_order(offline: Callable[..., Wandb], read: Callable[[], WandbFile]) -> None:
    tracker = offline()
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 0.5, "accuracy": 0.25})
    tracker.log(epoch=2, log_dict={"loss": 0.25, "accuracy": 0.5})
    tracker.close()

    rows = [(row["_step"], row["epoch"], row["loss"], row["accuracy"]) for row in read().rows]
    assert rows == [(0, 1, 0.5, 0.25), (1, 2, 0.25, 0.5)]
    assert read().exit_code == 0


def test_a_row_has_the_records_time_and_its_ordinal_as_step(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    tracker = offline()
    tracker.init()
    tracker.log_batch([row(1, loss=0.5), row(5, loss=0.25)])
    tracker.close()

    assert [(row["_step"], row["_timestamp"]) for row in read().rows] == [(1, 1_700_000_000.25), (5, 1_700_000_001.25)]


@pytest.mark.parametrize("odd", [{}, {"a*b": 1.0}])
def test_a_row_of_another_axis_has_no_epoch(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile], odd: dict[str, float]
) -> None:
    tracker = offline()
    tracker.init()
    tracker.log_batch([row(0, epoch=7, loss=0.5), row(1, odd, axis="batch", loss=0.25), row(2, odd, axis="batch")])
    tracker.close()

    assert [(row.get("epoch"), row.get("batch")) for row in read().rows] == [(7, None), (None, 1), (None, 2)]


@pytest.mark.slow
def test_a_best_value_and_its_step_never_merge_with_metrics_that_are_called_so(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    best = Best(time=2, name="loss", mode="min", value=0.5, axis="epoch", step=3)
    tracker = offline()
    tracker.init()
    tracker.log_batch([row(0, {"best/loss": 7.0, "best/loss/epoch": 8.0})])
    with pytest.warns(TrackerWarning, match="'best/loss"):
        tracker.log_best(best)
    tracker.close()

    assert [(row["best/loss"], row["best/loss/epoch"]) for row in read().rows] == [(7.0, 8.0)]
    best_values = {name: value for name, value in read().summary.items() if name.startswith("best/loss")}
    assert (best_values.pop("best/loss"), best_values.pop("best/loss/epoch")) == (7.0, 8.0)
    assert sorted(best_values.values()) == [0.5, 3]


def test_epochs_that_repeat_or_fall_are_all_there(offline: Callable[..., Wandb], read: Callable[[], WandbFile]) -> None:
    tracker = offline()
    tracker.init()
    tracker.log_batch([row(ordinal, epoch=epoch, loss=1.0) for ordinal, epoch in enumerate([5, 5, 3, 0, -1, 5])])
    tracker.close()

    assert [row["epoch"] for row in read().rows] == [5, 5, 3, 0, -1, 5]


def test_a_batch_that_is_sent_twice_is_written_once(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    batch = [row(ordinal, loss=1.0) for ordinal in range(3)]
    tracker = offline()
    tracker.init()
    tracker.log_batch(batch)
    tracker.log_batch(batch)
    tracker.close()

    assert [row["_step"] for row in read().rows] == [0, 1, 2]


def test_nan_and_infinities_arrive(offline: Callable[..., Wandb], read: Callable[[], WandbFile]) -> None:
    tracker = offline()
    tracker.init()
    tracker.log(epoch=1, log_dict={"nan": math.nan, "inf": math.inf, "minus": -math.inf})
    tracker.close()

    (only,) = read().rows
    assert math.isnan(only["nan"])
    assert (only["inf"], only["minus"]) == (math.inf, -math.inf)


def test_the_epoch_is_the_x_axis_of_every_metric(offline: Callable[..., Wandb], read: Callable[[], WandbFile]) -> None:
    tracker = offline()
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 1.0})
    tracker.close()

    assert read().step_metrics == {"epoch": "", "*": "epoch"}


def test_a_metric_of_another_axis_has_that_one_as_its_x_axis(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    tracker = offline()
    tracker.init()
    tracker.log_batch([row(0, axis="batch", epoch=10, batch_loss=1.0), row(1, axis="batch", epoch=20, batch_loss=0.5)])
    tracker.close()

    assert read().step_metrics["batch_loss"] == "batch"
    assert [(row["batch"], row["batch_loss"]) for row in read().rows] == [(10, 1.0), (20, 0.5)]
    assert len([metric for metric in read().of("metric") if metric.name == "batch_loss"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a*b", "f*", "*"])
def test_a_star_in_a_metrics_name_is_no_pattern(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile], name: str
) -> None:
    tracker = offline()
    tracker.init()
    tracker.log_batch([row(0, {name: 1.0}, axis="batch")])
    tracker.close()

    assert read().rows[0][name] == 1.0
    assert read().step_metrics == {"epoch": "", "batch": "", "*": "epoch"}


@pytest.mark.parametrize("name", ["", "_step", "_timestamp", "_wandb", "a.b", "a/b", "a b\\", "ünï😀", "m" * 1000])
def test_a_metric_with_an_odd_name_arrives(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile], name: str
) -> None:
    tracker = offline()
    tracker.init()
    tracker.log_batch([row(3, {name: 42.5})])
    tracker.close()

    (only,) = read().rows
    assert list(only.values()).count(42.5) == 1
    assert (only["_step"], only["_timestamp"], only["epoch"]) == (3, 1_700_000_000.75, 3)


def test_a_metric_that_is_called_as_the_axis_is_kept_beside_it(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    tracker = offline()
    tracker.init()
    with pytest.warns(TrackerWarning, match="of that name is called 'epoch-"):
        tracker.log(epoch=7, log_dict={"epoch": 42.5})
    tracker.close()

    (only,) = read().rows
    assert only["epoch"] == 7
    assert 42.5 in only.values()


@pytest.mark.slow
def test_rows_over_many_blocks_of_the_file_are_all_there(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    tracker = offline()
    tracker.init()
    tracker.log_batch([row(step, {f"a-longer-name-{n}": step + n / 8 for n in range(40)}) for step in range(200)])
    tracker.close()

    assert [row["a-longer-name-39"] for row in read().rows] == [step + 39 / 8 for step in range(200)]


# What the run is called --------------------------------------------------------------------------------


def test_a_run_says_what_the_config_says(offline: Callable[..., Wandb], read: Callable[[], WandbFile]) -> None:
    tracker = offline(
        entity="team",
        project="digits",
        name="mine",
        group="sweep",
        job_type="eval",
        tags=["a", "b"],
        notes="a note",
        config={"lr": 0.1, "model": {"layers": [1, 2]}},
    )
    tracker.begin = begin(uid="uid0123")
    tracker.init()
    tracker.close()

    run = read().run
    assert (run.entity, run.project, run.display_name, run.run_group) == ("team", "digits", "mine", "sweep")
    assert (run.job_type, run.notes, run.run_id) == ("eval", "a note", "uid0123")
    assert read().tags == ["a", "b"]
    assert read().config == {"lr": 0.1, "model": {"layers": [1, 2]}}
    assert tracker.state["run_id"] == "uid0123"


def test_without_a_name_in_the_config_the_run_has_tracklibs(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    tracker = offline()
    tracker.begin = begin()
    tracker.init()
    tracker.close()

    assert read().run.display_name == "the run's name"


def test_the_run_is_wandbs_own_until_it_is_closed(offline: Callable[..., Wandb]) -> None:
    import wandb

    tracker = offline()
    assert tracker.run is None
    tracker.init()
    assert isinstance(tracker.run, wandb.Run)
    tracker.close()
    tracker.close()
    assert tracker.run is None


def test_the_location_is_the_offline_runs_folder(offline: Callable[..., Wandb], tmp_path: Path) -> None:
    tracker = offline()
    tracker.init()
    tracker.close()

    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    assert tracker.location == str(folder)
    assert tracker.files == ("wandb",)


def test_a_setting_of_the_config_reaches_wandb(offline: Callable[..., Wandb], read: Callable[[], WandbFile]) -> None:
    tracker = offline(settings={"x_disable_meta": True, "host": "elsewhere"})
    tracker.init()
    tracker.close()

    assert read().run.host == "elsewhere"
    assert read().of("environment") == []


def test_a_setting_that_wandb_does_not_know_blocks_and_is_named(offline: Callable[..., Wandb]) -> None:
    tracker = offline(settings={"no_such_setting": SECRET, "init_timeout": "soon"})
    with pytest.raises(TrackerBlocked, match="W&B does not take these settings") as caught:
        tracker.init()

    assert "no_such_setting: Extra inputs are not permitted" in str(caught.value)
    assert "init_timeout: Input should be a valid number" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ("team/x", "write entity='team', project='x'"),
        ("a?b", "none of"),
        ("x" * 129, "128 characters"),
        ("a/b/c", "none of"),
    ],
)
def test_a_project_that_wandb_refuses_is_told_before_the_run_begins(project: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Wandb(project=project)


@pytest.mark.slow
def test_a_run_of_the_users_own_stays_open(offline: Callable[..., Wandb], tmp_path: Path) -> None:
    import wandb

    mine: Any = wandb.init(mode="offline", dir=tmp_path, settings=wandb.Settings(silent=True, console="off"))
    tracker = offline()
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 1.0})
    tracker.close()
    assert wandb.run == mine
    mine.log({"mine": 1.0})
    mine.finish()

    core_has_written()
    files = [WandbFile(path) for path in tmp_path.rglob("*.wandb")]
    assert sorted(key for file in files for row in file.rows for key in row if not key.startswith("_")) == [
        "epoch",
        "loss",
        "mine",
    ]


def test_disabled_keeps_nothing(offline: Callable[..., Wandb], tmp_path: Path) -> None:
    tracker = offline(mode="disabled")
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 1.0})
    tracker.log_tags({"a": ""})
    tracker.close()

    assert list(tmp_path.rglob("*.wandb")) == []
    assert tracker.location == ""


# Params, tags, artifacts -------------------------------------------------------------------------------


def test_params_are_added_to_the_config(offline: Callable[..., Wandb], read: Callable[[], WandbFile]) -> None:
    tracker = offline(config={"lr": 0.1, "seed": 1})
    tracker.init()
    tracker.log_params({"lr": 0.2, "model": {"name": "mlp"}})
    tracker.close()

    assert read().config == {"lr": 0.2, "seed": 1, "model": {"name": "mlp"}}


def test_tags_are_added_each_once_with_their_values(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    tracker = offline(tags=["a"])
    tracker.init()
    tracker.log_tags({"a": "", "team": "vision"})
    tracker.log_tags({"team": "vision", "b": "", "": ""})
    tracker.close()

    assert read().tags == ["a", "team:vision", "b"]
    assert read().config == {}


def test_a_tag_too_long_for_wandb_is_whole_in_the_config(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    long, other = "t" * 64 + "1", "t" * 64 + "2"
    tracker = offline(tags=[long], config={"tags": "the user's"})
    tracker.init()
    tracker.log_tags({other: "", "name": "v" * 64, "exactly": "v" * 56})
    tracker.close()

    assert [len(tag) for tag in read().tags] == [64, 64, 64, 64]
    assert len(set(read().tags)) == 4
    assert "exactly:" + "v" * 56 in read().tags
    assert read().config == {"tags": "the user's", "tracklib_tags": {long: "", other: "", "name": "v" * 64}}


def test_notes_stand_behind_the_configs_in_the_runs_notes(offline: Callable[..., Wandb], read: Any) -> None:
    tracker = offline(notes="a first try")
    tracker.init()
    for text in ("one", "two", "two"):
        tracker.log_note(Note(time=0, text=text, step=3))
    tracker.close()

    said = "a first try\n1970-01-01 00:00:00, epoch 3: one\n1970-01-01 00:00:00, epoch 3: two"
    assert read().run.notes == said


def test_a_file_is_saved_under_its_name(offline: Callable[..., Wandb], tmp_path: Path, read: Any) -> None:
    (tmp_path / "file[1].txt").write_text("hello")
    tracker = offline()
    tracker.init()
    tracker.log_artifact("file[1].txt", str(tmp_path / "file[1].txt"))
    tracker.log_artifact("plots/other.txt", str(tmp_path / "file[1].txt"))
    tracker.close()
    (tmp_path / "file[1].txt").unlink()

    assert {"file[1].txt", "plots/other.txt"} <= set(read().files)
    assert Path(tracker.location, "files", "file[1].txt").read_text() == "hello"
    assert Path(tracker.location, "files", "plots", "other.txt").read_text() == "hello"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["../../out.txt", "/out.txt"])
def test_a_files_name_does_not_lead_out_of_the_run(offline: Callable[..., Wandb], tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("hello")
    tracker = offline()
    tracker.init()
    tracker.log_artifact(name, str(tmp_path / "file.txt"))
    tracker.close()

    assert list(tmp_path.rglob("out.txt")) == [Path(tracker.location, "files", "out.txt")]


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_checkpoint_is_an_artifact_with_aliases_and_its_metrics(
    offline: Callable[..., Wandb], tmp_path: Path, read: Any, is_folder: bool
) -> None:
    model = tmp_path / ("model/weights.pt" if is_folder else "model.pt")
    model.parent.mkdir(exist_ok=True)
    model.write_text("weights")
    tracker = offline()
    tracker.init()
    for epoch, aliases in ((1, ["latest", "best"]), (2, ["latest"])):
        said = Checkpoint(time=epoch, name="last.pt", epoch=epoch, metrics={"acc": 0.5}, aliases=aliases)
        tracker.log_checkpoint(said, str(tmp_path / "model" if is_folder else model))
    tracker.close()
    model.unlink()  # as the run lets go of it

    first, second = read().of("artifact")
    assert (first.name, first.type) == (f"checkpoint-{tracker.state['run_id']}", "model")
    assert (set(first.aliases), set(second.aliases)) == ({"latest", "best", "epoch-1"}, {"latest", "epoch-2"})
    assert json.loads(first.metadata) == {"epoch": 1, "name": "last.pt", "acc": 0.5}
    (content,) = first.manifest.contents
    assert content.path == ("weights.pt" if is_folder else "last.pt")
    assert Path(content.local_path).read_text() == "weights"


def test_a_folder_is_saved_with_all_its_files(offline: Callable[..., Wandb], tmp_path: Path, read: Any) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "file.txt").write_text("hello")
    tracker = offline()
    tracker.init()
    tracker.log_artifact("model", str(tmp_path / "folder"))
    tracker.close()

    assert "model/deep/file.txt" in read().files
    assert Path(tracker.location, "files", "model", "deep", "file.txt").read_text() == "hello"


def test_a_file_that_is_not_there_is_not_tried_again(offline: Callable[..., Wandb], tmp_path: Path) -> None:
    tracker = offline()
    tracker.init()
    with pytest.raises(FileNotFoundError) as caught:
        tracker.log_artifact("gone.txt", str(tmp_path / "gone.txt"))
    tracker.close()

    assert not tracker.is_transient(caught.value)


# The run's end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "preempting"),
    [
        (Status.FINISHED, 0, False),
        (Status.FAILED, 1, False),
        (Status.KILLED, 1, False),
        (Status.PREEMPTED, 1, True),
    ],
)
def test_a_run_ends_with_the_code_of_its_status(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile], status: Status, code: int, preempting: bool
) -> None:
    tracker = offline()
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 1.0})
    tracker.finish(status)

    assert (read().exit_code, read().preempting) == (code, preempting)


def test_closing_a_tracker_that_never_began_does_nothing(offline: Callable[..., Wandb], tmp_path: Path) -> None:
    offline().close()

    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_nothing_is_printed(offline: Callable[..., Wandb], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file.txt").write_text("hello")
    tracker = offline(tags=["a"], config={"lr": 0.1})
    tracker.begin = begin()
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 1.0})
    tracker.log_batch([row(0, loss=1.0), row(9, axis="batch", loss=1.0)])
    tracker.log_params({"lr": 0.2})
    tracker.log_tags({"b": "c"})
    tracker.log_artifact("file.txt", str(tmp_path / "file.txt"))
    tracker.finish(Status.FAILED)

    assert capfd.readouterr() == ("", "")


# Secrets -------------------------------------------------------------------------------------------------


def files_with(folder: Path, text: str) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_no_secret_reaches_any_file_of_wandb(offline: Callable[..., Wandb], tmp_path: Path, read: Any) -> None:
    tracker = offline(
        config={"api_key": SECRET, "db": {"url": f"postgres://me:{SECRET}@host/db"}, "num_tokens": 5},
        notes=f"password={SECRET}",
        tags=[f"token={SECRET}"],
        settings={"api_key": SECRET.ljust(40, "0")},
    )
    tracker.init()
    tracker.log_params({"optimizer": {"auth_token": SECRET}})
    tracker.log_tags({"secret": SECRET, f"password={SECRET}" + "x" * 64: ""})
    tracker.close()

    assert read().config["api_key"] == "***"
    assert read().config["num_tokens"] == 5
    assert files_with(tmp_path, SECRET) == []


@pytest.mark.parametrize("argv", [["--token", SECRET], [f"--api-key={SECRET}"], ["-v", f"https://me:{SECRET}@host"]])
def test_a_command_line_with_a_secret_is_not_recorded(
    offline: Callable[..., Wandb], tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", *argv])
    tracker = offline()
    with pytest.warns(TrackerWarning, match="the command line holds a secret"):
        tracker.init()
    tracker.close()

    assert read().of("environment") == []
    assert files_with(tmp_path, SECRET) == []


def test_a_command_line_without_a_secret_is_recorded(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--use-auth", "--num-tokens", "5", "data.csv"])
    tracker = offline()
    tracker.init()
    tracker.close()

    assert list(read().of("environment")[0].args) == ["--use-auth", "--num-tokens", "5", "data.csv"]


def test_no_code_is_saved(offline: Callable[..., Wandb], tmp_path: Path, read: Callable[[], WandbFile]) -> None:
    tracker = offline()
    tracker.init()
    tracker.close()

    assert [file for file in read().files if file.endswith((".py", ".patch"))] == []
    assert [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".py", ".patch")] == []


# Online, as far as one gets without a server -------------------------------------------------------------


@pytest.mark.usefixtures("fresh_wandb")
def test_without_a_mode_the_environments_counts(
    tmp_path: Path, read: Callable[[], WandbFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    tracker = Wandb(output_run=str(tmp_path / "run"))
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 1.0})
    tracker.close()

    assert [row["loss"] for row in read().rows] == [1.0]


@pytest.mark.usefixtures("fresh_wandb")
@pytest.mark.parametrize("mode", ["online", None])
def test_online_without_credentials_blocks_and_the_message_says_how_to_mend_it(
    tmp_path: Path, mode: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    tracker = Wandb(mode=mode, output_run=str(tmp_path))
    with pytest.raises(TrackerBlocked, match="no API key: run `wandb login` once, or set WANDB_API_KEY") as caught:
        tracker.init()

    assert not tracker.is_transient(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_online_without_credentials_nobody_is_asked_at_a_terminal(tmp_path: Path) -> None:
    script = """
        from tracklib.trackers import Wandb
        try:
            Wandb(mode="online").init()
        except Exception as error:
            print(type(error).__name__)
    """
    keyboard, terminal = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        timeout=PATIENT,  # else the prompt would wait for ever
        check=True,
    )
    os.close(terminal)
    with os.fdopen(keyboard, "rb") as screen:
        assert screen.read1().decode().split() == ["TrackerBlocked"]
    assert ended.returncode == 0


@pytest.mark.usefixtures("fresh_wandb")
def test_a_key_that_cannot_be_one_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "too short")
    with pytest.raises(TrackerBlocked, match="WANDB_API_KEY invalid"):
        Wandb(mode="online", output_run=str(tmp_path)).init()


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_wandb")
@pytest.mark.parametrize("key_in", ["environment", "settings", "netrc"])
def test_online_with_a_key_a_server_that_is_down_may_work_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key_in: str
) -> None:
    server = f"127.0.0.1:{free_port()}"
    settings: dict[str, Any] = {"base_url": f"http://{server}", "init_timeout": 2}
    if key_in == "settings":
        settings["api_key"] = "0" * 40
    elif key_in == "netrc":
        (tmp_path / "home" / ".netrc").write_text(f"machine {server}\n  login user\n  password {'0' * 40}\n")
    else:
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    tracker = Wandb(mode="online", output_run=str(tmp_path), settings=settings)
    with pytest.raises(Exception, match="connection refused") as caught:
        tracker.init()

    assert tracker.is_transient(caught.value)
    tracker.close()


@pytest.fixture
def at(tmp_path: Path) -> Callable[[ScriptedServer], BaseException]:
    """What connecting to a server raises."""

    def connect(server: ScriptedServer) -> BaseException:
        settings = {"base_url": server.uri, "api_key": "0" * 40, "init_timeout": 2}
        with pytest.raises(Exception) as caught:  # noqa: PT011  # which one is the test's matter
            Wandb(mode="online", output_run=str(tmp_path), settings=settings).init()
        return caught.value

    return connect


@pytest.mark.usefixtures("fresh_wandb")
@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_answer_that_only_a_person_can_mend_blocks(
    scripted: Callable[..., ScriptedServer], at: Callable[[ScriptedServer], BaseException], status: int
) -> None:
    error = at(scripted(status, '{"errors": [{"message": "permission denied"}]}'))

    assert isinstance(error, TrackerBlocked)
    assert "permission denied" in str(error)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_wandb")
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_may_work_later(
    scripted: Callable[..., ScriptedServer], at: Callable[[ScriptedServer], BaseException], status: int
) -> None:
    assert Wandb().is_transient(at(scripted(status)))


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_wandb")
def test_a_server_that_hangs_may_work_later(
    scripted: Callable[..., ScriptedServer], at: Callable[[ScriptedServer], BaseException]
) -> None:
    server = scripted(200)
    server.hang.clear()

    assert Wandb().is_transient(at(server))


def comm_error() -> BaseException:
    import wandb

    error: BaseException = wandb.errors.CommError("because")
    return error


def test_what_w_and_b_says_of_its_connection_may_pass_by_itself() -> None:
    assert Wandb().is_transient(comm_error())


def test_a_connection_to_its_process_that_is_closed_is_made_anew() -> None:
    from wandb.sdk.mailbox import MailboxClosedError

    assert Wandb().is_transient(MailboxClosedError())


# Whatever the names and however much ---------------------------------------------------------------------


@pytest.mark.slow
def test_a_long_text_or_list_of_the_params_is_whole_in_a_file_and_nothing_is_printed(
    offline: Callable[..., Wandb], tmp_path: Path, read: Callable[[], WandbFile], capfd: pytest.CaptureFixture[str]
) -> None:
    tracker = offline(config={"from_the_config": "c" * 200_000})
    tracker.init()
    tracker.log_params({"text": "t" * 200_000, "model": {"list": [0.5] * 20_000, "in": ["i" * 30_000, 1]}, "lr": 0.1})
    tracker.close()

    config = read().config
    assert config["lr"] == 0.1
    assert config["text"] == "t" * 200 + "... (200000 characters, whole in params/text.txt)"
    assert config["model"]["in"] == ["i" * 200 + "... (30000 characters, whole in params/model/in/0.txt)", 1]
    (files,) = tmp_path.glob("run/wandb/offline-run*/files")
    assert (files / "params/text.txt").read_text() == "t" * 200_000
    assert (files / "params/model/list.json").read_text() == str([0.5] * 20_000)
    assert (files / "params/model/in/0.txt").read_text() == "i" * 30_000
    assert set(read().files) >= {f"params/{name}" for name in ("text.txt", "model/list.json", "from_the_config.txt")}
    assert capfd.readouterr() == ("", "")


def test_params_called_as_wandbs_own_do_not_replace_them(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    tracker = offline()
    tracker.init()
    tracker.log_params({"_wandb": 1, "wandb_version": 2, "": 3, "lr": 0.1})
    tracker.close()

    assert read().config == {"param_wandb": 1, "param_wandb_version": 2, "unnamed": 3, "lr": 0.1}


def test_a_row_that_is_too_large_for_wandb_is_refused(
    offline: Callable[..., Wandb], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracklib.trackers._wandb_limits._ROW_BYTES", 5_000)
    tracker = offline()
    tracker.init()
    with pytest.raises(ValueError, match="W&B takes no row of more than 5000 bytes; these 400 metrics have more"):
        tracker.log_batch([row(0, {f"metric-{number}": 0.5 for number in range(400)})])
    tracker.close()


def test_names_depend_on_the_rows_that_wandb_has_already_too(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    """As after a crash: the rows are on W&B's server, and the table of their names was not saved."""
    tracker = offline()
    tracker.init()
    tracker._at.rows = 1
    with pytest.warns(TrackerWarning, match="W&B has 'a_b' for"):
        tracker.log_batch([row(0, {"a\nb": 1.0}), row(1, {"a\tb": 2.0})])
    tracker.close()

    (only,) = read().rows
    assert "a_b" not in only
    assert 2.0 in only.values()


@pytest.mark.slow
def test_a_tracker_that_takes_a_run_up_again_has_the_same_names(
    offline: Callable[..., Wandb], tmp_path: Path, read: Callable[[], WandbFile]
) -> None:
    first = offline(output_run=str(tmp_path / "first"))
    first.init()
    with pytest.warns(TrackerWarning):
        first.log_batch([row(0, {"a\nb": 1.0, "a\tb": 2.0})])
        first.log_params({"unnamed": 1, "": 2})
    first.close()
    second = offline()
    second.state = dict(first.state)
    second.init()
    second.log_batch([row(0, {"a\tb": 2.0})])
    second.log_params({"": 2})
    second.close()

    before = WandbFile(tmp_path / "first")
    (again,) = read().rows
    assert [name for name, value in again.items() if value == 2.0] == [
        name for name, value in before.rows[0].items() if value == 2.0
    ]
    assert read().config.items() <= before.config.items()


def test_a_run_its_group_and_its_job_are_in_one_line_and_no_longer_than_wandb_takes(
    offline: Callable[..., Wandb], read: Callable[[], WandbFile]
) -> None:
    tracker = offline(name="n" * 500, group="two\nlines", job_type="j" * 500)
    tracker.init()
    tracker.close()

    assert (len(read().run.display_name), read().run.run_group, len(read().run.job_type)) == (128, "two_lines", 64)


def test_what_wandb_writes_is_in_a_folder_of_its_owner_alone(offline: Callable[..., Wandb], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    tracker = offline()
    tracker.init()
    tracker.close()

    assert (tmp_path / "run/wandb").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_a_run_behind_one_whose_core_process_died_gets_another(tmp_path: Path) -> None:
    script = """
        import os, signal
        from tracklib import tracking
        from tracklib.trackers._wandb_core import core_pid, is_core
        for number in range(2):
            config = {"type": "Wandb", "mode": "offline", "in_process": True}
            with tracking([config], output_run=f"r{number}", on_error="raise") as run:
                run.log(0, {"loss": 0.5})
                assert run.flush(60)
            core = core_pid()
            assert core  # to kill 0 would be to kill the tests
            os.kill(core, signal.SIGKILL)
            while is_core(core):
                pass
        os._exit(0)  # W&B's own hook would say at length that its process is gone
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, cwd=tmp_path, timeout=PATIENT)


@pytest.mark.slow
@pytest.mark.parametrize("in_process", [True, False])
def test_a_child_that_was_killed_goes_on_at_once_while_its_parent_uses_wandb_too(
    tmp_path: Path, in_process: bool
) -> None:
    (tmp_path / "job.py").write_text(f"""
import os, subprocess, sys
from tracklib import tracking

config = {{"type": "Wandb", "project": "p", "mode": "offline", "in_process": {in_process}}}
patience = {PATIENT}

def child():
    return subprocess.Popen(
        [sys.executable, "job.py", "child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

with tracking([config], output_run=sys.argv[1], resume=True) as t:
    print("ready" if t.wait_ready(patience) else t._attempt.deliveries[0].trouble, flush=True)
    if sys.argv[1] == "child":
        sys.stdin.read()
    else:
        assert "WANDB_SERVICE" not in os.environ
        for again in (False, True):
            begun = child()
            print(begun.stdout.readline(), end="", flush=True)
            if again:
                begun.communicate()
            else:
                begun.kill()
                begun.wait()
""")
    ran = subprocess.run(
        [sys.executable, "job.py", "parent"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["ready"] * 3, ran.stderr


@pytest.mark.slow
def test_wandb_prints_nothing_of_its_own_whatever_the_environment_says_of_silence(tmp_path: Path) -> None:
    said = run_bare(
        tmp_path,
        """
        import os, subprocess, sys
        if "training" not in sys.argv:
            loud = os.environ | {"WANDB_SILENT": "false", "WANDB_QUIET": "false", "WANDB_SHOW_RUN": "true"}
            command = [sys.executable, __file__, "training"]
            sys.exit(subprocess.run(command, env=loud, stderr=subprocess.STDOUT).returncode)
        from tracklib import tracking
        for where in (True, False):
            config = {"type": "Wandb", "mode": "offline", "in_process": where}
            with tracking([config], output_run=f"run-{where}", on_error="raise", quiet=True, environment=False) as t:
                t.log(0, {"loss": 0.5})
        """,
    )
    assert said == ""


@pytest.mark.parametrize("name", ["_process", "_internal_proc"])
def test_wandbs_own_process_is_known_as_each_version_keeps_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        connection = SimpleNamespace(_proc=SimpleNamespace(**{"_internal_proc": None, name: process}))
        monkeypatch.setattr(_wandb_core, "_connection", lambda: connection)
        assert _wandb_core.core_pid() == process.pid
        assert not _wandb_core.has_died()
        process.kill()
        process.wait()
        assert (_wandb_core.core_pid(), _wandb_core.has_died()) == (0, True)
