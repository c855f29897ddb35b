"""What each backend has of a run, read back by its own means, and whether that is what the journal has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kept
import pandas
from mlflow import MlflowClient
from wandb_file import WandbFile

from tracklib._journal.records import Begin, End, Log, Params

AT_MLFLOW = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED", "preempted": "KILLED"}


class Kept:
    """The run in ``directory``, whose records have a metric ``n`` that numbers them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def records(self, kind: type[Any]) -> list[Any]:
        return kept.records(self.directory, kind)

    def in_journal(self) -> dict[int, float]:
        """The number that each ordinal has."""
        return {record.ordinal: record.metrics["n"] for record in self.records(Log)}

    def numbers(self) -> list[float]:
        return list(self.in_journal().values())

    def in_csv(self) -> list[float]:
        return list(pandas.read_csv(self.directory / "metrics.csv").get("n", []))

    def begun(self) -> int:
        """How many attempts there were."""
        return len(self.records(Begin)) if (self.directory / "journal.jsonl").exists() else 0

    def ends(self) -> list[str]:
        return [str(record.status) for record in self.records(End)]


class ArrivedThere(Kept):
    """At a tracker that the companion has, and that needs no SDK."""

    def __init__(self, directory: Path, path: Path) -> None:
        super().__init__(directory)
        self.path = path

    @property
    def configs(self) -> list[dict[str, Any]]:
        """It alone; the CSV file is always there."""
        return [{"type": "Elsewhere", "path": str(self.path)}]

    def _lines(self, kind: str) -> list[Any]:
        return [line for line in map(json.loads, self.path.read_text().splitlines()) if line[0] == kind]

    def in_there(self) -> list[float]:
        return [line[4]["n"] for line in self._lines("log")]

    def check(self, status: str) -> None:
        """What the journal has is there, once, and the status is the true one."""
        journal = self.in_journal()
        assert len(set(journal.values())) == len(journal)
        assert self.in_csv() == list(journal.values())
        told = [(line[1], line[4]["n"]) for line in self._lines("log")]
        assert told == list(journal.items())
        assert self.ends()[-1] == self._lines("finish")[-1][1] == status


class Arrived(Kept):
    """At MLflow and at W&B."""

    def __init__(self, directory: Path, uri: str, experiment: str) -> None:
        super().__init__(directory)
        self.uri, self.experiment = uri, experiment
        self.at = ["Mlflow", "Wandb"]  # or one of them, where a test is not about the other

    @property
    def configs(self) -> list[dict[str, Any]]:
        """MLflow and offline W&B; the CSV file is always there."""
        configs: list[dict[str, Any]] = [
            {"type": "Mlflow", "tracking_uri": self.uri, "experiment_name": self.experiment},
            {"type": "Wandb", "mode": "offline", "project": "p"},
        ]
        return [config for config in configs if config["type"] in self.at]

    def mlflow_run(self) -> Any:
        """The only one that is of this run."""
        client = MlflowClient(self.uri)
        experiment = client.get_experiment_by_name(self.experiment)
        uid = self.records(Begin)[0].uid
        (run,) = client.search_runs([experiment.experiment_id], f"tags.`tracklib.uid` = '{uid}'")
        return run

    def in_mlflow(self, metric: str = "n") -> list[float]:
        history = MlflowClient(self.uri).get_metric_history(self.mlflow_run().info.run_id, metric)
        return [point.value for point in history]

    def wandb_files(self) -> list[WandbFile]:
        """Of all attempts, in their order."""
        files = [WandbFile(path) for path in sorted(self.directory.rglob("*.wandb"))]
        assert {run.run_id for file in files for run in file.of("run")} == {self.records(Begin)[0].uid}
        return files

    def in_wandb(self) -> list[tuple[int, float]]:
        """Step and number of each row, of all files."""
        return sorted((row["_step"], row["n"]) for file in self.wandb_files() for row in file.rows)

    def content(self) -> dict[Path, bytes]:
        """All files but W&B's own logs, to which its process adds a last line when all is over, and the locks, whose
        lengths are words between processes."""
        passed = (".log", ".lock")
        files = (path for path in sorted(self.directory.rglob("*")) if path.is_file() and path.suffix not in passed)
        return {path: path.read_bytes() for path in files}

    def check(self, status: str) -> None:
        """What the journal has is everywhere, once, and the status is the true one."""
        journal = self.in_journal()
        numbers = sorted(journal.values())
        assert len(set(numbers)) == len(numbers)
        assert self.in_csv() == list(journal.values())
        assert self.ends()[-1] == status
        if "Wandb" in self.at:
            assert self.in_wandb() == sorted(journal.items())
            assert [file.exit_code for file in self.wandb_files()][-1] == (0 if status == "finished" else 1)
        if "Mlflow" in self.at:
            assert sorted(self.in_mlflow()) == numbers
            assert self.mlflow_run().info.status == AT_MLFLOW[status]
            assert self.mlflow_run().data.params == {
                name: str(value) for params in self.records(Params) for name, value in params.params.items()
            }
