"""A small journal, cut off at every byte and with every bit flipped, through a whole recovery by ``tracklib sync``.

Every byte and every single bit (some 5,000 recoveries) come with ``--long``; else those around each line's end, and
one bit of each fifth byte. What the reader makes of each of them is cheaper, and in ``test_journal.py``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tracklib import RunDirectoryError, tracking
from tracklib._delivery import giving_way
from tracklib._delivery.sync import sync
from tracklib._journal import journal as _journal
from tracklib._journal.reader import Reader
from tracklib._journal.records import Begin, End, Log, Record

pytestmark = pytest.mark.slow


class Small:
    """A run of four records, and directories that hold a damaged copy of it."""

    def __init__(self, path: Path, long: bool) -> None:
        self.path = path
        self.long = long
        self.directory = path / "damaged"
        with tracking(output_run=path / "whole") as run:
            run.log(1, {"loss": 0.5})
            run.log(2, {"loss": 0.25})
            run.log(3, {"loss": 0.125})
        self.content = (path / "whole/journal.jsonl").read_bytes()
        self.records = valid(path / "whole")

    def put(self, content: bytes, second_copy: bool = True) -> Path:
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "state").mkdir(parents=True)
        (self.directory / "journal.jsonl").write_bytes(content)
        if second_copy:
            shutil.copy(self.path / "whole/state/begin.json", self.directory / "state")
        return self.directory

    def positions(self) -> list[int]:
        """Where it is cut off, and where a bit is flipped."""
        ends = [at for at, byte in enumerate(self.content) if byte == 10]
        near = {end + by for end in ends for by in (-1, 0, 1)}
        return [at for at in range(len(self.content)) if self.long or at % 5 == 0 or at in near]

    def flipped(self) -> Iterator[bytes]:
        for position in self.positions():
            for bit in range(8) if self.long else [position % 8]:
                content = bytearray(self.content)
                content[position] ^= 1 << bit
                yield bytes(content)


def valid(directory: Path) -> list[Record]:
    reader = Reader(str(directory / "journal.jsonl"))
    found = [entry.record for entry in reader.records()]
    reader.close()
    return found


def logs(records: list[Record]) -> list[tuple[int, float]]:
    return [(record.step, record.metrics["loss"]) for record in records if isinstance(record, Log)]


@pytest.fixture
def small(tmp_path: Path, long: bool, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.setattr(giving_way, "IDLE_SECONDS", 0.001)
    monkeypatch.setattr(_journal, "_fdatasync", lambda fd: None)  # thousands of them
    return Small(tmp_path, long)


def check_recovered(directory: Path, kept: list[Record]) -> None:
    """Sync gives exactly the valid records to the CSV, and sets the status that the journal can tell."""
    has_end = isinstance(kept[-1] if kept else None, End)
    synced = sync(str(directory))
    assert [outcome.left for outcome in synced.outcomes] == [None]
    assert (synced.status, synced.was_cut_off) == (("finished", False) if has_end else ("killed", True))
    found = valid(directory)
    assert logs(found) == logs(kept)
    assert [record.status for record in found if isinstance(record, End)] == [synced.status]
    if logs(kept):
        table = pd.read_csv(directory / "metrics.csv")
        assert list(zip(table["epoch"], table["loss"], strict=True)) == logs(kept)
    else:
        assert (directory / "metrics.csv").read_text() == "epoch\n"


@pytest.mark.parametrize("second_copy", [True, False], ids=["begin.json is there", "begin.json is gone"])
def test_every_prefix_is_recovered_exactly(small: Small, second_copy: bool) -> None:
    for length in [*small.positions(), len(small.content)]:
        directory = small.put(small.content[:length], second_copy)
        kept = small.records[: small.content[:length].count(b"\n")]
        if kept or second_copy:
            check_recovered(directory, kept)
        else:
            with pytest.raises(RunDirectoryError, match="no line of its journal.jsonl says how one began"):
                sync(str(directory))


def test_every_flipped_bit_is_recovered_from_with_at_most_two_records_lost(small: Small) -> None:
    for content in small.flipped():
        directory = small.put(content)
        kept = valid(directory)
        assert len(kept) >= len(small.records) - 2
        assert set(logs(kept)) <= set(logs(small.records))
        check_recovered(directory, kept)


def test_every_flipped_bit_raises_nothing_but_the_documented_error_where_the_second_copy_is_gone(small: Small) -> None:
    refused = 0
    for content in small.flipped():
        directory = small.put(content, second_copy=False)
        kept = valid(directory)
        if any(isinstance(record, Begin) for record in kept):
            check_recovered(directory, kept)
        else:
            refused += 1
            with pytest.raises(RunDirectoryError, match="says how one began"):
                sync(str(directory))
            assert (directory / "journal.jsonl").read_bytes() == content
    within_the_first_line = [at for at in small.positions() if at <= small.content.index(b"\n")]
    assert refused == len(within_the_first_line) * (8 if small.long else 1)
