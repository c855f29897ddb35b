"""What ranks say together: one record of all ranks' words, of which nobody waits in the training."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forked import in_child
from kept import logged, records, rows
from patience import PATIENT

from tracklib import Metrics, Trackers, TrackerWarning, load, tracked, tracking
from tracklib._delivery.sync import sync
from tracklib._journal import reducing, shares
from tracklib._journal.records import End, Log, Superseded, counting
from tracklib._run.sharing import as_said
from tracklib._values.gathering import Part

Enter = Callable[..., Trackers]


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Enter]:
    """Enter the run as some rank of three, for the length of the test. Rank 0 comes first, and leaves last."""
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    with contextlib.ExitStack() as stack:

        def enter(rank: int, **options: Any) -> Trackers:
            return stack.enter_context(tracking(output_run=tmp_path / "run", rank=rank or None, **options))

        enter.leave = stack.close  # type: ignore[attr-defined]
        yield enter


def leave(enter: Enter) -> None:
    enter.leave()  # type: ignore[attr-defined]


def gathered(values: list[tuple[float, float]], **hows: Any) -> Metrics:
    metrics = Metrics(hows)
    for value, weight in values:
        metrics.add({"loss": value}, weight=weight)
    return metrics


def test_the_mean_of_uneven_ranks_is_the_mean_of_all_their_samples(tmp_path: Path, enter: Enter) -> None:
    samples = [[(0.1, 64.0), (0.7, 64.0), (0.3, 17.0)], [(0.2, 64.0)], [(0.9, 1.0), (0.4, 5.0)]]
    ranks = [enter(rank) for rank in range(3)]
    for t, own in zip(ranks, samples, strict=True):
        t.inside(tracked(ranks="mean")(gathered))(own)
    leave(enter)

    everyone = [each for own in samples for each in own]
    exact = math.fsum(value * weight for value, weight in everyone) / math.fsum(weight for _, weight in everyone)
    (loss,) = [log.metrics for log in records(tmp_path / "run", Log)]
    assert loss == {"loss": pytest.approx(exact, rel=1e-15)}
    assert [row["loss"] for row in rows(tmp_path / "run")] == [str(loss["loss"])]


@pytest.mark.parametrize(
    ("word", "made"),
    [
        ("mean", {"loss": 2.0}),
        ("sum", {"loss": 6.0}),
        ("min", {"loss": 1.0}),
        ("max", {"loss": 3.0}),
        ("each", {"loss/rank0": 1.0, "loss/rank1": 2.0, "loss/rank2": 3.0}),
        ("first", {"loss": 1.0}),
        (None, {"loss": 1.0}),
    ],
)
def test_the_word_says_what_is_made_of_all_ranks_values(
    tmp_path: Path, enter: Enter, word: Any, made: dict[str, float]
) -> None:
    for rank in range(3):
        enter(rank).log(4, {"loss": rank + 1}, ranks=word)
    leave(enter)
    assert logged(tmp_path / "run") == [(4, made)]


def test_a_run_that_was_told_so_and_its_children_do_it_with_all_that_is_logged(tmp_path: Path, enter: Enter) -> None:
    ranks = [enter(rank, ranks="sum") for rank in range(3)]
    with contextlib.ExitStack() as children:  # rank 0's leaves last
        for rank, t in enumerate(ranks):
            t.log(0, {"n": 1})
            t.log(0, {"own": rank + 5}, ranks="first")
            children.enter_context(t.child("fold")).log(0, {"m": 2})
    leave(enter)
    assert sorted(name for _, metrics in logged(tmp_path / "run") for name in metrics) == ["n", "own"]
    assert {"n": 3.0} in [metrics for _, metrics in logged(tmp_path / "run")]
    assert logged(tmp_path / "run/children/fold") == [(0, {"m": 6.0})]


def test_what_was_gathered_is_put_together_as_it_was_gathered(tmp_path: Path, enter: Enter) -> None:
    for rank in range(3):
        metrics = Metrics(n="sum", low="min", high="max", lr="last")
        for value in (rank, rank + 10):
            metrics.add({"n": 1, "low": value, "high": value, "lr": 0.1 * value, "mean": value}, weight=2**rank)
        enter(rank).log(0, metrics, ranks="mean")
    leave(enter)
    weights = [1, 2, 4]
    mean = sum(weight * (2 * rank + 10) for rank, weight in enumerate(weights)) / (2 * sum(weights))
    assert logged(tmp_path / "run") == [(0, {"n": 6.0, "low": 0.0, "high": 12.0, "lr": 1.0, "mean": mean})]


@pytest.mark.parametrize("how", ["prefix", "tuple", "nested"])
def test_weights_are_kept_however_the_metrics_are_returned(tmp_path: Path, enter: Enter, how: str) -> None:
    def evaluate(weight: float) -> Any:
        metrics = gathered([(weight, weight)])
        return {"tuple": ("model", metrics), "nested": {"val": metrics}}.get(how, metrics)

    for rank in range(3):
        t = enter(rank)
        t.inside(tracked(ranks="mean", prefix="val/" if how == "prefix" else "")(evaluate))(4.0**rank)
    leave(enter)
    name = "loss" if how == "tuple" else "val/loss"
    assert logged(tmp_path / "run") == [(0, {name: (1 + 16 + 256) / 21})]


@pytest.fixture
def waits_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 0 waits shortly for what some ranks never say."""
    monkeypatch.setattr("tracklib._run.sharing.PATIENCE", 1.0)


@pytest.mark.usefixtures("waits_a_moment")
def test_names_that_some_ranks_lack_are_never_mixed_with_others(tmp_path: Path, enter: Enter) -> None:
    ranks = [enter(rank) for rank in range(3)]
    for step in range(3):
        ranks[0].log(step, {"loss": 1.0, "acc": 0.5}, ranks="mean")
        ranks[1].log(step, {"extra": 100.0}, ranks="mean")
        ranks[1].log(step, {"loss": 2.0}, ranks="mean")
        ranks[2].log(step, {"loss": 6.0}, ranks="mean")
    leave(enter)
    values: dict[int, dict[str, float]] = {}
    for step, metrics in logged(tmp_path / "run"):
        values.setdefault(step, {}).update(metrics)
    assert values == {step: {"loss": 3.0, "acc": 0.5, "extra": 100.0} for step in range(3)}


def test_what_is_no_finite_number_passes(tmp_path: Path, enter: Enter) -> None:
    for rank, value in enumerate([math.nan, math.inf, 1.0]):
        t = enter(rank)
        t.log(0, {"mean": value, "plain": 1.0}, ranks="mean")
        t.log(0, {"high": value if rank else 5.0}, ranks="max")
        t.log(0, {"all": gathered([(value, 0.0 if rank == 0 else 1.0)])["loss"]}, ranks="each")
    leave(enter)
    values = {name: value for _, metrics in logged(tmp_path / "run") for name, value in metrics.items()}
    assert math.isnan(values.pop("mean"))
    assert math.isnan(values.pop("all/rank0"))
    assert values == {"plain": 1.0, "high": math.inf, "all/rank1": math.inf, "all/rank2": 1.0}


def test_what_a_rank_says_twice_at_one_step_meets_what_the_others_said_then(tmp_path: Path, enter: Enter) -> None:
    for rank in range(3):
        t = enter(rank)
        for each in (1.0, 10.0):
            t.log(0, {"n": each}, ranks="sum")
    leave(enter)
    assert logged(tmp_path / "run") == [(0, {"n": 3.0}), (0, {"n": 30.0})]


def test_steps_that_begin_anew_are_made_anew(tmp_path: Path, enter: Enter) -> None:
    ranks = [enter(rank) for rank in range(3)]
    for _ in range(3):
        for step in range(2):
            for t in ranks:
                t.log(step, {"n": 1}, axis="batch", ranks="sum")
    leave(enter)
    assert logged(tmp_path / "run") == 3 * [(0, {"n": 3.0})] + 3 * [(1, {"n": 3.0})]


def test_a_step_that_is_complete_is_made_while_the_training_goes_on(
    tmp_path: Path, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reducing, "LOOK_SECONDS", 0.0)
    best = {"best": {"loss": "min"}}
    ranks = [enter(rank, **best) for rank in range(3)]
    for rank, t in enumerate(ranks):
        t.log(0, {"loss": rank}, ranks="mean")
    pause = threading.Event()
    while not logged(tmp_path / "run"):
        pause.wait(0.01)
    assert logged(tmp_path / "run") == [(0, {"loss": 1.0})]
    while "loss" not in ranks[0].best:
        pause.wait(0.01)
    assert ranks[0].best["loss"].value == 1.0


def test_a_step_is_closed_by_time_with_how_many_ranks_it_had(
    tmp_path: Path, enter: Enter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in (shares, reducing):
        monkeypatch.setattr(module, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(reducing, "LOOK_SECONDS", 0.0)
    ranks = [enter(rank) for rank in range(3)]
    for t in ranks[:2]:
        t.log(0, {"loss": 1.0}, ranks="mean")
    pause = threading.Event()
    while not logged(tmp_path / "run"):
        pause.wait(0.01)
    ranks[2].log(0, {"loss": 7.0}, ranks="mean")  # too late
    leave(enter)
    said = [metrics for _, metrics in logged(tmp_path / "run")]
    assert sum(metrics["ranks"] for metrics in said) == 2  # both at once, or one after the other
    assert {metrics["loss"] for metrics in said} == {1.0}
    assert "of 3 ranks: what is made of it has the metric `ranks`" in caplog.text
    assert "rank 2 said 1 value when their step was closed" in caplog.text
    assert '"loss":7.0' in (tmp_path / "run/ranks/2.jsonl").read_text()


def test_leaving_waits_for_what_ranks_that_are_still_going_say(tmp_path: Path, enter: Enter) -> None:
    ranks = [enter(rank) for rank in range(3)]
    for t in ranks:
        t.log(0, {"n": 1}, ranks="sum")
    ranks[0].log(1, {"n": 1}, ranks="sum")
    ranks[1].log(1, {"n": 1}, ranks="sum")
    waiting = threading.Event()
    looks: list[bool] = []
    real = reducing.Reducing._look

    def look(self: reducing.Reducing, all_of_it: bool = False) -> None:
        real(self, all_of_it)
        looks.append(all_of_it)
        if looks == [False, False]:  # it has looked, and looks again
            waiting.set()

    def say_late() -> None:
        waiting.wait(PATIENT)
        ranks[2].log(1, {"n": 1}, ranks="sum")

    late = threading.Thread(target=say_late)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reducing.Reducing, "_look", look)
        ranks[0]._attempt.sharing.reducing._is_over = True  # type: ignore[union-attr]  # no tick, so the end looks first
        late.start()
        ranks[0].finish()
    waiting.set()
    late.join()
    assert logged(tmp_path / "run") == [(0, {"n": 3.0}), (1, {"n": 3.0})]


@tracked(ranks="sum")
def counted() -> dict[str, float]:
    return {"n": 1.0}


def test_automatic_steps_go_on_alike_on_all_ranks(tmp_path: Path, enter: Enter) -> None:
    for _ in range(2):
        ranks = [enter(rank, resume=True) for rank in range(3)]
        for t in ranks:
            for _ in range(2):
                t.inside(counted)()
        leave(enter)
    assert logged(tmp_path / "run") == [(step, {"n": 3.0}) for step in range(4)]


def test_alone_each_word_is_what_it_would_be_without_ranks(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", ranks="each") as t:
        t.log(0, {"loss": 0.5})
        t.log(1, {"loss": 0.25}, ranks="sum")
    assert logged(tmp_path / "run") == [(0, {"loss": 0.5}), (1, {"loss": 0.25})]
    assert not (tmp_path / "run/ranks").exists()


def test_a_word_that_is_none_is_refused_with_those_that_are(tmp_path: Path) -> None:
    message = "ranks must be one of 'mean', 'sum', 'min', 'max', 'each', 'first', or None; got 'median'"
    with pytest.raises(ValueError, match=message):
        tracked(ranks="median")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=message), tracking(output_run=tmp_path / "run", ranks="median"):  # type: ignore[arg-type]
        pass
    with tracking(output_run=tmp_path / "run") as t, pytest.raises(ValueError, match=message):
        t.log(0, {"loss": 1.0}, ranks="median")  # type: ignore[arg-type]


SCRIPT = """
    import os, signal, sys, threading
    from tracklib import tracked, tracking

    RANK, MODE = int(os.environ["RANK"]), sys.argv[1]

    @tracked(ranks="sum")
    def step(epoch):
        return {"n": 1.0}

    with tracking(output_run="run", environment=False) as t:
        for epoch in range(6):
            step(epoch)
            if epoch == 2 and f"rank {RANK} dies" in MODE:
                os.kill(os.getpid(), signal.SIGKILL)
            if "together" in MODE:
                open(f"{epoch}-{RANK}", "w").close()
                while not os.path.exists(f"{epoch}-{1 - RANK}"):
                    threading.Event().wait(0.01)
"""


def start(folder: Path, mode: str) -> list[subprocess.Popen[bytes]]:
    environment = {**os.environ, "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "one", "TRACKLIB_ENVIRONMENT": "0"}
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), mode]
    return [
        subprocess.Popen(command, cwd=folder, env={**environment, "RANK": str(rank)}, stderr=subprocess.DEVNULL)
        for rank in range(2)
    ]


def summed(run: Path) -> dict[int, list[float]]:
    """What was made of each step."""
    found: dict[int, list[float]] = {}
    for step, metrics in logged(run):
        found.setdefault(step, []).append(metrics["n"])
    return found


@pytest.mark.slow
def test_a_rank_that_dies_costs_its_own_part_and_the_run_says_that_it_was_killed(tmp_path: Path) -> None:
    ranks = start(tmp_path, "rank 1 dies")
    assert [rank.wait(PATIENT) for rank in ranks] == [0, -signal.SIGKILL]
    assert summed(tmp_path / "run") == {**{step: [2.0] for step in range(3)}, **{step: [1.0] for step in range(3, 6)}}
    assert [step for step, metrics in logged(tmp_path / "run") if metrics.get("ranks") == 1] == [3, 4, 5]
    end = records(tmp_path / "run", End)[-1]
    assert (end.status, end.message) == ("failed", "rank 1 was killed")
    assert load(tmp_path / "run").status == "failed"


def test_what_ranks_said_before_rank_0_died_is_made_by_sync_once(tmp_path: Path) -> None:
    ranks = start(tmp_path, "rank 0 dies, together to the end")
    assert ranks[0].wait(PATIENT) == -signal.SIGKILL
    ranks[1].kill()
    ranks[1].wait(PATIENT)
    for _ in range(2):
        assert sync(str(tmp_path / "run")).status == "killed"
        made = summed(tmp_path / "run")
        assert made[0] == made[1] == [2.0]
        assert made[2] in ([2.0], [1.0])
    assert set(made) == {0, 1, 2}


RESUMED = """
    import os, signal, sys, threading
    from tracklib import tracking

    with tracking(output_run="run", environment=False, resume=True, ranks="sum") as t:
        for epoch in t.epochs(12):
            t.log(epoch, {"n": 1.0})
            threading.Event().wait(0.01)
            if os.environ["RANK"] == "0" and epoch == int(sys.argv[1]):
                os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_each_epoch_counts_once_though_rank_0_is_killed_again_and_again(tmp_path: Path) -> None:
    for launch, dies_at in enumerate([2, 3, 7, 99]):
        environment = {
            **os.environ,
            "WORLD_SIZE": "2",
            "TORCHELASTIC_RUN_ID": "one",
            "TORCHELASTIC_RESTART_COUNT": str(launch),
        }
        command = [sys.executable, "-c", textwrap.dedent(RESUMED), str(dies_at)]
        ranks = [
            subprocess.Popen(command, cwd=tmp_path, env={**environment, "RANK": str(rank)}, stderr=subprocess.DEVNULL)
            for rank in range(2)
        ]
        assert ranks[0].wait(PATIENT) == (0 if dies_at == 99 else -signal.SIGKILL)
        ranks[1].terminate()
        ranks[1].wait(PATIENT)
    superseded = records(tmp_path / "run", Superseded)
    counts = counting(records(tmp_path / "run", Log), superseded)
    assert [log.step for log in counts] == list(range(12))
    assert {log.metrics["n"] for log in counts} <= {1.0, 2.0}
    assert all((log.metrics["n"] == 1.0) == ("ranks" in log.metrics) for log in counts)


def test_the_best_of_all_ranks_comes_behind_the_loop_and_a_checkpoint_says_so(
    tmp_path: Path, enter: Enter, recwarn: pytest.WarningsRecorder
) -> None:
    (tmp_path / "model.pt").write_text("")
    ranks = [enter(rank, ranks="mean", best={"loss": "min"}) for rank in range(3)]
    for rank, t in enumerate(ranks):
        t.log(0, {"loss": float(rank)})
    ranks[0].log_checkpoint(tmp_path / "model.pt", metrics={"loss": 1.0})
    assert not recwarn
    with pytest.warns(TrackerWarning, match=r"metrics=t.agree\({'loss': ...}\)"):
        ranks[0].log_checkpoint(tmp_path / "model.pt")
    leave(enter)
    assert not recwarn  # that it never came
    assert load(tmp_path / "run").best["loss"].value == 1.0


@pytest.mark.usefixtures("waits_a_moment")
def test_a_forked_child_of_a_rank_says_its_part_in_the_ranks_own_file(tmp_path: Path, enter: Enter) -> None:
    zero, one = enter(0), enter(1)
    one.log(0, {"loss": 1.0}, ranks="sum")
    in_child(lambda: one.log(1, {"loss": 2.0}, ranks="sum"))
    for step in range(2):
        zero.log(step, {"loss": 10.0}, ranks="sum")
    leave(enter)
    made = {log.step: log.metrics["loss"] for log in records(tmp_path / "run", Log)}
    assert made == {0: 11.0, 1: 12.0}


def test_what_is_no_number_is_left_out_of_what_ranks_say_and_rank_0_says_so(tmp_path: Path, enter: Enter) -> None:
    zero, one = enter(0), enter(1)
    with pytest.warns(TrackerWarning, match="metric 'note' is not logged: str is no number"):
        zero.log(0, {"note": "good"}, ranks="mean")
    one.log(0, {"note": "good"}, ranks="mean")  # each rank's warning would be the same
    leave(enter)
    assert logged(tmp_path / "run") == []


def test_a_rank_whose_file_cannot_be_made_says_so_once_and_goes_on(tmp_path: Path, enter: Enter) -> None:
    zero = enter(0)
    (tmp_path / "run/ranks").touch()
    with pytest.warns(TrackerWarning, match="what rank 0 says for all ranks is not kept: no file can be made") as told:
        for step in range(2):
            zero.log(step, {"loss": 1.0}, ranks="mean")
    assert len(told) == 1


def test_of_what_was_gathered_that_is_left_out_of_the_values_no_part_is_said() -> None:
    part = Part("mean", 6.0, 2.0)
    assert as_said({"loss": 3.0}, "mean", {"loss": part, "left out": part}) == ({"loss": 6.0}, {}, {"loss": 2.0})
