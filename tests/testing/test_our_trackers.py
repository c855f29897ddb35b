"""Our own trackers run the kit first: in the companion process, and in the training's where they may."""

from __future__ import annotations

import csv
import glob
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wandb_file import WandbFile

from tracklib import BaseTracker, CsvLogger, Mlflow, TensorBoard, Wandb
from tracklib.testing import TrackerTests


@pytest.fixture
def only_with_long(long: bool) -> None:
    """The same once more, in the training's process: the companion's is what a user has by default."""
    if not long:
        pytest.skip("runs with --long")


class TestCsvLogger(TrackerTests):
    kind = CsvLogger
    keeps = {"nan", "axes", "steps"}
    stores_once = True

    def read_metrics(self, directory: str) -> list[Any]:
        found = []
        with open(Path(directory) / "metrics.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                axis = "epoch" if row.get("epoch") else "batch"
                step = int(row.pop(axis))
                row.pop("epoch", None)
                found += [(axis, step, name, float(value)) for name, value in row.items() if value]
        return found


class TestTensorBoard(TrackerTests):
    kind = TensorBoard
    keeps = {"nan", "axes", "steps", "params", "status"}
    stores_once = True
    tells = {"killed": "failed"}

    def read_metrics(self, directory: str) -> list[Any]:
        return [
            (*_axis_and_step(value.tag, event.step), value.tag.removeprefix("batch/"), value.tensor.float_val[0])
            for event, value in self._values(directory)
            if value.metadata.plugin_data.plugin_name == "scalars"
        ]

    def _values(self, directory: str) -> Iterator[Any]:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

        for path in sorted(glob.glob(f"{directory}/tensorboard/events.out.tfevents.*")):
            for event in EventFileLoader(path).Load():
                yield from ((event, value) for value in event.summary.value)

    def _hparams(self, directory: str, tag: str) -> Any:
        from tensorboard.plugins.hparams import plugin_data_pb2

        found = None
        for _, value in self._values(directory):
            if value.tag == tag:
                found = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
        return found

    def read_params(self, directory: str) -> dict[str, Any]:
        given = self._hparams(directory, "_hparams_/session_start_info").session_start_info.hparams
        return {name: getattr(value, value.WhichOneof("kind")) for name, value in given.items()}

    def read_status(self, directory: str) -> str:
        ended = self._hparams(directory, "_hparams_/session_end_info")
        return {1: "finished", 2: "failed"}[ended.session_end_info.status] if ended else "running"


def _axis_and_step(tag: str, step: int) -> tuple[str, int]:
    return ("batch" if tag.startswith("batch/") else "epoch"), step


@pytest.mark.usefixtures("only_with_long")
class TestTensorBoardHere(TestTensorBoard):
    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        return {"type": "TensorBoard", "in_process": True}


PROGRAMS = ("killed", "forked", "hangs", "never_there")  # processes that import an SDK, each and their companions


@pytest.fixture
def programs_only_with_long(long: bool, request: pytest.FixtureRequest) -> None:
    """``tests/test_kills.py`` and ``tests/test_faults.py`` have these for MLflow and W&B, from one warm process."""
    if not long and any(word in request.node.originalname for word in PROGRAMS):
        pytest.skip("runs with --long")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Path:
    """One database for all the runs, and one folder that all are begun in: in another, each has another companion."""
    folder = tmp_path_factory.mktemp("mlflow")
    shutil.copy(mlflow_database, folder / "mlflow.db")
    return folder


@pytest.mark.slow
@pytest.mark.usefixtures("programs_only_with_long")
class TestMlflow(TrackerTests):
    kind = Mlflow
    keeps = {"nan", "steps", "params", "tags", "artifacts", "status"}
    stores_once = True

    @pytest.fixture
    def config(self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.chdir(folder)  # where MLflow puts what it keeps beside the database
        self.store = f"sqlite:///{folder}/mlflow.db"
        return {"type": "Mlflow", "tracking_uri": self.store, "experiment_name": tmp_path.name}

    def _client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(self.store)

    def _run(self, directory: str) -> Any:
        return self._client().get_run(self.state_of(directory)["run_id"])

    def read_metrics(self, directory: str) -> list[Any]:
        run = self._run(directory)
        histories = [self._client().get_metric_history(run.info.run_id, name) for name in run.data.metrics]
        return [
            ("epoch", each.step, each.key, _infinite(each.value))
            for history in histories
            for each in sorted(history, key=lambda metric: metric.timestamp)
        ]

    def read_params(self, directory: str) -> dict[str, Any]:
        return dict(self._run(directory).data.params)

    def read_tags(self, directory: str) -> dict[str, str]:
        return dict(self._run(directory).data.tags)

    def read_artifact(self, directory: str, name: str) -> bytes:
        return Path(self._client().download_artifacts(self._run(directory).info.run_id, name)).read_bytes()

    def read_status(self, directory: str) -> str:
        return str(self._run(directory).info.status).lower()


def _infinite(value: float) -> float:
    """MLflow's databases keep an infinity as the largest number."""
    return value if abs(value) < 1.79e308 else float("inf") * value


@pytest.mark.usefixtures("only_with_long")
class TestMlflowHere(TestMlflow):
    @pytest.fixture
    def config(self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.chdir(folder)
        self.store = f"sqlite:///{folder}/mlflow.db"
        return {"type": "Mlflow", "tracking_uri": self.store, "experiment_name": tmp_path.name, "in_process": True}


@pytest.mark.slow
@pytest.mark.usefixtures("programs_only_with_long")
class TestWandb(TrackerTests):
    kind = Wandb
    keeps = {"axes", "steps", "params", "tags", "artifacts", "status"}
    stores_once = True
    tells = {"killed": "failed"}

    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        return {"type": "Wandb", "project": "kit", "mode": "offline"}

    def _files(self, directory: str) -> list[WandbFile]:
        """Each attempt of a run has one."""
        return [WandbFile(path) for path in sorted(glob.glob(f"{directory}/wandb/offline-run-*/*.wandb"))]

    def read_metrics(self, directory: str) -> list[Any]:
        found = []
        for row in (row for file in self._files(directory) for row in file.rows):
            axis = "batch" if "batch" in row else "epoch"
            metrics = {n: v for n, v in row.items() if n not in (axis, "_step", "_timestamp", "_runtime")}
            found += [(axis, row[axis], name, float(value)) for name, value in metrics.items()]
        return found

    def read_params(self, directory: str) -> dict[str, Any]:
        return self._files(directory)[-1].config

    def read_tags(self, directory: str) -> dict[str, str]:
        words = [word.partition(":") for word in self._files(directory)[-1].tags]
        return {name: value for name, _, value in words}

    def read_artifact(self, directory: str, name: str) -> bytes:
        (path,) = glob.glob(f"{directory}/wandb/offline-run-*/files/{name}")
        return Path(path).read_bytes()

    def read_status(self, directory: str) -> str:
        code = self._files(directory)[-1].exit_code
        return "running" if code is None else "failed" if code else "finished"


@pytest.mark.usefixtures("only_with_long")
class TestWandbHere(TestWandb):
    @pytest.fixture
    def config(self, tmp_path: Path) -> dict[str, Any]:
        return {"type": "Wandb", "project": "kit", "mode": "offline", "in_process": True}


class JsonLines(BaseTracker):
    """As an author begins: ``init`` and ``log`` alone."""

    contract = 1

    def init(self) -> None:
        self.location = f"{self.output_run}/lines.jsonl"

    def log(self, epoch: int, log_dict: Any) -> None:
        with open(self.location, "a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, "metrics": dict(log_dict)}) + "\n")


class TestTheSmallestTracker(TrackerTests):
    kind = JsonLines
    keeps = {"nan", "steps"}

    def read_metrics(self, directory: str) -> list[Any]:
        with open(f"{directory}/lines.jsonl", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return [("epoch", row["epoch"], name, value) for row in rows for name, value in row["metrics"].items()]
