"""``tracklib import``: what another tracker has becomes an ordinary run, with its steps, values, params and status."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import tracklib

import tracklib as library
from tracklib.trackers import _csv_history
from tracklib.trackers._foreign import Point, together

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
WRITE = """
import sys, json, math
from tracklib import tracking
with tracking([json.loads(sys.argv[2])], output_run=sys.argv[1], params={"lr": 0.1}, name="source") as t:
    for epoch in range(5):
        t.log(epoch, {"val/loss": 1 / (epoch + 1), "odd": math.nan})
    t.log_text("note", "kept")
    t.note("lr lowered")
"""


def written(folder: Path, config: str) -> None:
    """A run that a real backend has."""
    environment = {**os.environ, "TRACKLIB_ENVIRONMENT": "0", "WANDB_MODE": "offline"}
    subprocess.run([sys.executable, "-c", WRITE, folder, config], env=environment, check=True, timeout=180)


def imported(root: Path) -> library.reading.Run:
    (run,) = library.runs(root)
    return run


def test_a_csv_file_becomes_a_run(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("step,loss,note\n0,0.5,a\n10,0.25,b\n20,nan,c\n")

    said = tracklib("import", "csv", tmp_path / "mine.csv", "--root", tmp_path / "runs")

    run = imported(tmp_path / "runs")
    assert said.output.splitlines()[-1] == "1 run imported"
    assert (run.name, run.status, run.tags) == ("mine", "finished", {"imported": "csv"})
    assert run.metrics["loss"].steps.tolist() == [0, 10, 20]
    assert run.metrics["loss"].values.tolist()[:2] == [0.5, 0.25]
    assert math.isnan(run.metrics["loss"].values[2])


def test_importing_twice_makes_one_run(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("loss\n0.5\n")

    for _ in range(2):
        said = tracklib("import", "csv", tmp_path / "mine.csv", "--root", tmp_path / "runs")

    assert said.output == "0 runs imported, 1 there already\n"
    imported(tmp_path / "runs")


def test_an_import_that_was_cut_off_leaves_no_part_of_a_run_and_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.csv").write_text("loss\n0.5\n0.25\n")
    whole = next(_csv_history.runs_in(str(tmp_path / "mine.csv")))

    def points() -> Iterator[Point]:
        yield next(iter(whole.points))
        raise ValueError("a broken record")

    monkeypatch.setattr(_csv_history, "runs_in", lambda place: iter([whole._replace(points=points())]))
    assert "a broken record" in tracklib("import", "csv", tmp_path / "mine.csv", "--root", tmp_path / "runs").output
    assert len(library.runs(tmp_path / "runs")) == 0
    monkeypatch.undo()

    tracklib("import", "csv", tmp_path / "mine.csv", "--root", tmp_path / "runs")

    assert imported(tmp_path / "runs").metrics["loss"].values.tolist() == [0.5, 0.25]


@pytest.mark.slow
def test_tensorboards_events_become_a_run(tmp_path: Path) -> None:
    written(tmp_path / "there", '{"type": "TensorBoard"}')

    assert tracklib("import", "tensorboard", tmp_path / "there", "--root", tmp_path / "runs").exit_code == 0

    run = imported(tmp_path / "runs")
    assert (run.status, run.params) == ("finished", {"lr": 0.1})
    assert run.metrics["val/loss"].values.tolist() == pytest.approx([1 / (e + 1) for e in range(5)], rel=1e-6)


def test_tensorboards_pictures_and_texts_are_files_of_the_run(tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.plugins.image.metadata import create_summary_metadata
    from tensorboard.plugins.text.summary_v2 import text_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path / "there"))
    picture = Summary.Image(width=1, height=1, colorspace=3, encoded_image_string=PNG)
    for step in (0, 10):
        old = Summary(value=[Summary.Value(tag="valid/sample", image=picture)])
        writer.add_event(Event(wall_time=1.0 + step, step=step, summary=old))
    tensor = TensorProto(dtype=7, string_val=[b"1", b"1", PNG, PNG])  # as TensorFlow 2 writes several pictures
    named = create_summary_metadata(display_name="", description="")
    new = Summary(value=[Summary.Value(tag="../odd name", metadata=named, tensor=tensor)])
    writer.add_event(Event(wall_time=2.0, step=3, summary=new))
    writer.add_event(Event(wall_time=3.0, step=4, summary=text_pb("note", "**kept** \u00e9")))
    writer.close()

    said = tracklib("import", "tensorboard", tmp_path / "there", "--root", tmp_path / "runs")

    run = imported(tmp_path / "runs")
    assert said.exit_code == 0, said.output
    names = {
        "valid-sample-step-0.png",
        "valid-sample-step-10.png",
        "odd-name-step-3.png",
        "odd-name-step-3-2.png",
        "note.md",
    }
    assert {*run.artifacts} == names
    assert all(each.is_intact() for each in run.artifacts.values())
    assert Path(run.artifacts["valid-sample-step-10.png"]).read_bytes() == PNG
    assert Path(run.artifacts["note.md"]).read_text(encoding="utf-8") == "**kept** \u00e9"


@pytest.mark.slow
def test_a_run_of_tensorboards_that_has_only_params_and_a_failure_is_one_too(tmp_path: Path) -> None:
    program = """
import sys, json
from tracklib import tracking
with tracking([{"type": "TensorBoard"}], output_run=sys.argv[1], params={"opt": "adam", "deep": True}) as t:
    raise ValueError
"""
    failed = subprocess.run([sys.executable, "-c", program, tmp_path / "there"], stderr=-1, timeout=180)

    said = tracklib("import", "tensorboard", tmp_path / "there", "--root", tmp_path / "runs")

    run = imported(tmp_path / "runs")
    assert (failed.returncode, said.exit_code) == (1, 0)
    assert (run.status, run.params, dict(run.last)) == ("failed", {"opt": "adam", "deep": True}, {})


@pytest.mark.slow
def test_wandbs_offline_file_becomes_a_run(tmp_path: Path) -> None:
    written(tmp_path / "there", '{"type": "Wandb", "project": "p", "mode": "offline"}')

    said = tracklib("import", "wandb", tmp_path / "there", "--root", tmp_path / "runs")

    run = imported(tmp_path / "runs")
    assert said.exit_code == 0
    assert (run.status, run.params["lr"]) == ("finished", 0.1)
    assert "kept" in [path.read_text() for path in Path(run.directory, "artifacts").rglob("note*")]
    assert run.metrics["val/loss"].values.tolist() == [1 / (epoch + 1) for epoch in range(5)]
    assert "lr lowered" in run.notes[0].text


@pytest.mark.slow
def test_an_experiment_at_mlflow_becomes_runs(tmp_path: Path, mlflow_database: Path) -> None:
    shutil.copy(mlflow_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    written(tmp_path / "there", f'{{"type": "Mlflow", "tracking_uri": "{uri}", "experiment_name": "x"}}')

    said = tracklib("import", "mlflow", "x", "--tracking-uri", uri, "--root", tmp_path / "runs")

    run = imported(tmp_path / "runs")
    assert said.exit_code == 0, said.output
    assert (run.name, run.status, run.params) == ("source", "finished", {"lr": "0.1"})
    assert Path(run.artifacts["note.txt"]).read_text() == "kept"
    assert run.artifacts["note.txt"].is_intact()
    assert "lr lowered" in run.notes[0].text
    assert run.metrics["val/loss"].values.tolist() == [1 / (epoch + 1) for epoch in range(5)]


def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    assert "there is no such file" in tracklib("import", "csv", tmp_path / "none.csv").output
    assert "has no run" in tracklib("import", "tensorboard", tmp_path).output


def test_an_imported_run_can_be_delivered_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("epoch,loss\n0,0.5\n1,0.25\n")
    tracklib("import", "csv", tmp_path / "mine.csv", "--root", tmp_path / "runs")
    directory = imported(tmp_path / "runs").directory

    said = tracklib("sync", "--to", '{"type": "CsvLogger", "csv_filename": "out.csv"}', directory)

    assert said.exit_code == 0, said.output
    assert Path(directory, "out.csv").read_text() == "epoch,loss\n0,0.5\n1,0.25\n"


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("epoch;loss\n0;0,5\n1;0,25\n", [("epoch", 0, "loss", 0.5), ("epoch", 1, "loss", 0.25)]),
        ("\ufeffepoch\tloss\r\n3\t1e-3\r\n\r\n", [("epoch", 3, "loss", 0.001)]),
        ("epoch,step,x\n0.5,1,7\n1,2,8\n", [("step", 1, "epoch", 0.5), ("step", 2, "epoch", 1.0)]),
        ("step,x\n5,7\n,8\n", [("step", 0, "step", 5.0), ("step", 0, "x", 7.0), ("step", 1, "x", 8.0)]),
        ("step,x\n1e300,7\n", [("step", 0, "step", 1e300), ("step", 0, "x", 7.0)]),
        ("x,y\n1\n2,\n", [("step", 0, "x", 1.0), ("step", 1, "x", 2.0)]),
        ("epoch,x,note\n0,1,a\u2028b\n1,2,\fc\n", [("epoch", 0, "x", 1.0), ("epoch", 1, "x", 2.0)]),
    ],
)
def test_each_row_of_a_table_is_a_step_of_its_own(
    tmp_path: Path, text: str, points: list[tuple[str, int, str, float]]
) -> None:
    (tmp_path / "mine.csv").write_bytes(text.encode())
    assert tracklib("import", "csv", tmp_path / "mine.csv", "--root", tmp_path / "runs").exit_code == 0

    run = imported(tmp_path / "runs")
    told = {
        (series.axis, step, name, value)
        for name in run.last
        for series in [run.metrics[name]]
        for step, value in zip(series.steps, series.values, strict=True)
    }
    assert told >= set(points)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"loss,loss\n1,2\n", "two of its columns are called 'loss': rename one"),
        (b"a,b\n1,2,3\n", "line 2 has 3 cells, and there are 2 columns"),
        ("loss\n0\n".encode("utf-16"), "it is no text in UTF-8 (byte 0): save it as that"),
        (b"loss\n" + 200_000 * b"x", "line 2: field larger than field limit (131072)"),
        (b"", "it has no column of numbers"),
        (b'epoch,price\n0,"1,234"\n', "it has no column of numbers beside epoch"),
        (b"epoch,what\n0,text\n", "it has no column of numbers beside epoch"),
    ],
)
def test_a_table_of_which_something_would_be_lost_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "mine.csv").write_bytes(content)
    done = tracklib("import", "csv", tmp_path / "mine.csv", "--root", tmp_path / "runs")

    assert (done.exit_code, done.stderr) == (1, f"Error: {tmp_path / 'mine.csv'} cannot be imported: {why}\n")


def test_what_was_said_twice_of_one_step_in_one_moment_is_there_twice() -> None:
    found = together([(5, 1, "loss", 0.5), (5, 1, "accuracy", 1.0), (4, 0, "loss", 2.0), (5, 1, "loss", 0.25)])

    assert [(point.time, point.metrics) for point in found] == [
        (4, {"loss": 2.0}),
        (5, {"loss": 0.5, "accuracy": 1.0}),
        (5, {"loss": 0.25}),
    ]
