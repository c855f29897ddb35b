"""What one tracker gets of a run's metrics: which, by which name, at which steps; and that the journal has them all."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from kept import logged, records, rows
from scripted import Scripted
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb_file import WandbFile

from tracklib import BaseTracker, ConfigError, CsvLogger, Wandb, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.records import Begin, Best, Log
from tracklib.trackers._configs import another, build
from tracklib.trackers._identity import describe, fingerprints
from tracklib.trackers._portion import Portion


def log(step: int, axis: str = "epoch", metrics: dict[str, float] | None = None) -> Log:
    return Log(time=1, axis=axis, step=step, metrics=metrics or {"loss": 0.5})


def names(portion: Portion, *metrics: str) -> dict[str, str | None]:
    return {metric: portion.name_of(metric) for metric in metrics}


# Names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "got"),
    [
        ({"include": "val/*"}, {"val/a/b": "val/a/b", "train/a": None, "xval/a": None}),
        ({"include": ["loss", "top[15]"]}, {"loss": "loss", "loss2": None, "top1": "top1", "top2": None}),
        ({"include": ["[!a]?"]}, {"bc": "bc", "ac": None, "b": None}),
        ({"include": ["top[15]"]}, {"top[15]": "top[15]", "top1": "top1"}),
        ({"exclude": ["acc[0]"], "rename": {"f1[*]": "f1/*"}}, {"acc[0]": None, "f1[*]": "f1/", "loss": "loss"}),
        ({"rename": {"acc[0]": "acc/zero"}}, {"acc[0]": "acc/zero", "acc1": "acc1"}),
        ({"exclude": ["*grad*"]}, {"a/grad/b": None, "loss": "loss"}),
        ({"include": ["a*"], "exclude": ["ab*"]}, {"ac": "ac", "abc": None}),
        ({"rename": {"val/*": "validation/*"}}, {"val/loss": "validation/loss", "loss": "loss"}),
        ({"rename": {"*/*": "*.*", "loss": "L"}}, {"a/b": "a.b", "loss": "L"}),
        ({"rename": {"loss": "first", "l*": "second/*"}}, {"loss": "first", "lr": "second/r"}),
        ({"include": ["a.b(c)", "x\ny"]}, {"a.b(c)": "a.b(c)", "axb(c)": None, "x\ny": "x\ny"}),
    ],
)
def test_a_metric_is_chosen_and_called_by_its_patterns(told: dict[str, Any], got: dict[str, str | None]) -> None:
    assert names(Portion(**told), *got) == got


def test_a_new_name_that_the_record_has_already_is_not_given(caplog: pytest.LogCaptureFixture) -> None:
    portion = Portion(rename={"*/loss": "loss"})
    kept = portion.of_log(log(0, metrics={"loss": 1, "a/loss": 2, "b/loss": 3}))
    assert kept is not None
    assert kept.metrics == {"loss": 1, "a/loss": 2, "b/loss": 3}
    portion.of_log(log(1, metrics={"loss": 1, "a/loss": 2}))
    assert [each.getMessage() for each in caplog.records] == [
        "metric 'a/loss' is not renamed: its record has another 'loss'",
        "metric 'b/loss' is not renamed: its record has another 'loss'",
    ]


def test_two_metrics_may_change_their_names() -> None:
    kept = Portion(rename={"a": "b", "b": "a"}).of_log(log(0, metrics={"a": 1, "b": 2}))
    assert kept is not None
    assert kept.metrics == {"b": 1, "a": 2}


def test_all_records_of_a_step_go_together_and_of_n_steps_the_first_is_taken() -> None:
    portion, counted = Portion(every={"batch": 3}), dict[str, tuple[int, int]]()
    steps = [7, 7, 9, 11, 13, 13, 7, 7, 20]
    assert [portion.counts(log(step, "batch"), counted) for step in steps] == [
        *(True, True, False, False),
        *(True, True, False, False, False),
    ]
    assert portion.counts(log(0), counted)
    assert counted == {"batch": (20, 5)}


# Configs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"include": []}, "'include' must be patterns of metrics' names, as ['val/*', 'loss']; got []"),
        ({"exclude": [3]}, "'exclude' must be patterns of metrics' names, as ['val/*', 'loss']; got [3]"),
        ({"include": "[z-a]"}, "the pattern '[z-a]' cannot be read: bad character range z-a"),
        ({"rename": ["loss"]}, "'rename' must be such as {'val/*': 'validation/*'}; got ['loss']"),
        ({"rename": {"a": ""}}, "'rename' must be such as {'val/*': 'validation/*'}; got {'a': ''}"),
        ({"rename": {"a*": "*/*"}}, "'rename' has '*/*' for 'a*', which has 1 wildcards for its 2"),
        ({"every": 10}, "'every' must be such as {'batch': 10}, an axis and a whole number above 0; got 10"),
        ({"every": 0}, "'every' must be such as {'batch': 10}, an axis and a whole number above 0; got 0"),
        ({"every": {"batch": 0}}, "'every' must be such as {'batch': 10}, an axis and a whole number above 0"),
        ({"every": {"batch": True}}, "'every' must be such as {'batch': 10}, an axis and a whole number above 0"),
        ({"gets": {"includes": []}}, "'gets' must be a mapping of include, exclude, rename, every; got"),
        ({"excludes": ["a"]}, "CsvLogger has no option 'excludes' (did you mean 'exclude'?)"),
    ],
)
def test_what_is_wrong_is_said_with_all_other_problems_before_training(told: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build([{"type": "CsvLogger", **told}, {"type": "Nothing"}])
    assert any(problem in each for each in caught.value.problems)
    assert len(caught.value.problems) == 2


def test_a_tracker_object_says_it_by_a_method_and_its_constructor_tells_so() -> None:
    tracker = CsvLogger(csv_filename="a.csv").gets(include="val/*")
    assert describe(tracker) == {"type": "CsvLogger", "csv_filename": "a.csv", "gets": {"include": ["val/*"]}}
    with pytest.raises(TypeError, match=r"CsvLogger has no option 'include': write CsvLogger\(...\)\.gets\(include="):
        CsvLogger(include=["val/*"])  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="must be patterns"):
        CsvLogger().gets(include=[])


class WithEvery(Scripted):
    def __init__(self, *, every: int = 1, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.every = every


def test_an_option_of_the_trackers_own_stays_its_own() -> None:
    config = {"type": f"{__name__}:WithEvery", "every": 3, "gets": {"every": {"batch": 2}}}
    [tracker] = build([config])
    assert isinstance(tracker, WithEvery)
    assert tracker.every == 3
    assert describe(tracker)["gets"] == {"every": [["batch", 2]]}


def test_what_the_journal_says_of_it_builds_the_same_and_no_name_is_taken_for_a_secret() -> None:
    [tracker] = build({"type": "CsvLogger", "rename": {"token": "tok", "api_key": "k"}, "every": {"password": 3}})
    described = json.loads(json.dumps(describe(tracker)))
    [again] = build(described)
    assert describe(again) == described
    assert again._portion is not None
    assert again._portion.name_of("token") == "tok"


def test_it_does_not_tell_one_tracker_from_another() -> None:
    less, whole = describe(Wandb(project="a").gets(include="x")), describe(Wandb(project="a"))
    assert fingerprints([less]) == fingerprints([whole])


def test_a_child_run_and_a_further_attempt_get_the_same() -> None:
    tracker = another(CsvLogger().gets(include="val/*"))
    assert describe(tracker)["gets"] == {"include": ["val/*"]}


# In a run ------------------------------------------------------------------------------------------------


def run(tracker: BaseTracker, where: Path, steps: Sequence[int], **options: Any) -> None:
    with tracking([tracker], output_run=where, **options) as t:
        for step in steps:
            t.log(step, {"a": step, "b": step}, axis="batch")


def test_a_tracker_gets_its_portion_and_the_journal_all(tmp_path: Path) -> None:
    tracker = Scripted(batch_size=4).gets(include=["a"], every={"batch": 3})
    run(tracker, tmp_path, range(8), best={"a": "max", "b": "max"})
    assert tracker.rows == [(0, {"a": 0}), (3, {"a": 3}), (6, {"a": 6})]
    assert logged(tmp_path) == [(step, {"a": step, "b": step}) for step in range(8)]
    assert records(tmp_path, Begin)[0].configs[0]["gets"] == {"include": ["a"], "every": [["batch", 3]]}


def test_a_best_value_comes_by_the_metrics_new_name_or_not_at_all(tmp_path: Path) -> None:
    class Bests(Scripted):
        def log_best(self, best: Best) -> None:
            found[best.name] = best.value

    found: dict[str, float] = {}
    run(Bests().gets(exclude="b", rename={"a": "A"}), tmp_path, range(3), best={"a": "max", "b": "max"})
    assert found == {"A": 2}


@pytest.mark.slow
def test_the_steps_are_counted_on_in_a_run_that_goes_on_and_each_comes_once(tmp_path: Path) -> None:
    got = []
    for begin in range(0, 20, 4):
        tracker = Scripted(batch_size=3, script={"log": [None, ConnectionError("once")]}).gets(every={"batch": 3})
        run(tracker, tmp_path, range(begin, begin + 4), resume=True)
        got += tracker.steps
    assert got == [0, 3, 6, 9, 12, 15, 18]


class Choosy(Scripted):
    """Refuses the step 3."""

    def log_batch(self, records: Sequence[Log]) -> None:
        if 3 in [record.step for record in records]:
            raise ValueError("bad")
        super().log_batch(records)


def test_a_record_that_is_refused_among_those_that_are_left_out_leaves_the_count_as_it_is(tmp_path: Path) -> None:
    tracker = Choosy(batch_size=8).gets(every={"batch": 3})
    run(tracker, tmp_path, range(12))
    assert tracker.steps == [0, 6, 9]
    assert json.loads((tmp_path / "rejected.jsonl").read_text())["record"]["step"] == 3


class Acknowledging(Scripted):
    def log_batch(self, records: Sequence[Log]) -> None:
        for record in records:
            super().log_batch([record])
            self.acknowledge(1)


@pytest.mark.slow
def test_what_it_acknowledges_is_counted_as_the_journal_has_it(tmp_path: Path) -> None:
    script = {"log": [None, None, ConnectionError("no"), None, ConnectionError("no")]}
    tracker = Acknowledging(batch_size=100, script=script).gets(every={"batch": 2}, include="a")
    run(tracker, tmp_path, range(12))
    assert tracker.steps == [0, 2, 4, 6, 8, 10]


def test_another_portion_holds_from_where_the_tracker_is(tmp_path: Path) -> None:
    run(Scripted().gets(include="a"), tmp_path, [0, 1])
    tracker = Scripted().gets(include="b")
    run(tracker, tmp_path, [2], resume=True)
    assert tracker.rows == [(2, {"b": 2})]


PROGRAM = """
from tracklib import Mlflow, TensorBoard, tracking

configs = [
    {"type": "Mlflow", "tracking_uri": "sqlite:///m.db", "every": {"batch": 10}, "exclude": ["b"]},
    {"type": "Wandb", "mode": "offline", "include": ["val/*"], "rename": {"val/*": "validation/*"}},
    TensorBoard().gets(include=["b"], every={"batch": 25}),
    {"type": "CsvLogger", "exclude": "val/*"},
]
with tracking(configs, output_run="run", environment=False, best={"val/acc": "max"}) as t:
    for batch in range(100):
        t.log(batch, {"a": batch, "b": -batch}, axis="batch")
    for epoch in range(3):
        t.log(epoch, {"val/acc": epoch / 10, "loss": 1.0})
"""


@pytest.mark.slow  # SDKs in a companion process of their own
def test_real_backends_have_what_each_is_to_get(tmp_path: Path, mlflow_database: Path) -> None:
    shutil.copy(mlflow_database, tmp_path / "m.db")
    run_bare(tmp_path, PROGRAM)
    assert len(logged(tmp_path / "run")) == 103
    with sqlite3.connect(tmp_path / "m.db") as database:
        at = database.execute("select key, step from metrics order by key, step").fetchall()
    assert [step for key, step in at if key == "a"] == list(range(0, 100, 10))
    assert {key for key, _ in at} == {"a", "val/acc", "loss", "best/val/acc"}
    wandb = WandbFile(tmp_path / "run")
    assert [{k: v for k, v in row.items() if k[0] != "_"} for row in wandb.rows] == [
        {"epoch": epoch, "validation/acc": epoch / 10} for epoch in range(3)
    ]
    assert wandb.summary["best/validation/acc"] == 0.2
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("batch/b")] == [0, 25, 50, 75]
    assert events.Tags()["scalars"] == ["batch/b"]
    assert set(rows(tmp_path / "run")[0]) == {"epoch", "batch", "a", "b", "loss"}


def test_a_further_tracker_of_a_sync_gets_its_portion(tmp_path: Path) -> None:
    run(CsvLogger(), tmp_path, range(4))
    config = {"type": "CsvLogger", "csv_filename": "b.csv", "include": "a", "every": {"batch": 2}}
    [outcome] = sync(str(tmp_path), [config]).outcomes
    assert outcome.is_complete
    assert (tmp_path / "b.csv").read_text().split() == ["epoch,batch,a", ",0,0.0", ",2,2.0"]
