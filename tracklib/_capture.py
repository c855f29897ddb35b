"""What a run was made with: the code's state, the command, the packages, the machine.

Each question has its own answer or none: a repository that is not there, or a command that fails or hangs,
costs its own lines only.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from ._redact import redact_text

_SECONDS = 10.0
_PATCH_BYTES = 10 * 2**20


def tags() -> dict[str, str]:
    """What fits into a line each: ``git.commit``, ``python``, ``host`` and so on."""
    found: dict[str, str] = {}
    for ask in (_of_git, _of_python, _of_machine):
        with contextlib.suppress(Exception):
            found |= {name: redact_text(value) for name, value in ask() if value}
    return found


def files() -> dict[str, str]:
    """What needs a file: the packages with their versions, and the difference to the last commit."""
    asked: dict[str, Callable[[], str]] = {"requirements.txt": _packages, "git.patch": _patch}
    found = {}
    for name, ask in asked.items():
        with contextlib.suppress(Exception):
            if text := redact_text(ask()):
                found[name] = text
    return found


def _of_git() -> Iterator[tuple[str, str]]:
    yield "git.commit", _git("rev-parse", "HEAD").strip()
    yield "git.branch", _git("rev-parse", "--abbrev-ref", "HEAD").strip()
    yield "git.dirty", "true" if _git("status", "--porcelain", "--untracked-files=no") else "false"


def _patch() -> str:
    patch = _git("diff", "HEAD")
    return patch if len(patch) <= _PATCH_BYTES else ""


def _git(*command: str) -> str:
    folder = os.path.dirname(os.path.abspath(sys.argv[0])) if os.path.isfile(sys.argv[0]) else os.getcwd()
    return subprocess.run(
        ["git", "--no-optional-locks", "-C", folder, *command],
        capture_output=True,
        check=True,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        stdin=subprocess.DEVNULL,
    ).stdout


def _of_python() -> Iterator[tuple[str, str]]:
    yield "command", shlex.join(sys.argv)
    yield "python", platform.python_version()
    yield "tracklib", importlib.metadata.version("tracklib-ml")


def _packages() -> str:
    found = {f"{dist.name}=={dist.version}" for dist in importlib.metadata.distributions() if dist.name}
    return "\n".join(sorted(found, key=str.lower)) + "\n"


def _of_machine() -> Iterator[tuple[str, str]]:
    yield "host", platform.node()
    yield "os", platform.platform()
    yield "cpus", str(os.cpu_count())
    if shutil.which("nvidia-smi"):
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        names = subprocess.run(asked, capture_output=True, check=True, text=True, timeout=_SECONDS).stdout
        yield "gpus", ", ".join(names.splitlines())
