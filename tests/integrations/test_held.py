"""Held, by a loop that calls hooks as the training frameworks do."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import kept
import pytest
from bare import run_bare

from tracklib import ConfigError, Status, Trackers, TrackerWarning, current, tracking
from tracklib._journal.records import Artifact, Begin, End, Log, Params
from tracklib.integrations import Held
from tracklib.integrations._names import named

LOOP = """
    import os, signal, sys
    from tracklib import tracking
    from tracklib.integrations import Held

    class Loop:  # has no hook for an exception, as most have none
        def __init__(self, held):
            self.held = held
        def fit(self, epochs=2, fail=None):
            self.held.fit_begins()
            self.held.log_params({"lr": 0.1})
            for epoch in range(epochs):
                self.held.log(epoch, {"loss": 1 / (epoch + 1)})
                if fail:
                    fail()
            self.held.fit_ends()
        def evaluate(self):
            self.held.log(None, {"test/loss": 0.5})

    def boom(): raise ValueError("boom")
    def ctrl_c(): raise KeyboardInterrupt
    def sigterm(): os.kill(os.getpid(), signal.SIGTERM)
    def leave(): sys.exit(3)
    def caught():
        try: loop.fit(fail=boom)
        except ValueError: pass

    def borrowed():
        loop.held = Held()
        return tracking(output_run="run")

    loop = Loop(Held(output_run="run"))
"""


def ends(folder: Path) -> list[tuple[str, str]]:
    return [(end.status.value, end.error) for end in kept.records(folder / "run", End)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "code", "expected"),
    [
        ("loop.fit()", 0, [("finished", "")]),
        ("loop.fit(fail=boom)", 1, [("failed", "ValueError")]),
        ("caught()", 0, [("failed", "")]),
        ("caught(); loop.fit()", 0, [("failed", ""), ("finished", "")]),
        ("loop.fit(fail=ctrl_c)", None, [("killed", "KeyboardInterrupt")]),
        ("loop.fit(fail=sigterm)", 143, [("killed", "Terminated")]),
        ("loop.fit(fail=leave)", 3, [("failed", "SystemExit")]),
        ("loop.fit(); loop.evaluate()", 0, [("finished", ""), ("finished", "")]),
        ("loop.fit(); loop.evaluate(); sys.exit(3)", 3, [("finished", ""), ("failed", "SystemExit")]),
        ("loop.evaluate()", 0, [("finished", "")]),
        ("loop.fit(); loop.fit()", 0, [("finished", ""), ("finished", "")]),
        ("with borrowed(): loop.fit(); loop.evaluate()", 0, [("finished", "")]),
        ("with borrowed(): caught()", 0, [("finished", "")]),
        ("with borrowed(): loop.fit(fail=boom)", 1, [("failed", "ValueError")]),
        ("with borrowed(): loop.fit(fail=sigterm)", 143,
         [("killed", "Terminated")]),
    ],
)  # fmt: skip
def test_each_attempt_at_the_run_has_its_true_end(
    tmp_path: Path, script: str, code: int | None, expected: list[tuple[str, str]]
) -> None:
    run_bare(tmp_path, f"{LOOP}    {script}", code=code)
    assert ends(tmp_path) == expected
    assert len({begin.uid for begin in kept.records(tmp_path / "run", Begin)}) == 1
    assert len(kept.records(tmp_path / "run", Params)) == ("fit" in script or "caught" in script)


def test_neither_configured_nor_in_a_block_it_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    held = Held()
    assert held.fit_begins(output_run="run") is None
    held.log(0, {"a": 1})
    held.log_params({"lr": 1})
    held.log_artifact("nowhere")
    held.fit_ends(ValueError())
    assert held.directory is None
    assert os.listdir(tmp_path) == []


def test_what_is_wrong_with_its_configs_is_said_at_once() -> None:
    with pytest.raises(ConfigError, match="mean 'Mlflow'"):
        Held([{"type": "Mlfow"}])
    with pytest.raises(TypeError, match="unexpected keyword argument 'param'"):
        Held(param={"lr": 1})  # type: ignore[call-arg]


def test_its_own_run_is_told_what_only_the_framework_knows_where_the_user_said_nothing(tmp_path: Path) -> None:
    held = Held(params={"lr": 1}, name="mine")
    held.fit_begins(output_run=tmp_path / "run", name="theirs")
    held.fit_ends()
    assert held.directory == str(tmp_path / "run")
    (begin,) = kept.records(tmp_path / "run", Begin)
    assert begin.name == "mine"


def test_before_the_run_it_knows_where_it_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Held(output_run="run").directory == str(tmp_path / "run")
    assert Held(name="digits").directory is None


def test_the_error_that_a_hook_sees_is_the_runs(tmp_path: Path) -> None:
    held = Held(output_run=tmp_path / "run")
    held.fit_begins()
    error = KeyboardInterrupt()
    held.fit_ends(error)
    held.fit_ends(error)  # some frameworks say it twice
    assert ends(tmp_path) == [("killed", "KeyboardInterrupt")]


def test_a_status_that_the_framework_knows_counts(tmp_path: Path) -> None:
    held = Held(output_run=tmp_path / "run")
    held.fit_begins()
    held.fit_ends(status="preempted")
    assert kept.statuses(tmp_path / "run") == ["preempted"]


def test_a_borrowed_run_is_told_of_an_interruption_which_the_framework_turns_into_an_exit(tmp_path: Path) -> None:
    held = Held()
    with pytest.raises(SystemExit), tracking(output_run=tmp_path / "run"):
        held.fit_begins()
        held.fit_ends(KeyboardInterrupt())
        sys.exit(1)
    assert ends(tmp_path) == [("killed", "KeyboardInterrupt")]


def test_a_borrowed_run_is_left_as_it_is_by_an_error_that_somebody_caught(tmp_path: Path) -> None:
    held = Held()
    with pytest.raises(SystemExit), tracking(output_run=tmp_path / "run"):
        held.fit_begins()
        held.fit_ends(ValueError())
        sys.exit(0)
    assert ends(tmp_path) == [("finished", "SystemExit")]


def test_the_run_around_it_counts_before_its_own_configs_which_is_said(tmp_path: Path) -> None:
    held = Held(output_run=tmp_path / "own")
    with tracking(output_run=tmp_path / "run") as t, pytest.warns(TrackerWarning, match="its own configs are not"):
        assert held.fit_begins() is t
    assert not (tmp_path / "own").exists()


def test_its_own_run_is_not_the_current_one(tmp_path: Path) -> None:
    held = Held(output_run=tmp_path)
    held.fit_begins()
    assert current() is None
    held.fit_ends()


def test_the_next_block_is_borrowed_where_the_last_one_is_left(tmp_path: Path) -> None:
    held = Held()
    for name in "ab":
        with tracking(output_run=tmp_path / name) as t:
            assert held.begin() is t
    assert held.begin() is None


def test_params_are_said_once_in_a_run_whoever_says_them(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path):
        for held in (Held(), Held()):
            held.log_params({"lr": 0.1, "api_key": "secret"})
            held.log_params({"lr": 0.1, "depth": 3})
    assert [[*each.params] for each in kept.records(tmp_path, Params)] == [["lr", "api_key"], ["depth"]]


def test_an_artifact_that_cannot_be_copied_does_not_stop_the_training(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_text("weights")
    with tracking(output_run=tmp_path / "run"):
        Held().log_artifact(tmp_path / "model.pt", "last.pt")
        with pytest.warns(TrackerWarning, match="gone.pt is not kept"):
            Held().log_artifact(tmp_path / "gone.pt")
    assert [each.name for each in kept.records(tmp_path / "run", Artifact)] == ["last.pt"]


def _copied(held: Held) -> Held:
    return copy.deepcopy(held)


def _pickled(held: Held) -> Held:
    again: Held = pickle.loads(pickle.dumps(held))
    return again


@pytest.mark.parametrize("copied", [_copied, _pickled])
@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_copy_in_this_process_speaks_to_the_same_run(tmp_path: Path, copied: Any, when: str) -> None:
    held = Held(output_run=tmp_path / "run")
    if when != "before":
        held.fit_begins()
        held.log(0, {"a": 1})
    if when == "after":
        held.fit_ends()
    other = copied(held)
    other.log(1, {"a": 2})
    other.fit_ends()
    uids = {begin.uid for begin in kept.records(tmp_path / "run", Begin)}
    assert len(uids) == 1
    assert [log.step for log in kept.records(tmp_path / "run", Log)] == ([1] if when == "before" else [0, 1])
    assert set(kept.statuses(tmp_path / "run")) == {"finished"}


IN_ANOTHER_PROCESS = """
import pickle, sys
held = pickle.load(sys.stdin.buffer)
held.fit_begins()
held.fit_ends()
"""


def _in_another_process(held: Held) -> None:
    subprocess.run([sys.executable, "-c", IN_ANOTHER_PROCESS], input=pickle.dumps(held), check=True)


@pytest.mark.slow
def test_a_copy_in_another_process_neither_ends_the_run_nor_takes_it_up_again(tmp_path: Path) -> None:
    held = Held(output_run=tmp_path / "run")
    held.fit_begins()
    _in_another_process(held)
    held.fit_ends()
    _in_another_process(held)
    assert kept.statuses(tmp_path / "run") == ["finished"]


def test_a_copy_in_another_process_owns_the_run_that_nobody_has_begun(tmp_path: Path) -> None:
    _in_another_process(Held(output_run=tmp_path / "run"))
    assert kept.statuses(tmp_path / "run") == ["finished"]


def test_another_rank_keeps_nothing(tmp_path: Path) -> None:
    held = Held(output_run=tmp_path / "run", rank=1)
    held.fit_begins()
    held.log(0, {"a": 1})
    held.log_params({"lr": 1})
    held.fit_ends()
    held.log(1, {"a": 1})
    held.fit_ends()
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_goes_on_behind_the_attempt_before(tmp_path: Path) -> None:
    for _ in range(2):
        held = Held(output_run=tmp_path / "run", resume=True)
        held.fit_begins()
        held.log(None, {"a": 1})
        held.fit_ends()
    assert [log.step for log in kept.records(tmp_path / "run", Log)] == [0, 1]


def test_after_a_new_attempt_the_user_may_still_say_what_the_programs_end_means(tmp_path: Path) -> None:
    held = Held(output_run=tmp_path / "run", at_exit="killed")
    run = held.begin()
    assert isinstance(run, Trackers)
    assert run.at_exit is Status.KILLED
    held.fit_ends()


def test_one_of_several_fits_is_a_child_of_the_run_around(tmp_path: Path) -> None:
    held = Held()
    with tracking(output_run=tmp_path / "run") as t:
        for name in "ab":
            fit = held.apart(name)
            fit.fit_begins()
            fit.log(0, {"a": 1})
            fit.fit_ends(ValueError() if name == "b" else None)
            fit.log(1, {"a": 1})
            fit.fit_ends()
    begins = [kept.records(tmp_path / "run/children" / name, Begin) for name in "ab"]
    assert [[begin.parent.uid for begin in each] for each in begins] == [[t.uid] * 2] * 2
    assert [kept.statuses(tmp_path / "run/children" / name) for name in "ab"] == [
        ["finished", "finished"],
        ["failed", "finished"],
    ]


def test_one_of_several_fits_has_a_directory_in_the_one_that_was_told(tmp_path: Path) -> None:
    held = Held(output_run=tmp_path / "run")
    for name in "ab":
        fit = held.apart(name)
        fit.fit_begins()
        fit.fit_ends()
        assert kept.statuses(tmp_path / "run" / name) == ["finished"]
    assert held.apart("c").directory == str(tmp_path / "run/c")
    assert Held().apart("c").begin() is None


def test_stages_are_folders_of_names() -> None:
    logs = {"loss": 1, "val_loss": 2, "eval_f1": 3, "train_loss": 4, "valid": 5, "val_": 6, "epoch": 0.5}
    assert named(logs) == {
        "train/loss": 1,
        "val/loss": 2,
        "eval/f1": 3,
        "train/train_loss": 4,
        "train/valid": 5,
        "train/val_": 6,
        "epoch": 0.5,
    }
    assert named(None) == {}


def test_importing_the_helper_imports_no_framework() -> None:
    code = "import sys, json, tracklib.integrations; print(json.dumps(sorted(sys.modules)))"
    known = set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
    assert known & {"torch", "lightning", "transformers", "keras", "xgboost", "sklearn", "optuna", "hydra"} == set()
