"""For tests: of a program that tracks, of a tracker (:class:`TrackerTests`), of a framework's adapter
(:class:`AdapterTests`). The two kits need pytest; nothing of this is a plug-in of pytest's."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .adapter_tests import AdapterTests
    from .memory import MemoryTracker
    from .tracker_tests import TrackerTests

__all__ = ["AdapterTests", "MemoryTracker", "TrackerTests"]

_HOME = {"AdapterTests": "adapter_tests", "MemoryTracker": "memory", "TrackerTests": "tracker_tests"}
_WITH_ASSERTS = ("adapter_tests", "keeping_tests", "fault_tests")


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name.endswith("Tests"):
        import pytest

        pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _WITH_ASSERTS))
    value: object = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return globals().setdefault(name, value)
