"""Ray's tasks and actors: the run is one of their arguments. Each trial is a child run in the worker that runs it."""

from __future__ import annotations

import ray

from tracklib import Trackers, tracking


def trial(t: Trackers, number: int) -> float:
    with t.child(f"trial-{number}", params={"lr": 0.1**number}) as run:
        for epoch in run.epochs(5):
            run.log(epoch, {"loss": number / (epoch + 1)})
    t.log(number, {"trials/loss": number / 5})  # and one line in the run around it
    return number / 5


class Counter:
    """An actor."""

    def __init__(self, t: Trackers) -> None:
        self._t = t

    def count(self, step: int) -> None:
        self._t.log(step, {"counted": step}, axis="step")


def main() -> None:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    with tracking(output_run="runs/ray") as t:
        task, actor = ray.remote(trial), ray.remote(Counter).remote(t)
        ray.get([task.remote(t, number) for number in range(4)])
        ray.get([actor.count.remote(step) for step in range(3)])
    ray.shutdown()
    print("see runs/ray/metrics.csv and runs/ray/children")


if __name__ == "__main__":
    main()
