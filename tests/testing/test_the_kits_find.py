"""The kits find what is wrong: trackers and adapters with one fault each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENT

TRACKERS = """
import json, sys
from tracklib import BaseTracker
from tracklib.testing import TrackerTests

class Lines(BaseTracker):
    def init(self):
        self.path = f"{self.output_run}/lines.jsonl"
    def log(self, epoch, log_dict):
        with open(self.path, "a") as file:
            print(json.dumps([epoch, dict(log_dict)]), file=file)

class Forgetful(Lines):
    def log(self, epoch, log_dict):
        if epoch != 3:
            super().log(epoch, log_dict)

class Emptying(Lines):
    def init(self):
        super().init()
        open(self.path, "w").close()

class Picky(Lines):
    def log(self, epoch, log_dict):
        super().log(epoch, {name.replace("/", "."): value for name, value in log_dict.items() if name.isprintable()})

class Case(TrackerTests):
    keeps = {"nan", "steps"}
    def read_metrics(self, directory):
        rows = map(json.loads, open(f"{directory}/lines.jsonl"))
        return [("epoch", step, name, value) for step, row in rows for name, value in row.items()]

class TestForgetful(Case):
    kind = Forgetful
class TestEmptying(Case):
    kind = Emptying
class TestPicky(Case):
    kind = Picky
class TestBoasting(Case):
    kind, stores_once = Lines, True
"""
ADAPTERS = """
from tracklib import Trackers, current
from tracklib.testing import AdapterTests

class Case(AdapterTests):
    metric, values = "loss", [1.0, 0.5]
    def fit(self, adapter, fail=None):
        try:
            for epoch in range(2):
                adapter(epoch, 1 / (epoch + 1))
                if fail: fail()
        finally:
            adapter(None, None)

class Optimist:  # as many frameworks' own: whatever happened, the run is finished
    def __init__(self, **options):
        self.options, self.run = options, None
    def __call__(self, epoch, loss):
        self.run = self.run or current() or Trackers(**self.options)
        self.run.is_init or self.run.init()
        self.run.finish() if epoch is None else self.run.log(epoch, {"loss": loss})

class TestOptimist(Case):
    def adapter(self, **options):
        return Optimist(**options)
"""
FOUND = {
    "TestForgetful": "test_all_arrives_in_order",
    "TestEmptying": "test_a_resumed_run_is_the_same_run",
    "TestPicky": "test_no_name_costs_a_number",
    "TestBoasting": "test_a_lost_answer_brings_the_batch_again",
    "TestOptimist": "test_a_fit_is_told_as_it_ended[owned-raise]",
}


@pytest.mark.slow
def test_a_fault_is_found_by_the_check_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "test_trackers.py").write_text(TRACKERS)
    (tmp_path / "test_adapters.py").write_text(ADAPTERS)
    chosen = " or ".join(f"({case} and {check.partition('[')[0]})" for case, check in FOUND.items())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen],
        cwd=tmp_path, env=os.environ | {"TRACKLIB_ENVIRONMENT": "0"}, capture_output=True, text=True, timeout=PATIENT,
    )  # fmt: skip
    failed = set(re.findall(r"^FAILED \S+::(\w+::test_\w+(?:\[[\w -]+\])?)", done.stdout, re.MULTILINE))
    assert {f"{case}::{check}" for case, check in FOUND.items()} <= failed, done.stdout
    assert "rewritten" not in done.stdout
    assert re.search(r"^E +assert ", done.stdout, re.MULTILINE)  # pytest shows both sides, as in a test of one's own
