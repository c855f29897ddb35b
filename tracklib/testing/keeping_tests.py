"""Checks of what a tracker keeps, while nothing goes wrong."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from .._delivery.sync import sync
from .._journal import layout
from .._journal.state import Saved, store
from ..trackers._configs import another
from ..trackers._identity import describe
from .case import TrackerCase
from .programs import run_python

SECRET = "hunter2hunter2"
HOSTILE = [
    *("f1@0.5", "a b", "a//b", "/lead", "trail/", "..", "../up", "=1+1", "-1", "ü", "\udce9", "line\nbreak", "x" * 600),
    *("y" * 300 + "1", "y" * 300 + "2", "", "step", "_step", "time", "timestamp", "name", "A", "a.b", "a_b", "a-b"),
    *("per%cent", "#", "?", "\\", '"', "'", "<b>", "{x}", "$x", "\0"),
]


class KeepingTests(TrackerCase):
    """A part of :class:`~tracklib.testing.TrackerTests`."""

    def test_its_config_is_described_and_built_again(self, config: dict[str, Any]) -> None:
        tracker = self.made(config)
        again = self.made(describe(tracker))
        assert type(again) is type(tracker) is self.kind
        assert describe(again) == describe(tracker)

    def test_its_constructor_only_remembers(
        self, config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        before = sorted(tmp_path.rglob("*"))
        self.made(config)
        assert sorted(tmp_path.rglob("*")) == before

    def test_its_class_can_be_imported_without_its_packages(self) -> None:
        kind = self.kind
        look = f"import sys, {kind.__module__}; sys.exit(any(name in sys.modules for name in {list(kind.requires)!r}))"
        if kind.__module__ in sys.modules and not kind.requires:
            pytest.skip(f"{kind.__name__} needs no package")
        run_python("-c", look)

    def test_a_run_inside_a_run_gets_another(self, config: dict[str, Any]) -> None:
        tracker = self.made(config)
        assert type(another(tracker)) is type(tracker)

    def test_it_works_by_hand(self, config: dict[str, Any], directory: str) -> None:
        os.makedirs(layout.state_path(directory, ""))
        tracker = self.made(config)
        tracker.output_run = directory
        tracker.init()
        tracker.log(epoch=1, log_dict={"a": 0.5})
        tracker.log(epoch=2, log_dict={"a": 0.25})
        tracker.close()
        store(layout.tracker_state(directory, self.kind.__name__), Saved(tracker=tracker.state))
        assert self.values(directory) == [0.5, 0.25]

    def test_all_arrives_in_order(self, config: dict[str, Any], directory: str) -> None:
        with self.run(config, directory) as run:
            for step in range(50):
                run.log(step, {"a": step / 2, "b/c": -float(step)})
        found = self.kept(directory)
        assert [(each.step, each.value) for each in found if each.name == "a"] == [(n, n / 2) for n in range(50)]
        assert sorted(each.value for each in found if each.name != "a") == [-float(n) for n in reversed(range(50))]

    def test_no_name_costs_a_number(self, config: dict[str, Any], directory: str) -> None:
        with self.run(config, directory) as run, _warnings_are_fine():
            run.log(3, {name: float(number) for number, name in enumerate(HOSTILE, 100)})
        assert not self.refused(directory)
        kept = [(each.step, each.value) for each in self.kept(directory)]
        assert sorted(kept) == [(3, float(number)) for number, _ in enumerate(HOSTILE, 100)]
        assert len({each.name for each in self.kept(directory)}) == len(HOSTILE)

    def test_nan_and_the_infinities_arrive(self, config: dict[str, Any], directory: str) -> None:
        self.need("nan")
        with self.run(config, directory) as run:
            run.log(0, {"a": math.nan, "b": math.inf, "c": -math.inf})
        found = {each.name: each.value for each in self.kept(directory)}
        assert math.isnan(found["a"])
        assert (found["b"], found["c"]) == (math.inf, -math.inf)

    def test_no_value_is_refused(self, config: dict[str, Any], directory: str) -> None:
        with self.run(config, directory) as run, _warnings_are_fine():
            run.log(0, {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1e-310, "e": 1e308, "g": -0.0})
            run.log(1, {"z": 1.0})
        assert not self.refused(directory)
        assert self.values(directory, "z") == [1.0]

    def test_steps_may_be_negative_large_repeat_and_go_back(self, config: dict[str, Any], directory: str) -> None:
        self.need("steps")
        steps = [-5, 0, 2**40, 7, 7, 3]
        with self.run(config, directory) as run:
            for number, step in enumerate(steps):
                run.log(step, {"a": float(number)})
        assert sorted((each.value, each.step) for each in self.kept(directory)) == list(enumerate(steps))

    def test_other_axes_have_their_own_steps(self, config: dict[str, Any], directory: str) -> None:
        self.need("axes")
        with self.run(config, directory) as run:
            run.log(1, {"a": 1.0})
            run.log(500, {"b": 2.0}, axis="batch")
            run.log(2, {"a": 3.0})
        found = [(each.axis, each.step, each.value) for each in self.kept(directory)]
        assert sorted(found) == [("batch", 500, 2.0), ("epoch", 1, 1.0), ("epoch", 2, 3.0)]

    def test_params_arrive(self, config: dict[str, Any], directory: str) -> None:
        self.need("params")
        with self.run(config, directory, params={"lr": 0.5, "model": {"name": "net", "deep": True}}) as run:
            run.log_params({"late": "yes"})
        found = {name: str(value).lower() for name, value in self.read_params(directory).items()}
        assert (found["lr"], found["late"]) == ("0.5", "yes")
        assert any("net" in value for value in found.values())

    def test_tags_arrive(self, config: dict[str, Any], directory: str) -> None:
        self.need("tags")
        with self.run(config, directory, tags={"stage": "one"}) as run:
            run.log_tags(["bare"])
        found = self.read_tags(directory)
        assert found["stage"] == "one"
        assert "bare" in found

    def test_artifacts_arrive(self, config: dict[str, Any], directory: str, tmp_path: Path) -> None:
        self.need("artifacts")
        (tmp_path / "note.txt").write_text("what it says")
        with self.run(config, directory) as run:
            run.log_artifact(tmp_path / "note.txt")
        assert self.read_artifact(directory, "note.txt") == b"what it says"

    @pytest.mark.parametrize(
        ("error", "status"), [(None, "finished"), (ValueError("x"), "failed"), (KeyboardInterrupt(), "killed")]
    )
    def test_the_status_is_true(
        self, config: dict[str, Any], directory: str, error: BaseException | None, status: str
    ) -> None:
        self.need("status")
        with contextlib.suppress(ValueError, KeyboardInterrupt), self.run(config, directory) as run:
            run.log(0, {"a": 1.0})
            if error:
                raise error
        assert self.read_status(directory) == self.tells.get(status, status)

    def test_a_resumed_run_is_the_same_run(self, config: dict[str, Any], directory: str) -> None:
        states = []
        for step in range(3):
            with self.run(config, directory, resume=True, params={"lr": 0.5}) as run:
                run.log(step, {"a": float(step)})
            states.append(self.state_of(directory).get("run_id"))
        assert self.values(directory) == [0.0, 1.0, 2.0]
        assert len(set(states)) == 1
        if "status" in self.keeps:
            assert self.read_status(directory) == "finished"

    def test_a_child_is_a_run_of_its_own(self, config: dict[str, Any], directory: str) -> None:
        with self.run(config, directory) as run:
            with run.child("inner") as child:
                child.log(0, {"a": 5.0})
            run.log(0, {"a": 1.0})
        assert self.values(directory) == [1.0]
        assert self.values(os.path.join(directory, layout.CHILDREN, "inner")) == [5.0]

    def test_a_run_that_is_over_can_be_moved_to_it(self, config: dict[str, Any], directory: str) -> None:
        with self.run({"type": "CsvLogger"}, directory, params={"lr": 0.5}, tags=["old"]) as run:
            for step in range(10):
                run.log(step, {"a": float(step)})
        assert all(outcome.is_complete for outcome in sync(directory, to=config).outcomes)
        assert self.values(directory) == [float(step) for step in range(10)]
        if "status" in self.keeps:
            assert self.read_status(directory) == "finished"

    def test_no_secret_is_in_any_file(self, config: dict[str, Any], directory: str, tmp_path: Path) -> None:
        params = {"api_key": SECRET, "url": f"https://me:{SECRET}@example.com/x", "lr": 0.5}
        with self.run(config, directory, name=f"run token={SECRET}", params=params) as run:
            run.log_tags({"password": SECRET})
            run.log(0, {"a": 1.0})
        leaking = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
        assert leaking == []


@contextlib.contextmanager
def _warnings_are_fine() -> Any:
    """What is told about a name or a value once is no trouble here."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
