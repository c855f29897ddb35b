"""A tracked function on a Dask cluster: what it returns there is logged into the one run, whose directory all see."""

from __future__ import annotations

from distributed import Client, LocalCluster

from tracklib import tracked, tracking


@tracked
def evaluate(epoch: int, fold: int) -> dict[str, float]:
    return {f"fold-{fold}/loss": 1 / (fold + epoch + 1)}


def work(fold: int) -> int:
    for epoch in range(10):
        evaluate(epoch, fold)
    return fold


def main() -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        tracking(output_run="runs/dask") as t,
    ):
        client.gather(client.map(t.inside(work), range(4), pure=False))
    print("see runs/dask/metrics.csv")


if __name__ == "__main__":
    main()
