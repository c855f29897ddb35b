"""The trackers: the contract, and one file for each backend."""

from .._trackers import Trackers
from .base import BaseTracker
from .csv_logger import CsvLogger
from .mlflow import Mlflow
from .wandb import Wandb

__all__ = ["BaseTracker", "CsvLogger", "Mlflow", "Trackers", "Wandb"]
