"""What the machine does: with and without the packages that know, and of GPUs that do not answer everything."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tracklib._run.machine import SystemMetrics

ALWAYS = {"system/load_1min", "system/disk_percent", "system/disk_free_mb"}
WITH_PSUTIL = ALWAYS | {
    "system/cpu_percent",
    "system/process_cpu_percent",
    "system/memory_percent",
    "system/memory_used_mb",
    "system/process_memory_mb",
}


class Nvml(types.ModuleType):
    """A machine with two GPUs, of which the second tells nothing of its work."""

    def __init__(self) -> None:
        super().__init__("pynvml")

    def nvmlInit(self) -> None:  # as NVIDIA calls it
        pass

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        return number

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> Any:
        if gpu == 1:
            raise RuntimeError("Not Supported")
        return types.SimpleNamespace(gpu=75)

    def nvmlDeviceGetMemoryInfo(self, gpu: int) -> Any:
        return types.SimpleNamespace(used=(gpu + 1) * 2**30, total=4 * 2**30)


@pytest.fixture(autouse=True)
def _without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)


def test_processor_memory_and_disk_are_sampled(tmp_path: Path) -> None:
    found = SystemMetrics(str(tmp_path)).sample()
    assert found.keys() == WITH_PSUTIL
    assert all(type(value) is float for value in found.values())
    assert 0 < found["system/memory_percent"] <= 100
    assert 0 < found["system/disk_percent"] <= 100
    assert found["system/process_memory_mb"] < found["system/memory_used_mb"] + 1024


def test_without_psutil_the_load_and_the_disk_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert SystemMetrics(str(tmp_path)).sample().keys() == ALWAYS


def test_each_gpu_says_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    found = SystemMetrics(str(tmp_path)).sample()
    assert {name: value for name, value in found.items() if "gpu" in name} == {
        "system/gpu_0_percent": 75.0,
        "system/gpu_0_memory_percent": 25.0,
        "system/gpu_0_memory_used_mb": 1024.0,
        "system/gpu_1_memory_percent": 50.0,
        "system/gpu_1_memory_used_mb": 2048.0,
    }


def test_a_driver_that_is_not_there_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml()
    nvml.nvmlInit = lambda: os.stat("/no/driver")  # type: ignore[method-assign,assignment]
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert SystemMetrics(str(tmp_path)).sample().keys() == WITH_PSUTIL


def test_a_disk_that_is_gone_costs_its_own_lines(tmp_path: Path) -> None:
    found = SystemMetrics(str(tmp_path / "gone")).sample()
    assert found.keys() == {name for name in WITH_PSUTIL if "disk" not in name}


@pytest.mark.skipif(not hasattr(os, "getloadavg"), reason="no load on this system")
def test_a_load_that_cannot_be_had_costs_its_own_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (_ for _ in ()).throw(OSError))
    assert SystemMetrics(str(tmp_path)).sample().keys() == WITH_PSUTIL - {"system/load_1min"}
