"""tracklib: the smallest language in which a training run can say what happened."""

from typing import TYPE_CHECKING

from ._journal.records import Best, Log, Status
from ._run.current import current
from ._run.run import Trackers
from ._values.gathering import Metrics
from ._words.tracked import tracked
from ._words.tracking import tracking
from .errors import (
    ConfigError,
    DeliveryError,
    LifecycleError,
    RunDirectoryError,
    Terminated,
    TrackerBlocked,
    TrackerLost,
    TrackerUnavailable,
    TrackerWarning,
    TracklibError,
)
from .trackers import BaseTracker, Console, CsvLogger, Mlflow, TensorBoard, Wandb

if TYPE_CHECKING:
    __version__: str

__all__ = [
    "BaseTracker",
    "Best",
    "ConfigError",
    "Console",
    "CsvLogger",
    "DeliveryError",
    "LifecycleError",
    "Log",
    "Metrics",
    "Mlflow",
    "RunDirectoryError",
    "Status",
    "TensorBoard",
    "Terminated",
    "TrackerBlocked",
    "TrackerLost",
    "TrackerUnavailable",
    "TrackerWarning",
    "Trackers",
    "TracklibError",
    "Wandb",
    "current",
    "tracked",
    "tracking",
]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("tracklib-ml")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
