"""Ray Tune: each trial is a child run in the worker that runs it, whatever directory Tune changes to there."""

from __future__ import annotations

import os
from typing import Any

import ray
from ray import tune

from tracklib import tracking


def main() -> None:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    with tracking(output_run="runs/tune") as t:

        def trainable(config: dict[str, Any]) -> None:
            with t.child(f"lr-{config['lr']}", params=config) as run:
                for epoch in run.epochs(3):
                    loss = config["lr"] / (epoch + 1)
                    run.log(epoch, {"loss": loss})
                    tune.report({"loss": loss})

        tuner = tune.Tuner(
            trainable,
            param_space={"lr": tune.grid_search([0.1, 0.2, 0.3, 0.4])},
            run_config=tune.RunConfig(storage_path=os.path.abspath("ray")),
        )
        results = tuner.fit()
        t.log_params({"best": results.get_best_result("loss", "min").config})
    ray.shutdown()
    print("see runs/tune/children")


if __name__ == "__main__":
    main()
