"""What ``t.log_checkpoint`` costs the loop, beside the copy that one would make oneself (``shutil.copyfile``).

``python tests/benchmarks/checkpoints.py`` prints a row for each size: the call of either, in milliseconds, their ratio,
and how long it takes until the checkpoint is kept.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

from tracklib import tracking

SIZES = (2**10, 2**20, 16 * 2**20, 32 * 2**20, 128 * 2**20, 512 * 2**20)
ROUNDS = 5


def timed(folder: Path, size: int) -> tuple[float, float, float]:
    """Medians of seconds: a plain copy, the call, and the call until the checkpoint is there."""
    model = folder / "model.pt"
    plain, calls, kept = [], [], []
    with tracking(output_run=folder / f"run-{size}", environment=False) as t:
        for epoch in range(ROUNDS):
            new = folder / "new"
            new.write_bytes(os.urandom(2**20) * (size // 2**20) or os.urandom(size))
            new.replace(model)
            begin = perf_counter()
            shutil.copyfile(model, folder / "copy")
            plain.append(perf_counter() - begin)
            begin = perf_counter()
            t.log_checkpoint(model, epoch=epoch, keep=1, keep_best=0)
            calls.append(perf_counter() - begin)
            t.checkpoint()
            kept.append(perf_counter() - begin)
    return statistics.median(plain), statistics.median(calls), statistics.median(kept)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            plain, call, kept = timed(Path(folder), size)
            print(
                f"{size / 2**20:8.3f} MiB  copy {1000 * plain:7.2f} ms  call {1000 * call:7.2f} ms "
                f"({call / plain:5.2f})  kept after {1000 * kept:7.2f} ms"
            )


if __name__ == "__main__":
    main()
