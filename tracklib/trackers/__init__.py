"""The trackers: the contract, one file for each backend, and ``Trackers``, which runs them together."""

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from .._run.run import Trackers

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
    if name == "Trackers":  # it stands on these modules, so it cannot be imported before them
        from .._run.run import Trackers

        return Trackers
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
