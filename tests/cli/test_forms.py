"""What each command says for programs: ``--json`` and ``--csv``, and what it ends with."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tracklib import tracking
from tracklib.cli import serve
from tracklib.cli.commands import main

NAMES = sorted(main.list_commands(click.Context(main)))
SHELL_SCRIPT = {"completion"}  # what it prints is for the shell
ARGUMENTS: dict[str, list[str]] = {
    "compare": ["a", "b"],
    "doctor": [],
    "export": ["a"],
    "import": ["csv", "table.csv"],
    "ls": [],
    "note": ["a", "a word"],
    "plot": ["a"],
    "plugins": [],
    "report": ["-o", "page.html"],
    "rm": ["a", "--dry-run"],
    "serve": [],
    "show": ["a"],
    "sync": ["runs/a"],
    "tag": ["a", "good"],
    "watch": ["a"],
}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("two")
    for name in ("a", "b"):
        with tracking(output_run=place / "runs" / name, environment=False, best={"loss": "min"}) as t:
            t.log(0, {"loss": 0.5 if name == "a" else 0.25, "val/loss": float("nan")})
            t.log(7, {"=odd, name": 1.0}, axis="step")
    (place / "table.csv").write_text("loss\n0.5\n")
    return place


@pytest.fixture
def here(two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(two, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def ends_at_once(self: object, poll_interval: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(serve.Server, "serve_forever", ends_at_once)
    return tmp_path


def coloured(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, color=True)


def as_json(text: str) -> Any:
    return json.loads(text)


def as_csv(text: str) -> Any:
    title, *rows = csv.reader(io.StringIO(text), strict=True)
    assert all(len(row) == len(title) for row in rows)
    return title


def test_each_command_is_asked_here_but_for_what_a_shell_reads() -> None:
    assert sorted(ARGUMENTS) == [name for name in NAMES if name not in SHELL_SCRIPT]


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
@pytest.mark.parametrize(("option", "parsed"), [("--json", as_json), ("--csv", as_csv)])
def test_each_command_says_it_for_programs_too(
    here: Path, name: str, option: str, parsed: Callable[[str], Any]
) -> None:
    done = coloured(name, *ARGUMENTS[name], option)

    assert (done.exit_code, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert parsed(done.stdout) or name in ("doctor", "plugins")


@pytest.mark.parametrize("name", [name for name in sorted(ARGUMENTS) if "a" in ARGUMENTS[name]])
@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_where_there_is_no_such_run_it_is_1_and_nothing_for_a_program_to_misread(
    here: Path, name: str, option: str
) -> None:
    arguments = ["gone" if each == "a" else each for each in ARGUMENTS[name]]

    assert (done := coloured(name, *arguments, option)).exit_code == 1
    assert done.stdout == ""
    assert "gone" in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_what_is_misspelt_is_2(name: str) -> None:
    assert coloured(name, "--jsno").exit_code == 2


def test_of_two_forms_the_last_one_counts(here: Path) -> None:
    assert json.loads(coloured("ls", "--csv", "--json").stdout)[0]["name"] == "a"


def test_a_row_for_each_value_as_export_has_them_is_what_watch_says(here: Path) -> None:
    rows = list(csv.reader(io.StringIO(coloured("watch", "a", "--csv").stdout)))
    exported = list(csv.reader(io.StringIO(coloured("export", "a").stdout)))

    assert rows[0] == exported[0]
    assert sorted(rows) == sorted(exported)
    some = list(csv.DictReader(io.StringIO(coloured("watch", "a", "--csv", "-m", "val/*").stdout)))
    assert [row["metric"] for row in some] == ["val/loss"]


def test_where_points_go_into_a_file_what_was_written_is_said(here: Path) -> None:
    done = coloured("export", "a", "-o", "x.jsonl", "--json")

    assert json.loads(done.stdout) == {"path": "x.jsonl", "format": "jsonl", "rows": 3, "runs": 1}
    assert len(Path("x.jsonl").read_text().splitlines()) == 3


def test_syncs_rows_are_one_for_each_tracker_and_one_for_a_run_that_has_none(here: Path) -> None:
    done = coloured("sync", "runs/a", "gone", "--csv")

    first, second = csv.DictReader(io.StringIO(done.stdout))
    assert (first["tracker"], first["verdict"], first["complete"], first["why"]) == (
        "CsvLogger",
        "complete",
        "True",
        "",
    )
    assert (second["tracker"], second["verdict"], "holds no run" in second["why"]) == ("", "missing", True)
    assert done.exit_code == 4


def test_what_is_printed_is_no_data(here: Path) -> None:
    assert coloured("show", "a", "--console", "--json").exit_code == 2


@pytest.mark.parametrize("name", ["show", "compare", "plot", "watch", "export"])
def test_a_pattern_means_the_metrics_that_fit_in_each_command(here: Path, name: str) -> None:
    said = coloured(name, *ARGUMENTS[name], "-m", "val/*").stdout

    assert "val/loss" in said
    assert "odd" not in said


@pytest.mark.parametrize("name", ["show", "compare", "plot", "export"])
def test_a_pattern_that_no_metric_fits_is_told(here: Path, name: str) -> None:
    assert coloured(name, *ARGUMENTS[name], "-m", "val/z*").exit_code == 1


@pytest.mark.parametrize("more", [["--long"], ["--wide"], ["--wide", "--steps", "0:"], ["--long", "--steps", "0:0"]])
def test_times_are_times_in_parquet_whatever_is_chosen(here: Path, more: list[str]) -> None:
    polars = pytest.importorskip("polars")
    assert coloured("export", "a", "b", *more, "-o", "x.parquet").exit_code == 0

    found = polars.read_parquet("x.parquet")
    assert str(found.schema["time"]) == "Datetime(time_unit='ms', time_zone='UTC')"
    assert found.null_count()["run"].item() == found.null_count()["time"].item() == 0


@pytest.mark.parametrize("name", ["export", "plot", "compare"])
def test_two_runs_of_one_name_are_told_apart_by_their_directories(here: Path, name: str) -> None:
    with tracking(output_run="runs/c", name="a", environment=False) as t:
        t.log(0, {"loss": 7})

    said = coloured(name, "runs/a", "runs/c", "--csv").stdout

    assert (f"{here}/runs/a" in said, f"{here}/runs/c" in said) == (True, True)
    assert f"{here}" not in coloured(name, "runs/a", "runs/b", "--csv").stdout
    if name == "export":
        wide = coloured(name, "runs/a", "runs/c", "--wide", "--csv").stdout
        assert {row["run"] for row in csv.DictReader(io.StringIO(wide))} == {f"{here}/runs/a", f"{here}/runs/c"}
