"""Where somebody replaced what we stand on: gevent, freezegun, a system without threads. In bare processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bare import run_bare

CSV = "epoch,loss\n0,0.5\n1,0.5\n2,0.5\n"
GEVENT = "from gevent import monkey; monkey.patch_all()\n"
BOARD = '{"type": "TensorBoard"}'


@pytest.mark.slow
@pytest.mark.parametrize("patch", ["before tracklib", "after tracklib"])
def test_in_gevents_world_every_tracker_gets_all_and_the_loop_runs_on_meanwhile(tmp_path: Path, patch: str) -> None:
    first, then = (GEVENT, "") if patch == "before tracklib" else ("", GEVENT)
    script = f"""
        import threading, time
        from tracklib import BaseTracker, tracking
        MONKEY
        class Kept(BaseTracker):
            rows = []

            def init(self): ...

            def log(self, epoch, log_dict):
                time.sleep(0.01)
                self.rows.append(epoch)

        turns = []
        def work():
            while True:
                turns.append(time.sleep(0.001))

        threading.Thread(target=work, daemon=True).start()
        with tracking([Kept(), {BOARD}, {{"type": "Console"}}], output_run="run") as t:
            for epoch in range(3):
                t.log(epoch, {{"loss": 0.5}})
            assert t.flush(60)
        assert len(turns) > 10
        assert Kept.rows == [0, 1, 2]
        assert t["TensorBoard"].location
    """
    run_bare(tmp_path, first + "if True:" + script.replace("MONKEY\n", then.replace("\n", "") + "\n"))
    assert (tmp_path / "run/metrics.csv").read_text() == CSV


@pytest.mark.slow
def test_a_worker_that_is_forked_in_gevents_world_logs_and_ends(tmp_path: Path) -> None:
    script = """
        import os
        from tracklib import tracking
        with tracking(output_run="run") as t:
            for epoch in range(3):
                if not (child := os.fork()):
                    t.log(epoch, {"loss": 0.5})
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
            assert t.flush(60)
    """
    run_bare(tmp_path, GEVENT + "if True:" + script)
    assert (tmp_path / "run/metrics.csv").read_text() == CSV


@pytest.mark.slow
@pytest.mark.parametrize("frozen", ["from the start", "in the block"])
def test_where_time_is_frozen_a_run_is_left_though_a_tracker_hangs_and_is_dated_rightly(
    tmp_path: Path, frozen: str
) -> None:
    script = f"""
        import threading, time
        from freezegun import freeze_time
        if {frozen == "from the start"}:
            freeze_time("2020-01-01").start()
        import tracklib._run.ending
        tracklib._run.ending.PATIENCE = 0.5
        from tracklib import BaseTracker, tracking

        class Hung(BaseTracker):
            def init(self):
                threading.Event().wait()

            def log(self, epoch, log_dict): ...

        with tracking([Hung()], output_run="run") as t:
            if {frozen == "in the block"}:
                freeze_time("2020-01-01").start()
            for epoch in range(3):
                t.log(epoch, {{"loss": 0.5}})
            assert not t.flush(0.5)
    """
    run_bare(tmp_path, script, options=("-W", "ignore"))
    assert (tmp_path / "run/metrics.csv").read_text() == CSV
    records = [json.loads(line) for line in (tmp_path / "run/journal.jsonl").read_text().splitlines()]
    assert all(record["time"] > 1_700_000_000_000 for record in records)


@pytest.mark.slow
def test_where_the_system_gives_no_threads_all_is_kept_and_the_csv_comes_when_it_gives_one(tmp_path: Path) -> None:
    script = f"""
        import threading
        from tracklib import tracking

        threading.stack_size(2**46)  # more than there is: "can't start new thread"
        with tracking([{BOARD}, {{"type": "Console"}}], output_run="none") as t:
            for epoch in t.epochs(3):
                t.log(epoch, {{"loss": 0.5}})
            assert not t.flush(60)
        with tracking(output_run="late") as t:
            for epoch in range(3):
                t.log(epoch, {{"loss": 0.5}})
            threading.stack_size(0)
            assert t.flush(60)
    """
    run_bare(tmp_path, script, options=("-W", "ignore"))
    assert (tmp_path / "late/metrics.csv").read_text() == CSV
    lines = (tmp_path / "none/journal.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["type"] == "log" for line in lines) == 3
    assert json.loads(lines[-1])["status"] == "finished"


@pytest.mark.slow
def test_a_companion_that_was_let_go_where_there_are_no_threads_blocks_its_tracker_only(tmp_path: Path) -> None:
    script = f"""
        import threading
        from tracklib._delivery.companion import companion
        from tracklib import tracking

        with tracking([{BOARD}], output_run="first") as t:
            assert t.wait_ready(60)
        companion().has_ended = False
        taken = companion()
        taken.has_ended = True  # as it may be between the asking for it and the beginning of a delivery
        threading.stack_size(2**46)
        from tracklib._delivery import where
        where.companion = lambda: taken
        with tracking([{BOARD}], output_run="second") as t:
            t.log(0, {{"loss": 0.5}})
            assert not t.flush(60)
    """
    run_bare(tmp_path, script, options=("-W", "ignore"))
