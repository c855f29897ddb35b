"""The kit of adapters with real frameworks, and what a fit of theirs left."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import kept
import pytest

from tracklib._journal.records import Begin, End, Log, Params
from tracklib.reading import Run
from tracklib.testing import AdapterTests


def has(package: str) -> bool:
    """Whether it is installed."""
    return importlib.util.find_spec(package) is not None


def need(*packages: str) -> None:
    """Skip the file that calls this where a package is missing; none is imported here, as that takes seconds."""
    for package in packages:
        if not has(package):
            pytest.skip(f"{package} is not installed", allow_module_level=True)


MARKS = [
    pytest.mark.frameworks,
    pytest.mark.filterwarnings("ignore"),  # the frameworks' own
    pytest.mark.filterwarnings("error::tracklib.TrackerWarning"),
]


def prepare_torch() -> None:
    """Torch with one thread, and with what it imports at an optimizer's first step, which takes seconds."""
    import torch
    import torch._dynamo

    torch.set_num_threads(1)


class FrameworkTests(AdapterTests):
    """``values`` are the steps, as the numbers are the framework's."""

    def logged(self, run: Run) -> list[float]:
        return [float(step) for step, _ in run.metrics[self.metric]]


def own(run: Path) -> dict[str, Any]:
    """The options of a run of an adapter's own."""
    return {"output_run": run, "environment": False}


def ends(run: Path) -> list[tuple[str, str]]:
    """How each attempt ended."""
    assert len({begin.uid for begin in kept.records(run, Begin)}) == 1
    return [(end.status.value, end.error) for end in kept.records(run, End)]


def points(run: Path) -> list[tuple[str, int, list[str]]]:
    """What was logged where."""
    return [(log.axis, log.step, sorted(log.metrics)) for log in kept.records(run, Log) if log.axis != "system"]


def params(run: Path) -> list[dict[str, Any]]:
    """What was said of params, each time."""
    return [params.params for params in kept.records(run, Params)]
