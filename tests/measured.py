"""In the coverage session: what tracklib begins with ``-S``, which passes coverage's own start over, is measured too.

A companion and a run's console are begun by way of the program that this file is, which measures and runs theirs. That
is so in each Python that the tests begin, as ``measuring`` is on their ``PYTHONPATH``.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_WITH = "MEASURED_WITH"  # where coverage is installed
_BEGINNING = "tracklib._delivery.process"


def begin_to_measure() -> None:
    """In this process, unless coverage has begun."""
    import coverage

    take_the_tracers_lock()
    coverage.process_startup()


def take_the_tracers_lock() -> None:
    """Take the lock out of coverage's tracer, which is no RLock: the thread that holds it waits for itself where the
    garbage collector, or a signal's handler, runs code inside. Beside the interpreter's own lock it guards nothing."""
    from coverage import Coverage
    from coverage.collector import Collector

    reset = Collector.reset

    def without_lock(collector: Collector) -> None:
        reset(collector)
        collector.data_lock = None

    Collector.reset = without_lock  # type: ignore[assignment, method-assign]  # forked children begin with it, too
    if (running := Coverage.current()) is not None and running._collector is not None:
        running._collector.data_lock = None


def have_processes_measured(process: Any = None) -> None:
    """Those that this process begins, and those begin in turn; ``process`` is the module, where it is imported."""
    import coverage

    if process is None:
        sys.meta_path.insert(0, _Finder())
    else:
        _begin_by_way_of_this(process)
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "measuring")
    before = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", folder)]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *before])
    os.environ[_WITH] = os.path.dirname(os.path.dirname(coverage.__file__))


def _begin_by_way_of_this(process: Any) -> None:
    begin = process.Process.begin.__func__

    def measured(kind: type, fds: Sequence[int], environment: dict[str, str], program: str, *arguments: str) -> Any:
        if not os.path.isfile(program):
            return begin(kind, fds, environment, program, *arguments)
        coverages = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}  # not inherited
        return begin(kind, fds, environment | coverages, os.path.abspath(__file__), program, *arguments)

    process.Process.begin = classmethod(measured)


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _begin_by_way_of_this(module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != _BEGINNING:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def main() -> None:
    """Measure, and do what the program does that was to be begun."""
    program = sys.argv[1]
    del sys.argv[0]
    root = os.path.dirname(os.path.dirname(os.path.dirname(program)))
    sys.path += [root, *os.environ.get(_WITH, "").split(os.pathsep)]
    begin_to_measure()
    name = os.path.relpath(program, root).removesuffix(".py").replace(os.sep, ".")
    importlib.import_module(name).main()


if __name__ == "__main__":
    main()
