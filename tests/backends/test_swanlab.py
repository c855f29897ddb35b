"""SwanLab: real offline runs, read back as its own uploader reads them."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tracklib.testing import TrackerTests
from tracklib.trackers.swanlab import SwanLab

if not find_spec("swanlab"):
    pytest.skip("swanlab is not installed: nox -s backends", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # SwanLab's own


STATES = {"RUN_STATE_FINISHED": "finished", "RUN_STATE_CRASHED": "failed", "RUN_STATE_ABORTED": "killed"}


class TestSwanLab(TrackerTests):
    kind = SwanLab
    keeps = {"axes", "steps", "params", "tags", "status"}
    stores_once = True

    def _records(self, directory: str) -> list[Any]:
        from swanlab.proto.swanlab.record.v1.record_pb2 import Record
        from swanlab.sdk.internal.core_python.store import DataStoreReader

        (path,) = Path(directory, "swanlab").glob("run-*/*.swanlab")
        reader = DataStoreReader()
        reader.open(path)
        return [Record.FromString(data) for data in reader]

    def read_metrics(self, directory: str) -> list[Any]:
        rows: dict[int, dict[str, float]] = {}
        for record in self._records(directory):
            if record.WhichOneof("record_type") == "scalar":
                rows.setdefault(record.scalar.step, {})[record.scalar.key] = record.scalar.value.number
        found = []
        for _, values in sorted(rows.items()):
            axis = "batch" if "batch" in values else "epoch"
            step = int(values.pop(axis)) if axis in values else 0
            found += [(axis, step, name, value) for name, value in values.items()]
        return found

    def _config(self, directory: str) -> dict[str, Any]:
        import yaml

        (path,) = Path(directory, "swanlab").glob("run-*/files/config.yaml")
        return {name: each["value"] for name, each in yaml.safe_load(path.read_text()).items()}

    def read_params(self, directory: str) -> dict[str, Any]:
        return self._config(directory)

    def read_tags(self, directory: str) -> dict[str, str]:
        return dict(self._config(directory)["tracklib"]["tags"])

    def read_status(self, directory: str) -> str:
        from swanlab.proto.swanlab.run.v1.run_pb2 import RunState

        ended = [RunState.Name(each.finish.state) for each in self._records(directory) if each.HasField("finish")]
        return STATES[ended[-1]] if ended else "running"


def test_it_prints_nothing_and_leaves_no_hook_behind(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hook = sys.excepthook
    tracker = SwanLab(output_run=str(tmp_path))
    tracker.init()
    tracker.close()
    assert sys.excepthook is hook
    assert capfd.readouterr() == ("", "")
