"""What a run was made with: the code's state, the command, the packages, the machine.

Each question has its own answer or none: a repository that is not there, or a command that fails or hangs,
costs its own lines only.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from ._redact import redact, redact_text

_SECONDS = 10.0
_PATCH_BYTES = 2**18  # masking its secrets keeps other threads from working: here for 0.1 s at most


def tags(folder: str) -> Iterator[dict[str, str]]:
    """What fits into a line each, the quickest first: ``python``, ``host``, ``git.commit`` and so on.

    Args:
        folder: where the program was started; its repository is asked if the script itself is in none.
    """
    for ask in (_of_python, _of_machine, lambda: _of_git(folder)):
        if found := {name: redact_text(value) for name, value in _answers(ask) if value}:
            yield found


def files(folder: str) -> Iterator[tuple[str, str]]:
    """What needs a file, as its name and text: the packages' versions, and the difference to the last commit."""
    for name, ask in (("requirements.txt", _packages), ("git.patch", lambda: _patch(folder))):
        with contextlib.suppress(Exception):
            if text := ask():
                yield name, text


def _answers(ask: Callable[[], Iterator[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """What ``ask`` says until it fails."""
    with contextlib.suppress(Exception):
        yield from ask()


def _of_python() -> Iterator[tuple[str, str]]:
    yield "command", shlex.join(redact(sys.argv))
    yield "python", platform.python_version()
    yield "tracklib", importlib.metadata.version("tracklib-ml")


def _packages() -> str:
    found = set()
    for package in importlib.metadata.distributions():
        with contextlib.suppress(Exception):  # its metadata are damaged
            found.add(f"{package.metadata['Name']}=={package.version}")
    return "".join(f"{line}\n" for line in sorted(found, key=str.lower))


def _of_machine() -> Iterator[tuple[str, str]]:
    yield "host", platform.node()
    yield "os", platform.platform()
    yield "cpus", str(os.cpu_count())
    if shutil.which("nvidia-smi"):
        yield "gpus", ", ".join(_said(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]).splitlines())


def _of_git(folder: str) -> Iterator[tuple[str, str]]:
    git = _git(folder)
    yield "git.commit", _said([*git, "rev-parse", "HEAD"]).strip()
    yield "git.branch", _said([*git, "rev-parse", "--abbrev-ref", "HEAD"]).strip()
    yield "git.dirty", "true" if _said([*git, "status", "--porcelain", "--untracked-files=no"]) else "false"


def _patch(folder: str) -> str:
    """The difference to the last commit, in the form that ``git apply`` takes whatever git is set to."""
    plain = ["--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/"]
    return _said([*_git(folder), "diff", *plain, "HEAD"])


def _git(folder: str) -> list[str]:
    """How git is called for the repository that the script lies in; else for the one around ``folder``.

    Raises:
        OSError: there is no git, or no repository; or it does not answer.
    """
    for place in filter(None, (_scripts_folder(), folder)):
        git = ["git", "--no-optional-locks", "-C", place]
        with contextlib.suppress(_Failed):
            _said([*git, "rev-parse", "--show-toplevel"])
            return git
    raise _Failed("no repository")


def _scripts_folder() -> str:
    """Where the program's own file lies; nowhere for a notebook, or a program that was installed."""
    script = getattr(sys.modules.get("__main__"), "__file__", None) or ""
    folder = os.path.dirname(os.path.abspath(script)) if script else ""
    return "" if os.path.join(folder, "").startswith(os.path.join(sys.prefix, "")) else folder


class _Failed(OSError):
    """A command said that it failed; one that hangs raises TimeoutError."""


def _said(command: list[str]) -> str:
    """What ``command`` prints.

    Raises:
        OSError: it cannot be run, fails, prints more than a patch may have, or does not end in time.
    """
    until = time.monotonic() + _SECONDS
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, start_new_session=True) as asked:
        try:
            assert asked.stdout is not None
            text = _read(asked.stdout.fileno(), until)
            asked.wait(max(0.1, until - time.monotonic()))
        except BaseException:
            os.killpg(asked.pid, signal.SIGKILL)  # with what it started
            raise
    if asked.returncode:
        raise _Failed(f"{command[0]} failed")
    return text


def _read(pipe: int, until: float) -> str:
    content = b""
    ready = select.poll()
    ready.register(pipe, select.POLLIN)
    while len(content) <= _PATCH_BYTES:
        if not ready.poll(1000 * max(0.0, until - time.monotonic())):
            raise TimeoutError
        part = os.read(pipe, 65536)
        if not part:
            return content.decode(errors="replace")
        content += part
    raise OSError("it says too much")
