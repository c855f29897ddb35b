"""t.agree: the same mapping on all ranks, or the same refusal."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENT

from tracklib import Metrics, RanksUnavailable, Trackers, tracking


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Trackers]]:
    """Three ranks of one run, in this process."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    monkeypatch.setenv("WORLD_SIZE", "3")
    with contextlib.ExitStack() as stack:
        entered = []
        for rank in range(3):
            monkeypatch.setenv("RANK", str(rank))
            entered.append(stack.enter_context(tracking(output_run=tmp_path / "run")))
        yield entered


def together(ranks: list[Trackers], call: Callable[[Trackers, int], Any]) -> list[Any]:
    """What ``call`` returns or raises on each rank, all at once."""

    def one(rank: int) -> Any:
        try:
            return call(ranks[rank], rank)
        except Exception as error:
            return type(error), str(error)

    with ThreadPoolExecutor(len(ranks)) as pool:
        return list(pool.map(one, range(len(ranks))))


@pytest.mark.parametrize(
    ("word", "agreed"),
    [
        ("mean", {"loss": 1.0, "own1": 5.0}),
        ("sum", {"loss": 3.0, "own1": 5.0}),
        ("min", {"loss": 0.0, "own1": 5.0}),
        ("max", {"loss": 2.0, "own1": 5.0}),
        ("first", {"loss": 0.0}),
        ("each", {"loss/rank0": 0.0, "loss/rank1": 1.0, "loss/rank2": 2.0, "own1/rank1": 5.0}),
    ],
)
def test_all_ranks_have_the_same_mapping(ranks: list[Trackers], word: Any, agreed: dict[str, float]) -> None:
    def call(t: Trackers, rank: int) -> dict[str, float]:
        return t.agree({"loss": rank, **({"own1": 5} if rank == 1 else {})}, ranks=word)

    assert together(ranks, call) == 3 * [agreed]


def test_what_was_gathered_brings_its_weights(ranks: list[Trackers]) -> None:
    def call(t: Trackers, rank: int) -> dict[str, float]:
        metrics = Metrics()
        metrics.add({"loss": rank}, weight=2.0**rank)
        return t.agree(metrics)

    assert together(ranks, call) == 3 * [{"loss": (2 + 8) / 7}]


def test_each_call_is_a_new_one_and_leaves_little_behind(ranks: list[Trackers], tmp_path: Path) -> None:
    def call(t: Trackers, rank: int) -> list[float]:
        return [t.agree({"n": 10 * time + rank}, ranks="sum")["n"] for time in range(20)]

    assert together(ranks, call) == 3 * [[30.0 * time + 3 for time in range(20)]]
    assert len(list((tmp_path / "run/ranks/agreed").iterdir())) <= 6


def test_a_rank_that_does_not_come_is_named_to_all_that_came(ranks: list[Trackers]) -> None:
    told = together(ranks[:2], lambda t, rank: t.agree({"n": 1}, timeout=0.3))
    assert told == 2 * [(RanksUnavailable, told[0][1])]
    assert "rank 2 did not call agree within 0.3 s" in told[0][1] or "did not answer rank 1" in told[0][1]
    with pytest.raises(RanksUnavailable, match="within 0.3 s"):  # nor does a late one go on with it
        ranks[2].agree({"n": 1}, timeout=0.3)


def test_a_rank_that_has_left_is_not_waited_for(ranks: list[Trackers], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracklib._run.agreeing._ASK_SECONDS", 0.0)
    ranks[2].finish(error=ValueError("bad batch"))
    told = together(ranks[:2], lambda t, rank: t.agree({"n": 1}))
    assert told == 2 * [(RanksUnavailable, "the ranks do not agree: rank 2 has left its run: failed (bad batch)")]


def test_what_is_no_number_is_refused_to_all(ranks: list[Trackers]) -> None:
    told = together(ranks, lambda t, rank: t.agree({"n": "x" if rank == 1 else 1}))
    assert told[1] == (TypeError, "agree takes numbers: n: str is no number")
    said = "the ranks do not agree: rank 1 said what is no number (n: str is no number)"
    assert told[0] == told[2] == (RanksUnavailable, said)


def test_alone_it_is_what_was_said(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        assert t.agree({"stop": True, "val": {"loss": 0.5}}) == {"stop": 1.0, "val/loss": 0.5}
        with pytest.raises(ValueError, match="ranks must be one of"):
            t.agree({"n": 1}, ranks="median")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="agree takes numbers: values must map names to numbers"):
            t.agree(3)  # type: ignore[arg-type]
        wrong: Any
        for wrong in ("x", None, float("nan"), []):
            with pytest.raises(TypeError, match="timeout must be seconds, as 30.0"):
                t.agree({"n": 1}, timeout=wrong)
        assert t.flush(timeout=-1) in (True, False)  # what is left of a deadline may be less than nothing
        with pytest.raises(TypeError, match="timeout must be seconds"):
            t.flush(timeout="x")  # type: ignore[arg-type]


def test_a_rank_that_has_met_nobody_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.warns(match="finds no run of rank 0"), tracking(output_run=tmp_path / "run") as t:
        with pytest.raises(RanksUnavailable, match="is in no run that all ranks see"):
            t.agree({"n": 1})


SCRIPT = """
    import os, signal, sys
    from tracklib import RanksUnavailable, tracking
    rank = int(os.environ["RANK"])
    with tracking(output_run="run", environment=False) as t:
        print(t.agree({"n": rank}, ranks="sum"), flush=True)
        if rank == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            t.agree({"n": rank})
        except RanksUnavailable as error:
            print(error, flush=True)
    assert not {"torch", "jax"} & set(sys.modules)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("killed", "why"), [(1, "rank 1 was killed"), (0, "rank 0 has left its run, or was killed")])
def test_processes_agree_by_files_until_one_is_killed(tmp_path: Path, killed: int, why: str) -> None:
    environment = {**os.environ, "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "one"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), str(killed)],
            cwd=tmp_path, env={**environment, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [rank.communicate(timeout=PATIENT)[0].splitlines() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [-signal.SIGKILL if rank == killed else 0 for rank in range(2)]
    assert [lines[0] for lines in said] == 2 * ["{'n': 1.0}"]
    assert said[1 - killed][1:] == [f"the ranks do not agree: {why}"]


def test_where_nobody_says_how_many_ranks_there_are_they_cannot_agree(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        with pytest.raises(RanksUnavailable, match="nobody says how many ranks there are"):
            t.agree({"n": 1})
