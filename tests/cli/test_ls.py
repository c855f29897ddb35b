"""``tracklib ls``: what there is, sorted, filtered, in groups, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracklib import load, tracking
from tracklib.cli.commands import main


def tracklib(*arguments: object, columns: int = 80) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], env={"COLUMNS": str(columns)})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for number in range(4):
        params = {"lr": 10.0**-number, "optimizer": ["adam", "sgd"][number % 2], "model": {"width": 64}, "seed": number}
        best: Any = {"val/loss": "min"}
        with tracking(output_run=root / f"run-{number}", params=params, best=best, tags={"stage": "x"}) as t:
            for epoch in range(3):
                t.log(epoch, {"val/loss": number + 1 / (epoch + 1), "val/accuracy": epoch / 3})
    return root


def test_the_newest_is_last_and_the_best_of_all_has_a_star(root: Path) -> None:
    said = tracklib("ls", root)

    head, *rows, count, _ = said.output.splitlines()
    assert head.split()[:5] == ["RUN", "STATUS", "TOOK", "EPOCH", "val/loss"]
    assert [row.split()[0] for row in rows] == ["run-0", "run-1", "run-2", "run-3"]
    assert [row for row in rows if "*" in row] == [rows[0]]
    assert "0.3333*" in rows[0]
    assert count == "4 runs (4 finished); * best of all"


def test_runs_of_one_name_are_told_with_where_they_are_and_programs_get_the_name(tmp_path: Path) -> None:
    for place, name in (("wide/seed-0", "seed-0"), ("deep/seed-0", "seed-0"), ("deep/other", "seed-0"), ("b", "b")):
        with tracking(output_run=tmp_path / place, name=name) as t:
            t.log(0, {"loss": 1.0})

    told = [row.split("  ")[0] for row in tracklib("ls", tmp_path).output.splitlines()[1:5]]
    assert told == ["wide/seed-0", "deep/seed-0", "seed-0 (deep/other)", "b"]
    assert [run["name"] for run in json.loads(tracklib("ls", tmp_path, "--json").output)] == [*["seed-0"] * 3, "b"]
    assert "─ wide/seed-0" in tracklib("plot", tmp_path).output


def test_a_param_that_is_called_as_what_each_run_is_or_as_a_best_value_has_its_own_column(
    tmp_path: Path,
) -> None:
    for model in ("cnn", "mlp"):
        params = {"name": model, "status": len(model), "best.loss": model, "a": {"b": model}, "a/b": 2}
        with tracking(output_run=tmp_path / model, name="run", params=params, best={"loss": "min"}) as t:
            t.log(0, {"loss": 1.0})

    _, row = csv.DictReader(io.StringIO(tracklib("ls", tmp_path, "--csv").output))
    assert (row["name"], row["status"], row["loss"]) == ("run", "finished", "1.0")
    assert (row["params.name"], row["params.best.loss"], row["a/b"]) == ("mlp", "mlp", "mlp")
    assert load(tmp_path / "mlp").flat_params["a/b-2"] == 2


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_it_is_as_wide_as_the_terminal_and_names_what_is_left_out(root: Path, columns: int) -> None:
    said = tracklib("ls", root, columns=columns)

    table = said.output.splitlines()[:5]
    assert max(map(len, table)) <= columns
    left_out = said.output.splitlines()[-1]
    assert ("not shown: " in left_out) == (columns < 140)
    assert ("AGE" in left_out) == (columns < 140)
    assert "model/width" not in said.output  # it is the same in all


def test_to_sort_by_what_no_run_has_says_so_and_what_may_be_meant(root: Path) -> None:
    assert (
        tracklib("ls", root, "--sort", "-val/los").stderr
        == "not sorted, as no run has val/los: did you mean val/loss?\n"
    )
    assert tracklib("ls", root, "--sort", "x", "--json").stderr == "not sorted, as no run has x\n"
    assert tracklib("ls", root, "--sort", "host").stderr == ""


def test_sorting_and_a_limit_leave_the_first(root: Path) -> None:
    said = tracklib("ls", root, "--sort", "-val/loss", "-n", 2)

    assert [line.split()[0] for line in said.output.splitlines()[1:3]] == ["run-3", "run-2"]
    assert "val/loss ↓" in said.output
    assert "2 of 4 runs" in said.output


def test_a_condition_leaves_what_meets_it(root: Path) -> None:
    said = tracklib("ls", root, "--where", "optimizer = adam and val/loss < 1")

    assert [line.split()[0] for line in said.output.splitlines()[1:2]] == ["run-0"]
    assert "1 of 4 runs" in said.output


def test_a_condition_that_is_none_is_a_mistake_in_the_command_and_points_at_the_place(root: Path) -> None:
    said = tracklib("ls", root, "--where", "lr <")

    assert said.exit_code == 2
    assert "a value is wanted behind <" in said.output
    assert "lr <\n      ^" in said.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--where", "lr > 100"], "none of 4 runs meets: lr > 100"),
        (["nowhere"], "no run is called 'nowhere', of 4"),
    ],
)
def test_nothing_found_is_exit_code_1(root: Path, arguments: list[str], problem: str) -> None:
    said = tracklib("ls", "--root", root, *arguments)

    assert said.exit_code == 1
    assert problem in said.output


def test_without_a_directory_it_says_how_to_name_one(tmp_path: Path) -> None:
    said = tracklib("ls", "--root", tmp_path / "none")

    assert said.exit_code == 1
    assert "there is no directory" in said.output
    assert "another --root" in said.output


def test_json_has_numbers_as_numbers_and_all_of_a_run(root: Path) -> None:
    runs = json.loads(tracklib("ls", root, "--json").output)

    assert [run["name"] for run in runs] == ["run-0", "run-1", "run-2", "run-3"]
    assert runs[0]["params"] == {"lr": 1.0, "optimizer": "adam", "model/width": 64, "seed": 0}
    assert runs[0]["best"] == {"val/loss": 1 / 3}
    assert runs[0]["last"]["val/accuracy"] == 2 / 3
    assert runs[0]["tags"] == {"stage": "x"}


def test_csv_has_all_digits(root: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(tracklib("ls", root, "--csv").output)))

    assert [float(row["val/loss"]) for row in rows] == [number + 1 / 3 for number in range(4)]


def test_markdown_is_a_table(root: Path) -> None:
    head, line, *rows = tracklib("ls", root, "--md", "--columns", "name,lr").output.splitlines()

    assert (head, line, rows[0]) == ("| RUN | lr |", "| --- | ---: |", "| run-0 | 1 |")


def test_groups_have_means_and_deviations_over_seeds(root: Path) -> None:
    (adam, sgd) = json.loads(tracklib("ls", root, "--group", "optimizer", "--json").output)

    assert (adam["optimizer"], adam["runs"]) == ("adam", 2)
    assert adam["metrics"]["val/loss"] == pytest.approx({"mean": 4 / 3, "deviation": 2**0.5})
    assert sgd["metrics"]["val/loss"]["mean"] == pytest.approx(7 / 3)
    assert "1.333 ± 1.41" in tracklib("ls", root, "--group", "optimizer").output


def test_children_and_previous_runs_are_a_tree(tmp_path: Path) -> None:
    for _ in range(2):
        with tracking(output_run=tmp_path / "sweep") as t, t.child("fold-1"):
            pass

    said = tracklib("ls", tmp_path, "--all", "--columns", "name,status")

    names = [line.rsplit(maxsplit=1)[0].rstrip() for line in said.output.splitlines()[1:5]]
    assert names == ["sweep", "  fold-1", "  (previous) sweep", "    fold-1"]
    assert len(tracklib("ls", tmp_path, "--columns", "name").output.splitlines()) == 3


def test_a_run_that_cannot_be_read_is_told_of_and_the_others_are_listed(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "good"):
        pass
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/journal.jsonl").write_text("nonsense\n")

    said = tracklib("ls", tmp_path)

    assert said.exit_code == 0
    assert "good" in said.stdout
    assert "bad holds no run" in said.stderr


def test_names_do_not_steer_the_terminal(tmp_path: Path) -> None:
    with tracking(
        output_run=tmp_path / "a", name="\x1b[2J\r\n" + "x" * 10_000, params={"\x1b]0;": "\x07"}, tags=["\x1b"]
    ):
        pass

    for command in (["ls"], ["ls", "--wide"], ["show", tmp_path / "a"], ["doctor"]):
        said = tracklib(command[0], *command[1:] or [tmp_path])
        assert not set("\x1b\x07\r") & set(said.output), command


def test_head_ends_it_in_silence(root: Path) -> None:
    command = f"{sys.executable} -m tracklib ls {root} --wide | head -n 1"

    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("RUN")
    assert done.stderr == ""


def test_colour_is_for_terminals_only_and_no_color_takes_it_away(root: Path) -> None:
    assert "\x1b" not in tracklib("ls", root).output
    assert "\x1b[32mfinished" in CliRunner().invoke(main, ["ls", str(root)], color=True).output
    assert "\x1b" not in CliRunner().invoke(main, ["ls", str(root)], color=True, env={"NO_COLOR": "1"}).output


def test_listing_imports_neither_trackers_nor_wrapt_nor_asyncio(root: Path) -> None:
    code = (
        "import sys; from tracklib.cli.commands import main; main(['ls', sys.argv[1]], standalone_mode=False); "
        "print(sorted({'wrapt', 'asyncio', 'tqdm', 'rich', 'numpy', 'tracklib.trackers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_metric_that_is_called_as_a_param_has_a_column_of_its_own(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", params={"loss": "mse"}, environment=False) as t:
        t.log(0, {"loss": 0.5, "name": 3})

    row = json.loads(tracklib("ls", tmp_path, "--json").output)[0]
    (group,) = json.loads(tracklib("ls", tmp_path, "--group", "loss", "--json").output)

    assert (row["loss"], row["last.loss"], row["name"]) == ("mse", 0.5, "run")
    assert group == {"loss": "mse", "runs": 1, "metrics": group["metrics"]}
    assert group["metrics"]["last.loss"] == {"mean": 0.5, "deviation": None}


def test_groups_of_the_greatest_numbers_have_a_mean_and_markdown_a_table(tmp_path: Path) -> None:
    for name, loss in (("a", 1.7e308), ("b", 1.6e308)):
        with tracking(output_run=tmp_path / name, environment=False, params={"x\x1b": 1}) as t:
            t.log(0, {"loss": loss})

    assert "| 1 | 2 | 1.65e+308 ± " in (said := tracklib("ls", tmp_path, "--group", "x\x1b", "--md").output)
    assert "\x1b" not in said
