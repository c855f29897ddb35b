"""Hydra: real applications, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import kept
import pytest
from fitted import need

from tracklib._journal.records import Begin, End, Params

need("hydra")
pytestmark = pytest.mark.frameworks

APP = """
    import os, signal, sys
    import hydra
    from tracklib import current

    @hydra.main(config_path=".", config_name="config", version_base="1.3")
    def main(config):
        current().log(0, {"loss": config.lr})
        if config.end == "raise":
            raise ValueError("boom")
        if config.end == "exit":
            sys.exit(2)
        if config.end == "ctrl-c":
            signal.raise_signal(signal.SIGINT)
        if config.end == "sigterm":
            os.kill(os.getpid(), signal.SIGTERM)
    main()
"""
CONFIG = """
    lr: 0.1
    end: normal
    twice: ${lr}
    hydra:
      run: {dir: out}
      sweep: {dir: sweep}
      callbacks:
        tracklib:
          _target_: tracklib.integrations.hydra.TracklibCallback
          configs: [{type: CsvLogger}]
          environment: false
"""


def app(folder: Path, *arguments: str) -> int:
    (folder / "app.py").write_text(textwrap.dedent(APP))
    (folder / "config.yaml").write_text(textwrap.dedent(CONFIG))
    return subprocess.run([sys.executable, "app.py", *arguments], cwd=folder, stderr=subprocess.PIPE).returncode


def ends(directory: Path) -> list[Any]:
    return [(end.status.value, end.error) for end in kept.records(directory, End)]


@pytest.mark.parametrize(
    ("end", "code", "expected"),
    [
        ("normal", 0, ("finished", "")),
        ("raise", 1, ("failed", "ValueError")),
        ("exit", 2, ("failed", "SystemExit")),
        ("ctrl-c", None, ("killed", "KeyboardInterrupt")),
        ("sigterm", 143, ("killed", "Terminated")),
    ],
)
def test_a_jobs_status_is_true(tmp_path: Path, end: str, code: int | None, expected: tuple[str, str]) -> None:
    found = app(tmp_path, f"end={end}")
    assert code in (None, found)
    assert ends(tmp_path / "out/tracklib") == [expected]


def test_the_configuration_is_the_runs_params(tmp_path: Path) -> None:
    app(tmp_path, "lr=0.5")
    (params,) = kept.records(tmp_path / "out/tracklib", Params)
    assert params.params == {"lr": 0.5, "end": "normal", "twice": 0.5}


def test_the_jobs_of_a_sweep_are_inside_one_run(tmp_path: Path) -> None:
    assert app(tmp_path, "--multirun", "lr=1,2") == 0
    sweep = tmp_path / "sweep/tracklib"
    jobs = [sweep / f"children/job-{number}" for number in range(2)]
    assert [ends(run) for run in (sweep, *jobs)] == [[("finished", "")]] * 3
    assert {kept.records(job, Begin)[0].parent.uid for job in jobs} == {kept.records(sweep, Begin)[0].uid}
    assert [kept.records(job, Params)[0].params["lr"] for job in jobs] == [1, 2]


def test_a_sweep_with_a_failed_job_has_failed(tmp_path: Path) -> None:
    assert app(tmp_path, "--multirun", "end=normal,raise") == 1
    sweep = tmp_path / "sweep/tracklib"
    assert [status for status, _ in ends(sweep)] == ["failed"]
    assert [ends(sweep / f"children/job-{number}")[0][0] for number in range(2)] == ["finished", "failed"]
