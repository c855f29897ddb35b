"""Many runs of one process at once."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from kept import logged, statuses

from tracklib import tracking

RUNS = 40
RUNS_LONG = 500


@pytest.mark.slow
def test_many_runs_go_on_in_one_process_at_once(tmp_path: Path, long: bool) -> None:
    """Each renews its own lock once a second: where each renewed all, 500 had not begun after ten minutes."""
    folders = [tmp_path / str(number) for number in range(RUNS_LONG if long else RUNS)]
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(tracking(output_run=folder, environment=False)) for folder in folders]
        for number, run in enumerate(runs):
            run.log(0, {"number": number})
    assert [logged(folder) for folder in folders] == [
        [(0, {"number": float(number)})] for number in range(len(folders))
    ]
    assert all(statuses(folder) == ["finished"] for folder in folders)
