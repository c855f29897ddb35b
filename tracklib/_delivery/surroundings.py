"""The environment that the companion process gets from the training: variables, folder and module path."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from .._common import variables

_HOUSE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # where tracklib itself is


class Surroundings(NamedTuple):
    """What a process lives in and an SDK reads once: a run that begins in others gets another companion."""

    variables: dict[str, str]
    folder: str
    path: list[str]

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process, now."""
        try:
            folder = os.getcwd()
        except OSError:  # it was deleted
            folder = "/"
        return cls(variables.for_companion(), folder, _path(folder))


def _path(folder: str) -> list[str]:
    """Where modules are looked for; beside the program, last: a ``mlflow.py`` there is not MLflow."""
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    beside = {"", ".", folder, os.path.dirname(os.path.abspath(program)) if program else ""}
    path = [entry for entry in sys.path if entry not in beside]
    last = [_HOUSE, *(entry for entry in sys.path if entry in beside and os.path.isabs(entry))]
    return path + [entry for entry in last if entry not in path]
