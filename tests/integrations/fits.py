"""Fits of a real framework that end in all the ways that a fit can end, each in a process of its own.

A framework's import takes seconds, so one process imports it, and forks one for each :data:`ENDS`.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import kept
import pytest
from bare import run_bare

from tracklib._journal.records import Begin, End, Log, Params

AROUND = """
    import os, signal, sys
    os.environ |= {"TRACKLIB_ENVIRONMENT": "0", "OMP_NUM_THREADS": "1"}
    from tracklib import load, tracking

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it

    def boom(): raise ValueError("boom")
    def ctrl_c(): signal.raise_signal(signal.SIGINT)
    def sigterm(): os.kill(os.getpid(), signal.SIGTERM)
    def kill(): os.kill(os.getpid(), signal.SIGKILL)
    def caught(ours):
        try: fit(ours, boom)
        except ValueError as error: assert error.args == ("boom",), error.args
    def around(**options):
        return tracking(output_run="run", **options)
    def own(**options):
        return adapter(output_run="run", **options)
"""
FORKS = """
    for chosen in ENDS:
        if (pid := os.fork()) == 0:
            os.mkdir(chosen)
            os.chdir(chosen)
            break
        print(f"{chosen}={os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}", flush=True)
    else:
        sys.exit()
    with open("output", "w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    exec(ENDS[chosen])
"""

ENDS = {
    "own, success": "fit(own())",
    "own, raises": "fit(own(), boom)",
    "own, raises and is caught": "caught(own())",
    "own, Ctrl-C": "fit(own(), ctrl_c)",
    "own, SIGTERM": "fit(own(), sigterm)",
    "own, kill -9": "fit(own(), kill)",
    "own, two fits": "ours = own(); fit(ours); fit(ours)",
    "own, two fits, the first raises": "ours = own(); caught(ours); fit(ours)",
    "own, evaluated after the fit": "ours = own(); fit(ours); evaluate(ours)",
    "own, another rank": "fit(own(rank=1))",
    "around, success": "with around(): fit(adapter())",
    "around, raises": "with around(): fit(adapter(), boom)",
    "around, raises and is caught": "with around(): caught(adapter())",
    "around, Ctrl-C": "with around(): fit(adapter(), ctrl_c)",
    "around, SIGTERM": "with around(): fit(adapter(), sigterm)",
    "around, evaluated after the fit": "with around(): ours = adapter(); fit(ours); evaluate(ours)",
    "around, another rank": "with around(rank=1): fit(adapter())",
    "neither": "fit(adapter())",
}
SUCCESS, KILLED = [("finished", "")], [("killed", "KeyboardInterrupt")]
STATUSES: dict[str, Any] = {
    "own, success": SUCCESS,
    "own, raises": [("failed", "ValueError")],
    "own, raises and is caught": [("failed", "")],  # nobody told the adapter of the error
    "own, Ctrl-C": KILLED,
    "own, SIGTERM": [("killed", "Terminated")],
    "own, kill -9": [],
    "own, two fits": SUCCESS * 2,
    "own, two fits, the first raises": [("failed", ""), *SUCCESS],
    "own, evaluated after the fit": SUCCESS * 2,
    "own, another rank": None,
    "around, success": SUCCESS,
    "around, raises": [("failed", "ValueError")],
    "around, raises and is caught": SUCCESS,
    "around, Ctrl-C": KILLED,
    "around, SIGTERM": [("killed", "Terminated")],
    "around, evaluated after the fit": SUCCESS,
    "around, another rank": None,
    "neither": None,
}


def has(package: str) -> bool:
    """Whether it is installed."""
    return importlib.util.find_spec(package) is not None


def need(*packages: str) -> None:
    """Skip the file that calls this where a package is missing; none is imported here, as that takes seconds."""
    for package in packages:
        if not has(package):
            pytest.skip(f"{package} is not installed", allow_module_level=True)


class Fit(NamedTuple):
    """What one process left."""

    code: int
    folder: Path

    def records(self, kind: Any) -> list[Any]:
        return kept.records(self.folder / "run", kind)

    @property
    def ends(self) -> list[tuple[str, str]] | None:
        """How each attempt ended; None where there is no run."""
        if not (self.folder / "run/journal.jsonl").exists():
            return None
        assert len({begin.uid for begin in self.records(Begin)}) == 1
        return [(end.status.value, end.error) for end in self.records(End)]

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    @property
    def points(self) -> list[tuple[str, int, list[str]]]:
        return [(log.axis, log.step, sorted(log.metrics)) for log in self.records(Log) if log.axis != "system"]

    @property
    def params(self) -> list[dict[str, Any]]:
        return [params.params for params in self.records(Params)]


class Fits:
    """The fits of one framework.

    Args:
        script: defines ``adapter(**options)``, ``fit(adapter, fail=None)``, which calls ``fail`` within, and
            ``evaluate(adapter)``.
        more: further ends, as :data:`ENDS` has them.
        without: parts of the names of ends that the framework has not.
    """

    def __init__(
        self, folder: Path, script: str, more: Mapping[str, str] | None = None, *, without: tuple[str, ...] = ()
    ) -> None:
        self._folder = folder
        ends = {
            name: line
            for name, line in {**ENDS, **(more or {})}.items()
            if not (name in ENDS and any(part in name for part in without))
        }
        text = textwrap.dedent(AROUND) + textwrap.dedent(script) + f"\nENDS = {ends!r}\n" + textwrap.dedent(FORKS)
        said = run_bare(folder, text, patience=10)
        self._codes = dict(line.rsplit("=", 1) for line in said.splitlines() if line.rpartition("=")[0] in ends)

    @functools.cache  # noqa: B019  # it lives as long as its file's tests
    def __getitem__(self, name: str) -> Fit:
        return Fit(int(self._codes[name]), self._folder / name)

    def check(self, name: str, expected: Any = ()) -> None:
        """That the fit ended with the true status."""
        fit = self[name]
        expected = STATUSES[name] if expected == () else expected
        assert fit.ends == expected, fit.output
        left = [entry for entry in os.listdir(fit.folder) if entry in ("run", "runs")]
        assert left == (["run"] if expected is not None else []), left
