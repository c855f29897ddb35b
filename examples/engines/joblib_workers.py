"""A tracked function in joblib's processes: what it returns there is logged into the one run."""

from __future__ import annotations

from joblib import Parallel, delayed

from tracklib import tracked, tracking


@tracked
def evaluate(epoch: int, fold: int) -> dict[str, float]:
    return {f"fold-{fold}/loss": 1 / (fold + epoch + 1)}


def work(fold: int) -> int:
    for epoch in range(10):
        evaluate(epoch, fold)
    return fold


def main() -> None:
    with tracking(output_run="runs/joblib") as t:
        Parallel(n_jobs=2)(delayed(t.inside(work))(fold) for fold in range(4))
    print("see runs/joblib/metrics.csv")


if __name__ == "__main__":
    main()
