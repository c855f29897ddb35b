"""What is said in a run from outside: into its journal, or beside its owner."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kept import records, statuses

from tracklib import RunDirectoryError, tracking
from tracklib._journal.afterwards import say
from tracklib._journal.records import Note

NOTE = Note(time=0, text="looked at")


def texts(directory: Path) -> list[str]:
    return [note.text for note in records(directory, Note)]


def test_an_ended_run_gets_it_into_its_journal(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    assert say(str(tmp_path / "run"), [NOTE]) is False
    assert texts(tmp_path / "run") == ["looked at"]


def test_a_run_that_goes_on_takes_it_over_itself(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        assert say(str(tmp_path / "run"), [NOTE]) is True
    assert texts(tmp_path / "run") == ["looked at"]
    assert statuses(tmp_path / "run") == ["finished"]


def test_where_no_run_is_there_is_nothing_to_say_it_in(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="holds no run: no line of its journal"):
        say(str(tmp_path), [NOTE])


@contextmanager
def full_disk() -> Iterator[None]:
    """No file takes a byte more."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_full_disk_is_told_to_who_says_it(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    with full_disk(), pytest.raises(RunDirectoryError, match="cannot be written"):
        say(str(tmp_path / "run"), [NOTE])
    assert texts(tmp_path / "run") == []


def test_a_full_disk_beside_a_run_that_goes_on_is_told_too(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        with full_disk(), pytest.raises(RunDirectoryError, match="cannot be written: free some space"):
            say(str(tmp_path / "run"), [NOTE])
    assert texts(tmp_path / "run") == []


def test_where_it_cannot_lie_beside_the_run_the_error_names_the_directory(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        (tmp_path / "run/writers").touch()
        with pytest.raises(RunDirectoryError, match="run' cannot be used"):
            say(str(tmp_path / "run"), [NOTE])
