"""The interpreter exits inside a run that nobody finished."""

from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from kept import records

from tracklib._journal.records import End

RUN_BY_HAND = """
    from tracklib import Trackers
    t = Trackers(output_run="run")
    t.init()
"""

A_CELL_THAT_FAILS = """
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    assert shell.run_cell("1 / 0").error_in_exec
    import sys
    assert isinstance(sys.last_value, ZeroDivisionError)
"""


def ended(folder: Path) -> Any:
    (end,) = records(folder / "run", End)
    return end.status, end.error


def test_by_an_exception_the_run_failed(tmp_path: Path) -> None:
    run_bare(tmp_path, RUN_BY_HAND + "\n    def f(): raise ValueError('wrong')\n    f()", code=1)
    assert ended(tmp_path) == ("failed", "ValueError")


def test_by_an_exception_of_a_module_that_is_run_the_run_failed(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("from tracklib import Trackers\nTrackers(output_run='run').init()\n1 / 0\n")
    run_bare(tmp_path, "import runpy; runpy.run_module('job', run_name='__main__')", code=1)
    assert ended(tmp_path) == ("failed", "ZeroDivisionError")


def test_by_ctrl_c_it_was_killed(tmp_path: Path) -> None:
    run_bare(tmp_path, RUN_BY_HAND + "    raise KeyboardInterrupt", code=None)
    assert ended(tmp_path) == ("killed", "KeyboardInterrupt")


@pytest.mark.slow
@pytest.mark.parametrize("script", [A_CELL_THAT_FAILS + RUN_BY_HAND, RUN_BY_HAND + A_CELL_THAT_FAILS],
                         ids=["before the run", "in the run"])  # fmt: skip
def test_by_itself_after_a_cell_that_failed_the_run_was_killed(tmp_path: Path, script: str) -> None:
    """As a notebook's kernel that is restarted."""
    run_bare(tmp_path, script)
    assert ended(tmp_path) == ("killed", "")


@pytest.mark.slow
def test_by_itself_after_a_line_of_a_shell_that_failed_the_run_was_killed(tmp_path: Path) -> None:
    script = """
        import subprocess, sys
        lines = b"from tracklib import Trackers; t = Trackers(output_run='run'); t.init()\\n1 / 0\\n"
        shell = subprocess.run([sys.executable, "-i"], input=lines, stderr=subprocess.PIPE)
        assert b"ZeroDivisionError" in shell.stderr
    """
    run_bare(tmp_path, script)
    assert ended(tmp_path) == ("killed", "")


@pytest.mark.slow
def test_a_tracker_that_connects_while_the_interpreter_exits_does_not_cost_the_run_its_end(tmp_path: Path) -> None:
    """What is registered while the hooks are called is not called."""
    script = """
        import atexit
        from tracklib import Trackers
        from tracklib._run import open_runs
        t = Trackers(output_run="run", at_exit="finished")
        t.init()
        assert t.wait_ready()
        atexit.register(open_runs.come_first_at_exit)  # as the tracker's thread does once it has connected
    """
    run_bare(tmp_path, script)
    assert ended(tmp_path) == ("finished", "")
