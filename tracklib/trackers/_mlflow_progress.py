"""What the server has of a batch, while its metrics are sent: a request's end may lie within a record."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence

from .._journal.records import Log

_WITHIN = "within"  # in the state: the ordinal of the record that the server has a part of, and how many metrics


class Progress:
    """Counts metrics off against the records that they are of.

    Args:
        records: those of the batch.
        state: the tracker's: how much the server has of a record outlives a failure there.
        is_new: nothing of the batch was sent before, whatever the state says.
        acknowledge: the tracker's.
    """

    def __init__(
        self,
        records: Sequence[Log],
        state: MutableMapping[str, str],
        is_new: bool,
        acknowledge: Callable[[int], None],
    ) -> None:
        self._records, self._state, self._acknowledge = records, state, acknowledge
        self._whole = 0  # records that the server has
        ordinal, _, sent = state.get(_WITHIN, "").partition(" ")
        self.sent = int(sent) if ordinal == str(records[0].ordinal) and not is_new else 0
        """How many metrics the server has behind the last whole record."""

    def answered(self, count: int) -> None:
        """The server has ``count`` more metrics: keep that, and say so."""
        self.sent += count
        before = self._whole
        while self._whole < len(self._records) and self.sent >= len(self._records[self._whole].metrics):
            self.sent -= len(self._records[self._whole].metrics)
            self._whole += 1
        if self.sent:
            self._state[_WITHIN] = f"{self._records[self._whole].ordinal} {self.sent}"
        else:
            self._state.pop(_WITHIN, None)
        if self._whole > before:
            self._acknowledge(self._whole - before)
        if self.sent:
            self._acknowledge(0)
