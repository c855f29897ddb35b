"""The run that a directory holds already: whose it is, how it ended, and what its journal cannot tell any more."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from lines import line_of
from msgspec.structs import replace
from scripted import begin, end, log

from tracklib._journal.encoding import encode
from tracklib._journal.journal import Journal
from tracklib._journal.last_attempt import attempts_before, earlier_run, last_step, settled
from tracklib._journal.reader import Reader
from tracklib._journal.records import End, Record, Status
from tracklib._journal.spill import spill_path
from tracklib._journal.state import load_begin, store_begin


class Folder:
    """A run's directory with a journal."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.file = path / "journal.jsonl"

    def write(self, *records: Record) -> Folder:
        journal = self.journal()
        for record in records:
            journal.append(record)
        return self

    def journal(self) -> Journal:
        return Journal(str(self.file), pytest.fail)

    @property
    def records(self) -> list[Record]:
        reader = Reader(str(self.file))
        found = [entry.record for entry in reader.records()]
        reader.close()
        return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "run").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return Folder(tmp_path / "run")


def test_a_directory_without_a_journal_holds_no_run(folder: Folder) -> None:
    assert earlier_run(folder.path) is None


def test_a_journal_without_a_beginning_is_no_run(folder: Folder) -> None:
    assert earlier_run(folder.write(log(1), end()).path) is None


def test_a_run_that_ended_is_found_with_its_end_and_its_newest_time(folder: Folder) -> None:
    found = earlier_run(folder.write(begin(), log(1), end(Status.FAILED)).path)
    assert found is not None
    assert (found.begin, found.end, found.time) == (begin(), end(Status.FAILED), end().time)
    assert found.size == os.path.getsize(folder.file)


def test_a_run_that_was_cut_off_has_no_end(folder: Folder) -> None:
    found = earlier_run(folder.write(begin(), log(1)).path)
    assert found is not None
    assert (found.end, found.time) == (None, log(1).time)


def test_the_last_attempt_counts(folder: Folder) -> None:
    found = earlier_run(folder.write(begin(), end(), begin(2), log(1)).path)
    assert found is not None
    assert (found.begin.attempt, found.end) == (2, None)


def test_what_was_said_behind_the_end_does_not_hide_it(folder: Folder) -> None:
    found = earlier_run(folder.write(begin(), end(), replace(log(1), time=end().time + 5)).path)
    assert found is not None
    assert (found.end, found.time) == (end(), end().time + 5)


def test_a_damaged_beginning_is_found_in_its_second_copy(folder: Folder) -> None:
    folder.write(begin(), log(1))
    store_begin(folder.path, begin())
    content = bytearray(folder.file.read_bytes())
    content[20] ^= 1
    folder.file.write_bytes(content)
    found = earlier_run(folder.path)
    assert found is not None
    assert found.begin == begin()


def test_a_damaged_beginning_of_a_later_attempt_is_found_in_its_second_copy(folder: Folder) -> None:
    folder.write(begin(), end(), log(1))
    store_begin(folder.path, begin(2))
    found = earlier_run(folder.path)
    assert found is not None
    assert (found.begin, found.end) == (begin(2), None)


@pytest.mark.parametrize("copy", [begin(1), replace(begin(3), uid="another")], ids=["older", "of another run"])
def test_a_second_copy_that_is_older_or_of_another_run_is_not_believed(folder: Folder, copy: Record) -> None:
    folder.write(begin(), end(), begin(2))
    store_begin(folder.path, copy)  # type: ignore[arg-type]
    found = earlier_run(folder.path)
    assert found is not None
    assert found.begin == begin(2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_journal_that_cannot_be_read_is_an_error(folder: Folder) -> None:
    folder.write(begin())
    folder.file.chmod(0)
    with pytest.raises(PermissionError):
        earlier_run(folder.path)


# Settled ------------------------------------------------------------------------------------------------


def settle(folder: Folder) -> tuple[Status | None, bool]:
    found = earlier_run(folder.path)
    assert found is not None
    run = settled(folder.journal(), found)
    return run.end.status if run.end else None, run.was_cut_off


def test_a_run_that_was_cut_off_is_killed_at_the_time_of_its_newest_record(folder: Folder) -> None:
    folder.write(begin(), log(1))
    assert settle(folder) == (Status.KILLED, True)
    assert folder.records[-1] == End(time=log(1).time, status=Status.KILLED)


def test_a_run_that_ended_stays_as_it_is_byte_for_byte(folder: Folder) -> None:
    folder.write(begin(), log(1), end(Status.FAILED))
    before = folder.file.read_bytes()
    assert settle(folder) == (Status.FAILED, False)
    assert folder.file.read_bytes() == before


def test_settling_twice_kills_once(folder: Folder) -> None:
    folder.write(begin(), log(1))
    settle(folder)
    assert settle(folder) == (Status.KILLED, False)
    assert sum(isinstance(record, End) for record in folder.records) == 1


def test_an_end_that_was_spilled_is_the_runs_end(folder: Folder, tmp_path: Path) -> None:
    folder.write(begin(), log(1), log(2), end(Status.FINISHED))
    lines = folder.file.read_bytes().splitlines(keepends=True)
    folder.file.write_bytes(b"".join(lines[:2]))
    Path(spill_path("u1")).write_bytes(b"".join(lines[2:]))
    assert settle(folder) == (Status.FINISHED, False)
    assert [record.time for record in folder.records] == [begin().time, log(1).time, log(2).time, end().time]


@pytest.mark.parametrize("spoil", ["damaged", "missing", "of another run"])
def test_settling_mends_the_second_copy_of_the_beginning(folder: Folder, spoil: str) -> None:
    folder.write(begin(), end())
    copy = Path(folder.path) / "state/begin.json"
    if spoil != "missing":
        store_begin(folder.path, replace(begin(), uid="another"))
    if spoil == "damaged":
        copy.write_bytes(copy.read_bytes()[:-3])
    settle(folder)
    assert load_begin(folder.path) == begin()


def test_a_second_copy_that_the_disk_refuses_stops_nothing(folder: Folder) -> None:
    folder.write(begin(), end())
    (Path(folder.path) / "state").write_text("a file")
    assert settle(folder) == (Status.FINISHED, False)


def test_an_end_that_still_waits_for_the_disk_is_the_runs_end(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, line: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    lines = [line_of(encode(record)) for record in (log(1), end(), begin(2))]
    for count, found in ((2, (Status.FINISHED, False)), (3, (Status.KILLED, True))):
        folder.file.unlink(missing_ok=True)
        folder.write(begin())
        Path(spill_path("u1")).write_bytes(b"".join(lines[:count]))
        earlier = earlier_run(folder.path)
        assert earlier is not None
        journal = Journal(str(folder.file), lambda trouble: None)
        with monkeypatch.context() as disk:
            disk.setattr(os, "write", full)
            run = settled(journal, earlier)
        assert (run.end and run.end.status, run.was_cut_off) == found
        assert run.begin.attempt == count - 1
        for path in Path(spill_path("u1")).parent.iterdir():
            path.unlink()


def test_a_torn_tail_is_closed_off_before_the_end(folder: Folder) -> None:
    folder.write(begin(), log(1), log(2))
    folder.file.write_bytes(folder.file.read_bytes()[:-1])  # the whole line, but for its LF
    assert settle(folder) == (Status.KILLED, True)
    assert [type(record).__name__ for record in folder.records] == ["Begin", "Log", "End"]


# The step that goes on ----------------------------------------------------------------------------------


def test_the_last_step_of_an_axis_is_that_before_the_run_went_on(folder: Folder) -> None:
    folder.write(begin(), log(4), replace(log(90), axis="batch"), replace(log(5), axis='a"b'), end())
    found = earlier_run(folder.path)
    assert found is not None
    folder.write(begin(2), log(7))
    assert [last_step(folder.path, axis, found) for axis in ("epoch", "batch", 'a"b', "none")] == [4, 90, 5, -1]


def test_a_copied_directory_is_the_same_run(folder: Folder, tmp_path: Path) -> None:
    folder.write(begin(), log(1), end())
    shutil.copytree(folder.path, tmp_path / "copy")
    assert earlier_run(str(tmp_path / "copy")) == earlier_run(folder.path)


def test_an_attempt_whose_beginning_is_not_in_the_journal_yet_has_nothing_before_it(folder: Folder) -> None:
    second = replace(begin(), attempt=2)
    assert attempts_before(folder.path, second) is None  # another rank's directory is not seen yet
    folder.write(begin(), log(0))
    assert attempts_before(folder.path, second) is None
    folder.write(second)
    before = attempts_before(folder.path, second)
    assert before is not None
    assert last_step(folder.path, "epoch", before) == 0
