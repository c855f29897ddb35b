"""Optuna: each trial is a run inside the study's."""

import optuna

from tracklib import current, tracking
from tracklib.integrations.optuna import TracklibObjective


def objective(trial: optuna.Trial) -> float:
    lr = trial.suggest_float("lr", 0.01, 1.2, log=True)
    weight = 5.0
    for step in range(10):
        weight -= lr * 2 * weight
        current().log(step, {"loss": weight**2})  # type: ignore[union-attr]  # the trial's
        trial.report(weight**2, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return weight**2


with tracking(output_run="runs/optuna"):
    optuna.create_study().optimize(TracklibObjective(objective), n_trials=12)
