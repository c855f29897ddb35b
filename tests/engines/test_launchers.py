"""Ranks by the real launchers: one run, the same epochs, and the status of the rank that failed: ``nox -s ranks``."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest
from kept import records
from patience import PATIENT

import tracklib
from tracklib import load
from tracklib._journal.records import End

pytestmark = pytest.mark.engines

MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", sys.executable]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SCRIPT = """
    import ast, os, sys, time
    if "torch" in sys.argv[1]:
        import torch.distributed as dist
        dist.init_process_group("gloo")
    from tracklib import tracking
    rank = int(os.environ.get("RANK", os.environ.get("OMPI_COMM_WORLD_RANK", "")))
    with tracking(output_run=ast.literal_eval(sys.argv[2]), resume=sys.argv[2] != "None") as t:
        seen = []
        for epoch in t.epochs(3):
            if "torch" in sys.argv[1]:
                dist.barrier()
            seen.append(epoch)
            if len(sys.argv) > 3 and epoch == 1:
                if rank == 1:
                    raise ValueError("bad batch")
                if "torch" not in sys.argv[1]:
                    time.sleep(60)
        open(f"rank-{rank}", "w").write(repr((seen, t.uid, t.directory)))
"""


@pytest.fixture(params=["torchrun", "mpirun"])
def launcher(request: pytest.FixtureRequest) -> Sequence[str]:
    if request.param == "torchrun":
        pytest.importorskip("torch")
        return TORCHRUN
    if shutil.which("mpirun") is None:
        pytest.skip("there is no mpirun")
    return MPIRUN


def launch(launcher: Sequence[str], folder: Path, *arguments: str) -> int:
    (folder / "train.py").write_text(textwrap.dedent(SCRIPT))
    name = "torchrun" if launcher is TORCHRUN else "mpirun"
    env = {**os.environ, "PYTHONPATH": str(Path(tracklib.__file__).parents[1])}
    return subprocess.run(
        [*launcher, "train.py", name, *arguments], cwd=folder, env=env, timeout=3 * PATIENT, check=False
    ).returncode


@pytest.mark.parametrize("output", ["'runs/one'", "None"])
def test_both_ranks_have_the_one_run_and_its_epochs(tmp_path: Path, launcher: Sequence[str], output: str) -> None:
    assert launch(launcher, tmp_path, output) == 0
    told = [ast.literal_eval((tmp_path / f"rank-{rank}").read_text()) for rank in range(2)]
    assert told[0] == told[1]
    assert told[0][0] == [0, 1, 2]
    assert load(told[0][2]).status == "finished"


def test_the_run_failed_as_the_rank_that_failed(tmp_path: Path, launcher: Sequence[str]) -> None:
    assert launch(launcher, tmp_path, "'runs/one'", "fails") != 0
    end = records(tmp_path / "runs/one", End)[-1]
    assert (end.status, end.error, end.message) == ("failed", "ValueError", "rank 1: bad batch")

    assert launch(launcher, tmp_path, "'runs/one'") == 0
    epochs = [ast.literal_eval((tmp_path / f"rank-{rank}").read_text())[0] for rank in range(2)]
    assert epochs[0] == epochs[1] in ([1, 2], [2])  # rank 0 may have finished the epoch in which rank 1 failed
