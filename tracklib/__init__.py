"""tracklib: the smallest language in which a training run can say what happened."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._journal.records import Begin, Best, Histogram, Log, Parent, Status
    from ._run.current import current
    from ._run.run import Trackers
    from ._values.gathering import Metrics
    from ._words.tracked import tracked
    from ._words.tracking import tracking
    from .errors import (
        ConfigError,
        DeliveryError,
        LifecycleError,
        NotFinite,
        RanksUnavailable,
        RunDirectoryError,
        Terminated,
        TrackerBlocked,
        TrackerLost,
        TrackerUnavailable,
        TrackerWarning,
        TracklibError,
        WhereError,
    )
    from .reading import load, runs
    from .trackers import (
        Aim,
        Alert,
        BaseTracker,
        Comet,
        Console,
        CsvLogger,
        DvcLive,
        Mlflow,
        Neptune,
        SwanLab,
        TensorBoard,
        Trackio,
        Wandb,
    )

    __version__: str

__all__ = [
    "Aim",
    "Alert",
    "BaseTracker",
    "Begin",
    "Best",
    "Comet",
    "ConfigError",
    "Console",
    "CsvLogger",
    "DeliveryError",
    "DvcLive",
    "Histogram",
    "LifecycleError",
    "Log",
    "Metrics",
    "Mlflow",
    "Neptune",
    "NotFinite",
    "Parent",
    "RanksUnavailable",
    "RunDirectoryError",
    "Status",
    "SwanLab",
    "TensorBoard",
    "Terminated",
    "TrackerBlocked",
    "TrackerLost",
    "TrackerUnavailable",
    "TrackerWarning",
    "Trackers",
    "Trackio",
    "TracklibError",
    "Wandb",
    "WhereError",
    "current",
    "load",
    "runs",
    "tracked",
    "tracking",
]

# Each name is imported when it is first asked for: who reads a run does not pay for who tracks one (wrapt, asyncio).
_WORDS = {
    "._journal.records": "Begin Best Histogram Log Parent Status",
    "._run.current": "current",
    "._run.run": "Trackers",
    "._values.gathering": "Metrics",
    "._words.tracked": "tracked",
    "._words.tracking": "tracking",
    ".errors": "ConfigError DeliveryError LifecycleError NotFinite RanksUnavailable RunDirectoryError Terminated "
    "TrackerBlocked TrackerLost TrackerUnavailable TrackerWarning TracklibError WhereError",
    ".reading": "load runs",
    ".trackers": "Aim Alert BaseTracker Comet Console CsvLogger DvcLive Mlflow Neptune SwanLab TensorBoard "
    "Trackio Wandb",
}
_HOME = {name: module for module, names in _WORDS.items() for name in names.split()}
_MODULES = ("errors", "integrations", "limits", "reading", "testing", "trackers")


def __getattr__(name: str) -> object:
    if name in _HOME:
        value: object = getattr(import_module(_HOME[name], __name__), name)
        return globals().setdefault(name, value)
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name == "__version__":
        from importlib.metadata import version

        return version("tracklib-ml")
    hint = "" if name.startswith("_") else import_module("._run.called_elsewhere", __name__).word_hint(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
