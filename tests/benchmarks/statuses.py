"""What each adapter says of a real fit that ends in one way or another: ours beside the frameworks' own.

``nox -s frameworks`` has what it needs, and wandb. ``python tests/benchmarks/statuses.py > docs/how-to/frameworks.csv``
says all, or those of one framework, by its name.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "integrations")]

import test_lightning  # noqa: E402
import test_transformers  # noqa: E402
from wandb_file import WandbFile  # noqa: E402

from tracklib.testing.adapter_programs import FAILS  # noqa: E402

BOTH = [{"type": "Mlflow", "tracking_uri": "sqlite:///mlflow.db"}, {"type": "Wandb", "mode": "offline", "project": "p"}]


def _transformers(name: str) -> Any:
    import transformers

    return getattr(transformers.integrations, name)()


def _lightning(name: str, **options: Any) -> Any:
    import lightning.pytorch

    return getattr(lightning.pytorch.loggers, name)(**options)


HF, LIGHTNING = test_transformers.TestTransformers(), test_lightning.TestLightning()
ADAPTERS: dict[str, tuple[Any, Callable[[], Any]]] = {
    "transformers: MLflowCallback": (HF, lambda: _transformers("MLflowCallback")),
    "transformers: WandbCallback": (HF, lambda: _transformers("WandbCallback")),
    "transformers: ours": (HF, lambda: HF.adapter(configs=BOTH, output_run="run")),
    "Lightning: MLFlowLogger": (LIGHTNING, lambda: _lightning("MLFlowLogger", tracking_uri="sqlite:///mlflow.db")),
    "Lightning: WandbLogger": (LIGHTNING, lambda: _lightning("WandbLogger", offline=True, project="p")),
    "Lightning: ours": (LIGHTNING, lambda: LIGHTNING.adapter(configs=BOTH, output_run="run")),
}
ENDS = {
    "nothing": "success",
    "an exception": "raise",
    "an exception, caught": "caught",
    "Ctrl-C": "Ctrl-C",
    "SIGTERM": "SIGTERM",
    "SIGKILL": "kill -9",
    "an evaluation after it": "evaluation",
}


def train(adapter: str, end: str) -> None:
    """One fit, in this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    case, made = ADAPTERS[adapter]
    case.prepare()
    ours, how = made(), ENDS[end]
    if how == "caught":
        with contextlib.suppress(Exception):
            case.fit(ours, FAILS[how])
    else:
        case.fit(ours, FAILS.get(how))
    if how == "evaluation":
        case.evaluate(ours)


@functools.cache
def empty_store() -> bytes:
    """MLflow's database, which takes long to make."""
    with tempfile.TemporaryDirectory() as scratch:
        runs_in(Path(scratch), seconds=0)
        return (Path(scratch) / "mlflow.db").read_bytes()


def runs_in(folder: Path, seconds: float) -> list[str]:
    """The statuses of all of MLflow's runs, once none is going on any more, or as they are after a while."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    until = time.monotonic() + seconds
    while True:
        found = [str(run.info.status) for run in client.search_runs(experiments)]
        if time.monotonic() > until or (found and "RUNNING" not in found):
            return found
        time.sleep(1)


def said_by_wandb(folder: Path) -> list[str]:
    """The exit codes of all runs."""
    codes = [WandbFile(path).exit_code for path in sorted(folder.rglob("*.wandb"))]
    return ["no end" if code is None else f"exit {code}" for code in codes]


def measured(adapter: str, end: str) -> str:
    """What the backends say of one fit, in a program of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        env = os.environ | {
            "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
            "WANDB_MODE": "offline",
            "WANDB_SILENT": "true",
            "TRACKLIB_ENVIRONMENT": "0",
            "OMP_NUM_THREADS": "1",
        }
        env["PYTHONPATH"] = str(TESTS.parent)
        (folder / "mlflow.db").write_bytes(empty_store())
        program = [sys.executable, str(Path(__file__)), "train", adapter, end]
        subprocess.run(program, cwd=folder, env=env, capture_output=True, timeout=300)
        until = time.monotonic() + (60 if "ours" in adapter else 0)  # the companion sees the end, and tells it
        found = [*runs_in(folder, max(0, until - time.monotonic())), *said_by_wandb(folder)]
        while "no end" in found and time.monotonic() < until:
            time.sleep(1)
            found = [*runs_in(folder, 0), *said_by_wandb(folder)]
        return ", ".join(found) or "no run"


def main(framework: str = "") -> None:
    adapters = [adapter for adapter in ADAPTERS if adapter.startswith(framework)]
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["what ends the fit", *adapters])
    for end in ENDS:
        table.writerow([end, *(measured(adapter, end) for adapter in adapters)])
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
