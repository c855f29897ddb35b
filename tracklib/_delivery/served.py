"""What the companion process serves: deliveries, and the attempts at runs that they are of."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from .._common.files import make_folder
from .._common.open_file import OpenFile
from .._common.secrets import error_text
from .._common.wakeup import Bell
from .._journal import layout
from .._journal.handover import deliverer
from .._journal.lock import close
from ..trackers._elsewhere import made
from ..trackers.base import BaseTracker
from .cursor import remembered
from .delivery import Delivery
from .inheriting import LATER_SECONDS, ending, inheriting
from .messages import Open, Report
from .owner import Owner
from .standing import Standing


class Served:
    """One delivery: what was heard of it, and what was last said. ``delivery`` is None until it can begin."""

    def __init__(self, order: Open) -> None:
        self.order = order
        self.delivery: Delivery | None = None
        self.trouble = ""
        self.heard = 0
        self.last: Report | None = None

    def begin(self, owner: Owner) -> None:
        order = self.order
        try:
            tracker = made(order.type, order.options)
            tracker.owner_pid = owner.pid
            self.delivery = Delivery(
                tracker,
                order.name,
                order.directory,
                order.begin,
                order.journal,
                config=order.config,
                changed=_Ring(owner),
            )
        except Exception as error:  # the directory was deleted, say
            self.trouble = error_text(error)
            return
        self.delivery.start()

    def report(self) -> Report:
        one = self.delivery
        if one is None:
            standing = Standing.BLOCKED if self.trouble else Standing.CONNECTING
            return Report(self.order.key, standing, trouble=self.trouble, answered=self.heard)
        tracker, progress = one.tracker, one.progress()
        return Report(
            key=self.order.key,
            answered=self.heard if one.is_answered else self.last.answered if self.last else 0,
            standing=one.standing,
            offset=one.offset,
            records=progress.records,
            within=progress.within,
            trouble=one.trouble,
            refusal=one.refusal,
            rejected=one.rejected,
            aside=one.aside,
            damaged=one.damaged,
            location=str(tracker.location),
            state=self._remembered(tracker),
            work=_work() if one.standing is Standing.CONNECTING else 0.0,
        )

    def _remembered(self, tracker: BaseTracker) -> dict[str, str]:
        """The tracker's state. A plug-in's may be of another kind than the contract has it: that ends no loop."""
        with contextlib.suppress(Exception):
            return remembered(tracker)
        return self.last.state if self.last else {}


def _work() -> float:
    """The process's: while one tracker's thread imports an SDK, another's waits for that."""
    return time.process_time() // 0.1


class _Ring(Bell):
    """Wakes the loop as well, so that it reports."""

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self._owner = owner

    def ring(self) -> None:
        super().ring()
        self._owner.ring()


class ServedRun:
    """One attempt at a run: its deliveries, and the lock by which no other process delivers it meanwhile."""

    def __init__(self, order: Open) -> None:
        self.directory, self.begin = order.directory, order.begin
        self.served: dict[int, Served] = {}
        self.left: list[Delivery] = []  # nobody waits for them any more
        self.later: list[Delivery] = []  # these go on all the same
        self.duty: Iterator[None] | None = None  # what is left to do once the owner has let go of it
        self._lock: OpenFile | None = None

    @property
    def deliveries(self) -> list[Delivery]:
        return [one.delivery for one in self.served.values() if one.delivery is not None]

    def try_to_begin(self, owner: Owner) -> None:
        """Begin what waits, unless another process still delivers the run."""
        waiting = [one for one in self.served.values() if one.delivery is None and not one.trouble]
        if waiting and self._lock is None:
            with contextlib.suppress(OSError):
                make_folder(os.path.join(self.directory, layout.STATE))
                self._lock = deliverer(self.directory)
        if self._lock is not None:
            for one in waiting:
                one.begin(owner)

    def last_duty(self) -> Iterator[None]:
        """What is left to do once the owner has let go."""
        if self.later:
            yield from inheriting(self.directory, self.begin, self.later, LATER_SECONDS)
        yield from ending(self.left)

    def let_go(self) -> None:
        close(self._lock)
