"""What is asked of asyncio and trio, which are not imported for it: whoever runs a coroutine in one has done so."""

from __future__ import annotations

import sys


def is_in_a_loop() -> bool:
    """Whether asyncio runs this code."""
    running = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)  # None, too, while another imports it
    return running is not None and running() is not None


def is_cancellation(error: BaseException | None) -> bool:
    """Whether ``error`` is what asyncio cancels a task by, or trio."""
    return any(
        isinstance(error, getattr(sys.modules.get(package), name, ()))
        for package, name in (("asyncio", "CancelledError"), ("trio", "Cancelled"))
    )
