"""What each adapter says of a real fit that ends in one way or another: ours beside the frameworks' own.

``nox -s frameworks`` has what it needs, and wandb. ``python tests/benchmarks/statuses.py > docs/how-to/frameworks.csv``
says all, or those of one framework, by its name.
"""

from __future__ import annotations

import csv
import functools
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "integrations")]

import fits  # noqa: E402
import test_lightning  # noqa: E402
import test_transformers  # noqa: E402
from wandb_file import WandbFile  # noqa: E402

BOTH = """
    BOTH = [
        {"type": "Mlflow", "tracking_uri": "sqlite:///mlflow.db"},
        {"type": "Wandb", "mode": "offline", "project": "p"},
    ]
"""
HF, LIGHTNING = test_transformers.SCRIPT, test_lightning.SCRIPT
ADAPTERS = {
    "transformers: MLflowCallback": HF + "    adapter = transformers.integrations.MLflowCallback\n",
    "transformers: WandbCallback": HF + "    adapter = transformers.integrations.WandbCallback\n",
    "transformers: ours": HF + BOTH + "    ours = adapter\n    adapter = lambda: ours(BOTH, 'run', leave='later')\n",
    "Lightning: MLFlowLogger": LIGHTNING
    + "    adapter = lambda: pl.loggers.MLFlowLogger(tracking_uri='sqlite:///mlflow.db')\n",
    "Lightning: WandbLogger": LIGHTNING + "    adapter = lambda: pl.loggers.WandbLogger(offline=True, project='p')\n",
    "Lightning: ours": LIGHTNING
    + BOTH
    + "    ours = adapter\n    adapter = lambda: ours(BOTH, 'run', leave='later')\n",
}
ENDS = {
    "an exception": "fit(adapter(), boom)",
    "SIGTERM": "fit(adapter(), sigterm)",
    "an exception, caught": "caught(adapter())",
    "Ctrl-C": "fit(adapter(), ctrl_c)",
    "an evaluation after it": "ours = adapter(); fit(ours); evaluate(ours)",
    "SIGKILL": "fit(adapter(), kill)",
    "nothing": "fit(adapter())",
}


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


def measured(adapter: str, line: str) -> str:
    """What the backends say of one fit, in a program of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        program = textwrap.dedent(fits.AROUND) + textwrap.dedent(ADAPTERS[adapter]) + f"\n{line}\n"
        (folder / "train.py").write_text(program)
        env = os.environ | {
            "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
            "WANDB_MODE": "offline",
            "WANDB_SILENT": "true",
        }
        env["PYTHONPATH"] = str(TESTS.parent)
        (folder / "mlflow.db").write_bytes(empty_store())
        subprocess.run([sys.executable, "train.py"], cwd=folder, env=env, capture_output=True, timeout=300)
        companions = 60 if "ours" in adapter else 0  # whose process sees the end, and tells it
        found = [*runs_in(folder, companions), *said_by_wandb(folder)]
        return ", ".join(found) or "no run"


def main(framework: str = "") -> None:
    adapters = [adapter for adapter in ADAPTERS if adapter.startswith(framework)]
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["what ends the fit", *adapters])
    for end, line in ENDS.items():
        table.writerow([end, *(measured(adapter, line) for adapter in adapters)])
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
