"""``show``, ``compare``, ``plot``, ``watch``, ``export`` and ``report``: runs in a terminal, and out of it."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from running import tracklib

from tracklib import load, tracking
from tracklib.cli import watch
from tracklib.cli.serve import _zoom_in


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for number in (1, 2):
        best: Any = {"val/loss": "min"}
        params = {"lr": 0.1 * number, "model": {"width": 64}}
        with tracking(output_run=root / f"run-{number}", params=params, best=best) as t:
            for epoch in range(10):
                t.log(epoch, {"val/loss": number + math.exp(-epoch), "odd": math.nan})
                for batch in range(3):
                    t.log(3 * epoch + batch, {"loss": 1.0}, axis="batch")
            t.log_text("note", "hello")
    return root


def test_show_says_what_a_run_was_told_and_what_came_of_it(root: Path) -> None:
    said = tracklib("show", root / "run-1").output

    assert said.startswith("run-1  finished  ")
    assert "params     lr 0.1  model/width 64" in said
    loss = next(line for line in said.splitlines() if line.startswith("val/loss"))
    assert "1 ↓" in loss
    assert loss.endswith("▁")
    assert "artifacts  note.txt (5 B)" in said
    assert "trackers   CsvLogger all" in said
    assert "loss (by batch)" in said


def test_show_says_which_checkpoints_there_are(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"x" * 2000)
    with tracking(output_run=tmp_path / "run", best={"acc": "max"}) as t:
        for epoch, accuracy in enumerate((0.5, 0.25)):
            t.log_checkpoint(tmp_path / "model.pt", {"acc": accuracy}, epoch=epoch)
    said = " ".join(tracklib("show", tmp_path / "run").output.split())
    assert "checkpoints epoch-0.pt (best, acc 0.5, 2.0 KB) epoch-1.pt (latest, acc 0.25, 2.0 KB)" in said
    (tmp_path / "run/checkpoints/epoch-1.pt").unlink()
    assert "epoch-1.pt (acc 0.25, gone)" in tracklib("show", tmp_path / "run").output


def test_show_without_a_name_is_the_newest(root: Path) -> None:
    assert tracklib("show", "--root", root).output.startswith("run-2")


def test_show_takes_a_name_or_the_beginning_of_a_uid(root: Path) -> None:
    uid = json.loads(tracklib("show", root / "run-1", "--json").output)["uid"]

    assert tracklib("show", "--root", root, "run-1").output.startswith("run-1")
    assert tracklib("show", "--root", root, uid[:6]).output.startswith("run-1")


def test_show_says_which_metrics_there_are(root: Path) -> None:
    said = tracklib("show", root / "run-1", "-m", "acc*")

    assert said.exit_code == 1
    assert "has no metric acc*; it has val/loss, odd, loss" in said.output


def test_shows_json_is_the_runs_own_and_its_csv_the_metrics(root: Path) -> None:
    told = json.loads(tracklib("show", root / "run-1", "--json").output)
    (loss, odd, _) = csv.DictReader(io.StringIO(tracklib("show", root / "run-1", "--csv").output))

    assert told["params"] == {"lr": 0.1, "model": {"width": 64}}
    assert told["trackers"] == [{"name": "CsvLogger", "left": 0, "rejected": 0, "told": True, "complete": True}]
    assert (loss["metric"], float(loss["max"]), loss["at"]) == ("val/loss", 2.0, "9")
    assert odd["last"] == "nan"


def test_compare_shows_what_differs_and_names_what_is_the_same(root: Path) -> None:
    said = tracklib("compare", root / "run-1", root / "run-2").output

    lines = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    assert lines["lr"] == ["0.1", "0.2"]
    assert lines["val/loss"][0] == "min"
    assert lines["val/loss"][1].endswith("*")
    assert "model/width 64" in said.split("same in all: ")[1]


def test_compare_of_one_run_says_how_to_name_two(root: Path) -> None:
    said = tracklib("compare", root / "run-1")

    assert said.exit_code == 2
    assert "name two runs at least" in said.output


def test_compares_json_has_a_value_for_each_run(root: Path) -> None:
    rows = {row["name"]: row["values"] for row in json.loads(tracklib("compare", root, "--json").output)}

    assert rows["lr"] == {"run-1": 0.1, "run-2": 0.2}


def test_plot_draws_lines_and_their_names_within_the_width(root: Path) -> None:
    said = tracklib("plot", root / "run-1", root / "run-2", "-m", "val/loss", "--height", 6, columns=60).output

    lines = said.splitlines()
    assert lines[0] == "val/loss   ─ run-1  ─ run-2"
    assert len(lines) == 8
    assert max(map(len, lines)) <= 60
    assert any("⠀" < letter <= "⣿" for letter in said)
    assert lines[-1].split() == ["└epoch", "0", "9"]


def test_plots_greatest_and_least_labels_are_the_values(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for epoch in range(10):
            t.log(epoch, {"loss": epoch})

    lines = tracklib("plot", tmp_path / "run", "--height", 6).output.splitlines()
    assert (lines[1].split()[0], lines[6].split()[0]) == ("9", "0")


def test_plot_of_what_has_no_number_is_an_empty_picture(root: Path) -> None:
    said = tracklib("plot", root / "run-1", "-m", "odd")

    assert said.exit_code == 0
    assert said.output.splitlines()[0] == "odd   ─ run-1"


def test_plots_csv_has_the_least_and_the_greatest(root: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(tracklib("plot", root / "run-1", "-m", "val/loss", "--csv").output)))

    assert [float(row["max"]) for row in rows] == [1 + math.exp(-epoch) for epoch in range(10)]


@pytest.mark.slow
def test_watch_follows_a_run_to_its_end_and_fails_where_that_failed(tmp_path: Path) -> None:
    program = """
import sys
from tracklib import tracking
with tracking(output_run=sys.argv[1]) as t:
    for epoch in t.epochs(5):
        t.log(epoch, {"loss": 0.5 / (1 + epoch)})
        if epoch == 1:
            print("begun", flush=True)
            sys.stdin.readline()
            raise SystemExit(3)
"""
    run = subprocess.Popen([sys.executable, "-c", program, tmp_path / "run"], stdin=-1, stdout=-1, text=True)
    assert run.stdin
    assert run.stdout
    run.stdout.readline()
    watch = subprocess.Popen(
        [sys.executable, "-m", "tracklib", "watch", tmp_path / "run", "--every", "0.1"], stdout=-1, text=True
    )
    assert watch.stdout
    first = watch.stdout.readline()
    run.communicate("go on\n")
    rest, _ = watch.communicate(timeout=60)

    assert first == "run  running  epoch 1/5  loss 0.25\n"
    assert rest.splitlines()[-1] == "run  failed  epoch 1  loss 0.25"
    assert watch.returncode == 1


def test_a_run_that_is_deleted_while_it_is_watched_is_a_message_and_no_traceback(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 1.0})
        command = [sys.executable, "-m", "tracklib", "watch", str(tmp_path / "run"), "--every", "0.1"]
        watch = subprocess.Popen(command, stdout=-1, stderr=-1, text=True)
        assert watch.stdout
        watch.stdout.readline()
        (tmp_path / "run").rename(tmp_path / "moved")
        _, said = watch.communicate(timeout=60)
        (tmp_path / "moved").rename(tmp_path / "run")

    told = "holds no run: there is no journal.jsonl in it; `tracklib ls DIR` lists the runs below DIR"
    assert (watch.returncode, said) == (1, f"Error: {tmp_path / 'run'} {told}\n")


def test_export_has_every_point_in_long_form(root: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(tracklib("export", root, "-m", "val/*").output)))

    assert len(rows) == 20
    assert rows[-1] == rows[-1] | {"run": "run-2", "metric": "val/loss", "axis": "epoch", "step": "9"}
    assert float(rows[-1]["value"]) == 2 + math.exp(-9)


def test_export_has_a_column_for_each_metric_in_wide_form(root: Path, tmp_path: Path) -> None:
    done = tracklib("export", root / "run-1", "--wide", "-o", tmp_path / "x.jsonl")

    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert done.stderr == f"{tmp_path / 'x.jsonl'}: 40 rows of 1 run\n"
    assert [row["val/loss"] for row in rows if "val/loss" in row] == [1 + math.exp(-epoch) for epoch in range(10)]
    assert {row["odd"] for row in rows if "odd" in row} == {"nan"}


def test_export_leaves_out_no_point_whatever_the_metrics_and_axes_are_called(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 1.0, "run": 5.0})
        t.log(100, {"loss": 0.5, "epoch": 0.25}, axis="step")
        t.log(200, {"loss": 0.25}, axis="step")

    long = list(csv.DictReader(io.StringIO(tracklib("export", tmp_path / "run").output)))
    wide = list(csv.DictReader(io.StringIO(tracklib("export", tmp_path / "run", "--wide").output)))
    some = list(csv.DictReader(io.StringIO(tracklib("export", tmp_path / "run", "--wide", "--steps", "100:").output)))

    loss = [(row["axis"], row["step"], row["value"]) for row in long if row["metric"] == "loss"]
    assert loss == [("epoch", "0", "1.0"), ("step", "100", "0.5"), ("step", "200", "0.25")]
    assert [row["run"] for row in wide] == ["run"] * 3
    assert (wide[0]["metrics.run"], wide[1]["metrics.epoch"]) == ("5.0", "0.25")
    assert [row["step"] for row in some] == ["100", "200"]


def test_axes_that_are_called_as_a_tables_own_columns_are_all_there(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "a") as t:
        t.log(1, {"axis.time": 0.5})
        for step, axis in enumerate(("time", "run"), 2):
            t.log(step, {"loss": 0.5}, axis=axis)

    rows = list(load(tmp_path / "a").metrics.rows())
    assert [row["axis.time"] for row in rows] == [None, 2, None]
    assert rows[0]["metrics.axis.time"] == 0.5
    wide = list(csv.DictReader(io.StringIO(tracklib("export", tmp_path / "a", "--wide").output)))
    assert [row["run"] for row in wide] == ["a"] * 3
    assert [row["axis.run"] for row in wide] == ["", "", "3"]
    assert "loss" in tracklib("export", tmp_path / "a", "--wide", "--steps", "2:2").output


def test_export_writes_parquet(root: Path, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    tracklib("export", root, "-o", tmp_path / "x.parquet", "-m", "val/loss", "--steps", "3:5")

    frame = polars.read_parquet(tmp_path / "x.parquet")
    assert frame["step"].to_list() == [3, 4, 5, 3, 4, 5]
    assert frame["value"][0] == 1 + math.exp(-3)


def test_a_format_that_the_name_does_not_say_is_asked_for(root: Path, tmp_path: Path) -> None:
    said = tracklib("export", root, "-o", tmp_path / "x.xlsx")

    assert said.exit_code == 2
    assert ".xlsx says no format" in said.output


def test_the_report_lies_beside_the_runs_for_its_owner_alone(root: Path) -> None:
    said = tracklib("report", root)

    path = root / "report.html"
    assert said.output.startswith(f"{path}: 2 runs, ")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert tracklib("report", root).exit_code == 0  # a report is replaced


def test_the_report_of_a_run_is_not_written_into_its_directory(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted((root / "run-1").rglob("*"))

    tracklib("report", root / "run-1")

    assert (tmp_path / "report.html").exists()
    assert sorted((root / "run-1").rglob("*")) == before


def test_a_file_that_is_no_report_is_not_replaced(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("<p>mine</p>")

    said = tracklib("report", root, "-o", tmp_path / "mine.html")

    assert said.exit_code == 1
    assert "is no report: choose another name with -o" in said.output
    assert (tmp_path / "mine.html").read_text() == "<p>mine</p>"


def test_a_report_that_cannot_be_written_says_so(root: Path, tmp_path: Path) -> None:
    said = tracklib("report", root, "-o", tmp_path / "none/x.html")

    assert said.exit_code == 1
    assert "cannot be written (No such file or directory): choose another place with -o" in said.output


def test_follow_writes_the_report_until_the_runs_have_ended(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 1.0})
        command = [sys.executable, "-m", "tracklib", "report", str(tmp_path), "--follow", "--every", "0.2"]
        following = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert following.stdout
        following.stdout.readline()
        assert '"follow":0.2' in (tmp_path / "report.html").read_text()
    following.communicate(timeout=60)

    assert '"follow":null' in (tmp_path / "report.html").read_text()
    assert '"status":"finished"' in (tmp_path / "report.html").read_text()


def test_a_run_that_goes_on_says_its_planned_epochs_and_about_how_long_they_take(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for epoch in t.epochs(20):
            if epoch == 10:
                break
            t.log(epoch, {"loss": 0.5})
        assert re.search(r"^run +running .* 9/20 ", tracklib("ls", tmp_path).output, re.MULTILINE)
        live = click.unstyle(watch._head(load(tmp_path / "run")))
    ended = click.unstyle(watch._head(load(tmp_path / "run")))

    assert re.fullmatch(r"run  running  epoch 9/20  \S+ s, about \S+ s left", live)
    assert re.fullmatch(r"run  finished  epoch 9  \S+ s", ended)


@pytest.mark.parametrize(("steps", "code"), [("2:4", 0), (":1", 0), ("5:", 0), ("100:", 1), ("4", 2), ("a:b", 2)])
def test_a_report_of_some_steps_is_made_where_there_are_points(
    root: Path, tmp_path: Path, steps: str, code: int
) -> None:
    said = tracklib("report", root / "run-1", "-o", tmp_path / "page.html", "--steps", steps)

    assert (said.exit_code, (tmp_path / "page.html").exists()) == (code, code == 0)
    assert code != 1 or "1 run without a point at these steps" in said.stderr


def test_runs_with_long_names_and_params_stand_beside_each_other(tmp_path: Path) -> None:
    for number in (1, 2):
        with tracking(
            output_run=tmp_path / f"resnet50-batch256-adamw-cosine-{number}", params={"at": "/x" * 40 + str(number)}
        ):
            pass

    said = tracklib("compare", *tmp_path.iterdir(), columns=80).output.splitlines()

    assert max(map(len, said)) <= 80
    assert sorted(word[-8:] for word in said[0].split()) == ["cosine-1", "cosine-2"]
    assert sorted(word[-3:] for word in said[1].split()[1:]) == ["/x1", "/x2"]


def test_runs_that_do_not_fit_beside_each_other_are_named_whole_and_no_two_alike(tmp_path: Path) -> None:
    names = [f"{solver}-16-{rate}" for rate in (0.0001, 0.001, 0.01) for solver in ("adam", "sgd")]
    for name in names:
        with tracking(output_run=tmp_path / name, params={"solver": name[:4]}):
            pass

    said = tracklib("compare", *(tmp_path / name for name in names), columns=60).output.splitlines()

    shown = said[0].split()
    (left_out,) = [line for line in said if line.startswith("not shown: ")]
    assert len({*shown}) == len(shown) < 6
    assert left_out.startswith(f"not shown: {', '.join(names[len(shown) :])} (")


def test_a_plot_of_one_step_of_a_huge_one_and_of_the_widest_values_is_drawn(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(2**60, {"far": 1.0, "wide": -1.7e308})
        t.log(2**60 + 1, {"wide": 1.7e308})

    said = tracklib("plot", tmp_path / "run", "--height", 3)

    assert said.exit_code == 0
    assert "└epoch 1152921504606846976\n" in said.output


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "1"},
        {"from": "1", "to": "many"},
        {"from": "nan", "to": "2"},
        {"from": "1", "to": "inf"},
        {"from": "1", "to": "1e300"},
        {"from": "1", "to": "2", "by": "colour"},
    ],
)
def test_what_is_no_place_to_zoom_into_is_refused(query: dict[str, str]) -> None:
    assert _zoom_in(query) is None
    assert _zoom_in({"from": "1", "to": "2.5"}) == ("step", 1.0, 2.5, "epoch")
