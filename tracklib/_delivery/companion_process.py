"""The companion process: it serves one owner's runs with the same deliveries, and never outlives its duty.

One loop, in the main thread, hears the owner and reports to it; each tracker has its delivery's thread.
"""

from __future__ import annotations

import logging
import os
import socket
import threading

from .._common import clock
from .._journal.lock import Holding, holding
from .inheriting import IN_ALL_SECONDS, ending, inheriting
from .messages import Bye, Gone, Leave, Open, Said, ToCompanion, Wake
from .owner import Fate, Owner
from .served import Served, ServedRun
from .standing import Standing

_IDLE_SECONDS = 60.0
_EXIT_SECONDS = 10.0
_NO_MORE = object()


def serve(sock: socket.socket, rest: bytes, pid: int) -> None:
    """Serve the owner until it is gone and its runs have got what they can."""
    owner = Owner(sock, rest, pid)
    logger = logging.getLogger("tracklib")
    logger.addHandler(_ToOwner(owner))
    logger.propagate = False
    logger.setLevel(logging.DEBUG)  # the owner's log has its own level
    _Desk(owner).serve()
    watchdog = threading.Timer(_EXIT_SECONDS, os._exit, [0])  # an SDK's exit hooks may wait for a dead server
    watchdog.daemon = True
    watchdog.start()


class _ToOwner(logging.Handler):
    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self._owner = owner

    def emit(self, record: logging.LogRecord) -> None:
        self._owner.say(Said(record.levelno, record.getMessage()))


class _Desk:
    """The one loop: hears the owner, goes on with each run, and reports."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._runs: list[ServedRun] = []
        self._fate = Fate.LIVES
        self._busy_at = clock.steady()

    def serve(self) -> None:
        while self._runs or (self._fate is Fate.LIVES and not self._is_idle()):
            self._owner.wait(self._pause())
            for message in self._owner.messages():
                self._take(message)
            self._look_at_owner()
            self._go_on()
            self._report()
        self._owner.say(Bye())
        self._owner.wait(0.0)

    def _pause(self) -> float:
        connecting = any(
            one.delivery is None or one.delivery.standing is Standing.CONNECTING
            for run in self._runs
            for one in run.served.values()
        )
        return 0.05 if any(run.duty for run in self._runs) else 0.1 if connecting else 1.0

    def _is_idle(self) -> bool:
        if self._runs:
            self._busy_at = clock.steady()
        return clock.steady() - self._busy_at > _IDLE_SECONDS

    def _take(self, message: ToCompanion) -> None:
        self._busy_at = clock.steady()
        if isinstance(message, Open):
            self._run_of(message).served[message.key] = Served(message)
            return
        for run in self._runs:
            if one := run.served.get(message.key):
                self._take_for(run, one, message)
                return
        if isinstance(message, Leave):
            self._owner.say(Gone(message.key))

    def _run_of(self, order: Open) -> ServedRun:
        for run in self._runs:
            if run.duty is None and run.directory == order.directory and run.begin == order.begin:
                return run
        self._runs.append(ServedRun(order))
        return self._runs[-1]

    def _take_for(self, run: ServedRun, one: Served, message: Wake | Leave) -> None:
        if isinstance(message, Wake):
            one.heard = message.number
            if one.delivery is not None:
                (one.delivery.hurry if message.hurry else one.delivery.wake)()
            return
        if message.later:
            run.try_to_begin(self._owner)
        del run.served[message.key]
        if one.delivery is not None:
            (run.later if message.later else run.left).append(one.delivery)
            if not message.later and one.delivery.standing is not Standing.DONE:
                one.delivery.cease()
        self._owner.say(Gone(message.key))
        if not run.served:
            run.duty = run.last_duty()

    def _look_at_owner(self) -> None:
        if self._fate is not Fate.LIVES:
            return
        open_runs = [run for run in self._runs if run.duty is None]
        self._fate = self._owner.fate(lambda: any(holding(run.directory) is not Holding.FREE for run in open_runs))
        if self._fate is Fate.LIVES:
            return
        for run in open_runs:
            died = self._fate is Fate.DIED
            if died and holding(run.directory) is not Holding.HELD:
                run.try_to_begin(self._owner)  # what it asked for in its last moment
            left = run.deliveries
            run.duty = inheriting(run.directory, run.begin, left, IN_ALL_SECONDS) if died else ending(left)

    def _go_on(self) -> None:
        for run in list(self._runs):
            earlier = [other for other in self._runs if other.directory == run.directory]
            if run.duty is None:
                if earlier[0] is run:
                    run.try_to_begin(self._owner)
            elif next(run.duty, _NO_MORE) is _NO_MORE:
                run.let_go()
                self._runs.remove(run)

    def _report(self) -> None:
        if not self._owner.listens:  # it gets the newest once it reads
            return
        for run in self._runs:
            for one in run.served.values():
                report = one.report()
                if report != one.last:
                    one.last = report
                    self._owner.say(report)
