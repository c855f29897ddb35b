"""Optuna, trials in processes that share a study: each is a child run in the process that runs it."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tracklib import Trackers, tracking

STUDY = "optuna.journal"
NAME = "losses"


def work(t: Trackers, trials: int) -> None:
    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("lr", 0.01, 1.0, log=True)
        with t.child(f"trial-{trial.number}", params=trial.params) as run:
            for epoch in run.epochs(3):
                run.log(epoch, {"loss": abs(rate - 0.1) / (epoch + 1)})
        return float(abs(rate - 0.1))

    study().optimize(objective, n_trials=trials)


def study() -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(STUDY))
    return optuna.create_study(study_name=NAME, storage=storage, load_if_exists=True)


def main() -> None:
    study()  # before the processes ask for it
    with tracking(output_run="runs/processes") as t:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            list(pool.map(work, [t, t], [3, 3]))
        t.log_params({"best": study().best_params})
    print("see runs/processes/children")


if __name__ == "__main__":
    main()
