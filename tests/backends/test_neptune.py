"""Neptune: real offline runs, read back as its own uploader reads them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tracklib.testing import TrackerTests
from tracklib.trackers.neptune import Neptune

if not find_spec("neptune_scale"):
    pytest.skip("neptune-scale is not installed: nox -s backends", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # Neptune's own, and ours of NaN


class TestNeptune(TrackerTests):
    kind = Neptune
    keeps = {"axes", "steps", "params", "tags", "status"}
    stores_once = True

    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        return {"type": "Neptune", "project": "workspace/project"}

    def _updates(self, directory: str) -> list[Any]:
        from neptune_scale.sync.operations_repository import OperationsRepository

        (path,) = Path(directory, "neptune").glob("*/run_operations.sqlite3")
        repository = OperationsRepository(db_path=path)
        try:
            operations = repository.get_operations(up_to_bytes=2**30)
        finally:
            repository.close(cleanup_files=False)
        return [each.operation for each in operations if hasattr(each.operation, "append")]

    def read_metrics(self, directory: str) -> list[Any]:
        found = []
        for update in self._updates(directory):
            values = {name: value.float64 for name, value in update.append.items()}
            axis = "batch" if "batch" in values else "epoch"
            step = int(values.pop(axis)) if axis in values else 0
            found += [(axis, step, name, value) for name, value in values.items()]
        return found

    def _configs(self, directory: str) -> dict[str, Any]:
        found = {}
        for update in self._updates(directory):
            for name, value in update.assign.items():
                found[name] = getattr(value, value.WhichOneof("value"))
        return found

    def read_params(self, directory: str) -> dict[str, Any]:
        found = self._configs(directory)
        return {name.removeprefix("params/"): value for name, value in found.items() if name.startswith("params/")}

    def read_tags(self, directory: str) -> dict[str, str]:
        tags = [tag for update in self._updates(directory) for each in update.modify_sets.values()
                for tag in each.string.values]  # fmt: skip
        return {name: value for name, _, value in (tag.partition(":") for tag in tags)}

    def read_status(self, directory: str) -> str:
        return str(self._configs(directory)["tracklib/status"])


class TestNeptuneHere(TestNeptune):
    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        return {"type": "Neptune", "project": "workspace/project", "in_process": True}
