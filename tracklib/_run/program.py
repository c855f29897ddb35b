"""The program that makes a run: its command line, where it looks for packages, and where its code may lie."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple


class Program(NamedTuple):
    """What must be known of a program, to ask what it is made of."""

    argv: list[str]
    path: list[str]
    places: list[str]


def this_program(folder: str) -> Program:
    """This one, which is in ``folder`` now. The repository of its script comes first, then that around ``folder``."""
    places = [place for place in (_scripts_folder(), folder) if place]
    return Program(list(sys.argv), list(sys.path), places)


def _scripts_folder() -> str:
    """Where the program's own file lies; nowhere for a notebook, or a program that was installed."""
    script = getattr(sys.modules.get("__main__"), "__file__", None) or ""
    folder = os.path.dirname(os.path.abspath(script)) if script else ""
    return "" if os.path.join(folder, "").startswith(os.path.join(sys.prefix, "")) else folder
