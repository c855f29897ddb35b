"""Delivery: one tracker, one thread, one offset; each promise of its docstring, and its trouble."""

from __future__ import annotations

import itertools
import logging
import math
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from one_delivery import Folder, Instant
from patience import PATIENT
from scripted import Scripted, begin, end, hanging_for_ever, log, run_of

from tracklib import Status, TrackerBlocked, TrackerUnavailable
from tracklib._delivery import calls, cursor, giving_way, handing
from tracklib._delivery import loop as module
from tracklib._delivery.delivery import Delivery
from tracklib._delivery.standing import Condition, Progress, Standing
from tracklib._delivery.waiting import draining, wait_for_change
from tracklib._journal import reader as _reader
from tracklib._journal.records import Artifact, Params, Record, Tags


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class Refusing(Scripted):
    """Refuses each batch that holds one of some steps, as MLflow does."""

    def __init__(self, *bad: int, batch_size: int = 8) -> None:
        super().__init__(batch_size=batch_size)
        self.bad = set(bad)

    def log_batch(self, records: Any) -> None:
        if found := self.bad.intersection(record.step for record in records):
            raise ValueError(f"step {min(found)} is bad")
        super().log_batch(records)


# What a tracker gets ----------------------------------------------------------------------------------


def test_a_tracker_gets_init_then_each_record_in_order_then_finish(folder: Folder) -> None:
    folder.write(*run_of(Params(time=1, params={"lr": 0.1}), Tags(time=1, tags={"a": ""}), log(1), log(2)))
    tracker = Scripted()
    delivery = folder.deliver(tracker)
    assert tracker.calls == [
        ("init", None),
        ("log_params", {"lr": 0.1}),
        ("log_tags", {"a": ""}),
        ("log", [1]),
        ("log", [2]),
        ("finish", Status.FINISHED),
    ]
    assert delivery.standing is Standing.DONE
    assert (delivery.delivered, delivery.rejected, delivery.missing) == (4, 0, 0)


def test_an_artifact_is_handed_over_with_the_path_of_the_runs_own_copy(folder: Folder) -> None:
    folder.write(*run_of(Artifact(time=1, name="model.pt")))
    tracker = Scripted()
    folder.deliver(tracker)
    assert tracker.of("log_artifact") == [("model.pt", str(folder.path / "artifacts/model.pt"))]


def test_who_listens_to_a_tracker_that_has_another_run_by_now_goes_on_listening(folder: Folder) -> None:
    def of_the_next_run(records: int = 0) -> None: ...

    folder.write(*run_of(log(1)))
    tracker: Scripted = Scripted(script={"finish": [lambda: setattr(tracker, "acknowledge", of_the_next_run)]})
    folder.deliver(tracker)
    assert tracker.acknowledge is of_the_next_run


@pytest.mark.parametrize("status", list(Status))
def test_the_tracker_is_told_the_runs_status_and_when_it_ended(folder: Folder, status: Status) -> None:
    folder.write(begin(), end(status))
    tracker = Scripted()
    folder.deliver(tracker)
    assert tracker.of("finish") == [status]
    assert tracker.ended_at == 9_000


def test_a_batch_holds_as_many_logs_as_the_tracker_takes_and_ends_at_any_other_record(folder: Folder) -> None:
    folder.write(*run_of(*map(log, range(7)), Tags(time=1, tags={"a": ""}), *map(log, range(7, 9))))
    tracker = Scripted(batch_size=3)
    folder.deliver(tracker)
    assert tracker.of("log") == [[0, 1, 2], [3, 4, 5], [6], [7, 8]]


def test_a_tracker_without_batches_gets_each_record_by_itself(folder: Folder) -> None:
    folder.write(*run_of(*map(log, range(3))))
    tracker = Scripted()
    folder.deliver(tracker)
    assert tracker.of("log") == [[0], [1], [2]]


@pytest.mark.slow
def test_one_thread_that_is_not_the_callers_makes_every_call(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted()
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    delivery.join(PATIENT)
    assert len(tracker.threads) == 1
    assert threading.get_ident() not in tracker.threads


def test_records_that_come_while_it_waits_are_delivered_too(folder: Folder) -> None:
    folder.write(begin(), log(1))
    tracker = Scripted()
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    tracker.until(lambda: tracker.steps == [1])
    folder.write(log(2))
    delivery.wake()
    tracker.until(lambda: tracker.steps == [1, 2])
    folder.write(end())
    delivery.wake()
    delivery.join(PATIENT)
    assert delivery.standing is Standing.DONE


# Giving way -------------------------------------------------------------------------------------------


class BusyClock:
    """Stands for the module's ``time``: at each look at the thread's own time it has worked for ``step`` seconds
    since the one before, and ``half`` of a piece's time has passed."""

    def __init__(self) -> None:
        self.worked = self.passed = self.half = 0.0
        self.step = 0.1

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def thread_time(self) -> float:
        self.worked += self.step
        self.passed += self.half
        return self.worked

    def steady(self) -> float:
        return self.passed


@pytest.fixture
def working(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Instant:
    """A delivery of many pieces, 0.1 s of work each."""
    monkeypatch.setattr(_reader, "_PIECE", 256)
    monkeypatch.setattr(module, "time", busy := BusyClock())
    monkeypatch.setattr(module, "clock", busy)
    folder.write(begin(), *map(log, range(50)))
    delivery: Instant = folder.delivery(Scripted(batch_size=8))
    return delivery


def test_between_pieces_a_delivery_rests_four_times_as_long_as_it_worked(folder: Folder, working: Instant) -> None:
    folder.write(end())
    working.run()
    assert working.delivered == 50
    assert len(working.rests) > 5
    assert working.rests[:-1] == pytest.approx([0.4] * (len(working.rests) - 1))


def test_between_pieces_it_rests_for_a_second_at_most(folder: Folder, working: Instant) -> None:
    module.time.step = 60.0  # type: ignore[attr-defined]
    folder.write(end())
    working.run()
    assert set(working.rests) == {1.0}


def test_the_more_lies_behind_the_less_it_rests(folder: Folder, working: Instant) -> None:
    module.time.half = 0.5  # type: ignore[attr-defined]
    folder.write(end())
    working.run()
    rests = working.rests[:-1]
    assert rests == sorted(rests)
    assert rests[0] == 0.0
    assert 0.3 < rests[-1] < 0.4


def test_behind_the_last_record_it_rests_for_a_second(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    delivery = folder.delivery(Scripted())
    delivery.run()
    assert delivery.rests == [giving_way.IDLE_SECONDS] == [1.0]


def test_a_backend_that_takes_long_to_answer_is_left_alone_four_times_as_long(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    delivery = folder.delivery(Scripted())
    delivery._loop.calls.latency = 3.0
    assert giving_way.rest_after(delivery._loop._reader, 0.0, 3.0, 1, latency=3.0) == 12.0
    assert giving_way.rest_after(delivery._loop._reader, 0.0, 3.0, 1, latency=300.0) == 60.0


def test_at_the_end_of_the_run_it_does_not_rest(folder: Folder, working: Instant) -> None:
    folder.write(end())
    working.hurry()
    working.run()
    assert working.delivered == 50
    assert working.rests == []


def test_it_does_not_rest_before_what_somebody_waits_for_is_delivered(
    folder: Folder, working: Instant, monkeypatch: pytest.MonkeyPatch
) -> None:
    working.wake()
    folder.write(*map(log, range(50, 100)), end())
    rested_at: list[int] = []
    monkeypatch.setattr(working._loop.calls, "rest", lambda seconds: rested_at.append(working.delivered))
    working.run()
    assert 50 <= rested_at[0] < 100


def test_a_missing_package_blocks_the_tracker_and_is_named(folder: Folder) -> None:
    folder.write(*run_of())
    tracker = Scripted()
    tracker.requires = ("no_such_package_x",)  # type: ignore[misc]
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    until_standing(delivery, Standing.BLOCKED)
    assert delivery.trouble == "ModuleNotFoundError: No module named 'no_such_package_x'"
    let_go(delivery)


def until_standing(delivery: Delivery, standing: Standing) -> None:
    for _ in range(int(PATIENT * 10)):
        if delivery.standing is standing:
            return
        delivery.changed.wait(0.1)
    raise AssertionError(f"{delivery.standing} {delivery.trouble}")


def let_go(delivery: Delivery) -> None:
    delivery.abandon()
    delivery.join(PATIENT)
    assert delivery.standing is Standing.ABANDONED


# Trouble that passes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ConnectionError("x"), TimeoutError("x"), TrackerUnavailable("x")], ids=repr)
def test_after_a_passing_error_the_same_records_come_again_after_a_wait(folder: Folder, error: Exception) -> None:
    folder.write(*run_of(log(1), log(2), log(3)))
    tracker = Scripted(script={"log": [None, error, error]}, batch_size=2)
    delivery = folder.deliver(tracker)
    assert tracker.of("log") == [[1, 2], [3], [3], [3]]
    assert tracker.steps == [1, 2, 3]
    assert len(delivery.rests) == 2
    assert delivery.rejected == 0


def test_the_waits_double_from_a_second_to_a_minute_at_most() -> None:
    waits = list(itertools.islice(calls.delays(), 9))
    for wait, expected in zip(waits, [1, 2, 4, 8, 16, 32, 48, 48, 48], strict=True):
        assert expected <= wait <= min(60, 1.25 * expected)


def test_init_is_called_again_until_it_returns(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"init": [ConnectionError(), OSError(), None]})
    folder.deliver(tracker)
    assert [call for call, _ in tracker.calls] == ["init", "init", "init", "log", "finish"]


def test_finish_is_called_again_until_it_returns(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"finish": [ConnectionError(), ValueError(), SystemExit(1)]})
    delivery = folder.deliver(tracker)
    assert tracker.of("finish") == [Status.FINISHED] * 4
    assert delivery.standing is Standing.DONE


def test_a_wait_that_the_backend_asks_for_is_honoured(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"log": [TrackerUnavailable("busy", retry_after=321.0)]})
    assert folder.deliver(tracker).rests == [321.0]


def test_a_wait_that_the_backend_asks_for_is_not_cut_short_by_a_wake_up(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"log": itertools.repeat(TrackerUnavailable("busy", retry_after=1e6))})
    ticks = threading.Semaphore(0)
    delivery = folder.delivery(tracker, Delivery, heartbeat=ticks.release)  # about once a second of the wait
    delivery.start()
    until_standing(delivery, Standing.RETRYING)
    assert ticks.acquire(timeout=PATIENT)  # the one behind the run's begin
    delivery.hurry()
    assert ticks.acquire(timeout=PATIENT)
    assert tracker.of("log") == [[1]]
    let_go(delivery)


@pytest.mark.parametrize("odd", ["soon", float("nan"), -5, Ellipsis, "Wed, 21 Oct 2026 07:28:00 GMT"], ids=repr)
def test_a_wait_that_is_no_number_of_seconds_is_passed_over(folder: Folder, odd: Any) -> None:
    error = ConnectionError()
    error.retry_after = odd  # type: ignore[attr-defined]  # as some SDKs' errors have
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"log": [error]})
    delivery = folder.deliver(tracker)
    assert tracker.steps == [1]
    assert 1.0 <= delivery.rests[0] <= 1.25


def test_a_wake_up_ends_the_wait_for_a_retry(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "delays", lambda: itertools.repeat(1e6))
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"log": [ConnectionError()]})
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    until_standing(delivery, Standing.RETRYING)
    delivery.hurry()
    delivery.join(PATIENT)
    assert tracker.steps == [1]


# Trouble that a person must mend ----------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("no"), TrackerBlocked("no key"), SystemExit(2)], ids=repr)
def test_a_permanent_error_at_init_blocks_the_tracker_and_is_tried_again_slowly(
    folder: Folder, error: BaseException
) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"init": [error]})
    delivery = folder.deliver(tracker)
    assert delivery.rests == [calls.BLOCKED_SECONDS]
    assert tracker.steps == [1]


def test_blocked_at_log_keeps_the_records_for_later(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2)))
    tracker = Scripted(script={"log": [TrackerBlocked("the key was revoked")] * 3})
    delivery = folder.deliver(tracker)
    assert delivery.rests == [calls.BLOCKED_SECONDS] * 3
    assert tracker.steps == [1, 2]
    assert delivery.rejected == 0


def test_while_it_is_blocked_it_is_at_rest_and_says_why(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2)))
    delivery = folder.delivery(Scripted(script={"log": itertools.repeat(TrackerBlocked("no key"))}), Delivery)
    delivery.start()
    until_standing(delivery, Standing.BLOCKED)
    assert delivery.at_rest
    assert delivery.trouble == "no key"
    assert delivery.missing == 2
    let_go(delivery)


def test_at_the_end_a_blocked_tracker_is_tried_once_more(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2)))
    delivery = folder.delivery(Scripted(script={"log": [TrackerBlocked("no key")]}), Delivery)
    delivery.start()
    until_standing(delivery, Standing.BLOCKED)
    delivery.hurry()
    assert not delivery.at_rest
    until_standing(delivery, Standing.DONE)
    assert delivery.missing == 0


def test_a_tracker_that_stays_blocked_is_at_rest_after_that_try(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"log": itertools.repeat(TrackerBlocked("no key"))})
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    until_standing(delivery, Standing.BLOCKED)
    delivery.hurry()
    tracker.until(lambda: len(tracker.of("log")) == 2)
    for _ in draining([delivery], PATIENT):
        wait_for_change([delivery], 0.1)
    assert delivery.standing is Standing.BLOCKED
    let_go(delivery)


@pytest.mark.slow
def test_who_begins_to_wait_while_a_blocked_tracker_is_being_tried_has_another_try(folder: Folder) -> None:
    """What was mended meanwhile is seen by the next try only: a flush would say at once that it is of no use."""
    gate, of_no_use, deliveries = threading.Event(), list[bool](), list[Delivery]()

    def denied() -> None:
        assert gate.wait(PATIENT)
        raise TrackerBlocked("no key")

    folder.write(*run_of(log(1)))
    script = [TrackerBlocked("no key"), denied, lambda: of_no_use.append(deliveries[0].at_rest)]
    tracker = Scripted(script={"log": script})
    delivery = folder.delivery(tracker, Delivery)
    deliveries.append(delivery)
    delivery.start()
    until_standing(delivery, Standing.BLOCKED)
    delivery.wake()
    tracker.until(lambda: len(tracker.of("log")) == 2)
    delivery.wake()
    gate.set()
    until_standing(delivery, Standing.DONE)
    assert of_no_use == [False]


# A batch that fails for ever --------------------------------------------------------------------------


class Failing(Scripted):
    """Fails, as if it might pass, on each batch that holds one of some steps; ``others`` are taken, or nothing is."""

    def __init__(self, *bad: int, others: list[bool]) -> None:
        super().__init__(batch_size=8)
        self.bad = set(bad)
        self.others = others

    def log_batch(self, records: Any) -> None:
        self._do("log", [record.step for record in records])
        if not self.is_answering() or self.bad.intersection(record.step for record in records):
            raise ConnectionError("500 for this")
        self.rows += [(record.step, dict(record.metrics)) for record in records]

    def is_answering(self) -> bool:
        return self.others.pop(0) if len(self.others) > 1 else self.others[0]


def test_a_record_that_a_working_backend_fails_on_for_ever_is_found_and_put_aside(folder: Folder) -> None:
    folder.write(*run_of(*map(log, range(16))))
    tracker = Failing(0, 5, others=[True])
    delivery = folder.deliver(tracker)
    assert tracker.steps == [step for step in range(16) if step not in (0, 5)]
    assert (delivery.rejected, delivery.standing) == (2, Standing.DONE)
    assert [line["reason"] for line in folder.rejected] == ["ConnectionError: 500 for this"] * 2
    assert tracker.of("log").count([5]) >= handing.LAST_TRIES


def test_a_long_outage_puts_nothing_aside(folder: Folder) -> None:
    folder.write(*run_of(*map(log, range(16))))
    tracker = Failing(others=[*[False] * 200, True])
    delivery = folder.deliver(tracker)
    assert tracker.steps == list(range(16))
    assert (delivery.rejected, delivery.standing) == (0, Standing.DONE)


def test_a_backend_that_asks_to_wait_finds_nothing_at_fault(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted(script={"log": [TrackerUnavailable("busy", retry_after=1.0)] * 30})
    tracker.is_answering = lambda: True  # type: ignore[method-assign]
    delivery = folder.deliver(tracker)
    assert (tracker.steps, delivery.rejected) == ([1], 0)


# Artifacts that cannot be written now -----------------------------------------------------------------


def artifact(folder: Folder, name: str) -> Artifact:
    (folder.path / "artifacts").mkdir(exist_ok=True)
    (folder.path / "artifacts" / name).write_text(name)
    return Artifact(time=1, name=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [ConnectionError("down"), TrackerBlocked("not writable"), FileNotFoundError("staging")]
)
def test_metrics_and_the_status_pass_an_artifact_that_cannot_be_written(folder: Folder, error: Exception) -> None:
    folder.write(*run_of(artifact(folder, "a"), artifact(folder, "b"), log(1), log(2)))
    tracker = Scripted(script={"log_artifact": [error] * 2})
    delivery = folder.deliver(tracker)
    calls = [call for call, _ in tracker.calls]
    assert calls.index("finish") < len(calls) - 1
    assert calls[: calls.index("finish")].count("log") == 2
    assert [name for name, _ in tracker.of("log_artifact")[-2:]] == ["a", "b"]
    assert tracker.of("finish") == [Status.FINISHED]
    assert (delivery.standing, delivery.delivered, delivery.rejected, delivery.aside) == (Standing.DONE, 4, 0, 0)


def test_an_artifact_that_was_passed_is_left_over_and_comes_with_the_next_delivery(folder: Folder) -> None:
    folder.write(*run_of(artifact(folder, "a"), log(1)))
    tracker = Scripted(script={"log_artifact": itertools.repeat(ConnectionError("down"))})
    delivery = folder.delivery(tracker)
    delivery.hurry()
    delivery.start()
    tracker.until(lambda: tracker.of("finish") and tracker.calls[-1][0] == "log_artifact")
    assert (delivery.missing, delivery.aside, delivery.at_rest) == (1, 1, False)
    delivery.abandon()
    delivery.join(PATIENT)
    assert delivery.trouble == "artifact a: ConnectionError: down"

    rest = Scripted()
    assert folder.deliver(rest).standing is Standing.DONE
    assert [call for call, _ in rest.calls] == ["init", "log_artifact", "finish"]


def test_an_artifact_that_is_gone_is_no_refusal(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder.write(*run_of(Artifact(time=1, name="a"), log(1)))
    tracker = Scripted(script={"log_artifact": [FileNotFoundError("a")]})
    delivery = folder.deliver(tracker)
    assert (tracker.steps, delivery.rejected, delivery.standing) == ([1], 0, Standing.DONE)
    assert "artifact a is gone" in caplog.text


# What was acknowledged within a call ------------------------------------------------------------------


class Acknowledging(Scripted):
    """Says after each record that it has it; the script's ``log`` steps are of single records."""

    def __init__(self, script: Any) -> None:
        super().__init__(script=script, batch_size=8)

    def log_batch(self, records: Any) -> None:
        for record in records:
            super().log_batch([record])
            self.acknowledge(1)


def test_what_was_acknowledged_in_a_call_that_failed_does_not_come_again(folder: Folder) -> None:
    folder.write(*run_of(*map(log, range(8))))
    tracker = Acknowledging({"log": [None, None, ConnectionError(), None, ValueError("bad"), None]})
    delivery = folder.deliver(tracker)
    assert tracker.steps == list(range(8))
    assert (delivery.delivered, delivery.rejected, delivery.standing) == (8, 0, Standing.DONE)


def test_a_call_that_fails_when_all_was_acknowledged_is_not_made_again(folder: Folder) -> None:
    class Late(Acknowledging):
        def log_batch(self, records: Any) -> None:
            super().log_batch(records)
            raise errors.pop()

    errors = [ValueError("too late"), ConnectionError("no answer")]
    folder.write(*run_of(log(0), log(1), Tags(time=1, tags={"a": ""}), log(2), log(3)))
    tracker = Late({})
    delivery = folder.deliver(tracker)
    assert tracker.steps == [0, 1, 2, 3]
    assert (delivery.delivered, delivery.rejected) == (5, 0)


def test_one_that_is_left_in_the_middle_of_a_batch_goes_on_there(folder: Folder) -> None:
    folder.write(*run_of(*map(log, range(8))))
    free = threading.Event()
    tracker = Acknowledging({"log": [None, None, None, free]})
    delivery = folder.delivery(tracker)
    delivery.start()
    tracker.until(lambda: len(tracker.of("log")) == 4)
    seen = delivery.progress()
    delivery.abandon()
    free.set()
    delivery.join(PATIENT)
    assert tracker.steps == [0, 1, 2, 3]
    assert seen.records > 0

    rest = Acknowledging({})
    folder.deliver(rest)
    assert rest.steps == [3, 4, 5, 6, 7]  # the fourth was in a call


# Records that are refused -----------------------------------------------------------------------------


def test_a_refused_record_is_found_in_its_batch_and_the_rest_arrives_once_in_order(folder: Folder) -> None:
    folder.write(*run_of(*map(log, range(16))))
    tracker = Refusing(5, 12)
    delivery = folder.deliver(tracker)
    assert tracker.steps == [step for step in range(16) if step not in (5, 12)]
    assert (delivery.delivered, delivery.rejected) == (14, 2)
    assert delivery.standing is Standing.DONE


def test_a_refused_record_is_kept_with_the_reason(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2, loss=math.nan, acc=0.5)))
    folder.deliver(Refusing(2))
    assert folder.rejected == [
        {
            "tracker": "Scripted",
            "reason": "ValueError: step 2 is bad",
            "record": {
                "type": "log",
                "time": 2002,
                "axis": "epoch",
                "step": 2,
                "metrics": {"loss": "nan", "acc": 0.5},
            },
            "ordinal": 2,
        }
    ]
    assert stat.S_IMODE(os.stat(folder.path / "rejected.jsonl").st_mode) == 0o600


@pytest.mark.parametrize(
    ("call", "record"),
    [
        ("log_params", Params(time=1, params={"lr": 0.1})),
        ("log_tags", Tags(time=1, tags={"a": ""})),
        ("log_artifact", Artifact(time=1, name="a")),
    ],
)
def test_refused_params_tags_and_artifacts_do_not_stop_the_metrics(folder: Folder, call: str, record: Record) -> None:
    artifact(folder, "a")
    folder.write(*run_of(record, log(1)))
    tracker = Scripted(script={call: [ValueError("too long")]})
    folder.deliver(tracker)
    assert tracker.steps == [1]
    assert [line["reason"] for line in folder.rejected] == ["ValueError: too long"]


def test_a_system_exit_in_a_tracker_refuses_that_record_only(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2)))
    tracker = Scripted(script={"log": [SystemExit(1)]})
    delivery = folder.deliver(tracker)
    assert tracker.steps == [2]
    assert delivery.standing is Standing.DONE


@pytest.mark.parametrize("error", [RuntimeError("oops"), SystemExit(3)], ids=repr)
def test_an_is_transient_that_raises_counts_as_no(folder: Folder, error: BaseException) -> None:
    class Broken(Scripted):
        def is_transient(self, _: BaseException) -> bool:
            raise error

    folder.write(*run_of(log(1), log(2)))
    tracker = Broken(script={"log": [ConnectionError("x")]})
    folder.deliver(tracker)
    assert tracker.steps == [2]
    assert [line["reason"] for line in folder.rejected] == ["ConnectionError: x"]


def test_a_reason_that_no_text_file_takes_is_kept_all_the_same(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2)))
    tracker = Scripted(script={"log": [ValueError("\udcff")]})
    folder.deliver(tracker)
    assert tracker.steps == [2]
    assert [line["reason"] for line in folder.rejected] == ["ValueError: \\udcff"]


def test_an_error_that_has_no_words_is_named_by_its_type(folder: Folder) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    folder.write(*run_of(log(1)))
    folder.deliver(Scripted(script={"log": [Mute()]}))
    assert folder.rejected[0]["reason"] == "Mute"


def test_a_rejected_file_that_cannot_be_written_does_not_stop_the_delivery(folder: Folder) -> None:
    (folder.path / "rejected.jsonl").mkdir()
    folder.write(*run_of(log(1), log(2)))
    tracker = Refusing(1)
    delivery = folder.deliver(tracker)
    assert tracker.steps == [2]
    assert delivery.rejected == 1


# Giving up --------------------------------------------------------------------------------------------


def test_an_abandoned_delivery_hands_over_nothing_more_when_its_hang_ends(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2)))
    tracker, free = hanging_for_ever("log")
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    tracker.until(lambda: tracker.of("log"))
    delivery.abandon()
    free.set()
    delivery.join(PATIENT)
    assert [call for call, _ in tracker.calls] == ["init", "log"]
    assert delivery.standing is Standing.ABANDONED


@pytest.mark.parametrize("error", [None, ValueError("refused"), ConnectionError("down")], ids=repr)
def test_an_abandoned_delivery_writes_nothing_into_what_may_be_another_runs_directory(
    folder: Folder, error: Exception | None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursor, "SAVE_SECONDS", 0.0)
    free = threading.Event()

    def hang() -> None:
        assert free.wait(PATIENT)
        if error:
            raise error

    folder.write(*run_of(log(1), log(2)))
    tracker = Scripted(script={"log": [hang]})
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    tracker.until(lambda: tracker.of("log"))
    delivery.abandon()
    before = folder.state
    free.set()
    delivery.join(PATIENT)
    assert folder.state == before
    assert sorted(path.name for path in folder.path.iterdir()) == ["journal.jsonl", "state"]
    assert caplog.messages == []


def test_abandoning_keeps_how_far_the_tracker_is(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor, "SAVE_SECONDS", 1e6)
    size = folder.size_with(begin(), log(1))
    folder.write(log(2), end())
    tracker = Scripted(script={"log": [None, free := threading.Event()]})
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    tracker.until(lambda: len(tracker.of("log")) == 2)
    delivery.abandon()
    assert folder.state["offset"] == size
    free.set()
    delivery.join(PATIENT)


def test_abandoning_ends_a_wait_at_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "delays", lambda: itertools.repeat(1e6))
    folder.write(*run_of(log(1)))
    delivery = folder.delivery(Scripted(script={"log": [ConnectionError()]}), Delivery)
    delivery.start()
    until_standing(delivery, Standing.RETRYING)
    let_go(delivery)


def test_a_journal_that_cannot_be_read_blocks_the_delivery_and_says_so(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    delivery = folder.delivery(Scripted())

    def fail() -> Any:
        raise OSError(5, "Input/output error")

    delivery._loop._reader.read = fail
    delivery.run()
    assert delivery.standing is Standing.BLOCKED
    assert "Input/output error" in delivery.trouble


# The state file ---------------------------------------------------------------------------------------


def test_the_state_file_says_how_far_the_tracker_is_and_what_it_must_remember(folder: Folder) -> None:
    size = folder.size_with(*run_of(log(1), log(2)))
    tracker = Refusing(2)
    tracker.state = {}
    delivery = folder.delivery(tracker)
    tracker.state["run_id"] = "abc"
    delivery.run()
    assert folder.state == {
        "uid": "u1",
        "offset": size,
        "ordinal": 4,
        "attempt": 1,
        "config": "",
        "end": {"type": "end", "time": 9_000, "status": "finished"},
        "delivered": 1,
        "rejected": 1,
        "aside": {},
        "counted": {},
        "ended": 1,
        "tracker": {"run_id": "abc"},
        "format": 1,
    }
    assert stat.S_IMODE(os.stat(folder.path / "state/Scripted.json").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder.path / "state").st_mode) == 0o700
    assert os.listdir(folder.path / "state") == ["Scripted.json"]


def test_a_tracker_goes_on_behind_what_it_has_with_the_state_that_it_left(folder: Folder) -> None:
    offset = folder.size_with(begin(), log(1))
    folder.write(log(2), end())
    folder.write_state({"offset": offset, "ordinal": 2, "delivered": 1, "tracker": {"run_id": "abc"}})
    tracker = Scripted()
    delivery = folder.deliver(tracker)
    assert tracker.steps == [2]
    assert tracker.state == {"run_id": "abc"}
    assert delivery.delivered == 1


def test_the_ordinals_go_on_where_the_state_file_says(folder: Folder) -> None:
    ordinals: list[int] = []

    class Numbered(Scripted):
        def log_batch(self, records: Any) -> None:
            ordinals.extend(record.ordinal for record in records)

    offset = folder.size_with(begin(), log(1))
    folder.write(log(2), end())
    folder.write_state({"offset": offset, "ordinal": 2})
    folder.deliver(Numbered())
    assert ordinals == [2]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"offset": "x"}', b'{"offset": -4}', b'{"offset": 7}', b'{"offset": 999999}'],
    ids=repr,
)
def test_a_damaged_state_file_means_a_fresh_start(folder: Folder, content: bytes) -> None:
    folder.write(*run_of(log(1), log(2)))
    folder.write_state(content)
    tracker = Scripted()
    delivery = folder.deliver(tracker)
    assert tracker.steps == [1, 2]
    assert delivery.damaged == 0


def test_a_projection_always_begins_at_the_journals_beginning_and_all_that_it_took_counts(folder: Folder) -> None:
    class Projection(Scripted):
        reads_whole_journal = True

    offset = folder.size_with(begin(), log(1))
    folder.write(log(2), end())
    folder.write_state({"offset": offset, "ordinal": 2, "delivered": 1})
    tracker = Projection()
    delivery = folder.deliver(tracker)
    assert tracker.steps == [1, 2]
    assert delivery.delivered == 2


@pytest.mark.parametrize("state", [{"n": 5}, {"n": None}, None, {"n": "\udcff"}], ids=repr)
def test_a_tracker_with_an_odd_state_still_gets_everything(folder: Folder, state: Any) -> None:
    folder.write(*run_of(log(1)))
    tracker = Scripted()
    delivery = folder.delivery(tracker)
    tracker.state = state
    delivery.run()
    delivery.abandon()
    assert (tracker.steps, delivery.standing) == ([1], Standing.DONE)


def test_a_state_that_cannot_be_written_does_not_stop_the_delivery(folder: Folder) -> None:
    (folder.path / "state").write_text("in the way")
    folder.write(*run_of(log(1)))
    tracker = Scripted()
    folder.deliver(tracker)
    assert tracker.steps == [1]


@pytest.mark.slow
def test_the_state_is_kept_while_the_run_goes_on(folder: Folder) -> None:
    size = folder.size_with(begin(), log(1))
    tracker = Scripted()
    beats = threading.Semaphore(0)
    delivery = folder.delivery(tracker, Delivery, heartbeat=beats.release)
    delivery.start()
    for _ in range(4):  # one behind each record, one at the end of the file, and then the next round's
        assert beats.acquire(timeout=PATIENT)
    assert folder.state["offset"] == size
    let_go(delivery)


def test_the_end_of_an_earlier_attempt_does_not_finish_the_tracker(folder: Folder) -> None:
    folder.write(begin(1), log(1), end(Status.KILLED), begin(2), log(2), end(Status.FINISHED, 2))
    tracker = Scripted()
    folder.deliver(tracker, attempt=2)
    assert tracker.steps == [1, 2]
    assert tracker.of("finish") == [Status.FINISHED]


def test_damaged_lines_are_passed_over_and_counted(folder: Folder) -> None:
    folder.write(begin(), log(1))
    with open(folder.journal.path, "ab") as file:
        file.write(b"rubbish\n")
    folder.write(log(2), end())
    tracker = Scripted()
    delivery = folder.deliver(tracker)
    assert tracker.steps == [1, 2]
    assert delivery.damaged == 1


def test_nothing_counts_as_missing_once_the_user_deleted_the_journal(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    delivery = folder.delivery(Scripted())
    os.unlink(folder.journal.path)
    assert delivery.missing == 0


# Waiting at the end -----------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Step:
    """A delivery as ``draining`` sees it."""

    def __init__(self, standing: Standing = Standing.DELIVERING) -> None:
        self.standing = standing
        self.offset: float = 0
        self.work = 0.0
        self.within = 0
        self.hurried: list[float] = []

    def hurry(self) -> None:
        self.hurried.append(self.offset)

    is_answered = True
    at_rest = Condition.at_rest

    def progress(self) -> Any:
        return Progress(int(self.offset), self.within, self.work)


def waited(deliveries: list[Any], patience: float, each: Any, limit: int = 1000, **how: float) -> float:
    """How long ``draining`` waits if ``each(second)`` happens once a second."""
    clock = Clock()
    begun = clock()
    for _ in itertools.islice(draining(deliveries, patience, clock=clock, **how), limit):
        clock.now += 1.0
        each(clock() - begun)
    return clock() - begun


def test_a_delivery_that_does_not_get_on_is_waited_for_as_long_as_patience_lasts() -> None:
    assert waited([Step()], 10.0, lambda second: None) == 10.0


def test_each_record_that_arrives_begins_patience_anew() -> None:
    step = Step()

    def each(second: float) -> None:
        step.offset = min(second, 700)

    assert waited([step], 10.0, each) == 710.0


def test_patience_is_shared_so_that_one_that_gets_on_keeps_the_others_time_running() -> None:
    moving, stuck = Step(), Step()

    def each(second: float) -> None:
        moving.offset = min(second, 30)

    assert waited([moving, stuck], 10.0, each) == 40.0


def test_a_tracker_that_only_connects_counts_as_getting_on_for_a_minute_at_most() -> None:
    step = Step(Standing.CONNECTING)

    def each(second: float) -> None:
        step.work = second

    assert waited([step], 10.0, each) == pytest.approx(62.0, abs=1.0)


def test_an_import_that_goes_on_is_waited_for_and_costs_no_second_wait() -> None:
    """A server that never answers is given up after 10 seconds, whatever was imported meanwhile."""
    step = Step(Standing.CONNECTING)

    def each(second: float) -> None:
        step.work = min(second, until)

    until = 3.0
    assert waited([step], 10.0, each) == 10.0
    step, until = Step(Standing.CONNECTING), 20.0
    assert waited([step], 10.0, each) == 22.0


def test_where_nobody_waits_an_import_may_rest_as_long_as_patience_lasts() -> None:
    step = Step(Standing.CONNECTING)

    def each(second: float) -> None:
        step.work = min(second, 20.0) // 8  # on a machine that has much else to do

    assert waited([step], 10.0, each, busy=10.0) > 20.0
    step.work = 0.0
    assert waited([step], 10.0, each) == 10.0


def test_a_change_to_retrying_is_no_progress() -> None:
    steps = [Step(Standing.CONNECTING) for _ in range(3)]

    def each(second: float) -> None:
        for index, step in enumerate(steps):
            step.standing = Standing.RETRYING if second > 3 * index + 2 else Standing.CONNECTING

    assert waited(steps, 10.0, each) == 10.0


def test_to_begin_anew_is_no_progress_until_it_is_further_than_ever() -> None:
    step = Step()
    step.offset = 500

    def each(second: float) -> None:
        step.offset = min(second % 20, 400)

    assert waited([step], 10.0, each) == 10.0


def test_what_was_acknowledged_inside_a_record_is_progress() -> None:
    step = Step()

    def each(second: float) -> None:
        step.within = int(second // 5) if second < 100 else step.within

    assert 100 < waited([step], 10.0, each) < 110


@pytest.mark.parametrize("standing", [Standing.DONE, Standing.BLOCKED, Standing.ABANDONED])
def test_one_that_is_at_rest_is_not_waited_for(standing: Standing) -> None:
    assert waited([Step(standing)], 10.0, lambda second: None) == 0.0


def test_the_wait_ends_with_the_last_delivery() -> None:
    step = Step()

    def each(second: float) -> None:
        step.standing = Standing.DONE if second == 3 else step.standing

    assert waited([step], 10.0, each) == 3.0


def test_a_wait_tells_each_delivery_to_hurry() -> None:
    steps = [Step(), Step(Standing.BLOCKED)]
    waited(steps, 1.0, lambda second: None)
    assert [step.hurried for step in steps] == [[0], [0]]


def test_a_hurried_delivery_retries_every_second(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write(*run_of(log(1)))
    delivery = folder.delivery(Scripted(script={"log": [ConnectionError()] * 6}), Delivery)
    slept: list[float] = []

    def wait(seconds: float) -> bool:
        slept.append(seconds)
        clock.passed += seconds
        return False

    clock = BusyClock()
    monkeypatch.setattr(calls, "clock", clock)
    delivery._loop.calls._wake.wait = wait
    delivery.hurry()
    delivery.run()
    assert slept == [1.0] * 6


def test_a_line_that_is_no_record_is_no_progress_though_it_is_passed(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    records = folder.deliver(Scripted()).progress().records
    with open(folder.journal.path, "ab") as journal:
        journal.write(b'{"crc":"6bfa7fc4","type":"log","ax\n' * 9)

    delivery = folder.deliver(Scripted())
    assert delivery.offset == delivery.size
    assert delivery.progress().records == records


@pytest.mark.slow
def test_processor_time_counts_as_getting_on_while_connecting_only(folder: Folder) -> None:
    seen: list[Any] = []
    folder.write(*run_of(log(1)))
    tracker = Scripted()
    delivery = folder.delivery(tracker)

    def burn() -> None:
        seen.append(delivery.progress())
        begun = time.thread_time()
        while time.thread_time() - begun < 0.2:
            pass
        seen.append(delivery.progress())

    tracker._steps = {"init": iter([burn]), "log": iter([burn])}
    delivery.run()
    assert seen[0] != seen[1]
    assert seen[2] == seen[3]


# What it says -----------------------------------------------------------------------------------------


def test_trouble_is_told_once_per_change_of_standing(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder.write(*run_of(log(1)))
    script = {"log": [ConnectionError("down")] * 3 + [TrackerBlocked("no key")] * 2}
    with caplog.at_level(logging.WARNING, "tracklib"):
        folder.deliver(Scripted(script=script))
    assert caplog.messages == [
        "Scripted is retrying (ConnectionError: down); the journal keeps everything",
        "Scripted is blocked (no key); the journal keeps everything",
        "Scripted works again",
    ]
    assert {record.name for record in caplog.records} == {"tracklib"}


def test_a_run_without_trouble_says_nothing(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder.write(*run_of(log(1)))
    with caplog.at_level(logging.DEBUG, "tracklib"):
        folder.deliver(Scripted())
    assert caplog.messages == []


def test_refusals_are_told_once(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder.write(*run_of(*map(log, range(6))))
    folder.deliver(Refusing(1, 3, 5))
    assert caplog.messages == [
        "Scripted refused a record (ValueError: step 1 is bad); what it refuses is kept in rejected.jsonl"
    ]


SECRET = "https://me:hunter22@host/api?token=abcdef123456"


def test_no_secret_of_an_error_reaches_a_message_or_a_file(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder.write(*run_of(log(1)))
    delivery = folder.deliver(Scripted(script={"log": [ConnectionError(SECRET), ValueError(SECRET)]}))
    written = b"".join(path.read_bytes() for path in folder.path.rglob("*") if path.is_file()).decode()
    for text in (delivery.refusal, caplog.text, written):
        assert "hunter22" not in text
        assert "abcdef123456" not in text
    assert "host" in delivery.refusal


def test_a_very_long_reason_is_cut(folder: Folder) -> None:
    folder.write(*run_of(log(1)))
    assert 500 < len(folder.deliver(Scripted(script={"log": [ValueError("ab " * 9999)]})).refusal) < 600


def test_why_a_record_was_refused_is_known_after_other_trouble_has_passed(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2)))
    delivery = folder.deliver(Scripted(script={"log": [ConnectionError("down"), ValueError("too long")]}))
    assert (delivery.trouble, delivery.refusal) == ("", "ValueError: too long")


def test_the_missing_records_are_counted_without_begin_and_end(folder: Folder) -> None:
    folder.write(*run_of(log(1), log(2), log(3)))
    assert folder.delivery(Scripted()).missing == 3


def test_the_heartbeat_beats_between_the_records_and_while_it_waits(folder: Folder) -> None:
    folder.write(begin(), log(1))
    beats: list[str] = []
    tracker = Scripted()
    delivery = folder.delivery(tracker, heartbeat=lambda: beats.append("beat"))
    folder.write(end())
    delivery.run()
    assert len(beats) >= 3


def test_a_journal_that_is_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Delivery(Scripted(), "Scripted", str(tmp_path), begin(), str(tmp_path / "none"))


def test_where_the_system_gives_no_thread_the_journal_has_it_all(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    folder.write(*run_of(log(1)))
    delivery = folder.delivery(Scripted(), Delivery)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    delivery.start()
    assert delivery.at_rest
    assert "can't start new thread" in caplog.text


def test_there_is_nothing_to_wait_for_where_all_are_at_rest() -> None:
    wait_for_change([], 3600)
