"""What hears what we tell may fail: the training goes on, and so do the deliveries. In bare processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from bare import run_bare

RAISES = """
import logging

class Raises(logging.Handler):
    def emit(self, record):
        raise ERROR(record.getMessage())

logging.getLogger().addHandler(Raises())
"""


@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit"])
def test_a_log_handler_that_raises_stops_no_delivery(tmp_path: Path, error: str) -> None:
    script = """
        from tracklib import BaseTracker, tracking

        class Flaky(BaseTracker):
            got, fails = [], [ValueError("never"), ConnectionError("once")]

            def init(self): ...

            def is_transient(self, error):
                return isinstance(error, ConnectionError)

            def log(self, epoch, log_dict):
                if self.fails:
                    raise self.fails.pop()
                self.got.append(epoch)

        with tracking([Flaky()], output_run="run", environment=False) as t:
            for epoch in range(6):
                t.log(epoch, {"loss": 1.0})
            t.flush()
        print(Flaky.got)
    """
    # The first batch of six: a transient failure, then one record is refused and the others are not.
    found = run_bare(tmp_path, RAISES.replace("ERROR", error) + "if True:" + script)
    assert found in ("[0, 1, 2, 3, 4, 5]\n", "[1, 2, 3, 4, 5]\n")


def test_a_log_handler_that_raises_does_not_let_a_full_disk_stop_the_training(tmp_path: Path) -> None:
    script = """
        import resource
        from tracklib import tracking
        with tracking(output_run="run", environment=False) as t:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            for epoch in range(200):
                t.log(epoch, {"loss": 1.0})
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            assert t.flush()
    """
    run_bare(tmp_path, RAISES.replace("ERROR", "RuntimeError") + "if True:" + script)
    assert len((tmp_path / "run/metrics.csv").read_text().splitlines()) == 201


def test_a_handler_that_waits_for_a_thread_that_logs_into_the_run_is_not_waited_for_in_turn(tmp_path: Path) -> None:
    script = """
        import logging, resource, threading
        from tracklib import tracking

        class Counts(logging.Handler):
            def emit(self, record):
                thread = threading.Thread(target=run.log, args=(None, {"warnings": 1.0}), kwargs={"axis": "warning"})
                thread.start()
                thread.join(60)
                print("hangs" if thread.is_alive() else "told")

        with tracking(output_run="run", environment=False) as run:
            logging.getLogger().addHandler(Counts())
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            for epoch in range(100):
                run.log(epoch, {"loss": 1.0})
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    """
    assert set(run_bare(tmp_path, script).split()) == {"told"}


RAISING = "type('Raises', (), {'write': lambda *_: 1 / 0, 'flush': lambda *_: 1 / 0})()"
STREAMS = {
    "closed": "sys.stderr.close()",
    "none": "sys.stderr = None",
    "one that raises": f"sys.stderr = {RAISING}",
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_where_stderr_cannot_be_written_a_warning_is_no_error(tmp_path: Path, stream: str) -> None:
    script = f"""
        import sys
        from tracklib import tracking
        with tracking([{{"type": "Console"}}], output_run="run") as t:
            {stream}
            t.log(0, {{"loss": 0.5, "name": "no number"}})
            t.log(1, {{"loss": 0.25}})
        sys.stderr = sys.__stderr__
        print("trained")
    """
    assert run_bare(tmp_path, script) == "trained\n"
    assert (tmp_path / "run/metrics.csv").read_text() == "epoch,loss\n0,0.5\n1,0.25\n"


def test_warnings_that_are_errors_are_none_in_a_thread_of_ours(tmp_path: Path) -> None:
    script = """
        from tracklib import BaseTracker, tracking
        from tracklib._common.warn import warn

        class Mine(BaseTracker):
            def init(self): ...

            def log(self, epoch, log_dict):
                warn("something odd")  # a tracker's own line is on the stack, and no line of the training
                print(epoch)

        with tracking([Mine()], output_run="run", environment=False) as t:
            t.log(0, {"loss": 0.5})
            assert t.flush()
    """
    assert run_bare(tmp_path, script, options=("-W", "error")) == "0\n"
