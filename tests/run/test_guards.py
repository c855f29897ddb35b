"""on_nan="warn" or "stop": what is done when a named metric is no finite number; status and message tell."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from kept import logged, records
from scripted import Scripted

from tracklib import NotFinite, TrackerWarning, load, tracked, tracking
from tracklib._journal.records import Tags

NAN = math.nan


@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf])
@pytest.mark.parametrize("how", ["log", "tracked"])
def test_stop_ends_the_run_as_failed_and_its_message_tells(tmp_path: Path, how: str, value: float) -> None:
    @tracked
    def train(epoch: int) -> dict[str, float]:
        return {"loss": value if epoch == 2 else 0.5}

    with pytest.raises(NotFinite, match=f"loss is {value} at epoch 2, which on_nan='stop' does not go on with"):
        with tracking(output_run=tmp_path, on_nan={"loss": "stop"}) as t:
            for epoch in t.epochs(5):
                train(epoch) if how == "tracked" else t.log(epoch, train.__wrapped__(epoch))  # type: ignore[attr-defined]
    run = load(tmp_path)
    assert (run.status, run.error) == ("failed", "NotFinite")
    assert run.message.startswith(f"loss is {value} at epoch 2")
    assert [step for step, _ in logged(tmp_path)] == [0, 1, 2]  # it was logged, as always


def test_warn_warns_once_for_each_metric_and_a_tag_says_since_when(tmp_path: Path) -> None:
    tracker = Scripted(batch_size=100)
    with tracking([tracker], output_run=tmp_path, on_nan="warn") as t:
        t.log(0, {"loss": 0.5, "grad": 1.0})
        with pytest.warns(TrackerWarning, match="metric 'loss' is nan at epoch 1") as warned:
            for epoch in (1, 2):
                t.log(epoch, {"loss": NAN, "grad": 1.0})
        with pytest.warns(TrackerWarning, match="metric 'grad' is inf at batch 7"):
            t.log(7, {"grad": math.inf}, axis="batch")
    assert len(warned) == 1
    assert Path(warned[0].filename) == Path(__file__)
    assert load(tmp_path).status == "finished"
    assert load(tmp_path).tags == {"not_finite": "loss since epoch 1, grad since batch 7"}
    assert ("log_tags", {"not_finite": "loss since epoch 1, grad since batch 7"}) in tracker.calls


@pytest.mark.parametrize(
    ("on_nan", "metrics", "stops"),
    [
        ({"loss": "stop"}, {"loss": NAN}, True),
        ({"loss": "stop"}, {"val/loss": NAN}, False),
        ({"val/loss": "stop"}, {"val": {"loss": NAN}}, True),
        ({"val/*": "stop"}, {"val": {"deep": {"loss": NAN}}}, True),
        ({"grad/*": "warn", "*": "stop"}, {"loss": 1.0}, False),
        ("stop", {"whatever": NAN}, True),
        ({"acc[0]": "stop"}, {"acc[0]": NAN}, True),
        ("stop", {"a": 1e308, "b": 1e308}, False),
        (None, {"loss": NAN}, False),
    ],
)
@pytest.mark.parametrize("rank", [0, 1])
def test_named_metrics_only_are_guarded_and_on_every_rank(
    tmp_path: Path, rank: int, on_nan: Any, metrics: Any, stops: bool
) -> None:
    with tracking(output_run=tmp_path, on_nan=on_nan, rank=rank) as t:
        if not stops:
            t.log(3, metrics)
            return
        with pytest.raises(NotFinite) as caught:
            t.log(3, metrics)
        assert (caught.value.axis, caught.value.step) == ("epoch", 3)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_another_rank_names_no_step_that_it_does_not_know(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, on_nan="stop", rank=1) as t:
        for _ in t.epochs(1):
            with pytest.raises(NotFinite, match="loss is nan at epoch 0, which"):
                t.log(None, {"loss": NAN})
            with pytest.raises(NotFinite, match="loss is nan, which") as caught:
                t.log(None, {"loss": NAN}, axis="batch")
    assert caught.value.step is None


def test_on_another_rank_no_number_is_made_of_what_is_not_guarded(tmp_path: Path) -> None:
    class Tensor:
        def item(self) -> float:
            pytest.fail("asked")

        __float__ = item

    with tracking(output_run=tmp_path, on_nan={"loss": "stop"}, rank=1) as t:
        t.log(0, {"loss": 0.5, "other": Tensor()})


def test_of_a_warning_and_a_stop_at_once_both_come(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, on_nan={"grad": "warn", "loss": "stop"}) as t:
        with pytest.warns(TrackerWarning, match="metric 'grad'"), pytest.raises(NotFinite):
            t.log(0, {"loss": NAN, "grad": NAN})
        assert [tags.tags for tags in records(t, Tags)] == [{"not_finite": "grad since epoch 0"}]


@pytest.mark.slow
def test_a_worker_is_guarded_as_the_run_is(tmp_path: Path) -> None:
    script = """
        import multiprocessing
        from tracklib import NotFinite, current, tracking

        def work(epoch):
            current().log(epoch, {"loss": float("nan")})

        if __name__ == "__main__":
            try:
                with tracking(output_run="run", on_nan="stop") as t:
                    with multiprocessing.get_context("spawn").Pool(1) as pool:
                        pool.map(t.inside(work), [4])
            except NotFinite as error:
                print(error)
    """
    assert run_bare(tmp_path, script).startswith("loss is nan at epoch 4")
    assert load(tmp_path / "run").status == "failed"


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ("ignore", ValueError, r"on_nan=\{'\*': 'ignore'\} must say what to do: 'warn' or 'stop'"),
        ({"loss": 1}, ValueError, r"on_nan=\{'loss': 1\} must say what to do"),
        (["loss"], TypeError, "on_nan must be 'warn', 'stop' or map names to them"),
        ({1: "stop"}, TypeError, "on_nan must be 'warn', 'stop' or map names to them"),
    ],
)
def test_what_is_no_guard_is_refused(tmp_path: Path, wrong: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words), tracking(output_run=tmp_path, on_nan=wrong):
        pass


def test_of_very_many_metrics_the_first_are_in_the_tag_and_each_is_warned_of(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, on_nan="warn") as t, pytest.warns(TrackerWarning) as warned:
        for number in range(30):
            t.log(0, {f"grad-{number}": NAN})
    assert len(warned) == 30
    told = load(tmp_path).tags["not_finite"]
    assert told.count("since") == 20
