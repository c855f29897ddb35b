"""Fits that end in every way, each in a process of its own: one process imports the framework, and forks them.

``python -m tracklib.testing.adapter_programs module:Class FOLDER`` leaves a folder for each, and ``codes.json``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from .._words.tracking import tracking
from .programs import run_python

RUN = "run"
CODES = "codes.json"
HOLDERS = ("borrowed", "owned", "neither")


class Failure(Exception):
    """What the user's own code raises in a fit."""


def _boom() -> None:
    raise Failure("boom", 1)


FAILS: dict[str, Callable[[], Any] | None] = {
    "success": None,
    "raise": _boom,
    "caught": _boom,
    "Ctrl-C": lambda: signal.raise_signal(signal.SIGINT),
    "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "kill -9": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


def fits(case: type, folder: str) -> dict[str, int]:
    """Run them all; the exit code of each, by ``<holder>, <end>``; negative for a signal."""
    run_python("-m", __name__, f"{case.__module__}:{case.__qualname__}", folder)
    with open(os.path.join(folder, CODES), encoding="utf-8") as file:
        codes: dict[str, int] = json.load(file)
    return codes


def fit_in(case: Any, holder: str, end: str) -> None:
    """One of them, in the current directory."""
    fail = FAILS[end]
    with contextlib.ExitStack() as stack:
        if holder == "borrowed":
            stack.enter_context(tracking(output_run=RUN, environment=False))
        adapter = case.adapter(output_run=RUN, environment=False) if holder == "owned" else case.adapter()
        if end == "caught":
            with contextlib.suppress(Failure if case.keeps_errors else Exception):
                case.fit(adapter, fail)
        else:
            case.fit(adapter, fail)


def _main(path: str, folder: str) -> None:
    module, _, name = path.partition(":")
    case = getattr(importlib.import_module(module), name)()
    case.prepare()
    gc.freeze()  # else each child looks at all that a framework made, and copies it so, when it ends
    codes = {}
    for holder in HOLDERS:
        for end in FAILS:
            what = f"{holder}, {end}"
            if not (child := os.fork()):
                _be_it(case, holder, end, os.path.join(folder, what))
                return
            codes[what] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(os.path.join(folder, CODES), "w", encoding="utf-8") as file:
        json.dump(codes, file)


def _be_it(case: Any, holder: str, end: str, folder: str) -> None:
    """What leaves the fit leaves the interpreter, as at a user's."""
    os.makedirs(folder)
    os.chdir(folder)
    with open("../" + os.path.basename(folder) + ".txt", "w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fit_in(case, holder, end)


if __name__ == "__main__":
    _main(*sys.argv[1:])
