"""The trackers: the contract, one file for each backend, and ``Trackers``, which runs them together."""

from typing import TYPE_CHECKING

from .base import BaseTracker
from .csv_logger import CsvLogger
from .mlflow import Mlflow
from .wandb import Wandb

if TYPE_CHECKING:
    from .._trackers import Trackers

__all__ = ["BaseTracker", "CsvLogger", "Mlflow", "Trackers", "Wandb"]


def __getattr__(name: str) -> object:
    if name == "Trackers":  # it stands on these modules, so it cannot be imported before them
        from .._trackers import Trackers

        return Trackers
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
