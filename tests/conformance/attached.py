"""A plugin of pytest's that puts our adapter into a framework's own tests: ``-p attached``, where ``TRACKLIB_ATTACH``
says of which framework. Where a test has an adapter of its own, ours takes its place; else ours is there beside it."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

SCRATCH = tempfile.mkdtemp()
FRAMEWORK = os.environ.get("TRACKLIB_ATTACH", "")


def own() -> dict[str, Any]:
    """The options of a run in a new directory."""
    return {"output_run": tempfile.mkdtemp(dir=SCRATCH) + "/run", "environment": False, "quiet": True}


def accelerate(module: Any) -> None:
    """Ours writes what the tests read: their table, of what it was told."""
    from tracklib.integrations.accelerate import TracklibTracker

    theirs = module.MyCustomTracker

    class Both(TracklibTracker):
        name = theirs.name

        def __init__(self, directory: str) -> None:
            super().__init__(**own())
            self._theirs = theirs(directory)

        def start(self) -> None:
            super().start()
            self._theirs.start()

        def store_init_configuration(self, values: dict[str, Any]) -> None:
            super().store_init_configuration(values)
            self._theirs.store_init_configuration(values)

        def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
            super().log(values, step, **kwargs)
            self._theirs.log(values, step)

        def finish(self) -> None:
            super().finish()
            self._theirs.finish()

    module.MyCustomTracker = Both


def ignite(module: Any) -> None:
    """Their dummies become ours."""
    from tracklib.integrations.ignite import OutputHandler, TracklibLogger

    class Ours(TracklibLogger):
        def __init__(self) -> None:
            super().__init__(**own())

    module.DummyLogger, module.DummyOutputHandler = Ours, OutputHandler


def skorch() -> None:
    """Ours is one of skorch's callbacks."""
    import skorch.callbacks

    from tracklib.integrations.skorch import TracklibCallback

    skorch.callbacks.TracklibCallback = TracklibCallback


def keras() -> None:
    """Ours is in each fit and each evaluation."""
    from keras.src.backend.torch.trainer import TorchTrainer

    from tracklib.integrations.keras import TracklibCallback

    for name in ("fit", "evaluate"):
        _wrap(TorchTrainer, name, lambda: TracklibCallback(**own()), "callbacks")


def stable_baselines3() -> None:
    """Ours is in each training."""
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback, ConvertCallback

    from tracklib.integrations.stable_baselines3 import TracklibCallback

    real = BaseAlgorithm._init_callback

    def init(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        given = callback if isinstance(callback, list) else [] if callback is None else [callback]
        known = [each if isinstance(each, BaseCallback) else ConvertCallback(each) for each in given]
        return real(self, [*known, TracklibCallback(**own())], *args, **kwargs)

    BaseAlgorithm._init_callback = init


def optuna() -> None:
    """Each objective is one of ours."""
    from optuna.study import Study

    from tracklib.integrations.optuna import TracklibObjective

    real = Study.optimize

    def optimize(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        return real(self, TracklibObjective(func, **own()), *args, **kwargs)

    Study.optimize = optimize


def _wrap(kind: Any, name: str, made: Callable[[], Any], argument: str) -> None:
    real = getattr(kind, name)

    @functools.wraps(real)
    def with_ours(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = kwargs.get(argument)
        if given is None or isinstance(given, list):
            kwargs[argument] = [*(given or ()), made()]
        return real(self, *args, **kwargs)

    setattr(kind, name, with_ours)


AT_ONCE = {"skorch": skorch, "keras": keras, "stable_baselines3": stable_baselines3, "optuna": optuna}
IN_MODULES = {"accelerate": accelerate, "ignite": ignite}


def pytest_configure() -> None:
    """Attach ours to the framework."""
    if FRAMEWORK in AT_ONCE:
        AT_ONCE[FRAMEWORK]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Attach ours to the modules of the tests."""
    if FRAMEWORK in IN_MODULES:
        for module in {getattr(item, "module", None) for item in items}:
            IN_MODULES[FRAMEWORK](module)


def pytest_unconfigure() -> None:
    """Forget the runs, of which there must be some."""
    runs = sum("journal.jsonl" in files for _, _, files in os.walk(SCRATCH))
    print(f"\ntracklib's runs: {runs}")
    shutil.rmtree(SCRATCH, ignore_errors=True)
