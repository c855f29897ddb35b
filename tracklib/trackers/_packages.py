"""The packages that a tracker needs: whether they are there, and how to install them. None is imported for it."""

from __future__ import annotations

import importlib.util
from typing import Any

from .._common import variables
from ._plug_ins import offered_by
from .base import BaseTracker

DISTRIBUTION = "tracklib-ml"


def missing_packages(tracker: BaseTracker) -> list[str]:
    requires: Any = tracker.requires
    requires = (requires,) if isinstance(requires, str) else requires
    missing = [name for name in requires if not _is_there(name)]
    if not missing or variables.is_switched_off() or variables.is_offline():
        return []
    return [f"{type(tracker).__name__} needs {' and '.join(missing)}; run: {_install(tracker, missing)}"]


def _install(tracker: BaseTracker, missing: list[str]) -> str:
    if tracker.extra:
        return pip_install(tracker.extra)
    plug_in = offered_by(type(tracker))
    return plug_in.install if plug_in and plug_in.extras else f"pip install {' '.join(missing)}"


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:  # the package around it is missing
        return False
    except ValueError:  # imported by other means, so that it has no spec
        return True


def pip_install(extra: str) -> str:
    return f'pip install "{DISTRIBUTION}[{extra}]"'
