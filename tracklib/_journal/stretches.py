"""A journal's logs as columns: stretches of logs of one axis and the same names, which most runs have long ones of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .records import Log, Record


class Stretch(NamedTuple):
    """Logs that came one after the other on one ``axis``; each brought a value for each of ``names``.

    ``steps``, ``times`` (milliseconds since 1970) and each of ``columns`` are as long as there are logs.
    """

    axis: str
    names: tuple[str, ...]
    steps: Sequence[int]
    times: Sequence[int]
    columns: Sequence[Sequence[float]]


def stretches(records: Iterable[Record]) -> Iterator[Stretch | Record]:
    """The records in order: each run of like logs as a :class:`Stretch`, every other record as it is."""
    logs: list[Log] = []
    axis, names = "", [""]
    for record in records:
        if type(record) is Log:
            if record.axis != axis or [*record.metrics] != names:
                if logs:
                    yield _stretch(logs)
                logs, axis, names = [], record.axis, [*record.metrics]
            logs.append(record)
        else:
            if logs:
                yield _stretch(logs)
            logs, axis, names = [], "", [""]
            yield record
    if logs:
        yield _stretch(logs)


def _stretch(logs: list[Log]) -> Stretch:
    first = logs[0]
    columns = list(zip(*[log.metrics.values() for log in logs], strict=True))
    return Stretch(first.axis, tuple(first.metrics), [log.step for log in logs], [log.time for log in logs], columns)
