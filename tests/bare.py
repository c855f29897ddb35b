"""A program in a bare process, as a user's: all defaults, no fixture's settings, no plug-in around it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from scripted import PATIENT

import tracklib


def run_bare(
    folder: Path,
    script: str,
    *,
    code: int | None = 0,
    options: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
    patience: int = 1,
) -> str:
    """What ``script`` prints, run in ``folder``; it must end with ``code`` (None: however it likes), within so many
    times the patience of any other test."""
    (folder / "train.py").write_text(textwrap.dedent(script))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKLIB_", "PYTEST_"))}
    env["PYTHONPATH"] = str(Path(tracklib.__file__).parents[1])
    command = [sys.executable, *options, "train.py", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=patience * PATIENT)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done.stdout
