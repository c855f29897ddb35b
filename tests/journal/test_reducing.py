"""What ranks say together becomes one record of the run, by whoever owns it, once."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest
from kept import logged
from msgspec.structs import replace

from tracklib._common.warn import tell
from tracklib._journal.journal import Journal
from tracklib._journal.rank_file import RankFile
from tracklib._journal.records import Begin, Contribution, End, Log, Params, Status
from tracklib._journal.reduced import reduced, value_of
from tracklib._journal.reducing import Reducing, reduce_rest
from tracklib._journal.shares import WRITER

BEGIN = Begin(
    time=1000, format=1, uid="u1", attempt=1, name="run", pid=1, host="h", configs=[], launch="one", ranks=2
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Journal:
    """The journal of a run of two ranks that has begun."""
    journal = Journal(str(tmp_path / "journal.jsonl"), tell)
    journal.append(BEGIN)
    return journal


@pytest.fixture
def reducing(run: Journal, tmp_path: Path) -> Reducing:
    return Reducing(str(tmp_path), run, BEGIN, 2)


def rank(folder: Path, number: int, begin: Begin = BEGIN) -> RankFile:
    return RankFile(str(folder), number, begin)


def say(file: RankFile, step: int, loss: float) -> None:
    file.say(Contribution(time=file.now(), axis="epoch", step=step, metrics={"loss": loss}))


def test_while_the_owners_disk_is_full_nothing_is_made_and_then_all_is(
    tmp_path: Path, run: Journal, reducing: Reducing, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [rank(tmp_path, number) for number in range(2)]
    with monkeypatch.context() as full:
        full.setattr(run, "_write", lambda line: "no space left")
        run.append(Params(time=run.now(), params={"lr": 0.1}))
        for number, file in enumerate(files):
            say(file, 0, number)
        reducing._look()
        assert run.waiting == 1
    run.sync()
    reducing.end(0.0)
    assert logged(tmp_path) == [(0, {"loss": 0.5})]


def test_a_rank_of_a_newer_version_is_not_waited_for(tmp_path: Path, reducing: Reducing) -> None:
    say(rank(tmp_path, 0), 0, 1.0)
    say(rank(tmp_path, 1, replace(BEGIN, format=99)), 0, 2.0)
    reducing._look()
    assert logged(tmp_path) == [(0, {"loss": 1.0, "ranks": 1.0})]


def test_what_a_rank_says_when_its_step_is_closed_is_counted_and_told(
    tmp_path: Path, reducing: Reducing, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = rank(tmp_path, 0), rank(tmp_path, 1)
    say(one, 0, 1.0)
    say(one, 1, 1.0)
    reducing._look(all_of_it=True)
    say(other, 0, 2.0)
    with caplog.at_level(logging.WARNING):
        reducing.end(0.0)
    assert logged(tmp_path) == [(0, {"loss": 1.0, "ranks": 1.0}), (1, {"loss": 1.0, "ranks": 1.0})]
    assert "rank 1 said 1 value when their step was closed, 10 s after the first rank's: only" in caplog.text


def test_what_was_made_before_the_owner_died_is_not_made_again(tmp_path: Path, run: Journal) -> None:
    run.append(Params(time=run.now(), params={"a": {"writer": WRITER}}))
    run.append(Log(time=run.now(), axis="epoch", step=0, metrics={"loss": 1.5}, writer=WRITER))
    for number in range(2):
        file = rank(tmp_path, number)
        for step in range(2):
            say(file, step, number + 1)
        file.leave(End(time=file.now(), status=Status.FINISHED))
    reduce_rest(str(tmp_path), run, BEGIN)
    assert logged(tmp_path) == [(0, {"loss": 1.5}), (1, {"loss": 1.5})]


def test_a_mean_weighs_what_was_gathered_and_an_extreme_takes_each_ranks_own() -> None:
    said = {0: (6.0, 2.0), 1: (1.0, None)}
    assert reduced("mean", said) == pytest.approx(7 / 3)
    assert reduced("max", said) == reduced("first", said) == value_of(said[0]) == 3.0
    assert reduced("min", said) == 1.0


@pytest.mark.parametrize("how", ["sum", "mean"])
def test_a_sum_that_is_none_is_what_floats_make_of_it(how: str) -> None:
    both = {0: (math.inf, None), 1: (-math.inf, None)}
    assert math.isnan(reduced(how, both))  # type: ignore[arg-type]
    assert reduced(how, {0: (1.7e308, None), 1: (1.7e308, None)}) == math.inf  # type: ignore[arg-type]


def test_of_no_weight_at_all_nothing_is_known() -> None:
    assert math.isnan(value_of((0.0, 0.0)))
    assert math.isnan(reduced("mean", {0: (0.0, 0.0)}))


def test_a_rank_that_has_left_without_a_word_is_not_waited_for(tmp_path: Path, reducing: Reducing) -> None:
    zero, one = rank(tmp_path, 0), rank(tmp_path, 1)
    say(zero, 0, 1.0)
    reducing._look()
    assert logged(tmp_path) == []
    one.leave(End(time=one.now(), status=Status.FINISHED))
    reducing._look()
    assert logged(tmp_path) == [(0, {"loss": 1.0, "ranks": 1.0})]
