"""What is asked of asyncio, which is not imported for it: whoever runs a coroutine in it has done so."""

from __future__ import annotations

import sys


def is_in_a_loop() -> bool:
    """Whether asyncio runs this code."""
    running = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)  # None, too, while another imports it
    return running is not None and running() is not None


def is_cancellation(error: BaseException | None) -> bool:
    """Whether ``error`` is what asyncio cancels a task by."""
    cancelled = getattr(sys.modules.get("asyncio"), "CancelledError", None)
    return cancelled is not None and isinstance(error, cancelled)
