"""Owners and writers of one run that are killed at random moments: what was acknowledged is there, each record once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from kept import records, rows
from patience import PATIENT

from tracklib._delivery.sync import sync
from tracklib._journal.records import Log

KILLS = 60
KILLS_LONG = 500


@pytest.mark.slow
def test_a_run_with_several_writers_has_each_record_once_whoever_is_killed(tmp_path: Path, long: bool) -> None:
    kills = KILLS_LONG if long else KILLS
    command = [sys.executable, str(Path(__file__).parent / "writing.py"), str(tmp_path), str(kills), "7"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=10 * PATIENT, check=True)
    told = json.loads(done.stdout)

    assert sync(str(tmp_path / "run")).status == "killed"

    counts = Counter(int(log.metrics["n"]) for log in records(tmp_path / "run", Log))
    assert set(told["acknowledged"]) - set(counts) == set()
    assert {number: count for number, count in counts.items() if count > 1} == {}
    assert Counter(int(float(row["n"])) for row in rows(tmp_path / "run")) == counts
    copied = sum(1 for log in records(tmp_path / "run", Log) if log.writer)
    print(f"killed {told['killed']}; {len(told['acknowledged'])} acknowledged, {copied} of {len(counts)} copied")
    assert copied
    assert sum(told["killed"].values()) == kills
