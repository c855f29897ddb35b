"""DVCLive: real files, read back by its own reader."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tracklib.testing import TrackerTests
from tracklib.trackers.dvclive import DvcLive

if not find_spec("dvclive"):
    pytest.skip("dvclive is not installed: nox -s backends", allow_module_level=True)


class TestDvcLive(TrackerTests):
    kind = DvcLive
    keeps = {"nan", "axes", "steps", "params"}
    stores_once = True

    @pytest.fixture(autouse=True)
    def _elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def read_metrics(self, directory: str) -> list[Any]:
        from dvclive.utils import parse_metrics

        place = f"{directory}/dvclive"
        live = SimpleNamespace(plots_dir=f"{place}/plots", metrics_file=f"{place}/metrics.json")
        plots, _ = parse_metrics(live)
        found = []
        for path, rows in plots.items():
            name = str(Path(path).relative_to(f"{place}/plots/metrics").with_suffix(""))
            axis = "batch" if name.startswith("batch/") else "epoch"
            for row in rows:
                step = int(row.pop("step"))
                (value,) = row.values()
                found.append((axis, step, name.removeprefix("batch/"), float(value)))
        return found

    def read_params(self, directory: str) -> dict[str, Any]:
        from dvclive.serialize import load_yaml

        return dict(load_yaml(f"{directory}/dvclive/params.yaml"))


class TestDvcLiveHere(TestDvcLive):
    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        return {"type": "DvcLive", "in_process": True}
