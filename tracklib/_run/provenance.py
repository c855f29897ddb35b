"""What a run was made with: the code's state, the command, the packages, the machine.

Each question has its own answer or none: a repository that is not there, or a command that fails or hangs,
costs its own lines only. Run as a program, it asks in a process of its own: reading the metadata of hundreds of
packages, or masking a long patch, would keep the training's threads waiting for the interpreter.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
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

from .._common.secrets import redact, redact_source, redact_text
from .program import Program

_SECONDS = 10.0
_PATCH_BYTES = 2**18


def main() -> None:
    """Answer about the program that the first line of stdin tells of, in JSON lines; the last one says that it is.

    Neither the end of stdin nor that of stdout says so: a worker that was forked meanwhile holds their other ends.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and what was started is ended, too
    program = Program(*json.loads(sys.stdin.readline()))
    for found in tags(program):
        print(json.dumps({"tags": found}), flush=True)
    for name, text in files(program):
        print(json.dumps({"file": name, "text": _masked(text)}), flush=True)
    print(json.dumps({"last": True}), flush=True)


def tags(program: Program) -> Iterator[dict[str, str]]:
    """What fits into a line each, the quickest first: ``python``, ``host``, ``git.commit`` and so on."""
    for ask in (lambda: _of_python(program.argv), _of_machine, lambda: _of_git(program.places)):
        if found := {name: redact_text(value) for name, value in _answers(ask) if value}:
            yield found


def files(program: Program) -> Iterator[tuple[str, str]]:
    """What needs a file, as its name and text: the packages' versions, and the difference to the last commit."""
    asks: dict[str, Callable[[], str]] = {
        "requirements.txt": lambda: _packages(program.path),
        "git.patch": lambda: _patch(program.places),
    }
    for name, ask in asks.items():
        with contextlib.suppress(Exception):
            if text := ask():
                yield name, text


def _masked(text: str) -> str:
    """``text`` without its secrets; a patch says then in its head that it does not apply, which git passes over."""
    masked: str = redact_source(text)
    if masked != text and text.startswith("diff "):
        return "Secrets in this patch are masked: where one was, it does not apply any more.\n\n" + masked
    return masked


def _answers(ask: Callable[[], Iterator[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """What ``ask`` says until it fails."""
    with contextlib.suppress(Exception):
        yield from ask()


def _of_python(argv: list[str]) -> Iterator[tuple[str, str]]:
    yield "command", shlex.join(redact(argv))
    yield "python", platform.python_version()
    yield "tracklib", importlib.metadata.version("tracklib-ml")


def _packages(path: list[str]) -> str:
    found = set()
    for package in importlib.metadata.distributions(path=path):
        with contextlib.suppress(Exception):  # its metadata are damaged
            found.add(f"{package.metadata['Name']}=={package.version}")
    return "".join(f"{line}\n" for line in sorted(found, key=str.lower))


def _of_machine() -> Iterator[tuple[str, str]]:
    yield "host", platform.node()
    yield "os", platform.platform()
    yield "cpus", str(os.cpu_count())
    if shutil.which("nvidia-smi"):
        yield "gpus", ", ".join(_said(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]).splitlines())


def _of_git(places: list[str]) -> Iterator[tuple[str, str]]:
    git = _git(places)
    yield "git.commit", _said([*git, "rev-parse", "HEAD"]).strip()
    yield "git.branch", _said([*git, "rev-parse", "--abbrev-ref", "HEAD"]).strip()
    yield "git.dirty", "true" if _said([*git, "status", "--porcelain", "--untracked-files=no"]) else "false"


def _patch(places: list[str]) -> str:
    """The difference to the last commit, in the form that ``git apply`` takes whatever git is set to."""
    plain = ["--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/"]
    return _said([*_git(places), "diff", *plain, "HEAD"])


def _git(places: list[str]) -> list[str]:
    """How git is called for the first repository that is around one of ``places``.

    Raises:
        OSError: there is no git, or no repository; or it does not answer.
    """
    for place in places:
        git = ["git", "--no-optional-locks", "-C", place]
        with contextlib.suppress(_Failed):
            _said([*git, "rev-parse", "--show-toplevel"])
            return git
    raise _Failed("no repository")


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


if __name__ == "__main__":
    main()
