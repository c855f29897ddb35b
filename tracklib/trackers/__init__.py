"""The trackers: the contract, one file for each backend, and ``Trackers``, which runs them together."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._run.run import Trackers
    from .aim import Aim
    from .alert import Alert
    from .base import BaseTracker
    from .comet import Comet
    from .console import Console
    from .csv_logger import CsvLogger
    from .dvclive import DvcLive
    from .mlflow import Mlflow
    from .neptune import Neptune
    from .swanlab import SwanLab
    from .tensorboard import TensorBoard
    from .trackio import Trackio
    from .wandb import Wandb

__all__ = [
    "Aim",
    "Alert",
    "BaseTracker",
    "Comet",
    "Console",
    "CsvLogger",
    "DvcLive",
    "Mlflow",
    "Neptune",
    "SwanLab",
    "TensorBoard",
    "Trackers",
    "Trackio",
    "Wandb",
]


def __getattr__(name: str) -> object:
    """A class, imported when it is first asked for: who tracks with one backend does not pay for the others."""
    if name == "Trackers":  # it stands on these modules
        from .._run.run import Trackers

        return Trackers
    if name in __all__:
        module = "csv_logger" if name == "CsvLogger" else "base" if name == "BaseTracker" else name.lower()
        value: object = getattr(import_module(f".{module}", __name__), name)
        return globals().setdefault(name, value)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
