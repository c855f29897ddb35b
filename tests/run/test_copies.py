"""A copy of what holds a run is a copy of nothing in the run."""

import copy
import pickle
import subprocess
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import pytest
from kept import records
from patience import PATIENT

from tracklib import LifecycleError, Trackers, tracking
from tracklib._journal.records import Log


class Model:
    """As a user's, whose best state is copied and saved."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.log = run.log
        self.weights = [1, 2]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
                         ids=["copy", "deepcopy", "pickle"])  # fmt: skip
def test_a_copy_holds_the_same_run_before_in_and_after_it(tmp_path: Path, copied: Any) -> None:
    run = Trackers(output_run=tmp_path / "run")
    assert copied(run) is run
    with run as t:
        model = copied(Model(t))
        assert model.run is t
        model.log(0, {"loss": 1})
        with t.child("a") as child:
            assert copied(child) is child
    assert copied(run) is run
    assert [log.metrics for log in records(tmp_path / "run", Log)] == [{"loss": 1.0}]


def test_a_tracking_object_that_was_entered_is_copied_with_the_same_run(tmp_path: Path) -> None:
    block = tracking(output_run=tmp_path / "run")
    with block as t:
        assert copy.deepcopy(block)._run is t


def test_in_another_process_what_holds_it_logs_into_the_same_run(tmp_path: Path) -> None:
    script = """
        import pickle, sys
        model = pickle.load(sys.stdin.buffer)
        assert model.run.output_run == model.run.directory and model.run.uid and model.run.is_init
        model.log(1, {"loss": 1})
        model.run.log(2, {"loss": 1})
        assert pickle.loads(pickle.dumps(model)).run is model.run
    """
    with tracking(output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 1})
        model = pickle.dumps(types.SimpleNamespace(run=t, log=t.log))
        command = [sys.executable, "-c", textwrap.dedent(script)]
        subprocess.run(command, input=model, timeout=PATIENT, check=True)
    assert [log.step for log in records(tmp_path / "run", Log)] == [0, 1, 2]


def test_where_the_run_is_gone_a_saved_one_can_still_be_loaded(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        saved = pickle.dumps(t)
        uid = t.uid
    del t
    loaded = pickle.loads(saved)
    assert (loaded.uid, loaded.directory) == (uid, str(tmp_path / "run"))
    with pytest.raises(LifecycleError):
        loaded.log(0, {"loss": 1})
