"""TRACKLIB_MODE=offline: all is kept, and nothing begun that needs an SDK; ``tracklib sync`` delivers it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENT

import tracklib
from tracklib import tracking
from tracklib.testing import MemoryTracker

RUN = """
import sys, threading
from tracklib import tracking

with tracking([{"type": "TensorBoard"}], output_run="run", environment=False, on_error="raise") as t:
    for epoch in range(3):
        t.log(epoch, {"loss": 1 / (epoch + 1)})
    print(t.flush(), "tensorboard" in sys.modules, threading.active_count())
"""


def python(folder: Path, *arguments: str, mode: str = "offline") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"TRACKLIB_MODE": mode},
        capture_output=True,
        text=True,
        timeout=3 * PATIENT,
    )


@pytest.mark.slow
def test_an_offline_run_says_nothing_to_its_tracker_until_it_is_synced(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    done = python(tmp_path, "-W", "error", "-c", RUN)

    assert (done.stdout, done.stderr) == ("False False 2\n", "")  # the CSV's thread is the other one
    assert not list((tmp_path / "run").rglob("*tfevents*"))
    assert (tmp_path / "run/metrics.csv").read_text().splitlines()[-1].startswith("2,0.333")

    synced = python(tmp_path, "-m", "tracklib", "sync", "run")
    (events,) = (tmp_path / "run").rglob("*tfevents*")
    kept = EventAccumulator(str(events)).Reload()
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert [event.step for event in kept.Scalars("loss")] == [0, 1, 2]


def test_no_package_of_a_tracker_need_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tracklib.Wandb.requires", ("no_such_sdk_z",))
    monkeypatch.setenv("TRACKLIB_MODE", "offline")

    with tracking([{"type": "Wandb", "project": "x"}], output_run=tmp_path / "run", environment=False) as t:
        t.log(0, {"loss": 0.5})

    assert tracklib.load(tmp_path / "run").status == "finished"


def test_what_needs_no_package_works_as_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACKLIB_MODE", "offline")
    memory = MemoryTracker()

    with tracking([memory], output_run=tmp_path / "run", environment=False) as t:
        t.log(0, {"loss": 0.5})
        assert t.flush(PATIENT)

    assert memory.metrics == {"loss": [(0, 0.5)]}
    assert memory.status == "finished"


@pytest.mark.slow  # three attempts, each with its import of TensorBoard
def test_a_run_that_began_online_goes_on_offline_and_is_delivered_by_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = {"type": "TensorBoard"}
    for epoch, mode in enumerate(["enabled", "offline", "enabled"]):
        monkeypatch.setenv("TRACKLIB_MODE", mode)
        with tracking([config], output_run=tmp_path / "run", environment=False, resume=True) as t:
            t.log(epoch, {"loss": 0.5})
            assert t.flush(PATIENT) is (mode == "enabled")

    assert tracklib.load(tmp_path / "run").metrics["loss"].steps.tolist() == [0, 1, 2]
