"""Ranks agree: all get the same mapping, or all the same refusal.

Each rank puts its values into a store; rank 0 combines them, and puts the decision there. A rank that has waited too
long puts a refusal there instead. The first of these that is there counts, for all: else one rank could go on with the
values while another gave up, and the two would wait for each other for ever in the next collective.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from .._common import clock
from .._common.secrets import error_text
from .._journal.encoding import as_numbers, decode, encode
from .._journal.records import Contribution, Number
from .._journal.shares import put_together
from ..errors import RanksUnavailable
from .stores import Gone, Store

_ASK_SECONDS = 2.5  # between two looks at whether a rank is dead: a lock may be lost for a moment
_STORES_OWN = OSError, RuntimeError  # a full disk; torch's and JAX's errors, where the store's process is gone


class _Decision(msgspec.Struct, frozen=True):
    values: dict[str, Number]
    refusal: str = ""


class Agreement(NamedTuple):
    """One call of all ranks.

    Args:
        store: by which they tell each other.
        key: the call's, the same on all ranks.
        rank: this one.
        size: how many there are.
        patience: seconds to wait for the others.
        gone: why one will not answer.
    """

    store: Store
    key: str
    rank: int
    size: int
    patience: float
    gone: Gone

    def of(self, own: Contribution) -> dict[str, float]:
        """The combined values of all ranks; ``own`` is this one's contribution.

        Raises:
            RanksUnavailable: a rank did not come in time, or is gone; or the store is.
        """
        try:
            decided = self._decide(self._made(own)) if self.rank == 0 else self._answered(own)
        except _STORES_OWN as error:
            raise RanksUnavailable(
                f"rank {self.rank} cannot reach the others by {type(self.store).__name__}: {error_text(error)}"
            ) from error
        if decided.refusal:
            raise RanksUnavailable(f"the ranks do not agree: {decided.refusal}")
        return {name: float(value) for name, value in decided.values.items()}

    def refuse(self, why: str) -> None:
        """Have no rank wait for this one."""
        with contextlib.suppress(RanksUnavailable, *_STORES_OWN):  # then they wait as long as they want to
            self._decide(_Decision({}, why))

    def forget(self) -> None:
        """All ranks are past it."""
        for rank in range(1, self.size):
            self.store.forget(self._word_of(rank))
        self.store.forget(self._decision)

    def _made(self, own: Contribution) -> _Decision:
        """Rank 0's proposal."""
        said = {0: own}
        for refusal in self._waiting("did not call agree"):  # pragma: no branch  # until one refuses
            for rank in range(1, self.size):
                if rank not in said and (word := self.store.get(self._word_of(rank))):
                    record = decode(word, -1)
                    assert isinstance(record, Contribution)
                    said[rank] = record
            if len(said) == self.size:
                return _Decision(as_numbers(put_together(said)))
            if self.store.get(self._decision):
                break  # another rank has given up
            missing = [rank for rank in range(self.size) if rank not in said]
            if why := refusal(missing):
                return _Decision({}, why)
        return _Decision({}, "somebody has given up")

    def _answered(self, own: Contribution) -> _Decision:
        """What rank 0 makes of it."""
        self.store.put(self._word_of(self.rank), encode(own))
        for refusal in self._waiting(f"did not answer rank {self.rank}"):  # pragma: no branch  # until one refuses
            if word := self.store.get(self._decision):
                return msgspec.json.decode(word, type=_Decision)
            if why := refusal([0]):
                break
        return self._decide(_Decision({}, why))

    def _decide(self, proposed: _Decision) -> _Decision:
        word = self.store.decide(self._decision, msgspec.json.encode(proposed))
        until = clock.steady() + self.patience
        while word is None:  # it is just being written
            if clock.steady() >= until:
                raise RanksUnavailable("the ranks do not agree: who decided was killed meanwhile, or has a full disk")
            time.sleep(0.001)
            word = self.store.get(self._decision)
        return msgspec.json.decode(word, type=_Decision)

    def _waiting(self, what: str) -> Iterator[_Refusal]:
        refusal = _Refusal(self, what)
        pause = 0.0005
        while True:
            yield refusal
            time.sleep(pause)
            pause = min(1.5 * pause, 0.05)

    def _word_of(self, rank: int) -> str:
        return f"{self.key}/{rank}"

    @property
    def _decision(self) -> str:
        return f"{self.key}/all"


class _Refusal:
    """Why there is no waiting any more for ranks that are missing; empty while there is."""

    def __init__(self, agreement: Agreement, what: str) -> None:
        self._agreement = agreement
        self._what = what
        now = clock.steady()
        self._until = now + agreement.patience
        self._next = now + _ASK_SECONDS
        self._dead: dict[int, str] = {}

    def __call__(self, missing: list[int]) -> str:
        now = clock.steady()
        if now >= self._until:
            return f"{_in_words(missing)} {self._what} within {self._agreement.patience:g} s"
        if now >= self._next:
            self._next = now + _ASK_SECONDS
            dead = {rank: why for rank in missing if (why := self._agreement.gone(rank))}
            for rank in dead.keys() & self._dead.keys():
                return f"rank {rank} {dead[rank]}"
            self._dead = dead
        return ""


def _in_words(ranks: list[int]) -> str:
    shown = ", ".join(map(str, ranks[:5]))
    more = f" and {len(ranks) - 5} more" if len(ranks) > 5 else ""
    return f"rank{'s' if len(ranks) > 1 else ''} {shown}{more}"
