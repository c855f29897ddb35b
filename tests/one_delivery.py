"""One delivery, and a run's directory for it with a journal that the test writes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, begin

from tracklib._delivery.delivery import Delivery
from tracklib._journal.journal import Journal
from tracklib._journal.records import Record
from tracklib._journal.state import Saved, store


class Instant(Delivery):
    """Notes how long it would wait, and does not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rests: list[float] = []
        rest = self._loop.calls.rest

        def note(seconds: float, *how: Any, **named: Any) -> None:
            self.rests.append(seconds)
            rest(0.0, *how, **named)

        self._loop.calls.rest = note  # type: ignore[method-assign]  # no wait in a test


class Folder:
    """A run's directory with a journal that the test writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(str(path / "journal.jsonl"), pytest.fail)

    def write(self, *records: Record) -> None:
        for record in records:
            self.journal.append(record)

    def delivery(self, tracker: Scripted, kind: type[Delivery] = Instant, attempt: int = 1, **options: Any) -> Any:
        return kind(tracker, "Scripted", str(self.path), begin(attempt), self.journal.path, **options)

    def deliver(self, tracker: Scripted, attempt: int = 1) -> Instant:
        """Deliver the whole journal, in the test's own thread."""
        delivery: Instant = self.delivery(tracker, attempt=attempt)
        delivery.hurry()
        delivery.run()
        return delivery

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.path / "state/Scripted.json").read_bytes())
        assert re.fullmatch("[0-9a-f]{8}", state.pop("crc"))
        return state

    def write_state(self, content: bytes | dict[str, Any]) -> None:
        (self.path / "state").mkdir(exist_ok=True)
        path = self.path / "state/Scripted.json"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            store(str(path), Saved(**{"uid": "u1"} | content))

    @property
    def rejected(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.path / "rejected.jsonl").read_text().splitlines()]

    def size_with(self, *records: Record) -> int:
        """How long the journal is once it holds these as well."""
        self.write(*records)
        return os.path.getsize(self.journal.path)
