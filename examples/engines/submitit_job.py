"""submitit: a job of two tasks is one run of two ranks. On Slurm it is ``AutoExecutor``, and the rest is the same."""

from __future__ import annotations

import submitit

from tracklib import tracking


def train() -> list[int]:
    with tracking(output_run="runs/submitit", preemptible=True, ranks="mean") as t:
        rank = submitit.JobEnvironment().global_rank
        seen = []
        for epoch in t.epochs(3):
            t.log(epoch, {"loss": (rank + 1) / (epoch + 1)})  # the mean of both
            seen.append(epoch)
            if t.agree({"stop": t.preempted}, ranks="max")["stop"]:
                break
        return seen


def main() -> None:
    executor = submitit.LocalExecutor(folder="jobs")
    executor.update_parameters(tasks_per_node=2, timeout_min=5)
    print(executor.submit(train).results())


if __name__ == "__main__":
    main()
