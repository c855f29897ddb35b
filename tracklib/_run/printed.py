"""Whether a run keeps what it prints: its console, from the beginning of a run to its end."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from .._common.files import copy_whole
from .._common.secrets import error_text
from .._common.warn import tell
from .._journal import layout
from .background import Told

if TYPE_CHECKING:
    from .console import Console


def console_of(run: Told, attempt: int) -> Console | None:
    """What begins to be kept; None where that cannot be, which the log says."""
    from .console import Console  # which imports ctypes and pty, for those alone who ask

    try:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        return Console(run.directory, f"--- attempt {attempt}, {now} ---\n")
    except OSError as error:
        tell(f"what the run prints cannot be kept: {error_text(error)}")
        return None


def end_console(console: Console, run: object) -> None:
    """Put the streams back, and say that the text is a file of the run's. What fails costs the run nothing."""
    with contextlib.suppress(Exception):
        if not console.end():
            tell(f"what the run printed last is missing in {console.path}")
        if isinstance(run, Told):
            run._keep(layout.CONSOLE, lambda new: copy_whole(console.path, new))
