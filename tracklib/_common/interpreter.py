"""The interpreter of this process, to be started once more."""

from __future__ import annotations

import os
import sys


def interpreter() -> str:
    """Where it lies.

    Raises:
        OSError: this program is one of its own, frozen or with Python inside: starting it would do its work again.
    """
    if getattr(sys, "frozen", False) or not os.path.basename(sys.executable or "").startswith(("python", "pypy")):
        raise OSError("this program is no Python interpreter that could be started once more")
    return sys.executable
