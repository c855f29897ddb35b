"""Many runs ask more of one server than it can do: real deliveries, and a server that is a model.

The model: requests are answered one after the other, so many a second, also those that nobody waits for any more.
"""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENT

from tracklib import BaseTracker, TrackerUnavailable, tracking
from tracklib._journal.records import Log
from tracklib.trackers._request_patience import RequestPatience

A_SECOND = 20.0
TIMEOUT = 1.0
SECONDS = 30.0
PAUSE = 0.5


class Request:
    """What a run waits for."""

    def __init__(self) -> None:
        self.is_given_up = False
        self.answered = threading.Event()


class Server:
    """Answers in turn."""

    def __init__(self) -> None:
        self.asked: queue.Queue[Request | None] = queue.Queue()
        self.useful = self.wasted = 0
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while request := self.asked.get():
            time.sleep(1 / A_SECOND)
            if request.is_given_up:
                self.wasted += 1
            else:
                self.useful += 1
            request.answered.set()

    def stop(self) -> None:
        self.asked.put(None)
        self.thread.join(PATIENT)


class Client(BaseTracker):
    """Is as patient as the MLflow tracker's."""

    batch_size = 1000

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.got = 0
        self._server = server
        self._patience = RequestPatience(TIMEOUT)

    def init(self) -> None:
        pass

    def log(self, epoch: Any, log_dict: Any) -> None:
        raise NotImplementedError

    def log_batch(self, records: Any) -> None:
        request = Request()
        with self._patience.request() as seconds:
            self._server.asked.put(request)
            if not request.answered.wait(seconds):
                request.is_given_up = True
                raise TrackerUnavailable("no answer")
        self.got += len([record for record in records if isinstance(record, Log)])


@pytest.mark.slow
@pytest.mark.parametrize("runs", [20, 40, 80])
def test_most_of_what_many_runs_say_arrives_at_an_overloaded_server(tmp_path: Path, long: bool, runs: int) -> None:
    if not long:
        pytest.skip("half a minute each: --long")
    server = Server()
    blocks = [tracking([Client(server)], output_run=tmp_path / str(run), environment=False) for run in range(runs)]
    entered = [block.__enter__() for block in blocks]
    begun, said = time.monotonic(), 0
    while time.monotonic() - begun < SECONDS:
        for run in entered:
            run.log(said, {"x": 1.0})
        said += 1
        time.sleep(PAUSE)
    got = [run.loggers[0].got for run in entered]  # type: ignore[attr-defined]
    useful, wasted = server.useful, server.wasted
    for run in entered:  # the rest is of no interest
        for delivery in run._attempt.deliveries:
            delivery.abandon()
    for block in blocks:
        with pytest.warns():
            block.__exit__(None, None, None)
    server.stop()
    there, worst = sum(got) / (said * runs), min(got) / said
    print(f"{runs} runs: {there:.0%} there, worst {worst:.0%}; {wasted} of {useful + wasted} answers for nobody")
    assert there >= 0.8
    assert worst >= 0.7
    assert wasted <= 0.5 * (useful + wasted)
