"""``tracklib sync --all ROOT --watch``."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner
from kept import statuses
from patience import PATIENT

from tracklib import tracking
from tracklib.cli import watching
from tracklib.cli.commands import main

CUT_OFF = """
    import os, sys
    from tracklib import tracking
    with tracking(output_run=sys.argv[1]) as t:
        t.log(0, {"loss": 0.5})
        os._exit(9)
"""


def cut_off(directory: Path) -> None:
    subprocess.run([sys.executable, "-c", textwrap.dedent(CUT_OFF), str(directory)], timeout=PATIENT, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_it_takes_up_what_jobs_leave_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    cut_off(tmp_path / "first")
    program = f"""
        from tracklib.cli import watching
        from tracklib.cli.commands import main
        watching.PAUSE_SECONDS = 0.05
        main(["sync", "--all", {str(tmp_path)!r}, "--watch"])
    """
    watch = subprocess.Popen([sys.executable, "-u", "-c", textwrap.dedent(program)], stdout=-1, text=True)
    assert watch.stdout is not None
    assert "first: its process died: the run's status is killed now" in watch.stdout.readline()
    with tracking(output_run=tmp_path / "live"):
        cut_off(tmp_path / "second")
        lines = iter(watch.stdout.readline, "")
        assert next(line for line in lines if "second" in line).endswith("the run's status is killed now\n")
        assert statuses(tmp_path / "live") == []
    watch.send_signal(number)
    rest = watch.communicate(timeout=PATIENT)[0]
    assert watch.returncode == 0
    assert "first: its process died" not in rest
    assert statuses(tmp_path / "first") == statuses(tmp_path / "second") == ["killed"]


def test_what_has_all_is_not_looked_at_again_before_something_is_said_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    monkeypatch.setattr(watching, "PAUSE_SECONDS", 0.0)
    rounds = iter(range(5))
    taken: list[str] = []

    def runs() -> list[str]:
        if next(rounds) == 4:
            raise KeyboardInterrupt
        if len(taken) == 1:
            with tracking(output_run=tmp_path / "run", resume=True):
                pass
        return [str(tmp_path / "run")]

    with pytest.raises(KeyboardInterrupt):
        watching.again_and_again(runs, lambda directory: not taken.append(directory))  # type: ignore[func-returns-value]
    assert len(taken) == 2


@pytest.mark.parametrize(
    "more", [["run"], ["--all", ".", "--dry-run"], ["--all", ".", "--json"], ["--all", ".", "--to", "{}"]]
)
def test_it_goes_with_a_root_only(more: list[str]) -> None:
    done = CliRunner().invoke(main, ["sync", "--watch", *more])
    assert done.exit_code == 2
    assert "--watch goes with --all ROOT" in done.output
