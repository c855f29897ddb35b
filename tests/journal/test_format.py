"""A format that this version does not know: refused everywhere, with the mend in the message, and nothing touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from lines import checked, line_of

from tracklib import RunDirectoryError, load, runs, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.reader import Reader
from tracklib._journal.tail import last_record
from tracklib.cli.commands import main

NEWER = r"was written by a newer tracklib \(format 2\); this one reads up to 1: upgrade"
BEGIN_OF_TOMORROW = b'{"type":"begin","format":2,"run":{"id":"u"},"time":"2030-01-01"}'


def of_tomorrow(directory: Path, second_copy: bool = True) -> None:
    """A run whose every file says format 2, and little that format 1 knows."""
    (directory / "state").mkdir(parents=True)
    said = [BEGIN_OF_TOMORROW, b'{"type":"log","at":[0,1],"values":[0.5]}']
    (directory / "journal.jsonl").write_bytes(b"".join(map(line_of, said)))
    (directory / "metrics.csv").write_text("epoch,loss\n0,0.5\n")
    if second_copy:
        (directory / "state/begin.json").write_bytes(line_of(BEGIN_OF_TOMORROW))


def goes_on_tomorrow(directory: Path) -> None:
    """A run of today that was resumed tomorrow; this version has nothing else to know it by than the journal."""
    with tracking(output_run=directory) as run:
        run.log(0, {"loss": 0.5})
    with open(directory / "journal.jsonl", "ab") as file:
        file.write(line_of(BEGIN_OF_TOMORROW))
    shutil.rmtree(directory / "state")


def has_a_state_of_tomorrow(directory: Path) -> None:
    """A run of today to which a newer version has delivered, copied without its lock."""
    with tracking(output_run=directory) as run:
        run.log(0, {"loss": 0.5})
    (directory / "state/CsvLogger.json").write_bytes(line_of(b'{"format":2,"cursors":[5]}'))
    (directory / "journal.lock").unlink()


def content(directory: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(directory.rglob("*"))}


def resume(directory: Path) -> None:
    with tracking(output_run=directory, resume=True):
        pass


def begin_anew(directory: Path) -> None:
    with tracking(output_run=directory):
        pass


def resume_on_another_rank(directory: Path) -> None:
    with tracking(output_run=directory, resume=True, rank=1):
        pass


def deliver(directory: Path) -> None:
    sync(str(directory))


def deliver_elsewhere(directory: Path) -> None:
    sync(str(directory), [{"type": "CsvLogger", "csv_filename": "again.csv"}])


RUNS = [of_tomorrow, goes_on_tomorrow, has_a_state_of_tomorrow]
DOORS = [resume, begin_anew, deliver, deliver_elsewhere]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("run", RUNS)
def test_a_newer_format_is_refused_and_nothing_is_touched(
    run: Callable[[Path], None], door: Callable[[Path], None], tmp_path: Path
) -> None:
    run(tmp_path / "run")
    before = content(tmp_path / "run")
    with pytest.raises(RunDirectoryError, match=NEWER) as refused:
        door(tmp_path / "run")
    assert str(refused.value).startswith(str(tmp_path / "run"))
    assert content(tmp_path / "run") == before


@pytest.mark.parametrize("run", [of_tomorrow, goes_on_tomorrow])
def test_another_rank_refuses_a_newer_format_too(run: Callable[[Path], None], tmp_path: Path) -> None:
    run(tmp_path / "run")
    before = content(tmp_path / "run")
    with pytest.raises(RunDirectoryError, match=NEWER) as refused:
        resume_on_another_rank(tmp_path / "run")
    assert str(refused.value).startswith(str(tmp_path / "run"))
    assert content(tmp_path / "run") == before


def test_a_newer_format_is_known_by_the_journal_alone(tmp_path: Path) -> None:
    of_tomorrow(tmp_path / "run", second_copy=False)
    for door in DOORS:
        with pytest.raises(RunDirectoryError, match=NEWER):
            door(tmp_path / "run")
    assert sorted(os.listdir(tmp_path / "run")) == ["journal.jsonl", "metrics.csv", "state"]


def test_a_reader_refuses_a_newer_format_where_it_begins(tmp_path: Path) -> None:
    goes_on_tomorrow(tmp_path / "run")
    path = str(tmp_path / "run/journal.jsonl")
    for _ in range(2):
        with pytest.raises(RunDirectoryError, match=NEWER) as refused:
            Reader(path).read()
        assert path in str(refused.value)
    with pytest.raises(RunDirectoryError, match=NEWER):
        last_record(path)


@pytest.mark.parametrize("run", [of_tomorrow, goes_on_tomorrow])
def test_reading_refuses_a_newer_format_and_of_many_runs_says_which_it_is(
    run: Callable[[Path], None], tmp_path: Path
) -> None:
    run(tmp_path / "a")
    with tracking(output_run=tmp_path / "b"):
        pass
    before = content(tmp_path)
    with pytest.raises(RunDirectoryError, match=NEWER):
        load(tmp_path / "a")
    found = runs(tmp_path)
    assert [one.directory for one in found] == [str(tmp_path / "b")]
    assert "written by a newer tracklib (format 2)" in str(found.unreadable)
    assert content(tmp_path) == before


def test_the_command_line_says_so_and_goes_on_with_the_next_run(tmp_path: Path) -> None:
    of_tomorrow(tmp_path / "a")
    with tracking(output_run=tmp_path / "b"):
        pass
    said = CliRunner().invoke(main, ["sync", "--all", str(tmp_path)])
    assert said.exit_code == 5
    assert "(format 2); this one reads up to 1: upgrade with pip install -U tracklib-ml" in said.stderr
    assert f"{tmp_path}/b: CsvLogger: 0 records delivered, complete" in said.stdout


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_no_version_wrote_is_refused_as_well(number: int, tmp_path: Path) -> None:
    of_tomorrow(tmp_path / "run", second_copy=False)
    body = BEGIN_OF_TOMORROW.replace(b"2", str(number).encode(), 1)
    (tmp_path / "run/journal.jsonl").write_bytes(line_of(body))
    with pytest.raises(RunDirectoryError, match=f"in format {number}, which no tracklib wrote; this one reads 1"):
        resume(tmp_path / "run")


def test_a_damaged_line_says_nothing_about_the_format(tmp_path: Path) -> None:
    resume(tmp_path / "run")
    with open(tmp_path / "run/journal.jsonl", "ab") as file:
        file.write(checked(BEGIN_OF_TOMORROW).replace(b"format", b"formal") + b"\n")
    (tmp_path / "run/state/CsvLogger.json").write_bytes(b'{"crc":"00000000","format":2}\n')
    resume(tmp_path / "run")


def test_all_that_is_kept_beside_the_journal_says_its_format(tmp_path: Path) -> None:
    resume(tmp_path / "run")
    states = list((tmp_path / "run/state").glob("*.json"))
    assert len(states) == 2
    for state in states:
        assert b'"format":1' in state.read_bytes()
