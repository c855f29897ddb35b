"""A soak: as many logs as a long training makes, with a slow and a dead tracker attached.

``python -m pytest tests/test_soak.py --long -s`` runs it with a million, and prints the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import filed
import pytest
from patience import PATIENT

pytestmark = pytest.mark.slow

BOUND = 30.0  # MB that memory may grow by between the middle and the end: a record that is kept is more


def run(*arguments: object) -> Any:
    command = [sys.executable, str(Path(__file__).with_name("soaking.py")), *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=20 * PATIENT).stdout)


def ordinals(path: Path) -> list[int]:
    """Of the records that a tracker took."""
    with open(path) as file:
        return [line[1] for line in map(json.loads, file) if line[0] == "log"]


def test_memory_stays_flat_behind_a_slow_and_a_dead_tracker_and_sync_brings_it_all(
    tmp_path: Path, long: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = 1_000_000 if long else 30_000
    directory = tmp_path / "run"
    filed.set_fault(str(tmp_path / "dead"), "down")

    soaked = run("soak", directory, tmp_path, logs)

    assert ordinals(tmp_path / "slow")[-1] < logs // 2
    assert not (tmp_path / "dead").exists()
    filed.clear_fault(str(tmp_path / "dead"))
    synced = run("sync", directory)
    again = run("sync", directory)

    growth = max(soaked["megabytes"][50:]) - soaked["megabytes"][50]
    assert growth < BOUND
    assert synced["megabytes"] < 8 * BOUND
    assert synced["left"] == again["left"] == {"Slow": None, "Dead": None, "CsvLogger": None}
    everything = list(range(1, logs + 1))  # ordinal 0 is the beginning
    taken = {name: ordinals(tmp_path / name) for name in ("slow", "dead")}
    lost = sum(len(set(everything) - set(found)) for found in taken.values())
    doubled = sum(len(found) - len(set(found)) for found in taken.values())
    with capsys.disabled():
        if long:
            print(_figures(logs, directory, soaked, synced, growth, lost, doubled))
    assert (lost, doubled) == (0, 0)
    assert all(found == everything for found in taken.values())
    with open(directory / "metrics.csv") as csv:
        assert [line.split(",")[0] for line in csv] == ["epoch", *map(str, range(logs))]


def _figures(logs: int, directory: Path, soaked: Any, synced: Any, growth: float, lost: int, doubled: int) -> str:
    samples = soaked["megabytes"]
    return (
        f"\n{logs} logs in {soaked['seconds']:.1f} s ({soaked['seconds'] / logs * 1e6:.1f} us each), "
        f"journal {os.path.getsize(directory / 'journal.jsonl') / 1e6:.0f} MB\n"
        f"memory: {samples[0]:.1f} MB at first, {samples[50]:.1f} in the middle, {samples[-1]:.1f} at the end; "
        f"growth in the second half {growth:.1f} MB\n"
        f"sync: {synced['seconds']:.1f} s, {synced['megabytes']:.1f} MB on top of an idle process\n"
        f"records lost {lost}, doubled {doubled}"
    )


def test_going_on_with_a_long_run_does_not_read_it_all(
    tmp_path: Path, long: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = 1_000_000 if long else 100_000
    run("be killed", tmp_path / "run", logs)

    resumed = run("resume", tmp_path / "run")

    if long:
        with capsys.disabled():
            figures = f"{resumed['seconds'] * 1e3:.1f} ms, {resumed['read'] / 1e6:.1f} MB read"
            print(f"\nentering with resume=True behind {logs} logs of a killed run: {figures}")
    assert resumed["first_step"] == logs
    assert resumed["read"] < 6 * 2**20  # less than the journal
