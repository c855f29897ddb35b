"""The experiment at MLflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._common.secrets import redact_text
from ..errors import TrackerBlocked

if TYPE_CHECKING:
    from mlflow import MlflowClient


def experiment_id(client: MlflowClient, name: str | None, further: Callable[[str], None] = lambda step: None) -> str:
    """The experiment ``name``, created if it is not there; for None, what MLflow itself would choose.

    MLflow is not asked to choose, because it would ask its own default server, without a bound. ``further`` is told
    each step on the way.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_EXPERIMENT_ID, MLFLOW_EXPERIMENT_NAME
    from mlflow.tracking import fluent
    from mlflow.tracking.default_experiment import registry

    if name is not None:
        return _named(client, name, further)
    active = fluent._active_experiment_id  # of mlflow.set_experiment, which sets the variable too
    if active and client.tracking_uri == mlflow.get_tracking_uri():
        return str(active)
    if by_default := MLFLOW_EXPERIMENT_NAME.get():
        return _named(client, by_default, further)
    named_by_id = MLFLOW_EXPERIMENT_ID.get()
    return str(named_by_id if named_by_id and named_by_id != active else registry.get_experiment_id())


def _named(client: MlflowClient, name: str, further: Callable[[str], None]) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    further("experiment's name")
    if experiment is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        experiment = client.get_experiment_by_name(name)
        assert experiment is not None
    if experiment.lifecycle_stage == "deleted":
        raise TrackerBlocked(
            f"MLflow's experiment {name!r} is deleted: name another, or restore it "
            f"(MLFLOW_TRACKING_URI={redact_text(client.tracking_uri)} mlflow experiments restore "
            f"--experiment-id {experiment.experiment_id})"
        )
    return str(experiment.experiment_id)
