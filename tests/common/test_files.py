"""Folders that only their owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tracklib._common.files import make_folder


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
