"""The packages that a tracker needs: whether they are there, and how to install them. None is imported for it."""

from __future__ import annotations

import importlib.util
from typing import Any

from .base import BaseTracker

DISTRIBUTION = "tracklib-ml"


def missing_packages(tracker: BaseTracker) -> list[str]:
    requires: Any = tracker.requires
    requires = (requires,) if isinstance(requires, str) else requires
    missing = [name for name in requires if not _is_there(name)]
    install = pip_install(tracker.extra) if tracker.extra else f"pip install {' '.join(missing)}"
    return [f"{type(tracker).__name__} needs {' and '.join(missing)}; run: {install}"] if missing else []


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:  # the package around it is missing
        return False
    except ValueError:  # imported by other means, so that it has no spec
        return True


def pip_install(extra: str) -> str:
    return f'pip install "{DISTRIBUTION}[{extra}]"'
