"""What the author of a tracker says of it, and how the kit runs it."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import msgspec
import pytest

from .._journal import layout
from .._journal.state import Saved
from .._run import ending
from .._run.run import Trackers
from ..trackers._configs import build
from ..trackers._identity import type_name
from ..trackers.base import BaseTracker
from .faulty import faulty
from .programs import WHOLE


class Kept(NamedTuple):
    """One number, as the backend has it."""

    axis: str
    step: int
    name: str
    value: float


class TrackerCase:
    """What a subclass says; see :class:`~tracklib.testing.TrackerTests`."""

    kind: ClassVar[type[BaseTracker]]
    keeps: ClassVar[frozenset[str] | set[str]] = frozenset()
    stores_once: ClassVar[bool] = False
    tells: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _is_patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whether a slow machine's tracker gets on is not what is asked here."""
        for name in ("PATIENCE", "PATIENCE_AFTER_ERROR"):
            monkeypatch.setattr(ending, name, WHOLE / 2)

    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        """The tracker's config. Override it where it needs options."""
        return {"type": type_name(self.kind)}

    @pytest.fixture
    def directory(self, tmp_path: Path) -> str:
        """The run's directory."""
        return str(tmp_path / "run")

    def read_metrics(self, directory: str) -> list[Any]:
        """All metrics that the backend has of the run whose files are in ``directory``, as ``(axis, step, name,
        value)`` in the backend's order. Read them by the backend's own means, not by the tracker."""
        raise NotImplementedError(f"{type(self).__name__} needs read_metrics(directory)")

    def read_params(self, directory: str) -> dict[str, Any]:
        """The params of the run in ``directory``, by their names; needed where ``keeps`` has ``"params"``."""
        raise NotImplementedError(f"{type(self).__name__} needs read_params(directory)")

    def read_tags(self, directory: str) -> dict[str, str]:
        """The tags of the run in ``directory``, by their names; needed where ``keeps`` has ``"tags"``."""
        raise NotImplementedError(f"{type(self).__name__} needs read_tags(directory)")

    def read_artifact(self, directory: str, name: str) -> bytes:
        """The bytes of the artifact ``name`` of the run in ``directory``; needed where ``keeps`` has
        ``"artifacts"``."""
        raise NotImplementedError(f"{type(self).__name__} needs read_artifact(directory, name)")

    def read_status(self, directory: str) -> str:
        """The status of the run in ``directory``: ``"finished"``, ``"failed"``, ``"killed"`` or ``"running"``; needed
        where ``keeps`` has ``"status"``."""
        raise NotImplementedError(f"{type(self).__name__} needs read_status(directory)")

    # For the checks -----------------------------------------------------------------------------

    def need(self, what: str) -> None:
        """Skip the check, and say so, where the tracker does not claim to keep ``what``."""
        if what not in self.keeps:
            pytest.skip(f"{self.kind.__name__} does not claim to keep {what}")

    def run(self, config: dict[str, Any] | BaseTracker, directory: str, **options: Any) -> Trackers:
        """A run in ``directory`` with the tracker that ``config`` describes (or is), not begun, with ``options`` of a
        run. What does not arrive is an error."""
        told: dict[str, Any] = {"environment": False, "quiet": True, "on_error": "raise", **options}
        return Trackers([config], output_run=directory, **told)

    def kept(self, directory: str) -> list[Kept]:
        """What the backend has of the run in ``directory``."""
        return [Kept(*each) for each in self.read_metrics(directory)]

    def values(self, directory: str, name: str = "a") -> list[float]:
        """The values of the metric ``name`` of the run in ``directory``, in the backend's order."""
        return [each.value for each in self.kept(directory) if each.name == name]

    def made(self, config: dict[str, Any]) -> BaseTracker:
        """The tracker that ``config`` describes."""
        (tracker,) = build([config])
        return tracker

    def faulty(self, config: dict[str, Any], **methods: Any) -> BaseTracker:
        """The tracker that ``config`` describes, in this process, with some of its ``methods`` replaced."""
        return faulty(self.kind, config, **methods)

    @staticmethod
    def state_of(directory: str) -> dict[str, str]:
        """The tracker's :attr:`~tracklib.BaseTracker.state`, as the run's ``directory`` keeps it."""
        found: dict[str, str] = {}
        for path in glob.glob(layout.state_path(glob.escape(directory), "*.json")):
            if os.path.basename(path) not in (layout.BEGIN, "CsvLogger.json"):
                with open(path, "rb") as file:
                    found |= msgspec.json.decode(file.read(), type=Saved).tracker
        return found

    @staticmethod
    def refused(directory: str) -> str:
        """The records that a tracker refused for good, as the file of the run's ``directory`` has them; empty where
        none was."""
        path = os.path.join(directory, layout.REJECTED)
        return Path(path).read_text(errors="replace") if os.path.exists(path) else ""
