"""The frameworks' own tests, with our adapters in them::

    python tests/conformance/theirs.py          # all; or by their names

Their sdists come by pip, in the version that is installed; some wheels have their tests. Says of each what ran.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Suite(NamedTuple):
    """Tests of a framework's.

    Attributes:
        tests: in its sdist, or with ``installed`` in its package.
        keep: what of them, by ``-k``: those that test something that an adapter of ours takes part in.
        sdist: the distribution's name; empty for what is installed.
    """

    tests: tuple[str, ...]
    keep: str = ""
    sdist: str = ""


# The others need TensorBoard, requests or Orbax.
OF_KERAS = (
    "backup_and_restore callback csv_logger early_stopping lambda_callback learning_rate_scheduler "
    "reduce_lr_on_plateau terminate_on_nan"
).split()
SUITES = {
    "accelerate": Suite(("tests/test_tracking.py",), "CustomTrackerTestCase", "accelerate"),
    "hydra": Suite((str(HERE / "launchers_of_hydra.py"),)),
    "ignite": Suite(
        ("tests/ignite/handlers/test_base_logger.py",),
        # one wants what a handler returns, one has a constructor that leaves out ours
        "not non_torch_optimizers and not as_context_manager",
        "pytorch-ignite",
    ),
    "keras": Suite(tuple(f"src/callbacks/{name}_test.py" for name in OF_KERAS)),
    "optuna": Suite(("tests/test_callbacks.py",), "", "optuna"),
    "sklearn": Suite((str(HERE / "callbacks_of_sklearn.py"),)),
    "skorch": Suite(("tests/callbacks/test_all.py",)),
    "stable_baselines3": Suite(("tests/test_callbacks.py",), "A2C or DQN", "stable-baselines3"),
}


def root_of(name: str, scratch: str) -> Path:
    """The folder that a suite's tests are told from."""
    distribution = SUITES[name].sdist
    if not distribution:
        spec = find_spec(name)
        return Path(spec.origin).parent if spec and spec.origin else Path(scratch)
    wanted = f"{distribution}=={version(distribution)}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--no-build-isolation", "--dest", scratch, wanted], check=True)
    (archive,) = Path(scratch).glob("*.tar.gz")
    name = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as sdist:  # the package itself is the installed one
        tests = [member for member in sdist.getmembers() if member.name.startswith(f"{name}/tests")]
        sdist.extractall(scratch, tests, filter="data")
    return Path(scratch) / name


def run(name: str) -> tuple[int, str]:
    """pytest's exit code, and what it said last."""
    suite = SUITES[name]
    with tempfile.TemporaryDirectory() as scratch:
        root = root_of(name, scratch)
        paths = filter(
            None, [str(HERE), str(HERE.parents[1]), str(root) if suite.sdist else "", os.environ.get("PYTHONPATH")]
        )
        told = {"TRACKLIB_ATTACH": name, "PYTHONPATH": os.pathsep.join(paths), "KERAS_BACKEND": "torch"}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "attached", "-p", "no:cacheprovider", "--tb=short"]
        command += ["-c", os.devnull, "--rootdir", str(root), *(["-k", suite.keep] if suite.keep else [])]
        command += [str(root / path) for path in suite.tests]
        done = subprocess.run(command, cwd=scratch, env=os.environ | told, capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line]
        if done.returncode:
            print(done.stdout[-6000:], done.stderr[-2000:], file=sys.stderr)
        return done.returncode, "; ".join(_said(lines))


def _said(lines: list[str]) -> Iterator[str]:
    yield from (line.strip("= ") for line in lines if re.match(r"=*\s*\d+ (passed|failed|error|skipped)", line))
    yield from (line for line in lines if line.startswith("tracklib's runs"))


def main() -> int:
    """Run those that were asked for; 1 if one failed."""
    failed = 0
    for name in sys.argv[1:] or SUITES:
        if not find_spec(name):
            print(f"{name}: not installed", flush=True)
            continue
        code, said = run(name)
        failed |= code
        print(f"{name}: {said or 'nothing ran'}", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
