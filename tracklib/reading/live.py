"""A live run in a notebook: one display that is drawn anew until the run's end."""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Protocol, Self

from ..errors import RunDirectoryError


class Shown(Protocol):
    """What is asked of a run."""

    def refresh(self) -> Self:
        """Read on."""

    @property
    def is_live(self) -> bool:
        """Whether it goes on."""


class Live:
    """Draws a run anew ``every`` so many seconds, in a thread, until the run's end or :meth:`stop`.

    Raises:
        ImportError: this is no notebook: IPython is not installed.
    """

    def __init__(self, run: Shown, every: float) -> None:
        from IPython.display import display

        self._run, self._every = run, every
        self._over = threading.Event()
        self._handle: Any = display(run, display_id=True)  # type: ignore[no-untyped-call]
        self._thread = threading.Thread(target=self._draw, name="tracklib-live", daemon=True)
        self._thread.start()

    def _draw(self) -> None:
        goes_on = True
        while goes_on and self._handle is not None and not self._over.wait(self._every):
            with contextlib.suppress(RunDirectoryError):  # its folder is being moved, say: the next time may do
                goes_on = self._run.refresh().is_live
                self._handle.update(self._run)

    def stop(self) -> None:
        """Draw no more; the last picture stays."""
        self._over.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it stops drawing, for at most ``timeout`` seconds (None: as long as it takes). Returns whether it
        has stopped."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _ipython_display_(self) -> None:
        """It has shown itself already."""
