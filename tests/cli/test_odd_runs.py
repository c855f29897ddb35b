"""What the commands say where something is missing, moved, refused, or more than there is room for."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import threading
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from running import tracklib

from tracklib import Trackers, load, tracking
from tracklib._delivery.delivered import Delivered
from tracklib._journal import layout
from tracklib.cli import doctor, importing, serve, sync_outcome, watch
from tracklib.cli.commands import main
from tracklib.cli.tables import print_csv
from tracklib.cli.words import cut, shown, size, sparkline
from tracklib.errors import RunDirectoryError
from tracklib.reading import following


def finished(directory: Path, logs: int = 3, **options: Any) -> Path:
    with tracking(output_run=directory, environment=False, **options) as t:
        for epoch in range(logs):
            t.log(epoch, {"loss": 1 / (epoch + 1)})
    return directory


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return finished(tmp_path / "runs/run")


# Which run is meant --------------------------------------------------------------------------------------------------


def test_one_run_is_asked_for_where_a_folder_holds_several_or_none(tmp_path: Path) -> None:
    for name in ("a", "b"):
        finished(tmp_path / name)
    (tmp_path / "empty").mkdir()

    several, none = tracklib("show", tmp_path), tracklib("show", tmp_path / "empty")

    assert (several.exit_code, several.stderr) == (1, f"Error: {tmp_path} holds 2 runs: name one of them\n")
    assert (none.exit_code, none.stderr) == (1, f"Error: {tmp_path / 'empty'} holds no run\n")
    newest = tracklib("show", "--root", tmp_path / "empty").stderr
    assert newest == f"Error: there is no run in {tmp_path / 'empty'}/: name one, or another --root\n"
    assert tracklib("ls", tmp_path / "empty").stderr == f"Error: there is no run in {tmp_path / 'empty'}\n"


def test_a_run_that_cannot_be_read_is_a_message_wherever_it_was_named(run: Path) -> None:
    journal = run / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"format":1', b'"format":7'))  # and the checksum is wrong
    (run / "state/begin.json").unlink(missing_ok=True)
    for file in (run / "state").iterdir():
        file.unlink()

    named, listed = tracklib("show", run), tracklib("ls", run.parent)

    assert (named.exit_code, "holds no run that can be told" in named.stderr) == (1, True)
    assert (listed.exit_code, "no run is left: none of them can be read" in listed.stderr) == (1, True)


def test_a_command_that_is_none_is_named_and_help_names_those_there_are() -> None:
    assert "No such command 'lst'" in tracklib("lst").stderr
    said = tracklib("--help").output
    assert all(f"  {name} " in said for name in main.list_commands(click.Context(main)))


# Tables --------------------------------------------------------------------------------------------------------------


def test_a_run_without_an_epoch_has_an_empty_cell_beside_one_that_has(tmp_path: Path) -> None:
    finished(tmp_path / "a")
    with tracking(output_run=tmp_path / "b", environment=False) as t:
        t.log(5, {"loss": 1.0}, axis="step")

    lines = tracklib("ls", tmp_path, "--columns", "name,epoch,loss", "--md").output.splitlines()
    assert lines[2:] == ["| a | 2 | 0.3333 |", "| b |  | 1 |"]


def test_the_last_column_of_many_runs_is_named_where_there_is_no_room(tmp_path: Path) -> None:
    for number in range(12):
        finished(tmp_path / f"a-run-with-a-long-name-{number:02}", params={"lr": number})

    said = tracklib("compare", tmp_path, columns=60).output
    assert "not shown: " in said
    assert " (--csv and --md have all" in said
    assert tracklib("compare", tmp_path, "--md").output.splitlines()[2].startswith("| lr | 0 | 1 | 2 |")


def test_no_run_has_a_star_where_they_disagree_about_what_is_better(tmp_path: Path) -> None:
    for name, mode in (("a", "min"), ("b", "max")):
        finished(tmp_path / name, best={"loss": mode})
    assert "*" not in tracklib("ls", tmp_path).output


def test_groups_are_csv_with_a_deviation_for_each_metric(tmp_path: Path) -> None:
    for name, logs in (("a", 1), ("b", 2)):
        finished(tmp_path / name, logs, params={"lr": 1})
    finished(tmp_path / "c", 0)

    rows = list(csv.DictReader(io.StringIO(tracklib("ls", tmp_path, "--group", "lr", "--csv").output)))
    assert rows[0] | {"loss deviation": ""} == {"lr": "1", "runs": "2", "loss": "0.75", "loss deviation": ""}
    assert float(rows[0]["loss deviation"]) == pytest.approx(0.25 * 2**0.5)
    assert rows[1] == {"lr": "none", "runs": "1", "loss": "", "loss deviation": ""}


def test_csv_in_a_terminal_steers_nothing_and_in_a_pipe_is_what_it_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_csv(["na\x1bme"], [["a\x1b[31mb"], [1.5], [None], ["=1"]])
    piped = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_csv(["na\x1bme"], [["a\x1b[31mb"], [1.5], [None], ["=1"]])

    assert piped == 'na\x1bme\na\x1b[31mb\n1.5\n""\n\'=1\n'
    assert capsys.readouterr().out == piped.replace("\x1b", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (shown(True), "true"),
        (size(5), "5 B"),
        (size(2_500), "2.5 KB"),
        (size(3_000_000_000_000), "3000 GB"),
        (cut("日本語です", 6), "日本…"),
        (cut("日本", 4), "日本"),
        (sparkline([]), ""),
        (sparkline([1, 1]), "▄▄"),
    ],
)
def test_words_are_as_wide_as_they_are(said: str, expected: str) -> None:
    assert said == expected


# Showing -------------------------------------------------------------------------------------------------------------


def test_show_has_the_error_the_damage_the_distributions_and_what_there_was_no_room_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two"), tracking(output_run=tmp_path / "run", environment=False) as t:
        t.log_histogram(0, {"weights": [1.0, 2.0], "odd": [float("nan")]})
        t.log(0, {"a rather long name of a metric": 1.0})
        raise ValueError("line one\nand two")
    with open(tmp_path / "run/journal.jsonl", "ab") as journal:
        journal.write(b"damaged\n")

    said = tracklib("show", tmp_path / "run", columns=40).output
    assert "ValueError: line one and two\n" in said
    assert "1 damaged line of the journal passed over\n" in said
    assert "weights (1; epoch 0: 1.5 ± 0.5, 1 to 2)" in said
    assert "odd (1; epoch 0: NaN and infinities only)" in said
    assert "not shown: " in said


def test_the_patch_is_shown_without_what_would_steer_the_terminal_or_it_is_said_that_there_is_none(run: Path) -> None:
    with tracking(output_run=run.parent / "changed", environment=False) as t:
        (run.parent / "git.patch").write_text("+a\x1b[31m\n-b\n")
        t.log_artifact(run.parent / "git.patch")

    assert tracklib("show", run.parent / "changed", "--patch").output.endswith("+a\N{REPLACEMENT CHARACTER}[31m\n-b\n")
    none = tracklib("show", run, "--patch")
    assert (none.exit_code, none.stderr) == (1, "Error: run has no git.patch: nothing differed, or nobody looked\n")
    assert "run has no console: it printed nothing" in tracklib("show", run, "--console").stderr


def test_what_a_run_printed_and_its_patch_are_never_read_through_a_link_or_out_of_a_pipe(run: Path) -> None:
    with tracking(output_run=run.parent / "changed", environment=False) as t:
        t.log_text("git.patch", "+a")
    changed, secret = run.parent / "changed", run.parent / "secret"
    secret.write_text("somebody else's")
    kept = changed / layout.ARTIFACTS / "git.patch"
    kept.unlink()
    for path in (kept, changed / layout.CONSOLE):
        path.symlink_to(secret)
    os.mkfifo(changed / layout.ALERTS)

    assert "has no git.patch" in tracklib("show", changed, "--patch").stderr
    assert "has no console" in tracklib("show", changed, "--console").stderr
    assert load(changed).alerts == []


def test_the_console_is_its_end(run: Path) -> None:
    (run / layout.CONSOLE).write_text("\n".join(map(str, range(300))))

    lines = tracklib("show", run, "--console").output.splitlines()
    assert (len(lines), lines[-1]) == (200, "299")


def test_more_runs_than_there_are_colours_are_counted_below_a_chart(tmp_path: Path) -> None:
    for number in range(9):
        finished(tmp_path / str(number))
    assert "not drawn: 2 more runs" in tracklib("plot", tmp_path).output


# Watching ------------------------------------------------------------------------------------------------------------


def test_a_picture_stays_in_its_place_until_the_runs_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t = Trackers([], output_run=str(tmp_path / "run"))
    t.init()
    happens: Iterator[Callable[[], object]] = iter([lambda: t.log(0, {"loss": 0.5, "val/loss": 2.0}), t.finish])
    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=lambda seconds: next(happens)()))
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    said = CliRunner().invoke(main, ["watch", str(tmp_path / "run"), "-m", "val/*"], color=True).output

    first, second, last = map(click.unstyle, re.split("\x1b\\[.A\x1b\\[0J", said))
    assert (first.startswith("run  running"), first.count("\n")) == (True, 1)
    assert "val/loss" in second
    assert "  loss " not in second
    assert last.startswith("run  finished")


@pytest.mark.parametrize(("more", "sleeper"), [([], watch), (["--json"], watch), (["--csv"], following)])
def test_ctrl_c_ends_the_watching_and_says_nothing_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], sleeper: ModuleType
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sleeper, "time", SimpleNamespace(sleep=interrupted))
    with tracking(output_run=tmp_path / "run", environment=False):
        done = tracklib("watch", tmp_path / "run", *more)

    assert (done.exit_code, done.stderr) == (130, "")


def test_a_picture_is_no_wider_and_no_higher_than_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tracking(output_run=tmp_path / ("a-long-name" * 9), environment=False) as t:
        t.log(0, {f"a-metric-with-a-long-name-{i}": float(i) for i in range(50)})
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("LINES", "10")
    (directory,) = tmp_path.iterdir()

    lines = click.unstyle(watch._picture(load(directory), ["*"])).splitlines()
    assert (len(lines), lines[-1]) == (9, "and 43 more: -m NAME says which are shown")
    assert max(map(len, lines)) <= 50


# Exporting -----------------------------------------------------------------------------------------------------------


def test_wide_has_the_metrics_that_fit(run: Path) -> None:
    assert tracklib("export", run, "--wide", "-m", "lo*").output.splitlines()[0] == "run,epoch,time,loss"
    assert tracklib("export", run, "--wide", "-m", "none").output.splitlines()[0] == "run,epoch,time"


def test_parquet_needs_a_file_and_a_package_and_leaves_nothing_where_it_has_none(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Parquet needs a file: -o x.parquet" in tracklib("export", run, "--format", "parquet").stderr
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    if "polars" in sys.modules or pytest.importorskip("polars"):
        assert tracklib("export", run, "-o", tmp_path / "by-polars.parquet").exit_code == 0
    monkeypatch.setitem(sys.modules, "polars", None)

    done = tracklib("export", run, "-o", tmp_path / "x.parquet")

    assert (done.exit_code, "Parquet needs pyarrow or polars: pip install pyarrow" in done.stderr) == (1, True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["by-polars.parquet", "runs"]


def test_a_file_that_cannot_be_written_is_a_message_and_no_part_of_it_stays(run: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()

    done = tracklib("export", run, "-o", tmp_path / "x.csv/")
    missing = tracklib("export", run, "-o", tmp_path / "no/such/x.csv")

    assert done.exit_code != 0
    assert (missing.exit_code, "cannot be written (No such file or directory)" in missing.stderr) == (1, True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["runs", "x.csv"]


def test_a_pipe_is_written_into_and_stays_one(run: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    assert tracklib("export", run, "-o", tmp_path / "pipe", "--format", "csv").exit_code == 0

    assert os.read(reading, 4096).startswith(b"run,metric,axis,step,time,value\nrun,loss,")
    os.close(reading)
    assert (tmp_path / "pipe").is_fifo()


def test_a_run_whose_path_is_no_utf_8_is_kept_read_shown_and_deleted(tmp_path: Path) -> None:
    directory = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9"))
    finished(directory, params={"path": str(directory)})

    for words in (
        ["show"],
        ["show", "--json"],
        ["ls"],
        ["ls", "--json"],
        ["ls", "--csv"],
        ["sync"],
        ["export", "--summary"],
    ):
        done = tracklib(words[0], directory, *words[1:])
        assert (done.exit_code, done.exception) == (0, None) or words == ["sync"], words
    assert tracklib("report", directory, "-o", tmp_path / "page.html").exit_code == 0
    assert tracklib("sync", directory, "--json").exit_code == 0
    assert tracklib("rm", directory, "-y").exit_code == 0
    assert not directory.exists()


# Reports and pages ---------------------------------------------------------------------------------------------------


def test_the_browser_is_asked_for_where_it_is_wanted(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def end(self: serve.Server, poll_interval: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(serve.Server, "serve_forever", end)
    tracklib("report", run, "-o", tmp_path / "page.html", "--open")
    said = tracklib("serve", run.parent, "--open").output

    assert opened == [f"file://{tmp_path / 'page.html'}", said.splitlines()[0]]


def test_a_port_that_is_taken_is_a_message(run: Path) -> None:
    with serve.Server(serve.Source(str(run.parent), None, 5), str(run.parent)) as server:
        done = tracklib("serve", run.parent, "--port", server.server_port)
    assert (done.exit_code, "name another with --port" in done.stderr) == (1, True)


def test_a_run_that_was_deleted_is_news_for_an_open_page(run: Path) -> None:
    source = serve.Source(str(run.parent), None, 5)
    before = source.mark()
    (run / "journal.jsonl").unlink()
    assert source.mark() != before


# Tending -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tracker", "said"),
    [
        (Delivered("X", 2, 0, False), "X: 2 records not delivered"),
        (Delivered("X", 0, 0, False), "X: the run's end is not told"),
        (Delivered("X", 0, 3, True), "X: 3 records refused (see rejected.jsonl)"),
        (Delivered("X", 0, 0, True), "1 run in"),
    ],
)
def test_the_doctor_says_what_a_tracker_has_not(
    run: Path, monkeypatch: pytest.MonkeyPatch, tracker: Delivered, said: str
) -> None:
    monkeypatch.setattr(doctor, "trackers_of", lambda run: [tracker])
    assert said in tracklib("doctor", run).output


def test_a_run_that_is_moved_while_the_doctor_looks_is_told_of_and_not_raised(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: object, **options: object) -> Any:
        raise RunDirectoryError("it was moved")

    monkeypatch.setattr(doctor, "earlier_run", gone)
    monkeypatch.setattr(doctor, "load", gone)
    assert "it was moved" in tracklib("doctor", run).output


def test_rm_asks_for_names_or_a_condition(run: Path) -> None:
    assert (tracklib("rm").exit_code, run.exists()) == (2, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "name the directory of a run, or --all ROOT"),
        (["RUN", "--dry-run", "--to", "{}"], "leave out --to"),
        (["RUN", "--to", "{"], "--to"),
        (["RUN", "--to", '{"type": "Nothing"}'], "Nothing"),
        (["--all", "nowhere"], "nowhere is no directory"),
    ],
)
def test_sync_refuses_what_it_cannot_mean_before_it_delivers(run: Path, words: list[str], why: str) -> None:
    done = tracklib("sync", *[str(run) if word == "RUN" else word for word in words])
    assert (done.exit_code, why in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (Delivered("X", 0, 0, True), sync_outcome.Verdict.COMPLETE),
        (Delivered("X", 0, 2, True), sync_outcome.Verdict.REFUSED),
        (Delivered("X", 1, 2, True), sync_outcome.Verdict.LEFT),
    ],
)
def test_a_dry_run_has_the_verdict_that_delivering_nothing_more_would_leave(
    run: Path, monkeypatch: pytest.MonkeyPatch, one: Delivered, verdict: sync_outcome.Verdict
) -> None:
    monkeypatch.setattr(sync_outcome, "delivered", lambda *arguments: [one])
    assert tracklib("sync", run, "--dry-run").exit_code == verdict


def test_sync_says_what_was_damaged(run: Path) -> None:
    journal = run / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], b"damaged\n", *lines[2:]]))
    (run / "state/CsvLogger.json").unlink()

    assert f"{run}: 1 damaged line of the journal passed over" in tracklib("sync", run).output


def test_an_import_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError("No module named 'wandb'")

    monkeypatch.setattr(importing, "import_module", missing)
    said = tracklib("import", "wandb", tmp_path).stderr
    assert said == "Error: wandb is not installed (No module named 'wandb'): pip install 'tracklib-ml[wandb]'\n"


def test_a_run_that_cannot_be_deleted_is_a_message(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise OSError(28, "No space left on device")

    def in_use(directory: str) -> None:
        raise RunDirectoryError("a process has it")

    (run / "metrics.csv").unlink()
    monkeypatch.setattr("shutil.rmtree", refuse)
    refused = tracklib("rm", run, "-y")
    monkeypatch.setattr("tracklib.cli.rm.held", in_use)
    held = tracklib("rm", run, "-y")

    assert refused.exit_code == 1
    assert "cannot be deleted (No space left on device): all of it is still there" in refused.stderr
    assert (held.exit_code, held.stderr) == (1, "Error: a process has it\n")


def test_a_run_that_was_deleted_in_part_says_what_is_left(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("shutil.rmtree", refuse)
    assert re.search(r"\(Input/output error\): \d files of \d are left", tracklib("rm", run, "-y").stderr)


def test_the_served_page_is_asked_for_its_head_and_for_points(run: Path) -> None:
    with serve.Server(serve.Source(str(run.parent), None, 5), str(run.parent)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        head = urllib.request.urlopen(urllib.request.Request(server.address, method="HEAD"), timeout=30)
        points = json.load(urllib.request.urlopen(f"{server.address}points?from=0&to=2", timeout=30))
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(f"{server.address}points?from=x", timeout=30)
        server.shutdown()

    assert (head.status, head.read(), "ETag" in head.headers) == (200, b"", True)
    assert list(points) == ["runs", "arrays"]
