"""Files and folders that only their owner can read: made, put in place whole, copied."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from tracklib._common.files import checked_file_name, checksum, copy_whole, link_whole, make_folder, placed
from tracklib._common.modes import grant


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_folder_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    make_folder(str(tmp_path / "a/b/c"))
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o755)
    make_folder(str(tmp_path / "shared"))
    make_folder(str(tmp_path / "shared/mine"))
    assert (mode(tmp_path / "shared"), mode(tmp_path / "shared/mine")) == (0o755, 0o700)


def test_a_relative_path_is_made_where_the_process_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_folder("a")
    make_folder("b/c")
    assert sorted(os.listdir()) == ["a", "b"]


@pytest.mark.parametrize("path", ["file", "file/inner"])
def test_a_file_in_the_way_is_an_error_and_stays(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OSError, match="exists|Not a directory"):
        make_folder(str(tmp_path / path))
    assert (tmp_path / "file").read_text() == "precious"


def test_a_copy_takes_the_place_of_the_one_before_whatever_either_is(tmp_path: Path) -> None:
    file, folder, target = tmp_path / "file", tmp_path / "folder", tmp_path / "artifacts/m"
    file.write_text("file")
    folder.mkdir()
    (folder / "inner").write_text("folder")
    for source in (file, folder, file, file, folder, folder):
        with placed(str(target)) as new:
            copy_whole(str(source), new)
        copied = target / "inner" if source is folder else target
        assert copied.read_text() == source.name
    assert [path.name for path in target.parent.iterdir()] == ["m"]


def test_a_copy_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("whole")
    with placed(str(tmp_path / "artifacts/m")) as new:
        copy_whole(str(tmp_path / "file"), new)
    with pytest.raises(FileNotFoundError), placed(str(tmp_path / "artifacts/m")) as new:
        copy_whole(str(tmp_path / "gone"), new)
    assert (tmp_path / "artifacts/m").read_text() == "whole"
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == ["m"]


def test_a_link_stands_for_the_bytes_and_is_a_copy_on_another_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("bytes")
    link_whole(str(tmp_path / "folder"), str(tmp_path / "linked"))
    monkeypatch.setattr(os, "link", lambda *paths: os.open("/nowhere/to/link", 0))
    link_whole(str(tmp_path / "folder/file"), str(tmp_path / "copied"))
    assert os.path.samefile(tmp_path / "linked/file", tmp_path / "folder/file")
    assert (tmp_path / "copied").read_text() == "bytes"
    assert (tmp_path / "folder/file").stat().st_nlink == 2


def test_a_file_that_is_linked_into_a_folder_keeps_the_mode_that_its_owner_gave_it(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    (tmp_path / "model").chmod(0o644)
    with placed(str(tmp_path / "staged/model")) as new:
        link_whole(str(tmp_path / "model"), new)
    assert mode(tmp_path / "model") == 0o644


@pytest.mark.parametrize("was", ["file", "folder", None])
def test_ctrl_c_while_a_folder_takes_its_place_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str | None
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    target = tmp_path / "artifacts/m"
    target.parent.mkdir()
    if was == "file":
        target.write_text("before")
    elif was == "folder":
        target.mkdir()
    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), placed(str(target)) as new:
        os.mkdir(new)
    assert (target.is_file(), target.is_dir()) == (was == "file", was == "folder")
    assert len(os.listdir(target.parent)) == (was is not None)


def test_a_name_that_no_file_system_takes_is_refused_in_bytes() -> None:
    assert checked_file_name("é" * 127) == "é" * 127
    with pytest.raises(ValueError, match="has 256 bytes: a file's name may have 255"):
        checked_file_name("é" * 128)


def test_the_checksum_of_a_file_is_its_sha256_and_of_a_folder_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"weights")
    assert checksum(str(tmp_path / "file")) == hashlib.sha256(b"weights").hexdigest()
    assert checksum(str(tmp_path)) == ""


def test_what_is_shared_is_shared_whole_and_no_link_is_followed(tmp_path: Path) -> None:
    folder, mine = tmp_path / "run", tmp_path / "mine"
    (folder / "inner").mkdir(parents=True)
    for path in (folder / "inner/file", mine):
        path.touch(0o600)
    (folder / "link").symlink_to(mine)
    grant(str(folder), stat.S_IRWXG)
    assert (mode(folder / "inner/file"), mode(mine)) == (0o660, 0o600)
    assert mode(folder / "inner") & (stat.S_ISGID | stat.S_IRWXG) == stat.S_ISGID | stat.S_IRWXG
