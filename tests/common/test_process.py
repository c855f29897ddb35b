"""What a process knows of itself: when it was started, and by what interpreter."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tracklib._common import started
from tracklib._common.interpreter import interpreter
from tracklib._common.started import process_started


def test_a_process_knows_when_it_was_started() -> None:
    before = time.time_ns() // 1_000_000
    code = "from tracklib._common.started import process_started; print(process_started())"
    said = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert before - 100 <= said <= time.time_ns() // 1_000_000  # the system counts in hundredths of a second


def test_where_the_system_does_not_tell_it_is_when_this_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise FileNotFoundError("/proc/self/stat")

    monkeypatch.setattr(started, "open", missing, raising=False)
    assert process_started() == started._imported


@pytest.mark.parametrize("executable", ["", "/opt/trainer/trainer"])
def test_a_program_with_python_inside_is_not_started_once_more(
    monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    assert Path(interpreter()).name.startswith("python")
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(OSError, match="no Python interpreter"):
        interpreter()
