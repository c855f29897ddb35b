"""One run with every built-in tracker on real backends, and what each of them has of it afterwards.

A table's rows go into one run, so that hundreds of rows cost one server, one W&B core and a second or two.
"""

from __future__ import annotations

import contextlib
import functools
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow import MlflowClient
from wandb_file import WandbFile

from tracklib import Trackers, tracking
from tracklib._journal.reader import Reader
from tracklib._journal.records import Log

BACKENDS = ("csv", "mlflow", "wandb")
INF_AT_MLFLOW = 1.7976931348623157e308


class Everywhere:
    """A run in ``where``, at the MLflow server ``uri``, at W&B offline and in the CSV.

    Read from it once the block of :meth:`run` is left.
    """

    def __init__(self, where: Path, uri: str) -> None:
        self.where, self.uri = where, uri
        self.experiment = f"everywhere-{uuid.uuid4().hex[:8]}"

    @contextlib.contextmanager
    def run(self, **options: Any) -> Iterator[Trackers]:
        import wandb

        configs: list[Any] = [
            {"type": "Mlflow", "tracking_uri": self.uri, "experiment_name": self.experiment},
            {"type": "Wandb", "project": "everywhere", "mode": "offline"},
        ]
        with tracking(configs, output_run=self.where, on_error="raise", **options) as run:
            yield run
        wandb.teardown()  # W&B's core ends its file some milliseconds after the run

    # What arrived -------------------------------------------------------------------------------

    @functools.cached_property
    def journal(self) -> list[Log]:
        records = (entry.record for entry in Reader(str(self.where / "journal.jsonl")).records())
        return [record for record in records if isinstance(record, Log)]

    @functools.cached_property
    def csv(self) -> pd.DataFrame:
        return pd.read_csv(self.where / "metrics.csv")

    @functools.cached_property
    def wandb(self) -> WandbFile:
        return WandbFile(self.where)

    @functools.cached_property
    def mlflow(self) -> Any:
        """The run as MLflow has it."""
        found = self.client.get_experiment_by_name(self.experiment)
        (run,) = self.client.search_runs([found.experiment_id])
        return run

    @functools.cached_property
    def client(self) -> MlflowClient:
        return MlflowClient(self.uri)

    @functools.cache  # noqa: B019  # a test's object
    def in_mlflow(self, name: str) -> list[tuple[int, float]]:
        """Steps and values, by step."""
        points = self.client.get_metric_history(self.mlflow.info.run_id, name)
        return sorted((point.step, point.value) for point in points)

    def in_wandb(self, name: str) -> list[tuple[int, float]]:
        """On another axis, the epoch is -1."""
        return [(row.get("epoch", -1), row[name]) for row in self.wandb.rows if name in row]

    def in_csv(self, name: str) -> list[tuple[int, float]]:
        """Cells that are not empty; so NaN is not among them. On another axis, the epoch is -1."""
        if name not in self.csv:
            return []
        filled = self.csv[self.csv[name].notna()]
        return list(zip(map(int, filled["epoch"].fillna(-1)), map(float, filled[name]), strict=True))

    def values(self, backend: str, name: str) -> list[tuple[int, float]]:
        read: Any = {"csv": self.in_csv, "mlflow": self.in_mlflow, "wandb": self.in_wandb}[backend]
        return list(read(name))

    def names(self, tracker: str) -> dict[str, str]:
        """The table of the metrics' names that the tracker keeps in the run: raw name to the backend's."""
        saved = json.loads((self.where / "state" / f"{tracker}.json").read_text())["tracker"]
        table = json.loads(saved["names"])
        pairs = (key.split(" ", 1) + [name] for key, name in table.items())
        return {raw: name or raw for kind, raw, name in pairs if kind == "name"}
