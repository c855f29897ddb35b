"""Trackio: real runs in its database, read back by its own reader."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tracklib.testing import TrackerTests
from tracklib.trackers.trackio import Trackio

if not find_spec("trackio"):
    pytest.skip("trackio is not installed: nox -s backends", allow_module_level=True)


@pytest.fixture(scope="session", autouse=True)
def place(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The companion process is begun once, and finds the database where this says."""
    os.environ["TRACKIO_DIR"] = str(tmp_path_factory.mktemp("trackio"))


class TestTrackio(TrackerTests):
    kind = Trackio
    keeps = {"nan", "axes", "steps", "params", "tags", "status"}
    stores_once = True

    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        self.project = f"kit-{tmp_path.parent.name}-{tmp_path.name}"
        return {"type": "Trackio", "project": self.project}

    def _storage(self) -> Any:
        from trackio.sqlite_storage import SQLiteStorage

        return SQLiteStorage

    def read_metrics(self, directory: str) -> list[Any]:
        found = []
        for row in self._storage().get_logs(self.project, run_id=self.state_of(directory)["run_id"], max_points=None):
            step, _ = row.pop("step"), row.pop("timestamp")
            for name, value in row.items():
                axis = "batch" if name.startswith("batch/") else "epoch"
                found.append((axis, step, name.removeprefix("batch/"), value))
        return found

    def _config(self, directory: str) -> dict[str, Any]:
        found: dict[str, Any] = self._storage().get_run_config(self.project, run_id=self.state_of(directory)["run_id"])
        return found

    def read_params(self, directory: str) -> dict[str, Any]:
        return self._config(directory)

    def read_tags(self, directory: str) -> dict[str, str]:
        return dict(self._config(directory)["tracklib"]["tags"])

    def read_status(self, directory: str) -> str:
        return str(self._config(directory)["tracklib"]["status"])


class TestTrackioHere(TestTrackio):
    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        self.project = f"kit-{tmp_path.parent.name}-{tmp_path.name}"
        return {"type": "Trackio", "project": self.project, "in_process": True}
