"""Comet: real offline experiments, read back as its own uploader reads them."""

from __future__ import annotations

import json
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tracklib.testing import TrackerTests
from tracklib.trackers.comet import Comet

if not find_spec("comet_ml"):
    pytest.skip("comet_ml is not installed: nox -s backends", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # Comet's own


class TestComet(TrackerTests):
    kind = Comet
    keeps = {"nan", "axes", "steps", "params", "tags", "status"}
    stores_once = True

    def _messages(self, directory: str) -> list[tuple[str, Any]]:
        (path,) = Path(directory, "comet").glob("*.zip")
        with zipfile.ZipFile(path) as archive:
            lines = archive.read("messages.json").decode().splitlines()
        return [(line["type"], line["payload"]) for line in map(json.loads, lines)]

    def read_metrics(self, directory: str) -> list[Any]:
        from comet_ml.messages import MetricMessage

        found = []
        for kind, payload in self._messages(directory):
            if kind == MetricMessage.type:
                metric = MetricMessage.from_message_dict(payload).metric
                if metric["step"] is None:  # Comet's own, how long the process took
                    continue
                axis = "epoch" if metric.get("epoch") is not None else "batch"
                name = metric["metricName"].removeprefix("batch/")
                found.append((axis, metric["step"], name, float(metric["metricValue"])))
        return found

    def read_params(self, directory: str) -> dict[str, Any]:
        told = [payload["param"] for kind, payload in self._messages(directory) if kind == "parameter_msg"]
        return {param["paramName"]: param["paramValue"] for param in told}

    def read_tags(self, directory: str) -> dict[str, str]:
        (path,) = Path(directory, "comet").glob("*.zip")
        with zipfile.ZipFile(path) as archive:
            tags = json.loads(archive.read("experiment.json"))["tags"]
        return {name: value for name, _, value in (tag.partition(":") for tag in tags)}

    def read_status(self, directory: str) -> str:
        said = [payload["value"] for kind, payload in self._messages(directory)
                if kind == "log_other" and payload["key"] == "tracklib/status"]  # fmt: skip
        return str(said[-1]) if said else "running"


def test_it_leaves_no_hook_behind(tmp_path: Path) -> None:
    hook, finders = sys.excepthook, list(sys.meta_path)
    tracker = Comet(output_run=str(tmp_path))
    tracker.init()
    tracker.close()
    assert (sys.excepthook, list(sys.meta_path)) == (hook, finders)
