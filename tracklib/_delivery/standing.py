"""How a delivery stands, wherever its work is done: in a thread of this process, or in the companion."""

from __future__ import annotations

import enum
from typing import NamedTuple

from .._common.secrets import error_text
from .._common.wakeup import Bell
from .._common.warn import tell
from ..errors import TracklibError


class Standing(enum.Enum):
    """Where a delivery stands."""

    CONNECTING = "connecting"
    DELIVERING = "delivering"
    RETRYING = "retrying"
    BLOCKED = "blocked"
    DONE = "done"
    ABANDONED = "abandoned"


class Life(enum.Enum):
    """What a delivery was told last."""

    RUNS = "runs"
    HURRIES = "hurries"  # the run is over, and somebody waits
    ABANDONED = "abandoned"


class Progress(NamedTuple):
    """How far a delivery is: it got on where this is greater than ever before.

    ``within`` counts what the tracker acknowledged behind ``offset``, inside a record that takes many requests.
    ``work`` is processor time in tenths of a second, while the tracker connects.
    """

    offset: int
    within: int = 0
    work: float = 0.0


class Condition:
    """How one delivery stands, and why; each change of its standing is told.

    Attributes:
        standing: where it stands.
        trouble: why it does not get on; empty when it does.
        refusal: why the tracker refused a record, the latest.
        is_trying: whether a blocked tracker is being tried once more, as somebody waits.
        changed: rings at each step forward.
    """

    def __init__(self, name: str, changed: Bell) -> None:
        self.standing = Standing.CONNECTING
        self.trouble = self.refusal = ""
        self.is_trying = False
        self.changed = changed
        self._name = name

    @property
    def at_rest(self) -> bool:
        """Whether waiting is of no use: all is done, or a person must mend something first."""
        is_over = self.standing in (Standing.DONE, Standing.ABANDONED)
        return is_over or (self.standing is Standing.BLOCKED and not self.is_trying)

    def stand(self, standing: Standing) -> None:
        """It stands here now."""
        if self.standing is not standing:
            self.standing = standing
            self.changed.ring()

    def report(self, error: BaseException, standing: Standing) -> None:
        """It does not get on, because of ``error``."""
        self.trouble = said(error)
        if self.standing is not standing:
            tell(f"{self._name} is {standing.value} ({self.trouble}); the journal keeps everything")
        self.is_trying = False
        self.stand(standing)

    def recovered(self) -> None:
        """The tracker took something."""
        was_in_trouble = self.standing in (Standing.RETRYING, Standing.BLOCKED)
        self.stand(Standing.DELIVERING)
        self.is_trying = False
        if was_in_trouble:
            self.trouble = ""
            tell(f"{self._name} works again")


def said(error: BaseException) -> str:
    """An error in words, without a secret."""
    text = error_text(error)
    if text and isinstance(error, TracklibError):  # a sentence by itself
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
