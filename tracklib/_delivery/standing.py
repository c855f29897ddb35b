"""How a delivery stands, wherever its work is done: in a thread of this process, or in the companion.

Three things are known of it, and each is written from one side only, so that neither needs a lock::

    Order        by the owner       DELIVER -> HURRY -> CEASE -> STOP
    Standing     by the delivery    CONNECTING -> DELIVERING -> DONE
                                      |  RETRYING, BLOCKED: in trouble, and back to DELIVERING once a call returned
                                      +- ABANDONED: from anywhere, after STOP; nothing comes after it
    Connection   by the delivery    CLOSED -> OPEN -> ENDED, and CLOSED again when the backend lost the run
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from .._common.secrets import error_text
from .._common.wakeup import Bell
from .._common.warn import tell
from ..errors import TracklibError


class Standing(enum.Enum):
    """Where a delivery stands."""

    CONNECTING = "connecting"  # nothing was delivered yet
    DELIVERING = "delivering"
    RETRYING = "retrying"  # it may work by itself, and is tried until it does
    BLOCKED = "blocked"  # a person must mend something first: tried once a minute, or when somebody waits
    DONE = "done"  # the tracker has all, and knows that the run has ended
    ABANDONED = "abandoned"  # given up before that


class Order(enum.Enum):
    """What a delivery was told last by whoever owns it."""

    DELIVER = "deliver"
    HURRY = "hurry"  # the run is over, and somebody waits
    CEASE = "cease"  # no further call; what the one that is under way brings is kept
    STOP = "stop"  # no further record, and nothing more into the run's directory


class Connection(enum.Enum):
    """What the backend knows of the attempt, by what the tracker was told since it connected."""

    CLOSED = "closed"
    OPEN = "open"  # ``init`` returned
    ENDED = "ended"  # ``finish`` returned, too: what is still to be delivered comes behind the run's end


class Progress(NamedTuple):
    """How far a delivery is. It makes progress when this is greater than ever before.

    Records count, not bytes: of a disk that takes half of each write, the file would grow at each try, for ever.
    ``within`` counts what the tracker acknowledged behind ``records``, inside one that takes many requests.
    ``work`` is processor time in tenths of a second, while the tracker connects.
    """

    records: int
    within: int = 0
    work: float = 0.0


class Condition:
    """How one delivery stands, and why; each change of its standing is told.

    A blocked tracker is tried once more when somebody waits for it: ``asked`` counts how often, and ``answered`` is how
    many of these a try has followed. So whoever waits sees whether there is still something to wait for.

    Attributes:
        order: what it was told; the owner's to write.
        asked: how often somebody began to wait; the owner's to write.
        answered: up to which of these nothing is left to try.
        standing: where it stands.
        connection: what the backend knows.
        trouble: why it does not get on; empty when it does.
        refusal: why the tracker refused a record, the latest.
        changed: rings at each step forward.
    """

    def __init__(self, name: str, changed: Bell) -> None:
        self.order = Order.DELIVER
        self.asked = self.answered = 0
        self.standing = Standing.CONNECTING
        self.connection = Connection.CLOSED
        self.trouble = self.refusal = ""
        self.changed = changed
        self._name = name

    @property
    def may_call(self) -> bool:
        """Whether the tracker may be called once more."""
        return self.order in (Order.DELIVER, Order.HURRY)

    @property
    def may_keep(self) -> bool:
        """Whether what the tracker took may be noted in the run's directory."""
        return self.order is not Order.STOP

    @property
    def is_answered(self) -> bool:
        """Whether all was tried that somebody waits for."""
        return self.answered >= self.asked

    @property
    def at_rest(self) -> bool:
        """Whether waiting is of no use: all is done, or a person must mend something first."""
        is_over = self.standing in (Standing.DONE, Standing.ABANDONED)
        return is_over or (self.standing is Standing.BLOCKED and self.is_answered)

    def hurry(self) -> None:
        """Somebody waits for the rest; too late where it was told to stop."""
        if self.order is Order.DELIVER:
            self.order = Order.HURRY

    def stand(self, standing: Standing) -> None:
        """It stands here now; nothing comes after ``ABANDONED``."""
        if self.standing not in (standing, Standing.ABANDONED):
            self.standing = standing
            self.changed.ring()

    def report(self, error: BaseException, standing: Standing, waited_for: int | None = None) -> None:
        """It makes no progress, because of ``error``. ``waited_for`` is what ``asked`` was when the failed call began:
        whoever began to wait later still gets a try. None says that nothing more is tried."""
        self.trouble = said(error)
        if self.standing is not standing:
            tell(f"{self._name} is {standing.value} ({self.trouble}); the journal keeps everything")
        self.answered = self.asked if waited_for is None else max(self.answered, waited_for)
        self.stand(standing)

    def recovered(self) -> None:
        """The tracker took something."""
        was_in_trouble = self.standing in (Standing.RETRYING, Standing.BLOCKED)
        self.stand(Standing.DELIVERING)
        self.answered = self.asked
        if was_in_trouble:
            self.trouble = ""
            tell(f"{self._name} works again")


def said(error: BaseException) -> str:
    """An error in words, without a secret."""
    text = error_text(error)
    if text and isinstance(error, TracklibError):  # a sentence by itself
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
