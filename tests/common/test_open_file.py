"""What is written by a descriptor of ours, where somebody else may close it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracklib._common.open_file import put_in_place


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
