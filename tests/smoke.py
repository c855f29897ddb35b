"""What a release must do at least, where only its wheel is installed: a run from its beginning to its page.

python -m venv new && new/bin/pip install dist/tracklib_ml-*.whl && new/bin/python -I tests/smoke.py
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile

import tracklib
from tracklib import tracked, tracking

COMMAND = os.path.join(os.path.dirname(sys.executable), "tracklib")
IMPORTED_AS = {"pyyaml": "yaml", "rich": "rich", "psutil": "psutil", "wandb": "wandb", "mlflow": "mlflow"}


@tracked
def train_epoch(epoch: int) -> dict[str, float]:
    """One epoch of a training that learns nothing."""
    return {"loss": 1 / (epoch + 1)}


def said(*arguments: str) -> str:
    """What the command prints; it must end well."""
    done = subprocess.run([COMMAND, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def has(package: str) -> bool:
    """Whether it is installed here."""
    return importlib.util.find_spec(package) is not None


def main() -> None:
    """Raises where something is not as it should be."""
    installed = importlib.metadata.distribution("tracklib-ml")
    licences = [str(file) for file in installed.files or () if file.name == "LICENSE" and "licenses" in str(file)]
    assert len(licences) == 2, licences  # ours, and that of the charts in the page
    assert "site-packages" in tracklib.__file__, tracklib.__file__
    configs = [{"type": name} for name, package in (("Console", "rich"), ("Mlflow", "mlflow")) if has(package)]
    if has("mlflow"):
        configs[-1]["tracking_uri"] = "sqlite:///mlflow.db"
    if has("wandb"):
        configs.append({"type": "Wandb", "mode": "offline"})
    if has("tensorboard"):
        configs.append({"type": "TensorBoard"})
    with tracking(configs, output_run="runs/smoke", params={"lr": 0.1}, on_error="raise") as t:
        for epoch in t.epochs(3):
            train_epoch(epoch)
        t.flush(120)
    assert t["CsvLogger"].location.endswith("metrics.csv")
    assert "smoke" in said("ls", "runs")
    assert "loss" in said("show", "runs/smoke")
    said("report", "runs/smoke", "-o", "page.html")
    with open("page.html", encoding="utf-8") as page:
        assert "uPlot" in page.read()
    extras = [name for name, module in IMPORTED_AS.items() if has(module)]
    print(
        f"tracklib {installed.version} on Python {sys.version.split()[0]}, with {', '.join(extras) or 'nothing else'}"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main()
