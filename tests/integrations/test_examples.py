"""The examples for frameworks train something real, and their runs are what the docs say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import kept
import pytest
from fitted import has
from patience import PATIENT

from tracklib._journal.records import Log

pytestmark = pytest.mark.frameworks

EXAMPLES = Path(__file__).parents[2] / "examples/frameworks"
RUNS = {"transformers": "transformers/tracklib", "hydra": "hydra/tracklib"}


@pytest.mark.parametrize("framework", sorted(path.stem.removeprefix("with_") for path in EXAMPLES.glob("with_*.py")))
def test_an_example_leaves_a_finished_run(tmp_path: Path, framework: str) -> None:
    if not has(framework):
        pytest.skip(f"{framework} is not installed")
    env = os.environ | {"KERAS_BACKEND": "torch", "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run([sys.executable, EXAMPLES / f"with_{framework}.py"], cwd=tmp_path, env=env,
                          capture_output=True, text=True, timeout=10 * PATIENT)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    run = tmp_path / "runs" / RUNS.get(framework, framework)
    assert set(kept.statuses(run)) == {"finished"}
    assert any(kept.records(each, Log) for each in (run, *run.glob("children/*"))), done.stdout + done.stderr
