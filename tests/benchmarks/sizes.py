"""What ``pip install`` brings, each with a virtual environment of its own: packages, MB on the disk, seconds.

    python tests/benchmarks/sizes.py dist/tracklib_ml-*.whl "" console wandb mlflow all

prints a row for each set of extras (``""``: none), as CSV. Seconds are those of this machine and its index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path


def measured(wheel: str, extras: str) -> tuple[int, float, float]:
    """How many packages come, their size in MB (2**20 bytes, with what pip compiles), and the seconds it took."""
    with tempfile.TemporaryDirectory() as place:
        venv.create(place, with_pip=True)
        python = os.path.join(place, "bin", "python")
        before = size_of(Path(place))
        begun = time.monotonic()
        wanted = f"{os.path.abspath(wheel)}[{extras}]" if extras else os.path.abspath(wheel)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-cache-dir", wanted], check=True)
        took = time.monotonic() - begun
        listed = subprocess.run([python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True)
        return len(listed.stdout.splitlines()) - 2, (size_of(Path(place)) - before) / 2**20, took  # pip and setuptools


def size_of(folder: Path) -> int:
    """Bytes on the disk of all files in ``folder``."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


if __name__ == "__main__":
    wheel, *wanted = sys.argv[1:]
    print("extras,packages,MB,seconds")
    for extras in wanted:
        count, megabytes, seconds = measured(wheel, extras)
        print(f"{extras or '(none)'},{count},{megabytes:.0f},{seconds:.0f}", flush=True)
