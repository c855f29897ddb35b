"""What a full disk did not take lies in the folder for temporary files, and comes back exactly once."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from lines import body_of
from scripted import begin, end, log

from tracklib._journal.encoding import encode
from tracklib._journal.journal import Journal
from tracklib._journal.reader import Reader
from tracklib._journal.records import Log, Record
from tracklib._journal.spill import child_spill, remember, spill_folder, spill_path, spilled_begin, take_in


class Disk:
    """A run's journal and folder for temporary files, and a disk that can be full."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        (path / "tmp").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(path / "tmp"))
        self.temporary = path / "tmp"
        self.path = str(path / "journal.jsonl")

    def journal(self) -> Journal:
        return Journal(self.path, lambda trouble: None)

    def full(self, call: str = "write") -> pytest.MonkeyPatch:
        """The disk refuses from here on, until ``undo()``."""

        def refuse(*arguments: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch = pytest.MonkeyPatch()
        patch.setattr(os, call, refuse)
        return patch

    def spilled(self, *records: Record) -> str:
        """A run whose journal did not take ``records``, and what it left behind."""
        journal, full = self.journal(), self.full()
        for record in records:
            journal.append(record)
        full.undo()
        path = spill_path("u1")
        journal.spill(path)
        return path

    @property
    def records(self) -> list[bytes]:
        """The JSON of the journal's lines, each of which is a valid one."""
        reader = Reader(self.path)
        count = len(list(reader.records()))
        reader.close()
        found = [body_of(line) for line in Path(self.path).read_bytes().splitlines()]
        assert (len(found), reader.damaged) == (count, 0)
        return found


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path, monkeypatch)


def bodies(*records: Record) -> list[bytes]:
    return list(map(encode, records))


def test_what_was_spilled_is_appended_in_order_and_the_file_deleted(disk: Disk) -> None:
    disk.journal().append(log(0))
    path = disk.spilled(log(1), log(2), end())
    take_in(disk.journal(), "u1")
    assert disk.records == bodies(log(0), log(1), log(2), end())
    assert not os.path.exists(path)


def test_without_a_spilled_file_nothing_happens(disk: Disk) -> None:
    disk.journal().append(log(0))
    take_in(disk.journal(), "u1")
    assert disk.records == bodies(log(0))


@pytest.mark.parametrize("taken", range(4))
def test_a_crash_between_the_appends_and_the_deletion_doubles_nothing(disk: Disk, taken: int) -> None:
    spilled = [log(1), log(2), log(3)]
    disk.spilled(*spilled)
    for record in spilled[:taken]:  # what the crashed one got done
        disk.journal().append(record)
    take_in(disk.journal(), "u1")
    assert disk.records == bodies(*spilled)
    assert os.listdir(disk.temporary) == []


def test_a_deletion_that_fails_doubles_nothing_however_long_the_journal_has_grown(disk: Disk) -> None:
    disk.spilled(log(1))
    full = disk.full("unlink")
    with pytest.raises(OSError, match="No space left"):
        take_in(disk.journal(), "u1")
    full.undo()
    journal = disk.journal()
    long = {f"metric/{number}": 0.5 for number in range(100_000)}
    journal.append(Log(time=5_000, axis="epoch", step=9, metrics=long))  # 2 MB
    take_in(journal, "u1")
    assert disk.records.count(encode(log(1))) == 1
    assert os.listdir(disk.temporary) == []


def test_a_disk_that_is_still_full_keeps_the_spilled_file(disk: Disk) -> None:
    path = disk.spilled(log(1))
    journal, full = disk.journal(), disk.full()
    take_in(journal, "u1")
    full.undo()
    assert os.path.exists(path)
    assert journal.waiting == 1


def test_a_second_attempt_on_a_disk_that_is_still_full_spills_beside_the_first(disk: Disk) -> None:
    first = disk.spilled(log(1))
    journal, full = disk.journal(), disk.full()
    take_in(journal, "u1")
    journal.append(log(2))
    full.undo()
    second = spill_path("u1")
    journal.spill(second)
    assert second != first

    take_in(disk.journal(), "u1")

    assert disk.records == bodies(log(1), log(2))
    assert os.listdir(disk.temporary) == []


def test_ten_spilled_files_come_in_the_order_in_which_they_were_made(disk: Disk) -> None:
    for step in range(11):
        disk.spilled(log(step))
    take_in(disk.journal(), "u1")
    assert disk.records == bodies(*map(log, range(11)))


def test_a_spilled_file_that_was_cut_off_gives_its_whole_records(disk: Disk) -> None:
    path = disk.spilled(log(1), log(2))
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:-5])
    take_in(disk.journal(), "u1")
    assert disk.records == bodies(log(1))


def test_equal_records_of_one_file_are_all_taken_in(disk: Disk) -> None:
    disk.spilled(log(1), log(1))
    take_in(disk.journal(), "u1")
    assert disk.records == bodies(log(1), log(1))


def test_another_runs_file_is_left_alone(disk: Disk) -> None:
    path = disk.spilled(log(1))
    take_in(disk.journal(), "u2")
    assert disk.records == []
    assert os.path.exists(path)


@pytest.mark.parametrize(
    "make",
    [
        lambda path, kept: os.symlink(kept, path),
        lambda path, kept: os.mkfifo(path),
        lambda path, kept: os.mkdir(path),
    ],
    ids=["a link", "a pipe", "a folder"],
)
def test_what_others_may_have_put_there_is_neither_read_nor_overwritten(
    disk: Disk, make: Callable[[str, str], None], tmp_path: Path
) -> None:
    kept = tmp_path / "others.jsonl"
    os.rename(disk.spilled(log(1)), kept)
    make(spill_path("u1"), str(kept))
    disk.spilled(log(2))
    take_in(disk.journal(), "u1")
    assert disk.records == bodies(log(2))
    assert kept.exists()


def test_a_file_of_another_user_is_not_read(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.spilled(log(1))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    take_in(disk.journal(), "u1")
    assert disk.records == []


def test_a_file_that_vanishes_meanwhile_is_passed_over(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = disk.spilled(log(1))
    monkeypatch.setattr("glob.glob", lambda pattern: [path, path + "x"])
    take_in(disk.journal(), "u1")
    assert disk.records == bodies(log(1))


def test_what_a_disk_that_is_still_full_has_not_taken_is_told(disk: Disk) -> None:
    disk.spilled(log(1), end())
    journal = disk.journal()
    real, calls = os.write, []

    def fills_up(fd: int, line: bytes) -> int:
        calls.append(line)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", fills_up)
        assert take_in(journal, "u1") == [end()]
    assert take_in(disk.journal(), "u1") == []


def test_the_beginning_of_a_run_of_which_the_disk_took_nothing_is_found(disk: Disk, tmp_path: Path) -> None:
    disk.spilled(begin(), log(1))
    disk.spilled(begin(2), log(2))
    assert spilled_begin(str(tmp_path)) is None
    remember(str(tmp_path), "u1")
    assert stat.S_IMODE((tmp_path / "state/spilled-u1").stat().st_mode) == 0o600
    assert spilled_begin(str(tmp_path)) == begin(2)
    take_in(disk.journal(), "u1")
    assert spilled_begin(str(tmp_path)) is None
    assert os.listdir(tmp_path / "state") == []


def test_a_word_that_nothing_can_be_found_by_is_no_beginning(tmp_path: Path, disk: Disk) -> None:
    remember(str(tmp_path), "u1")
    assert spilled_begin(str(tmp_path)) is None


def test_where_no_word_can_be_left_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    remember(str(tmp_path), "u1")


def test_where_there_is_no_folder_for_temporary_files_nothing_is_kept_there_or_looked_for(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    disk.spilled(log(1))
    monkeypatch.setattr("tempfile.gettempdir", none)
    assert spill_folder() == ""
    assert child_spill("", "u1") == ""
    assert take_in(disk.journal(), "u1") == []
    with pytest.raises(FileNotFoundError):
        spill_path("u1")
