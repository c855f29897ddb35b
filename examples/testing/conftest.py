from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tracklib import Trackers, tracking
from tracklib.testing import MemoryTracker


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same checks and errors, but no file, no process, no network."""
    monkeypatch.setenv("TRACKLIB_MODE", "disabled")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Trackers]:
    """A run in memory, for a test of what is logged."""
    monkeypatch.delenv("TRACKLIB_MODE")
    with tracking([MemoryTracker()], output_run=tmp_path / "run", environment=False) as t:
        yield t
