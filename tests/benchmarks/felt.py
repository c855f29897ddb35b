"""What a user feels, in milliseconds: the least of ten rounds, each in a fresh process. For the docs' first table::

python tests/benchmarks/felt.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 10
RUN = "with tracking([], output_run='runs/a', environment=False) as t:\n"
BOTH = RUN.replace("[]", "[{'type':'Mlflow','tracking_uri':'sqlite:///m.db'},{'type':'Wandb','mode':'offline'}]")
MANY = """from tracklib import tracking
for i in range(100):
    with tracking(output_run=f"runs/{i}", environment=False) as t:
        t.log(0, {"loss": i})
"""
FELT = {
    "import": "begin()\nfrom tracklib import Trackers, tracked, tracking\nend()",
    "enter": f"from tracklib import tracking\nbegin()\n{RUN}    end()",
    "enter, MLflow and W&B": f"from tracklib import tracking\nbegin()\n{BOTH}    end()\n    raise SystemExit",
    "1,000 calls of ten floats": (
        f"from tracklib import tracking\nm = {{f'm{{i}}': i / 7 for i in range(10)}}\n{RUN}"
        "    for i in range(2000):\n        if i == 1000: begin()\n        t.log(i, m)\n    end()"
    ),
    "leave": f"from tracklib import tracking\n{RUN}    t.log(0, {{'loss': 1}})\n    begin()\nend()",
}
CLOCK = """import os, time
def begin():
    global at
    at = time.perf_counter()
def end():
    took = time.perf_counter() - at
    print(1000 * took, flush=True)
"""
LOOKS = {"tracklib ls, 100 runs": ["ls"], "tracklib report, 100 runs": ["report", "-o", "report.html"]}


def python(folder: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    return done.stdout


def main() -> None:
    for what, code in FELT.items():
        rounds = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                rounds.append(float(python(folder, "-c", CLOCK + code).splitlines()[0]))
        print(f"{what:30}{min(rounds):10.2f} ms")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "runs").mkdir()
        python(folder, "-c", MANY)
        for what, arguments in LOOKS.items():
            asked = f"subprocess.run([sys.executable, '-m', 'tracklib', *{arguments!r}], stdout=subprocess.DEVNULL)"
            code = f"{CLOCK}import subprocess, sys\nbegin()\n{asked}\nend()"
            print(f"{what:30}{min(float(python(folder, '-c', code)) for _ in range(ROUNDS)):10.2f} ms")


if __name__ == "__main__":
    main()
