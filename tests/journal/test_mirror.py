"""A journal that somebody deletes while it is written is put back from the open file, byte for byte."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from scripted import log

from tracklib._journal import mirror as _mirror
from tracklib._journal.journal import Journal
from tracklib._journal.lock import held
from tracklib._journal.reader import Reader
from tracklib._journal.records import Log


class Written:
    """A journal in a directory of its own, and what is told of it."""

    def __init__(self, path: Path) -> None:
        self.directory = path / "run"
        self.directory.mkdir()
        self.path = self.directory / "journal.jsonl"
        self.told: list[str] = []
        self.journal = Journal(str(self.path), self.told.append)
        self.steps = 0

    def write(self, count: int = 3) -> None:
        for _ in range(count):
            self.journal.append(log(self.steps))
            self.steps += 1

    def content(self) -> bytes:
        """What the open file holds, wherever it lies."""
        return os.pread(self.journal._file.fd, self.journal.size, 0)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    written = Written(tmp_path)
    written.write()
    return written


def steps(path: Path) -> list[int]:
    reader = Reader(str(path))
    found = [entry.record.step for entry in reader.records() if isinstance(entry.record, Log)]
    assert reader.damaged == 0
    reader.close()
    return found


def test_a_journal_that_is_there_is_left_alone(written: Written) -> None:
    before = os.stat(written.path)
    written.journal.sync()
    assert os.stat(written.path).st_ino == before.st_ino
    assert written.told == []
    assert os.listdir(written.directory) == ["journal.jsonl"]


def test_a_deleted_journal_is_put_back_and_grows(written: Written) -> None:
    os.unlink(written.path)
    written.journal.sync()
    assert written.path.read_bytes() == written.content()
    written.write()
    written.journal.sync()
    written.write()
    written.journal.let_go()
    assert written.path.read_bytes() == written.content()
    assert steps(written.path) == list(range(9))


def test_a_deleted_directory_is_made_again_for_the_owner_only(written: Written) -> None:
    shutil.rmtree(written.directory)
    written.journal.sync()
    assert steps(written.path) == [0, 1, 2]
    assert stat.S_IMODE(written.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o600


def test_a_journal_that_is_deleted_again_and_again_is_put_back_and_told_once(written: Written) -> None:
    for _ in range(3):
        shutil.rmtree(written.directory)
        written.journal.sync()
        written.write()
    written.journal.let_go()
    assert steps(written.path) == list(range(written.steps))
    (message,) = written.told
    assert f"{written.path} was deleted while its run is going on" in message


def test_where_another_run_has_taken_the_place_the_copy_goes_into_its_previous(written: Written) -> None:
    os.unlink(written.path)
    written.path.write_text("another run's\n")
    written.journal.sync()
    written.write()
    written.journal.let_go()
    (restored,) = written.directory.glob("previous/restored-*/journal.jsonl")
    assert steps(restored) == list(range(6))
    assert written.path.read_text() == "another run's\n"
    assert written.journal.place == str(restored)
    assert str(restored) in written.told[0]


def test_a_copy_in_previous_that_is_deleted_too_is_put_back(written: Written) -> None:
    os.unlink(written.path)
    written.path.write_text("another run's\n")
    written.journal.sync()
    shutil.rmtree(written.directory)
    written.write()
    written.journal.let_go()
    assert steps(Path(written.journal.place)) == list(range(6))


def test_a_directory_that_was_moved_is_not_made_again(written: Written, tmp_path: Path) -> None:
    os.rename(written.directory, tmp_path / "moved")
    written.write()
    written.journal.let_go()
    assert not written.directory.exists()
    assert steps(tmp_path / "moved/journal.jsonl") == list(range(6))
    assert written.told == []


def test_a_disk_that_refuses_the_copy_is_tried_again(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, chunk: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    os.unlink(written.path)
    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", full)
        written.journal.sync()
        assert written.path.read_bytes() == b""
    written.journal.sync()
    assert written.path.read_bytes() == written.content()


@pytest.mark.parametrize("length", [1, 7, 100])
def test_short_writes_copy_all(written: Written, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, chunk, at: real(fd, chunk[:length], at))
    os.unlink(written.path)
    written.journal.sync()
    assert written.path.read_bytes() == written.content()


def test_a_journal_of_many_chunks_is_copied_whole(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mirror, "_CHUNK", 10)
    os.unlink(written.path)
    written.journal.sync()
    assert written.path.read_bytes() == written.content()


def test_a_copy_that_is_half_done_is_finished(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mirror, "_CHUNK", 50)
    real, calls = os.pwrite, []

    def fails_the_third_time(fd: int, chunk: bytes, at: int) -> int:
        calls.append(at)
        if len(calls) == 3:
            real(fd, chunk[:9], at)
            raise OSError(errno.EIO, "Input/output error")
        return real(fd, chunk, at)

    monkeypatch.setattr(os, "pwrite", fails_the_third_time)
    os.unlink(written.path)
    written.journal.sync()
    assert len(written.path.read_bytes()) == 109
    written.journal.sync()
    assert written.path.read_bytes() == written.content()


def test_two_threads_that_keep_it_at_once_mix_nothing_up(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mirror, "_CHUNK", 16)
    real = os.pread
    second = threading.Thread(target=written.journal.sync)

    def another_comes(fd: int, length: int, at: int) -> bytes:
        chunk = real(fd, length, at)
        if at == 32 and not second.ident:
            second.start()
            second.join(0.2)  # long enough to have it in the middle of the copy, were it let in
        return chunk

    os.unlink(written.path)
    monkeypatch.setattr(os, "pread", another_comes)
    written.journal.sync()
    second.join()
    assert written.path.read_bytes() == written.content()


def test_readers_that_have_it_open_go_on_at_their_offsets(written: Written) -> None:
    reader = Reader(str(written.path))
    assert len(reader.read()) == 3
    shutil.rmtree(written.directory)
    written.write()
    written.journal.sync()
    assert [entry.record.step for entry in reader.read()] == [3, 4, 5]  # type: ignore[union-attr]
    reader.close()


@pytest.mark.slow
def test_who_has_the_copy_owns_its_directory_until_the_run_is_over(written: Written) -> None:
    script = f"from tracklib._journal.lock import held\nwith held({str(written.directory)!r}): print('held')"

    def another_process() -> str:
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout

    with held(str(written.directory)):
        shutil.rmtree(written.directory)
        written.journal.sync()
        assert another_process() == ""
        shutil.rmtree(written.directory)
        written.journal.sync()
        assert another_process() == ""
        written.journal.let_go()
    assert another_process() == "held\n"


def test_letting_go_gives_every_descriptor_back(written: Written) -> None:
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        shutil.rmtree(written.directory)
        written.journal.sync()
    written.journal.let_go()
    assert len(os.listdir("/dev/fd")) == before
