"""What was at a path at one moment, copied later."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tracklib._common import snapshots
from tracklib._common.snapshots import Changed, Snapshot


def test_a_file_is_copied_as_it_was_whatever_takes_its_name_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"old")
    with Snapshot(str(tmp_path / "model")) as snapshot:
        (tmp_path / "new").write_bytes(b"newer")
        os.replace(tmp_path / "new", tmp_path / "model")
        assert snapshot.copy(str(tmp_path / "copy")) == hashlib.sha256(b"old").hexdigest()
    assert (tmp_path / "copy").read_bytes() == b"old"


def test_what_is_written_into_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"old")
    with Snapshot(str(tmp_path / "model")) as snapshot:
        (tmp_path / "model").write_bytes(b"newer")
        with pytest.raises(Changed, match="written into while it was copied"):
            snapshot.copy(str(tmp_path / "copy"))


def test_a_folder_with_a_pipe_in_it_is_refused_and_nothing_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_bytes(b"weights")
    os.mkfifo(tmp_path / "folder/b")
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(OSError, match="neither a file nor a folder"):
        Snapshot(str(tmp_path / "folder"))
    assert len(os.listdir("/dev/fd")) == before


def test_a_folder_of_too_many_files_to_be_held_is_not_cloned(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for number in range(snapshots.FILES):
        (tmp_path / f"folder/{number}").touch()
    with Snapshot(str(tmp_path / "folder")) as snapshot:
        assert not snapshot.is_whole
        assert not snapshot.clone(str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_where_somebody_closed_the_file_the_users_own_is_not_copied_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"weights")
    (tmp_path / "users").write_bytes(b"other")
    with Snapshot(str(tmp_path / "model")) as snapshot, open(tmp_path / "users") as users:
        os.dup2(users.fileno(), snapshot._held[0].file.fd)
        number = snapshot._held[0].file.fd
        with pytest.raises(OSError, match="somebody closed the file while it was copied"):
            snapshot.copy(str(tmp_path / "copy"))
    os.close(number)
