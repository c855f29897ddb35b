"""Optuna, trials in threads: each is a child run; a pruned one says so."""

from __future__ import annotations

import functools

import optuna

from tracklib import Trackers, tracking


def objective(t: Trackers, trial: optuna.Trial) -> float:
    rate = trial.suggest_float("lr", 0.01, 1.0, log=True)
    with t.child(f"trial-{trial.number}", params=trial.params) as run:
        for epoch in run.epochs(5):
            loss = abs(rate - 0.1) / (epoch + 1)
            run.log(epoch, {"loss": loss})
            trial.report(loss, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
    return float(loss)


def main() -> None:
    with tracking(output_run="runs/optuna", best={"loss": "min"}) as t:
        study = optuna.create_study()
        study.optimize(functools.partial(objective, t), n_trials=8, n_jobs=2)
        t.log_params({"best": study.best_params})
    print(f"The best is {study.best_params}: see runs/optuna/children/trial-{study.best_trial.number}")


if __name__ == "__main__":
    main()
