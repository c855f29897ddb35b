"""How far a tracker is: what was stored is found again, or nothing at all is believed."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from scripted import begin, end, log

from tracklib._journal.journal import Journal
from tracklib._journal.layout import tracker_state
from tracklib._journal.state import (
    Saved,
    is_others,
    load,
    load_begin,
    states_of,
    store,
    store_begin,
    write_line,
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal with two records."""
    journal = Journal(str(tmp_path / "journal.jsonl"), pytest.fail)
    journal.append(begin())
    journal.append(log(1))
    return journal


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state/Mine.json")


def saved(journal: Journal) -> Saved:
    return Saved("u1", "", journal.size, 2, 1, end(), 1, 7, 3, {"run_id": "abc"})


def fresh() -> Saved:
    return Saved("u1")


def test_what_was_stored_is_found_again(journal: Journal, path: str) -> None:
    store(path, saved(journal))
    assert load(path, journal.path, "u1") == saved(journal)


def test_the_file_and_its_folder_are_the_owners_alone(journal: Journal, path: str) -> None:
    store(path, saved(journal))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert os.listdir(os.path.dirname(path)) == ["Mine.json"]


def test_the_file_is_json_for_whoever_reads_it(journal: Journal, path: str) -> None:
    store(path, saved(journal))
    assert json.loads(Path(path).read_bytes())["tracker"] == {"run_id": "abc"}


@pytest.mark.parametrize("bit", range(8))
def test_with_any_bit_flipped_nothing_is_believed(journal: Journal, path: str, bit: int) -> None:
    store(path, saved(journal))
    content = Path(path).read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << bit
        Path(path).write_bytes(flipped)
        assert load(path, journal.path, "u1") == fresh(), position


def test_with_any_byte_replaced_or_missing_nothing_is_believed(journal: Journal, path: str) -> None:
    store(path, saved(journal))
    content = Path(path).read_bytes()
    for position in range(len(content)):
        for byte in (b"", b"0" if content[position : position + 1] != b"0" else b"1"):
            Path(path).write_bytes(content[:position] + byte + content[position + 1 :])
            assert load(path, journal.path, "u1") == fresh(), position


def test_of_a_file_that_was_cut_off_nothing_is_believed(journal: Journal, path: str) -> None:
    store(path, saved(journal))
    content = Path(path).read_bytes()
    for length in range(len(content)):
        Path(path).write_bytes(content[:length])
        assert load(path, journal.path, "u1") == fresh()


@pytest.mark.parametrize("content", [b"", b"no json", b"null", b"[]", b"{}", b'{"offset": 3}', b"\0" * 200, b"\xff"])
def test_what_is_no_state_is_a_fresh_start(journal: Journal, path: str, content: bytes) -> None:
    os.mkdir(os.path.dirname(path))
    Path(path).write_bytes(content)
    assert load(path, journal.path, "u1") == fresh()


def test_a_missing_file_and_a_folder_in_its_place_are_a_fresh_start(journal: Journal, path: str) -> None:
    assert load(path, journal.path, "u1") == fresh()
    os.makedirs(path)
    assert load(path, journal.path, "u1") == fresh()


def test_another_runs_state_is_not_believed_though_its_offset_fits(journal: Journal, path: str) -> None:
    store(path, saved(journal))
    assert load(path, journal.path, "u2") == Saved("u2")


@pytest.mark.parametrize("offset", [-1, 1, 10**9])
def test_an_offset_at_which_no_line_begins_is_a_fresh_start(journal: Journal, path: str, offset: int) -> None:
    store(path, Saved("u1", "", offset, 1, tracker={"run_id": "abc"}))
    assert load(path, journal.path, "u1") == fresh()


def test_without_the_journal_only_the_beginning_is_believed(tmp_path: Path, path: str) -> None:
    for offset, found in ((0, Saved("u1", tracker={"run_id": "abc"})), (5, fresh())):
        store(path, Saved("u1", "", offset, tracker={"run_id": "abc"}))
        assert load(path, str(tmp_path / "none"), "u1") == found


def test_a_file_that_says_the_same_already_is_not_touched(journal: Journal, path: str) -> None:
    store(path, saved(journal))
    before = os.stat(path)
    store(path, saved(journal))
    after = os.stat(path)
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_write_that_fails_leaves_the_old_state(journal: Journal, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store(path, saved(journal))
    with monkeypatch.context() as disk:
        disk.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            store(path, fresh())
    assert load(path, journal.path, "u1") == saved(journal)
    store(path, fresh())
    assert load(path, journal.path, "u1") == fresh()


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path, journal: Journal, path: str) -> None:
    os.mkdir(os.path.dirname(path))
    os.symlink(tmp_path / "journal.jsonl", f"{path}.tmp")
    with pytest.raises(OSError, match="symbolic links"):
        store(path, saved(journal))
    assert journal.size > 0


# How the run began --------------------------------------------------------------------------------------


def test_the_beginning_has_a_second_copy(tmp_path: Path) -> None:
    store_begin(str(tmp_path), begin())
    assert load_begin(str(tmp_path)) == begin()
    assert stat.S_IMODE((tmp_path / "state/begin.json").stat().st_mode) == 0o600


def test_a_damaged_or_missing_copy_of_the_beginning_is_none(tmp_path: Path) -> None:
    assert load_begin(str(tmp_path)) is None
    store_begin(str(tmp_path), begin())
    content = (tmp_path / "state/begin.json").read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1
        (tmp_path / "state/begin.json").write_bytes(flipped)
        assert load_begin(str(tmp_path)) is None


def test_no_state_is_stored_in_a_directory_that_another_run_has_taken(
    tmp_path: Path, journal: Journal, path: str
) -> None:
    assert not is_others(str(tmp_path), "u1")
    store_begin(str(tmp_path), begin())
    store(path, saved(journal))
    assert is_others(str(tmp_path), "u2")
    with pytest.raises(FileExistsError, match="another run's"):
        store(path, Saved("u2"))
    assert load(path, journal.path, "u1") == saved(journal)


def test_what_trackers_of_a_run_remember_is_read_as_far_as_it_is_this_versions(tmp_path: Path) -> None:
    def keep(name: str, saved: Saved) -> None:
        write_line(tracker_state(str(tmp_path), name), saved)

    keep("Mlflow", Saved(uid="u1", tracker={"run_id": "abc"}))
    keep("Wandb", Saved(uid="another", tracker={"run_id": "xyz"}))
    assert states_of(str(tmp_path), "u1") == [{"run_id": "abc"}]
    keep("Newer", Saved(uid="u1", format=99))
    assert states_of(str(tmp_path), "u1") == []
