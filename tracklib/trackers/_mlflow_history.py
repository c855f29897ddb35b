"""Reads the runs of an experiment at MLflow. Imports MLflow, so import it where such runs are asked for only."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

from mlflow import MlflowClient

from .._journal.records import Status
from ._foreign import Foreign, together

_STATUS = {"FINISHED": Status.FINISHED, "FAILED": Status.FAILED, "KILLED": Status.KILLED}
_PAGE = 1000


def runs_in(experiment: str, tracking_uri: str | None) -> Iterator[Foreign]:
    """The runs of the experiment of that name, or the one run of that id.

    Raises:
        LookupError: there is no such experiment.
    """
    client = MlflowClient(tracking_uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        raise LookupError(f"there is no experiment {experiment!r} at {tracking_uri or 'the default tracking URI'}")
    token = None
    while True:
        page = client.search_runs([found.experiment_id], max_results=_PAGE, page_token=token)
        yield from (_run(client, run) for run in page)
        token = page.token
        if not token:
            return


def _run(client: Any, run: Any) -> Foreign:
    points = together(
        (point.timestamp, point.step, name, point.value)
        for name in run.data.metrics
        for point in client.get_metric_history(run.info.run_id, name)
    )
    tags = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
    name = run.info.run_name or run.info.run_id
    return Foreign(
        f"mlflow:{run.info.run_id}",
        name,
        run.info.start_time,
        points,
        dict(run.data.params),
        tags,
        _STATUS.get(run.info.status),
        _artifacts(client, run.info.run_id),
        run.data.tags.get("mlflow.note.content", ""),
    )


def _artifacts(client: Any, run_id: str) -> Iterator[tuple[str, str]]:
    for each in client.list_artifacts(run_id):
        with tempfile.TemporaryDirectory() as folder:
            yield each.path, client.download_artifacts(run_id, each.path, folder)
