"""What is written by a descriptor of ours, where somebody else may close it."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracklib._common import high_numbers
from tracklib._common.open_file import OpenFile, ask, content_of, pipe, put_in_place


def test_a_file_is_put_in_place_by_a_number_that_files_opened_next_do_not_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers: list[int] = []
    write = os.write

    def noted(fd: int, content: bytes) -> int:
        numbers.append(fd)
        return write(fd, content[:2])

    monkeypatch.setattr(os, "write", noted)
    put_in_place(str(tmp_path / "new"), str(tmp_path / "there"), b"whole")

    assert (tmp_path / "there").read_bytes() == b"whole"
    with open(tmp_path / "there") as users:
        assert min(numbers) > users.fileno() + 100


def test_where_somebody_closed_it_nothing_more_is_written_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").write_bytes(b"old")
    write, taken = os.write, []

    def closed_behind(fd: int, content: bytes) -> int:
        taken.append(fd)
        written = write(fd, content[:1])
        os.close(fd)
        os.dup2(users, fd)
        return written

    users = os.open(tmp_path / "users", os.O_WRONLY | os.O_CREAT)
    monkeypatch.setattr(os, "write", closed_behind)
    with pytest.raises(OSError, match="closed its descriptor"):
        put_in_place(str(tmp_path / "new"), str(tmp_path / "there"), b"ours")

    for fd in (users, *taken):  # the user's, which nobody else has closed
        os.close(fd)
    assert (tmp_path / "users").read_bytes() == b""
    assert (tmp_path / "there").read_bytes() == b"old"


class Thief:
    """Somebody who closes descriptors: once, as soon as ours has been asked for, and opens a file by its number."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "users"
        self.fds: list[int] = []

    def steals(self, fd: int) -> int:
        if not self.fds:
            os.close(fd)
            self.fds.append(os.open(self.path, os.O_RDWR | os.O_CREAT))
            assert self.fds == [fd]
        return fd

    def has_lost_nothing(self) -> bool:
        (fd,) = self.fds
        os.write(fd, b"user's")
        os.close(fd)
        return self.path.read_bytes() == b"user's"


@pytest.fixture
def thief(tmp_path: Path) -> Thief:
    return Thief(tmp_path)


def test_a_number_that_became_the_users_before_it_was_moved_is_his(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thief: Thief
) -> None:
    high = high_numbers._high
    monkeypatch.setattr(high_numbers, "_high", lambda fd, first: high(thief.steals(fd), first))
    put_in_place(str(tmp_path / "new"), str(tmp_path / "there"), b"ours")
    assert (tmp_path / "there").read_bytes() == b"ours"
    assert thief.has_lost_nothing()


def test_a_number_that_became_the_users_before_it_was_closed_is_his(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thief: Thief
) -> None:
    get_blocking = os.get_blocking
    monkeypatch.setattr(os, "get_blocking", lambda fd: get_blocking(thief.steals(fd)))
    put_in_place(str(tmp_path / "new"), str(tmp_path / "there"), b"ours")
    assert (tmp_path / "there").read_bytes() == b"ours"
    assert thief.has_lost_nothing()


def test_the_ends_of_a_pipe_are_made_anew_where_one_became_the_users(
    monkeypatch: pytest.MonkeyPatch, thief: Thief
) -> None:
    high = high_numbers._high
    monkeypatch.setattr(high_numbers, "_high", lambda fd, first: high(thief.steals(fd), first))
    reads, writes = pipe()
    writes.write(b"x")
    assert os.read(reads.fd, 1) == b"x"
    assert os.get_blocking(reads.fd)
    reads.close()
    writes.close()
    assert thief.has_lost_nothing()


def test_a_number_that_somebody_closed_is_not_the_next_file_of_ours(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"whole")
    closed, following = [OpenFile(str(tmp_path / "there"), os.O_RDONLY) for _ in range(2)]
    os.close(closed.fd)
    others = [OpenFile(str(tmp_path / "there"), os.O_RDONLY) for _ in range(50)]
    assert closed.fd not in [other.fd for other in others]
    before = closed.fd
    assert closed.checked() == before
    for file in (closed, following, *others):
        file.close()


def test_who_reads_is_asked_again_where_somebody_closes_the_file_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"whole")
    asked: list[int] = []

    def read(fd: int) -> bytes:
        asked.append(fd)
        if len(asked) == 1:
            os.close(fd)
        return os.pread(fd, 10, 0)

    file = OpenFile(str(tmp_path / "there"), os.O_RDONLY)
    assert file.ask(read) == b"whole"
    assert len(asked) == 2
    file.close()


def test_a_file_that_was_deleted_as_it_was_opened_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").write_bytes(b"whole")
    high = high_numbers._high

    def deleted_behind(fd: int, first: int) -> int:
        (tmp_path / "there").unlink(missing_ok=True)
        return high(fd, first)

    monkeypatch.setattr(high_numbers, "_high", deleted_behind)
    assert content_of(str(tmp_path / "there")) == b"whole"


def test_who_closes_everything_all_the_time_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(fd: int, first: int) -> int:
        os.close(fd)
        raise OSError(errno.EBADF, "closed")

    monkeypatch.setattr(high_numbers, "_high", closed)
    with pytest.raises(OSError, match="as soon as it is there"):
        put_in_place(str(tmp_path / "new"), str(tmp_path / "there"), b"ours")


@pytest.mark.parametrize("question", ["stat", "fstat"])
def test_a_disk_that_does_not_tell_who_a_file_is_leaves_nothing_open(
    question: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").write_bytes(b"whole")
    before = _open_ones()
    with monkeypatch.context() as patch:
        patch.setattr(os, question, _stale)
        for _ in range(3):
            with pytest.raises(OSError, match="stale"):
                content_of(str(tmp_path / "there"))
    assert _open_ones() == before
    assert content_of(str(tmp_path / "there")) == b"whole"


def test_a_file_is_closed_on_a_disk_that_no_longer_tells_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").write_bytes(b"whole")
    before = _open_ones()
    file = OpenFile(str(tmp_path / "there"), os.O_RDONLY)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", _stale)
        with pytest.raises(OSError, match="stale"):
            file.checked()
        file.close()
    assert _open_ones() == before


@pytest.fixture
def no_further_number() -> Iterator[None]:
    """One more file may be open, and no other beside it."""
    free = os.dup(0)
    os.close(free)
    _, most = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("no_further_number")
def test_where_as_many_are_open_as_may_be_a_file_is_read_by_the_number_that_it_got(tmp_path: Path) -> None:
    _write(tmp_path / "there", b"whole")
    assert content_of(str(tmp_path / "there")) == b"whole"


@pytest.mark.usefixtures("no_further_number")
def test_there_too_nothing_is_left_open_on_a_disk_that_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "there", b"whole")
    before = _open_ones()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", _stale)
        with pytest.raises(OSError, match="stale"):
            content_of(str(tmp_path / "there"))
    assert _open_ones() == before


def _write(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, content)
    os.close(fd)


def _renames_behind(path: Path, patch: pytest.MonkeyPatch) -> None:
    """Another file takes the place of the one at ``path`` while that is opened."""
    high = high_numbers._high

    def renamed(fd: int, first: int) -> int:
        if path.read_bytes() == b"old":
            path.rename(path.with_name("away"))
            path.write_bytes(b"new")
        return high(fd, first)

    patch.setattr(high_numbers, "_high", renamed)


def test_where_another_file_takes_its_place_as_it_is_opened_that_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").write_bytes(b"old")
    before = _open_ones()
    _renames_behind(tmp_path / "there", monkeypatch)
    assert content_of(str(tmp_path / "there")) == b"new"
    assert _open_ones() == before


def test_so_it_is_where_the_file_got_no_other_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").write_bytes(b"old")
    before = _open_ones()
    monkeypatch.setattr(fcntl, "fcntl", _too_many)
    _renames_behind(tmp_path / "there", monkeypatch)
    assert content_of(str(tmp_path / "there")) == b"new"
    monkeypatch.undo()
    assert _open_ones() == before


def _too_many(*_: object) -> int:
    raise OSError(errno.EMFILE, "too many open files")


def test_what_became_the_users_is_not_closed_where_the_disk_does_not_tell_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thief: Thief
) -> None:
    (tmp_path / "there").write_bytes(b"whole")
    high = high_numbers._high
    with monkeypatch.context() as patch:
        patch.setattr(high_numbers, "_high", lambda fd, first: high(thief.steals(fd), first))
        patch.setattr(os, "fstat", _stale)
        with pytest.raises(OSError, match="stale"):
            content_of(str(tmp_path / "there"))
    assert thief.has_lost_nothing()


def test_a_number_that_somebody_closed_before_it_was_moved_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").write_bytes(b"whole")
    high, closed = high_numbers._high, list[int]()

    def closed_before(fd: int, first: int) -> int:
        if not closed:
            os.close(fd)
            closed.append(fd)
        return high(fd, first)

    monkeypatch.setattr(high_numbers, "_high", closed_before)
    assert content_of(str(tmp_path / "there")) == b"whole"


def test_a_question_that_the_disk_refuses_is_asked_once(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"whole")
    asked: list[int] = []

    def refused(fd: int) -> bytes:
        asked.append(fd)
        raise OSError(errno.EIO, "input/output error")

    with pytest.raises(OSError, match="input/output error"):
        ask(str(tmp_path / "there"), refused)
    assert len(asked) == 1


def test_a_pipe_is_given_up_where_somebody_closes_everything_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(fd: int, first: int) -> int:
        os.close(fd)
        raise OSError(errno.EBADF, "closed")

    monkeypatch.setattr(high_numbers, "_high", closed)
    with pytest.raises(OSError, match="as soon as it is there"):
        pipe()


def test_what_was_closed_is_not_opened_anew_where_another_file_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"ours")
    (tmp_path / "new").write_bytes(b"other")
    file = OpenFile(str(tmp_path / "there"), os.O_RDONLY)
    os.close(file.fd)
    before = _open_ones()
    os.replace(tmp_path / "new", tmp_path / "there")
    with pytest.raises(OSError, match="another file is there now"):
        file.checked()
    assert _open_ones() == before


def test_nothing_is_written_where_the_disk_does_not_tell_whose_the_number_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = OpenFile(str(tmp_path / "there"), os.O_WRONLY | os.O_CREAT)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", _stale)
        with pytest.raises(OSError, match="the disk takes nothing"):
            file.write(b"ours")
    file.close()
    assert (tmp_path / "there").read_bytes() == b""


def test_who_asks_a_file_that_is_closed_each_time_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"whole")

    def closed(fd: int) -> bytes:
        os.close(fd)
        return os.pread(fd, 1, 0)

    with pytest.raises(OSError, match="as soon as it is there"):
        ask(str(tmp_path / "there"), closed)


def _stale(*_: object) -> None:
    raise OSError(errno.ESTALE, "stale")


def _open_ones() -> set[int]:
    """The numbers that are open, of those that ours may have; asked without opening a folder."""
    return {fd for fd in range(1200) if _is_open(fd)}


def _is_open(fd: int) -> bool:
    try:
        return bool(fcntl.fcntl(fd, fcntl.F_GETFD) + 1)
    except OSError:
        return False
