"""What alerts said is read back from ``alerts.jsonl``, as far as it is whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tracklib._journal.alerts import Alerted, alerts_in, keep

ALERTED = Alerted(id="1", event="failed", text="it failed", to="me", time=1, how="sending")


def test_of_each_event_and_receiver_the_newest_word_counts(tmp_path: Path) -> None:
    other = replace(ALERTED, to="you")
    for alerted in (ALERTED, other, replace(ALERTED, how="sent")):
        keep(str(tmp_path), alerted)
    assert alerts_in(str(tmp_path)) == [replace(ALERTED, how="sent"), other]


@pytest.mark.parametrize("cut_off", [b'{"id":"1","ev\n', b'{"id":"1","event":"\xff"\n', b"\n"])
def test_a_line_that_was_cut_off_costs_no_other(tmp_path: Path, cut_off: bytes) -> None:
    (tmp_path / "alerts.jsonl").write_bytes(cut_off)
    keep(str(tmp_path), ALERTED)
    assert alerts_in(str(tmp_path)) == [ALERTED]


def test_where_nothing_can_be_read_there_is_none(tmp_path: Path) -> None:
    nowhere = tmp_path / "alerts.jsonl"
    assert alerts_in(str(tmp_path)) == []
    nowhere.mkdir()
    assert alerts_in(str(tmp_path)) == []
