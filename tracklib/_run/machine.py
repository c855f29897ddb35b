"""What the machine does while a run goes on: processor, memory, disk, and NVIDIA GPUs where there are some."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any


class SystemMetrics:
    """Samples the machine. Where a number cannot be had, it is left out.

    What it needs is imported when it is made, which is not to be in a thread.

    Args:
        directory: whose disk is looked at.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._asked: list[Callable[[], Iterator[tuple[str, float]]]] = []
        self._psutil = _imported("psutil")
        self._nvml = _imported("pynvml")  # of nvidia-ml-py

    def begin(self) -> None:
        """Begin to measure, in the thread that will sample."""
        self._asked = [self._of_load, self._of_disk]
        with contextlib.suppress(Exception):
            self._process = self._psutil.Process()
            self._psutil.cpu_percent()  # the first answer is of no use: it starts the measuring
            self._process.cpu_percent()
            self._asked += [self._of_processor, self._of_memory]
        with contextlib.suppress(Exception):
            self._nvml.nvmlInit()
            for number in range(self._nvml.nvmlDeviceGetCount()):
                self._asked += self._of_gpu(number)

    def sample(self) -> dict[str, float]:
        """The metrics as they are now: percents are 0 to 100 (of a process: of one processor), memory and disk
        in MB (2**20 bytes)."""
        if not self._asked:
            self.begin()
        found: dict[str, float] = {}
        for ask in self._asked:
            with contextlib.suppress(Exception):
                found |= {f"system/{name}": float(value) for name, value in ask()}
        return found

    def _of_load(self) -> Iterator[tuple[str, float]]:
        yield "load_1min", os.getloadavg()[0]

    def _of_disk(self) -> Iterator[tuple[str, float]]:
        disk = shutil.disk_usage(self._directory)
        yield "disk_percent", 100 * disk.used / disk.total
        yield "disk_free_mb", _mb(disk.free)

    def _of_processor(self) -> Iterator[tuple[str, float]]:
        yield "cpu_percent", self._psutil.cpu_percent()
        yield "process_cpu_percent", self._process.cpu_percent()

    def _of_memory(self) -> Iterator[tuple[str, float]]:
        memory = self._psutil.virtual_memory()
        yield "memory_percent", memory.percent
        yield "memory_used_mb", _mb(memory.total - memory.available)
        yield "process_memory_mb", _mb(self._process.memory_info().rss)

    def _of_gpu(self, number: int) -> list[Callable[[], Iterator[tuple[str, float]]]]:
        """The questions to one GPU: not each answers all of them."""
        gpu = self._nvml.nvmlDeviceGetHandleByIndex(number)

        def of_work() -> Iterator[tuple[str, float]]:
            yield f"gpu_{number}_percent", self._nvml.nvmlDeviceGetUtilizationRates(gpu).gpu

        def of_memory() -> Iterator[tuple[str, float]]:
            memory = self._nvml.nvmlDeviceGetMemoryInfo(gpu)
            yield f"gpu_{number}_memory_percent", 100 * memory.used / memory.total
            yield f"gpu_{number}_memory_used_mb", _mb(memory.used)

        return [of_work, of_memory]


def _mb(size: int) -> float:
    return size / 2**20


def _imported(name: str) -> Any:
    """The module, or None."""
    with contextlib.suppress(Exception):
        return importlib.import_module(name)
    return None
