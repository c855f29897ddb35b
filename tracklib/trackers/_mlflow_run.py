"""The run at MLflow: found again by its uid, or created; under its parent's, and only once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .._common.names import in_one_line
from .._common.secrets import redact, redact_text
from .._journal.records import Begin, Parent
from .._journal.state import states_of
from ..errors import TrackerBlocked
from ._mlflow_experiment import experiment_id
from ._mlflow_limits import RUN_NAME_LENGTH

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

UID_TAG = "tracklib.uid"
_PARENT_TAG = "mlflow.parentRunId"


class RunAtMlflow:
    """Where a tracklib run is at MLflow.

    Args:
        client: connected.
        begin: how the tracklib run began.
        state: the tracker's, in which the ids are kept.
        experiment: its name; None leaves it to MLflow.
        name: the run's name; empty leaves it to MLflow.
        further: told each step that was made on the way.
    """

    def __init__(
        self,
        client: MlflowClient,
        begin: Begin,
        state: dict[str, str],
        experiment: str | None,
        name: str,
        further: Callable[[str], None],
    ) -> None:
        self._client = client
        self._begin = begin
        self._state = state
        self._experiment = experiment
        self._name = name
        self._further = further
        self._is_later = "run_id" in state  # than the process that created the run
        self._run: Run

    def take_up(self) -> Run:
        """The run, running."""
        self._run = self._found() or self._create()
        self._state["run_id"] = self._run.info.run_id
        self._further("run")
        return self._run

    @functools.cached_property
    def _experiment_id(self) -> str:
        found = experiment_id(self._client, self._experiment, self._further)
        self._further("experiment")
        return found

    def _found(self) -> Run | None:
        """The run of an earlier attempt, or the one whose creation was never answered."""
        run_id = self._state.get("run_id") or self._run_of_uid()
        if run_id is None:
            return None
        run = self._client.get_run(run_id)
        self._further("run that was there")
        need_active(self._client, run)
        if run.info.status == "RUNNING":
            return run
        self._client.update_run(run_id, "RUNNING")
        return self._client.get_run(run_id)

    def _run_of_uid(self) -> str | None:
        found = self._client.search_runs([self._experiment_id], _of(self._begin.uid), max_results=1)
        self._further("search")
        return str(found[0].info.run_id) if found else None

    def _create(self) -> Run:
        from mlflow.tracking.context.registry import resolve_tags

        self._state["creations"] = str(creations(self._state) + 1)
        return self._client.create_run(
            self._experiment_id,
            start_time=self._begin.time,
            tags=redact(resolve_tags({UID_TAG: self._begin.uid})),
            run_name=in_one_line(redact_text(self._name), RUN_NAME_LENGTH) if self._name else None,
        )

    @property
    def location(self) -> str:
        """Where a person finds the run."""
        info = self._run.info
        uri: str = redact_text(self._client.tracking_uri)
        if uri.startswith("http"):
            return f"{uri.rstrip('/')}/#/experiments/{info.experiment_id}/runs/{info.run_id}"
        return f"{uri}, experiment {info.experiment_id}, run {info.run_id}"

    def delete_twins(self) -> None:
        """Delete what a creation made that was given up and done all the same, later: an empty run of our uid."""
        if creations(self._state) < 2:
            return
        for twin in self._client.search_runs([self._run.info.experiment_id], _of(self._begin.uid)):
            if twin.info.run_id != self._state["run_id"] and not twin.data.metrics:
                self._client.delete_run(twin.info.run_id)
        if self._is_later:
            del self._state["creations"]

    def link_to_parent(self) -> None:
        """Make the run a child of the one around it, as soon as that one's id is known."""
        parent = self._begin.parent
        if parent is None or "parent" in self._state:
            return
        found = self._kept_id(parent) or self._searched_id(parent)
        self._further("parent")
        if found:
            self._state["parent"] = found
            self._client.set_tag(self._state["run_id"], _PARENT_TAG, self._state["parent"], synchronous=True)

    def _kept_id(self, parent: Parent) -> str | None:
        """The parent's id, as its own tracker keeps it: the server need not be asked."""
        target = self._state.get("target")
        states = states_of(parent.output_run, parent.uid)
        return next((state["run_id"] for state in states if "run_id" in state and state.get("target") == target), None)

    def _searched_id(self, parent: Parent) -> str | None:
        experiments = [experiment.experiment_id for experiment in self._client.search_experiments()]
        found = self._client.search_runs(experiments, _of(parent.uid), max_results=1)
        return str(found[0].info.run_id) if found else None


def need_active(client: MlflowClient, run: Run) -> None:
    """See that nobody deleted the run, or its experiment: MLflow refuses all that is said to it until it is restored.

    Raises:
        TrackerBlocked: so it is; with the command that restores it.
    """
    if run.info.lifecycle_stage != "deleted":
        return
    experiment = run.info.experiment_id
    what, restore = f"run {run.info.run_id}", f"runs restore --run-id {run.info.run_id}"
    if client.get_experiment(experiment).lifecycle_stage == "deleted":
        what, restore = f"experiment {experiment}", f"experiments restore --experiment-id {experiment}"
    uri = redact_text(client.tracking_uri)
    raise TrackerBlocked(f"MLflow's {what} is deleted: restore it (MLFLOW_TRACKING_URI={uri} mlflow {restore})")


def creations(state: Mapping[str, str]) -> int:
    """How often the run's creation was asked for; more than once, where an answer did not come."""
    return int(state.get("creations", 0))


def _of(uid: str) -> str:
    """What finds the runs of a tracklib run."""
    return f"tags.`{UID_TAG}` = '{uid}'"
