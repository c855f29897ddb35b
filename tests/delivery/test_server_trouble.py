"""A run with a real ``mlflow server`` behind a proxy that breaks what passes: nothing is lost, all arrives once.

``python -m pytest tests/test_server_trouble.py --long -s`` runs the randomised test for long and prints its figures.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import logging
import os
import random
import signal
import threading
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from companions import companions_of
from fault_proxy import (
    HANG,
    LOST_REPLY,
    PASS,
    REFUSE,
    RESET,
    TRICKLE,
    Fault,
    FaultProxy,
    answers,
    late_commit,
    late_reply,
)
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from patience import FACTOR, PATIENT

from tracklib import Trackers, TrackerWarning, tracking
from tracklib._delivery import calls, companion, giving_way, handing, waiting
from tracklib._delivery.sync import sync
from tracklib._journal.reader import Reader
from tracklib._journal.records import End, Log, Status
from tracklib._run import ending as leaving

TIMEOUT = 1.5  # seconds until the client gives up a request, where a test waits for that
PARAMS = {"lr": 0.1, "model": {"depth": 3}}
TAGS = {"team": "vision"}

BUSY = answers(429, "REQUEST_LIMIT_EXCEEDED", Retry_After="1")
BLOCKING = [
    answers(401, "UNAUTHENTICATED"),
    answers(403, "PERMISSION_DENIED"),
    answers(404, "ENDPOINT_NOT_FOUND"),
]
PASSING = [
    REFUSE,
    RESET,
    LOST_REPLY,
    HANG,
    TRICKLE,
    answers(500, "INTERNAL_ERROR"),
    answers(503, "TEMPORARILY_UNAVAILABLE"),
    BUSY,
    answers(400, "BAD_REQUEST", "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00"),
]
FAULTS = PASSING + BLOCKING


# The parts ---------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a second or a minute waits for a moment."""
    monkeypatch.setattr(calls, "delays", lambda: itertools.repeat(0.02))
    monkeypatch.setattr(calls, "BLOCKED_SECONDS", 0.05)
    monkeypatch.setattr(giving_way, "IDLE_SECONDS", 0.02)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving a block whose tracker does not get on takes no time."""
    monkeypatch.setattr(leaving, "PATIENCE", 0.05)
    monkeypatch.setattr(leaving, "PATIENCE_AFTER_ERROR", 0.05)
    monkeypatch.setattr(waiting, "CONNECT_SECONDS", FACTOR)  # tries that follow each other at once look like an import


@pytest.fixture
def proxy(mlflow_server: MlflowServer) -> Iterator[FaultProxy]:
    with FaultProxy(mlflow_server.uri) as proxy:
        yield proxy


class Said(logging.Handler):
    """What tracklib said, and a wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self._news = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._news:
            self.messages.append(record.getMessage())
            self._news.notify_all()

    def of(self, text: str) -> list[str]:
        return [message for message in list(self.messages) if text in message]

    def until(self, text: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.of(text), PATIENT), self.messages


@pytest.fixture
def said() -> Iterator[Said]:
    handler = Said()
    logging.getLogger("tracklib").addHandler(handler)
    yield handler
    logging.getLogger("tracklib").removeHandler(handler)


Point = tuple[int, int, float]  # its time, step and value


@dataclasses.dataclass
class Arrived:
    """What MLflow's server has of an experiment, read past the proxy."""

    statuses: list[str]
    uids: list[str]
    metrics: dict[str, list[Point]]
    params: dict[str, str]
    tags: dict[str, str]


class Job:
    """A run through the proxy, the model of what it said, and what arrived of it."""

    def __init__(self, proxy: FaultProxy, server: str, directory: Path, **config: Any) -> None:
        self.directory = directory
        self.experiment = f"experiment-{uuid.uuid4().hex}"
        self.said: list[tuple[int, dict[str, float]]] = []
        self.params = {"lr": "0.1", "model/depth": "3"}
        self.tags = dict(TAGS)
        self._client = MlflowClient(server)
        # In this process, if not said otherwise: there the retries are made as fast as the tests want them.
        there = {"tracking_uri": proxy.uri, "experiment_name": self.experiment}
        self._config = {"type": "Mlflow", "in_process": True, **there, **config}

    def tracking(self) -> tracking:
        return tracking([self._config], output_run=self.directory, params=PARAMS, tags=TAGS)

    def log(self, run: Trackers, count: int = 5) -> None:
        """Say ``count`` records more; each third one has the step of the one before it."""
        for number in range(len(self.said), len(self.said) + count):
            metrics = {"loss": 1.0 / (number + 1), "accuracy": float(number)}
            step = number - (number % 3 == 2)
            run.log(step, metrics)
            self.said.append((step, metrics))

    def log_more(self, run: Trackers) -> None:
        """Say a record of each kind more."""
        number = len(self.said)
        run.log_params({f"param-{number}": number})
        run.log_tags({f"tag-{number}": "x"})
        self.params[f"param-{number}"] = str(number)
        self.tags[f"tag-{number}"] = "x"
        self.log(run)

    # Afterwards -----------------------------------------------------------------------------------

    def expected(self, status: str = "FINISHED") -> Arrived:
        """What was said, with the times from the journal."""
        metrics: dict[str, list[Point]] = {}
        for log in self._kept():
            for name, value in log.metrics.items():
                metrics.setdefault(name, []).append((log.time, log.step, value))
        assert self.journal_is_whole()
        return Arrived(
            [status], [self.uid], {name: sorted(found) for name, found in metrics.items()}, self.params, self.tags
        )

    @property
    def arrived(self) -> Arrived:
        """One run's metrics, params and tags; of several, all of their statuses and uids."""
        runs = self.runs()
        run_id = runs[0].info.run_id
        metrics = {name: self._history(run_id, name) for name in runs[0].data.metrics}
        tags = {name: value for name, value in runs[0].data.tags.items() if not name.startswith(("mlflow.", "trackl"))}
        uids = [run.data.tags["tracklib.uid"] for run in runs]
        return Arrived([run.info.status for run in runs], uids, metrics, runs[0].data.params, tags)

    def runs(self) -> list[Any]:
        found = self._client.get_experiment_by_name(self.experiment)
        return [] if found is None else list(self._client.search_runs([found.experiment_id]))

    def _history(self, run_id: str, name: str) -> list[Point]:
        found = self._client.get_metric_history(run_id, name)
        return sorted((point.timestamp, point.step, point.value) for point in found)

    def sync(self) -> dict[str, str | None]:
        """What is left of each tracker after another delivery; what the block's own is still in must end first."""
        deliveries_gone()
        return {outcome.tracker: outcome.left for outcome in sync(str(self.directory)).outcomes}

    @property
    def uid(self) -> str:
        return str(next(record for record in self._records() if hasattr(record, "uid")).uid)

    def journal_is_whole(self) -> bool:
        return [(record.step, record.metrics) for record in self._kept()] == self.said

    def ends(self) -> list[Status]:
        return [record.status for record in self._records() if isinstance(record, End)]

    def refused(self) -> list[Any]:
        path = self.directory / "rejected.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _kept(self) -> list[Log]:
        """The logs of the journal, without what was refused."""
        refused = [line["record"].get("metrics") for line in self.refused()]
        return [record for record in self._records() if isinstance(record, Log) and record.metrics not in refused]

    def _records(self) -> list[Any]:
        with contextlib.closing(Reader(str(self.directory / "journal.jsonl"))) as reader:
            records = [entry.record for entry in reader.records()]
            assert reader.damaged == 0
        return records


def deliveries_gone() -> None:
    """Wait for the threads of deliveries that were told to give up."""
    for thread in threading.enumerate():
        if thread.name.startswith("tracklib-"):
            thread.join(PATIENT)
            assert not thread.is_alive()


Make = Callable[..., Job]


@pytest.fixture
def job(proxy: FaultProxy, mlflow_server: MlflowServer, tmp_path: Path) -> Make:
    def make(**config: Any) -> Job:
        return Job(proxy, mlflow_server.uri, tmp_path / "run", **config)

    return make


def timeout_for(fault: Fault) -> dict[str, float]:
    return {"timeout": TIMEOUT} if fault is HANG else {}


def until_met(fault: Fault, proxy: FaultProxy, said: Said) -> None:
    """Wait until the tracker met ``fault``; one that is told to the user until it is told."""
    if fault is TRICKLE:
        proxy.until(lambda: proxy.faults)
    else:
        said.until("Mlflow is blocked" if fault in BLOCKING else "Mlflow is retrying")


def until_works_again(fault: Fault, proxy: FaultProxy) -> None:
    """Nobody waits for a blocked tracker, so wait until it is none any more: until it sends what is behind."""

    def sends() -> bool:
        last = max(request.number for request in proxy.requests if request.fault is not PASS)
        return any(b'"metrics"' in request.body for request in proxy.requests[last:])

    if fault in BLOCKING:
        proxy.until(sends)


# Every fault, at every moment --------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_a_fault_at_the_start_that_passes_inside_the_block_is_made_up_for(
    fault: Fault, proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job(**timeout_for(fault))
    proxy.switch(fault)
    with work.tracking() as run:
        work.log_more(run)
        until_met(fault, proxy, said)
        proxy.heal()
        until_works_again(fault, proxy)
        work.log_more(run)

    assert work.journal_is_whole()
    assert work.arrived == work.expected()


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_a_fault_in_the_middle_that_passes_inside_the_block_is_made_up_for(
    fault: Fault, proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job(**timeout_for(fault))
    with work.tracking() as run:
        work.log_more(run)
        assert run.flush(PATIENT)
        proxy.switch(fault)
        work.log_more(run)
        until_met(fault, proxy, said)
        proxy.heal()
        until_works_again(fault, proxy)
        work.log_more(run)

    assert work.journal_is_whole()
    assert work.arrived == work.expected()


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_the_companion_makes_up_for_a_fault_too_as_patiently_as_it_is_for_users(
    fault: Fault, proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job(in_process=False, **timeout_for(fault))
    with work.tracking() as run:
        work.log_more(run)
        assert run.flush(PATIENT)
        proxy.switch(fault)
        work.log_more(run)
        until_met(fault, proxy, said)
        proxy.heal()
        work.log_more(run)
        assert run.flush(PATIENT)

    assert work.journal_is_whole()
    assert work.arrived == work.expected()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault is not TRICKLE], ids=repr)
def test_what_a_fault_from_the_start_held_back_arrives_with_sync(
    fault: Fault, proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job(**timeout_for(fault))
    proxy.switch(fault)
    with pytest.warns(TrackerWarning, match="tracklib sync"), work.tracking() as run:
        work.log_more(run)
        until_met(fault, proxy, said)
        work.log_more(run)
    proxy.heal()

    assert work.sync() == {"Mlflow": None, "CsvLogger": None}
    assert work.journal_is_whole()
    assert work.arrived == work.expected()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault is not TRICKLE], ids=repr)
def test_what_a_fault_in_the_middle_held_back_arrives_with_sync_and_the_exception_stays_the_users(
    fault: Fault, proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job(**timeout_for(fault))
    error = RuntimeError("loss is NaN")
    with pytest.raises(RuntimeError) as caught, work.tracking() as run:
        work.log_more(run)
        assert run.flush(PATIENT)
        proxy.switch(fault)
        work.log_more(run)
        until_met(fault, proxy, said)
        work.log_more(run)
        raise error
    proxy.heal()

    assert caught.value is error
    assert error.__cause__ is error.__context__ is None
    assert "tracklib sync" in "".join(error.__notes__)
    assert work.sync() == {"Mlflow": None, "CsvLogger": None}
    assert work.journal_is_whole()
    assert work.arrived == work.expected("FAILED")


# Replies that are lost, one by one ---------------------------------------------------------------


@pytest.mark.parametrize("fault", [LOST_REPLY, RESET], ids=repr)
def test_whichever_request_is_hit_all_arrives_once(fault: Fault, proxy: FaultProxy, job: Make, tmp_path: Path) -> None:
    """The first request in a run of its own, the second, and so on until a run meets no fault."""
    hit = []
    for nth in itertools.count(1):
        before = proxy.faults
        proxy.switch(fault, nth=nth)
        work = job()
        work.directory = tmp_path / f"run-{nth}"
        with work.tracking() as run:
            work.log_more(run)
            assert run.flush(PATIENT)
        assert work.journal_is_whole()
        assert work.arrived == work.expected()
        if proxy.faults == before:
            break
        hit.append(proxy.requests[-1].path)
    assert len(hit) >= 8


def test_a_run_whose_creation_was_never_answered_is_found_again_by_its_uid(proxy: FaultProxy, job: Make) -> None:
    work = job()
    proxy.switch(LOST_REPLY, path="runs/create", nth=1)
    with work.tracking() as run:
        work.log_more(run)

    assert [(request.fault, request.status) for request in proxy.of("runs/create")] == [(LOST_REPLY, 200)]
    assert work.arrived == work.expected()


@pytest.mark.usefixtures("impatient")
def test_a_run_whose_creation_was_never_answered_until_the_block_was_left_is_found_again_by_sync(
    proxy: FaultProxy, job: Make
) -> None:
    work = job()
    gate = proxy.gate()
    proxy.switch(late_reply(gate), path="runs/create")
    with pytest.warns(TrackerWarning, match="tracklib sync"), work.tracking() as run:
        work.log_more(run)
        proxy.until(lambda: [request for request in proxy.of("runs/create") if request.status])
    proxy.switch(PASS)
    gate.set()

    assert work.sync() == {"Mlflow": None, "CsvLogger": None}
    assert len(proxy.of("runs/create")) == 1
    assert work.arrived == work.expected()


def test_a_batch_whose_reply_was_lost_is_sent_again_and_stored_once(proxy: FaultProxy, job: Make) -> None:
    work = job()
    proxy.switch(LOST_REPLY, holding='"metrics"', nth=1)
    with work.tracking() as run:
        work.log_more(run)

    first, again = [request for request in proxy.of("log-batch") if b'"metrics"' in request.body][:2]
    assert (first.fault, first.status, again.fault) == (LOST_REPLY, 200, PASS)
    assert first.body == again.body
    assert work.arrived == work.expected()


# What the server does late -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["experiments/create", "runs/log-batch", "runs/update"])
def test_what_is_committed_after_the_client_gave_up_is_there_once(
    path: str, proxy: FaultProxy, job: Make, said: Said
) -> None:
    """The experiment, the params, tags and metrics, the end: what the client asked for again and got already."""
    work = job(timeout=TIMEOUT)
    gate = proxy.gate()
    proxy.switch(late_commit(gate), path=path, nth=1)
    with work.tracking() as run:
        work.log_more(run)
    assert said.of("timed out")
    late = next(request for request in proxy.requests if request.fault is not PASS)
    assert late.status is None
    gate.set()
    proxy.until(lambda: late.status is not None)

    assert work.arrived == work.expected()


def test_a_run_whose_creation_is_committed_after_the_client_gave_up_is_no_twin(
    proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job(timeout=TIMEOUT)
    gate = proxy.gate()
    proxy.switch(late_commit(gate), path="runs/create", nth=1)
    with work.tracking() as run:
        work.log_more(run)
        said.until("timed out")
        assert run.flush(PATIENT)
        late = proxy.of("runs/create")[0]
        assert late.status is None
        gate.set()
        proxy.until(lambda: late.status is not None)
        work.log_more(run)

    assert work.arrived == work.expected()


def test_a_run_whose_creation_is_committed_after_the_block_was_left_is_no_twin(proxy: FaultProxy, job: Make) -> None:
    work = job(timeout=TIMEOUT)
    gate = proxy.gate()
    proxy.switch(late_commit(gate), path="runs/create", nth=1)
    with work.tracking() as run:
        work.log_more(run)
    late = proxy.of("runs/create")[0]
    gate.set()
    proxy.until(lambda: late.status is not None)
    work.sync()

    assert work.arrived == work.expected()


@pytest.mark.usefixtures("impatient")
def test_a_run_stays_finished_when_its_reopening_is_committed_late(proxy: FaultProxy, job: Make) -> None:
    work = job(timeout=TIMEOUT)
    with pytest.warns(TrackerWarning, match="tracklib sync"), work.tracking() as run:
        work.log_more(run)
        assert run.flush(PATIENT)
        proxy.switch(REFUSE)
        work.log_more(run)
    gate = proxy.gate()
    proxy.switch(late_commit(gate), holding="RUNNING", nth=1)
    assert work.sync()["Mlflow"] is None
    gate.set()
    proxy.until(lambda: all(request.status for request in proxy.requests))

    assert work.arrived == work.expected()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "path",
    ["experiments/get-by-name", "runs/search", "runs/create", "runs/log-batch"],
)
def test_a_delivery_that_was_given_up_in_a_slow_call_changes_nothing_after_sync(
    path: str, proxy: FaultProxy, job: Make
) -> None:
    work = job(timeout=TIMEOUT)  # two do not connect at once in one process: sync waits for the one that is in the call
    gate = proxy.gate()
    proxy.switch(late_reply(gate), path=path, nth=1)
    with pytest.warns(TrackerWarning, match="tracklib sync"), work.tracking() as run:
        work.log_more(run)
        proxy.until(lambda: [request for request in proxy.requests if request.fault is not PASS and request.status])
    assert {outcome.tracker: outcome.left for outcome in sync(str(work.directory)).outcomes}["Mlflow"] is None
    gate.set()
    deliveries_gone()

    assert work.arrived == work.expected()


# Blocked, refused, asked to wait -----------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", BLOCKING, ids=repr)
@pytest.mark.parametrize("connected", [False, True], ids=["at the start", "in the middle"])
def test_a_blocked_tracker_says_so_once_however_often_it_tries(
    fault: Fault, connected: bool, proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job()
    if not connected:
        proxy.switch(fault)
    with pytest.warns(TrackerWarning, match="MLflow answered 40[134] "), work.tracking() as run:
        if connected:
            assert run.flush(PATIENT)
            proxy.switch(fault)
        work.log_more(run)
        proxy.until(lambda: proxy.faults >= 5)
    (message,) = said.of("Mlflow is blocked")  # a request may also have timed out, on a busy machine
    assert "the journal keeps everything" in message
    assert work.journal_is_whole()
    assert work.ends() == [Status.FINISHED]
    proxy.heal()

    assert work.sync() == {"Mlflow": None, "CsvLogger": None}
    assert work.arrived == work.expected()
    assert work.refused() == []


@pytest.mark.parametrize("fault", BLOCKING, ids=repr)
def test_a_blocked_tracker_that_is_mended_says_so_once_and_goes_on(
    fault: Fault, proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job()
    proxy.switch(fault)
    with work.tracking() as run:
        work.log_more(run)
        proxy.until(lambda: proxy.faults >= 5)
        proxy.heal()
        until_works_again(fault, proxy)
        work.log_more(run)

    assert [message.partition(" (")[0] for message in said.messages] == ["Mlflow is blocked", "Mlflow works again"]
    assert work.arrived == work.expected()


def test_one_refused_record_is_put_aside_with_its_reason_and_all_others_arrive(
    proxy: FaultProxy, job: Make, said: Said
) -> None:
    work = job()
    proxy.switch(REFUSE)
    with pytest.warns(TrackerWarning, match="refused 1 record .*because the test says so"), work.tracking() as run:
        work.log(run, 50)
        run.log(99, {"poison": 0.5, "loss": 99.0})
        work.log(run, 50)
        said.until("is retrying")
        refusal = answers(400, "INVALID_PARAMETER_VALUE", "because the test says so")
        proxy.switch(refusal, holding='"poison"')

    sizes = [request.body.count(b'"loss"') for request in proxy.requests if request.fault is not PASS]
    assert sizes[0] == 101  # the whole batch at first, then its halves
    assert sizes[-1] == 1
    assert len(sizes) <= 8
    (line,) = work.refused()
    assert (line["tracker"], line["record"]["step"]) == ("Mlflow", 99)
    assert line["record"]["metrics"] == {"poison": 0.5, "loss": 99.0}
    assert "because the test says so" in line["reason"]
    assert work.arrived == work.expected()


@pytest.mark.usefixtures("impatient")
def test_a_record_of_many_requests_goes_on_where_it_was_left(
    proxy: FaultProxy, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request that was answered is made again: where a store does not merge equal rows, it would double them."""
    monkeypatch.setattr(handing, "LAST_TRIES", 10**6)  # a machine where leaving takes long would put it aside
    work = job()
    names = [f"m/{number:05}" for number in range(4500)]
    with pytest.warns(TrackerWarning, match="not delivered"), work.tracking() as run:
        assert run.wait_ready(PATIENT)
        proxy.switch(answers(500, "INTERNAL_ERROR"), holding='"m/02500"')
        run.log(0, dict.fromkeys(names, 0.5))
        proxy.until(lambda: proxy.faults >= 2)
    proxy.heal()

    assert sync(str(work.directory)).outcomes[0].left is None

    sent = [request.body.decode() for request in proxy.requests if request.status == 200 and b'"m/' in request.body]
    counts = Counter(name for body in sent for name in names if f'"{name}"' in body)
    assert counts == Counter(names)
    assert set(work.runs()[0].data.metrics) == set(names)


def test_a_record_that_gets_500_for_ever_is_put_aside_and_all_others_arrive(proxy: FaultProxy, job: Make) -> None:
    work = job()
    with pytest.warns(TrackerWarning, match="refused 1 record"), work.tracking() as run:
        proxy.switch(answers(500, "INTERNAL_ERROR"), holding='"poison"')
        work.log(run, 5)
        run.log(99, {"poison": 0.5, "loss": 99.0})
        work.log(run, 5)

    (line,) = work.refused()
    assert line["record"]["metrics"] == {"poison": 0.5, "loss": 99.0}
    assert work.arrived == work.expected()


def test_refused_params_are_put_aside_and_everything_behind_them_arrives(proxy: FaultProxy, job: Make) -> None:
    work = job()
    refusal = answers(400, "INVALID_PARAMETER_VALUE", "because the test says so")
    proxy.switch(refusal, holding='"poison"')
    with pytest.warns(TrackerWarning, match="refused 1 record"), work.tracking() as run:
        run.log_params({"poison": 1})
        work.log_more(run)

    assert [line["record"]["params"] for line in work.refused()] == [{"poison": 1}]
    assert work.arrived == work.expected()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [fault for fault in PASSING if fault not in (REFUSE, TRICKLE, HANG)], ids=repr)
def test_an_outage_puts_no_record_aside(fault: Fault, proxy: FaultProxy, job: Make) -> None:
    work = job()
    with pytest.warns(TrackerWarning, match="tracklib sync"), work.tracking() as run:
        assert run.flush(PATIENT)
        proxy.switch(fault, path="log-batch")
        work.log_more(run)
        proxy.until(lambda: proxy.faults >= (1 if fault is BUSY else 5))
    assert work.refused() == []


@pytest.mark.parametrize("status", [429, 503])
def test_no_request_comes_earlier_than_the_server_asked(status: int, proxy: FaultProxy, job: Make, said: Said) -> None:
    work = job()
    with work.tracking() as run:
        work.log_more(run)
        assert run.flush(PATIENT)
        asked = len(proxy.requests)
        proxy.switch(answers(status, Retry_After="1"), nth=1)
        work.log_more(run)
        said.until("is retrying")
        for _ in range(20):  # each wakes the delivery, as leaving the block does
            work.log(run)
            run.flush(0.001)

    busy, again = proxy.requests[asked : asked + 2]
    assert (busy.fault.name, again.fault, again.body) == (str(status), PASS, busy.body)
    assert busy.answered is not None
    assert again.arrived - busy.answered >= 1.0
    assert work.arrived == work.expected()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_asks_for_an_hour_does_not_hold_the_block_for_it(proxy: FaultProxy, job: Make) -> None:
    work = job()
    with pytest.warns(TrackerWarning, match="answered 429"), work.tracking() as run:
        proxy.switch(answers(429, Retry_After="3600"))
        work.log_more(run)
        proxy.until(lambda: proxy.faults)
    assert proxy.faults == 1
    proxy.heal()

    assert work.sync() == {"Mlflow": None, "CsvLogger": None}
    assert work.arrived == work.expected()


# All of it at random -----------------------------------------------------------------------------


class Attempts:
    """Stands in for the delays: counts the attempts to which they belong."""

    def __init__(self) -> None:
        self.count = 0
        self._news = threading.Condition()

    def __call__(self) -> Iterator[float]:
        while True:
            with self._news:
                self.count += 1
                self._news.notify_all()
            yield 0.02

    def until_more(self, more: int) -> None:
        with self._news:
            reached = self.count + more
            assert self._news.wait_for(lambda: self.count >= reached, PATIENT)


@dataclasses.dataclass
class Chaos:
    """Random switches in a run. Every fault that is switched on is met at least once."""

    proxy: FaultProxy
    attempts: Attempts
    chance: random.Random
    switches: int = 0
    refusals: int = 0

    def switch(self, work: Job, run: Trackers) -> Fault:
        fault = self.chance.choice([*FAULTS, late_commit(self.proxy.gate()), late_reply(self.proxy.gate())])
        late = fault.name.startswith("late")
        path = "log-batch" if late or (fault is not REFUSE and self.chance.random() < 0.5) else ""
        assert run.flush(PATIENT)  # so that what is logged now meets the fault
        self.proxy.switch(fault, path=path, nth=int(late))
        before = self.proxy.faults
        work.log_more(run)
        if fault is REFUSE:
            self.attempts.until_more(3)  # the one that goes on, one that is refused, and one that begins
            self.refusals += 1
        else:
            # Late and trickled requests are not repeated, and the other two take a second each.
            more = 1 if late or fault in (TRICKLE, BUSY, HANG) else self.chance.randint(1, 4)
            self.proxy.until(lambda: self.proxy.faults >= before + more)
        self.switches += 1
        return fault

    def during(self, work: Job, run: Trackers, switches: int) -> None:
        for _ in range(switches):
            work.log(run, self.chance.randrange(20))
            fault = self.switch(work, run)
            work.log(run, self.chance.randrange(20))
            self.proxy.heal()
            until_works_again(fault, self.proxy)

    @property
    def faults(self) -> int:
        return self.proxy.faults + self.refusals


def test_random_faults_at_random_records_lose_nothing_and_repeat_nothing(
    long: bool, proxy: FaultProxy, job: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With each seed a run whose faults pass before its end, and one that ends in the last of them."""
    total: Counter[str] = Counter()
    for seed in range(40 if long else 2):
        print(f"seed {seed}")
        attempts = Attempts()
        monkeypatch.setattr(calls, "delays", attempts)
        chaos = Chaos(proxy, attempts, random.Random(seed))
        work = job(timeout=TIMEOUT)
        work.directory = tmp_path / f"run-{seed}"
        before = proxy.faults
        if seed % 2:
            monkeypatch.setattr(leaving, "PATIENCE", 0.05)
        with warnings.catch_warnings(action="ignore", category=TrackerWarning), work.tracking() as run:
            chaos.during(work, run, 25 if long else 8)
            if seed % 2:
                chaos.switch(work, run)
        monkeypatch.setattr(leaving, "PATIENCE", PATIENT)
        proxy.heal()
        if seed % 2:
            assert work.sync()["Mlflow"] is None
        arrived, expected = points(work.arrived), points(work.expected())
        total.update(
            switches=chaos.switches,
            faults=chaos.faults - before,
            records=len(work.said),
            points=expected.total(),
            lost=(expected - arrived).total(),
            duplicated=(arrived - expected).total(),
        )
        assert work.journal_is_whole()
        assert work.arrived == work.expected()
    print(", ".join(f"{name} {count}" for name, count in total.items()))


@pytest.mark.slow
def test_random_faults_and_deaths_of_the_companion_lose_nothing_and_repeat_nothing(
    long: bool, proxy: FaultProxy, job: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same through the companion, as patient as it is for users, which is killed now and then."""
    monkeypatch.setattr(companion, "DEATHS", 1000)  # else it is given up
    monkeypatch.setattr(companion, "_LONGEST_DELAY", 0.1)
    switches, deaths = 0, 0
    for seed in range(20 if long else 1):
        print(f"seed {seed}")
        chance, work = random.Random(seed), job(timeout=TIMEOUT, in_process=False)
        work.directory = tmp_path / f"run-{seed}"
        with warnings.catch_warnings(action="ignore", category=TrackerWarning), work.tracking() as run:
            for number in range(8 if long else 3):
                assert run.flush(PATIENT) or run.flush(PATIENT)  # a refusal may have been on its way as it was asked
                fault = chance.choice([*FAULTS, late_commit(proxy.gate()), late_reply(proxy.gate())])
                before = proxy.faults
                proxy.switch(fault, path=chance.choice(["", "log-batch"]), nth=int(fault.name.startswith("late")))
                work.log_more(run)
                if fault is not REFUSE:
                    proxy.until(lambda before=before: proxy.faults > before)  # type: ignore[misc]  # the loop's own
                if number % 3 == 1:
                    deaths += kill_companion()
                    work.log(run, chance.randrange(20))
                proxy.heal()
                switches += 1
            assert run.flush(PATIENT) or run.flush(PATIENT)  # a refusal may have been on its way as it was asked
        assert work.journal_is_whole()
        assert work.arrived == work.expected()
    assert deaths >= (switches - 1) // 4
    print(f"switches {switches}, companions killed {deaths}")


def kill_companion() -> int:
    companions = companions_of(os.getpid())
    for pid in companions:
        os.kill(pid, signal.SIGKILL)
    return len(companions)


def points(arrived: Arrived) -> Counter[tuple[str, Point]]:
    return Counter((name, point) for name, found in arrived.metrics.items() for point in found)
