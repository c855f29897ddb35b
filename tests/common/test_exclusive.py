"""A lock file that keeps others out, and is not left behind."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest

from tracklib._common.exclusive import alone


def test_of_many_threads_one_is_in_the_block_at_a_time_and_no_file_is_left(tmp_path: Path) -> None:
    inside: list[int] = []
    seen: list[int] = []

    def take_turns() -> None:
        for _ in range(50):
            with alone(str(tmp_path / "x.lock")):
                inside.append(1)
                seen.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=take_turns) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 400
    assert os.listdir(tmp_path) == []


def test_where_there_is_no_folder_for_it_nobody_is_kept_out(tmp_path: Path) -> None:
    with alone(str(tmp_path / "none" / "x.lock")):
        assert os.listdir(tmp_path) == []


def test_where_the_file_system_knows_no_locks_nobody_is_kept_out_and_nothing_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, how: int) -> None:
        refused.append(fd)
        raise OSError(errno.ENOLCK, "no locks available")

    refused: list[int] = []
    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone(str(tmp_path / "x.lock")), alone(str(tmp_path / "x.lock")):
        assert len(refused) == 2
    for fd in refused:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
