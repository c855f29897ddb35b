"""Make the pictures of the report that README and docs show::

python docs/pictures/make.py     # needs the extra `test`, Chromium and ChromeDriver
"""

from __future__ import annotations

import contextlib
import math
import random
import re
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from PIL import Image

import tracklib
from tracklib import tracking

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "tests"))

from browser import Browser, browser  # noqa: E402

WIDTH, HEIGHT = 1280, 860


def sweep(root: Path, count: int, batches: int = 0) -> None:
    """A sweep as one might be: the loss depends on the learning rate and the optimizer."""
    chance = random.Random(3)
    for number in range(count):
        rate, optimizer = 10 ** chance.uniform(-4, -1), chance.choice(["adam", "adamw", "sgd"])
        width, decay = chance.choice([64, 128, 256]), chance.choice([0.0, 1e-4, 1e-2])
        floor = abs(math.log10(rate) + 2.5) * 0.25 + {"adam": 0.05, "adamw": 0.02, "sgd": 0.2}[optimizer]
        params = {"lr": rate, "optimizer": optimizer, "width": width, "weight_decay": decay, "seed": number}
        best: Any = {"val/loss": "min", "val/accuracy": "max"}
        with tracking(output_run=root / f"run-{number:03d}", params=params, best=best, environment=False) as t:
            for epoch in range(50):
                loss = floor + 2 * math.exp(-epoch / (6 + 20 * floor)) * chance.uniform(0.9, 1.1)
                t.log(epoch, {"val/loss": loss, "val/accuracy": 1 - 0.3 * loss / 2.6})
                t.log(epoch, {"train/loss": loss * 0.9, "train/accuracy": 1 - 0.25 * loss / 2.6})
                for batch in range(epoch * batches, (epoch + 1) * batches):
                    spike = 3.0 if batch % 4001 == 77 else 0.0
                    t.log(batch, {"batch/loss": loss + abs(chance.gauss(0, 0.06)) + spike}, axis="batch")


def tutorials_runs(folder: Path) -> Any:
    """The twelve runs of ``docs/tutorial/sweep.rst``, made by its own program."""
    page = (HERE.parent / "tutorial/sweep.rst").read_text()
    program = re.search(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", page, re.MULTILINE)
    assert program
    with contextlib.chdir(folder):
        exec(compile(textwrap.dedent(program[1]), "sweep.py", "exec"), {})
    return tracklib.runs(folder / "runs/sweep")


def shoot(page: Browser, report: Path, name: str, hash: str, down: int = 0) -> None:
    """One picture, of few colours so that it is small."""
    page.open(report, hash)
    page.wait("drawnCharts().length && !waiting.size || state.view !== ''")
    page.run("scrollTo(0, arguments[0])", down)
    page.wait("!waiting.size")
    page.driver.save_screenshot(str(HERE / name))
    Image.open(HERE / name).convert("RGB").quantize(160).save(HERE / name, optimize=True)


def main() -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as scratch:
        many, one = Path(scratch, "digits"), Path(scratch, "run")
        sweep(many, 120)
        sweep(one, 1, batches=400)
        runs = Path(tracklib.runs(many).report(Path(scratch, "runs.html"), title="digits sweep"))
        run = Path(tracklib.runs(one).report(Path(scratch, "run.html")))
        twelve = Path(tutorials_runs(Path(scratch)).report(Path(scratch, "twelve.html"), title="digits"))
        with browser(Path(scratch, "profile"), WIDTH, HEIGHT) as page:
            size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
            page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            shoot(page, runs, "report-runs.png", "#theme=light")
            shoot(page, runs, "report-parallel.png", "#theme=light&view=parallel")
            for theme, name in ("light", "sweep.png"), ("dark", "sweep-dark.png"):
                shoot(page, twelve, name, f"#theme={theme}")
            shoot(page, run, "report-run-dark.png", "#theme=dark", down=620)


if __name__ == "__main__":
    main()
