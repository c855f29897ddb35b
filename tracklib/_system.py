"""What the machine does while a run goes on: processor, memory, disk, and NVIDIA GPUs where there are some."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
from typing import Any


class SystemMetrics:
    """Samples the machine. Where a number cannot be had, it is left out.

    Args:
        directory: whose disk is looked at.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._psutil: Any = None
        self._nvml: Any = None
        with contextlib.suppress(Exception):
            self._psutil = importlib.import_module("psutil")
            self._process = self._psutil.Process()
            self._psutil.cpu_percent()  # the first answer is of no use: it starts the measuring
            self._process.cpu_percent()
        with contextlib.suppress(Exception):
            self._nvml = importlib.import_module("pynvml")  # of nvidia-ml-py
            self._nvml.nvmlInit()

    def sample(self) -> dict[str, float]:
        """The metrics as they are now: percents are 0 to 100, memory and disk in MB (2**20 bytes)."""
        found: dict[str, float] = {}
        for ask in (self._of_processor, self._of_memory, self._of_disk, self._of_gpus):
            with contextlib.suppress(Exception):
                found |= ask()
        return found

    def _of_processor(self) -> dict[str, float]:
        load = {"system/load_1min": os.getloadavg()[0]}
        if self._psutil is None:
            return load
        process = {"system/process_cpu_percent": self._process.cpu_percent()}
        return load | process | {"system/cpu_percent": self._psutil.cpu_percent()}

    def _of_memory(self) -> dict[str, float]:
        memory = self._psutil.virtual_memory()
        return {
            "system/memory_percent": memory.percent,
            "system/memory_used_mb": _mb(memory.total - memory.available),
            "system/process_memory_mb": _mb(self._process.memory_info().rss),
        }

    def _of_disk(self) -> dict[str, float]:
        disk = shutil.disk_usage(self._directory)
        return {"system/disk_percent": 100 * disk.used / disk.total, "system/disk_free_mb": _mb(disk.free)}

    def _of_gpus(self) -> dict[str, float]:
        found = {}
        for number in range(self._nvml.nvmlDeviceGetCount()):
            gpu = self._nvml.nvmlDeviceGetHandleByIndex(number)
            memory = self._nvml.nvmlDeviceGetMemoryInfo(gpu)
            found[f"system/gpu_{number}_percent"] = float(self._nvml.nvmlDeviceGetUtilizationRates(gpu).gpu)
            found[f"system/gpu_{number}_memory_percent"] = 100 * memory.used / memory.total
        return found


def _mb(size: int) -> float:
    return size / 2**20
