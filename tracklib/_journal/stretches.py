"""A journal's logs as columns. A stretch is logs in succession, of one axis and the same names; most runs are a few
long ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from .records import Log


class Stretch(NamedTuple):
    """Logs that came one after the other on one ``axis``; each brought a value for each of ``names``.

    ``steps``, ``times`` (milliseconds since 1970) and each of ``columns`` are as long as there are logs.
    """

    axis: str
    names: tuple[str, ...]
    steps: Sequence[int]
    times: Sequence[int]
    columns: Sequence[Sequence[float]]


def grouped(logs: list[Log]) -> list[Stretch]:
    """The logs for whoever looks at each series by itself: those together that are alike; of one series they keep
    their order. A training loop that logs its loss and its rate in two calls has no stretch longer than one otherwise.
    """
    if not logs:
        return []
    whole = _whole(logs)
    return [whole] if whole else _groups(logs) or list(_split(logs))


def stretches(logs: list[Log]) -> list[Stretch]:
    """The logs in their order: those together that are alike and came one after the other."""
    if not logs:
        return []
    whole = _whole(logs)
    return [whole] if whole else list(_split(logs))


def _whole(logs: list[Log]) -> Stretch | None:
    """One stretch of all ``logs``, if they are alike: looked at without a loop, as most are."""
    axis, metrics = logs[0].axis, [log.metrics for log in logs]
    names = tuple(metrics[0])
    if {*map(len, metrics)} != {len(names)} or {log.axis for log in logs} != {axis}:
        return None
    try:
        columns = _columns(names, metrics)
    except KeyError:
        return None
    return Stretch(axis, names, [log.step for log in logs], [log.time for log in logs], columns)


def _columns(names: tuple[str, ...], metrics: list[dict[str, float]]) -> Sequence[Sequence[float]]:
    """The values of each name. Of several names all of a log's are looked up at once, in half the time."""
    if len(names) < 2:
        return [[*map(itemgetter(name), metrics)] for name in names]
    return [*map(list, zip(*map(itemgetter(*names), metrics), strict=True))]  # as tuples they leave holes in memory


def _split(logs: list[Log]) -> Iterator[Stretch]:
    axis, names, start = logs[0].axis, [*logs[0].metrics], 0
    for index, log in enumerate(logs):
        if log.axis != axis or [*log.metrics] != names:
            yield _stretch(logs[start:index])
            axis, names, start = log.axis, [*log.metrics], index
    yield _stretch(logs[start:])


def _groups(logs: list[Log]) -> list[Stretch]:
    """The logs by axis and names; nothing where two such groups have a series in common, whose order would be lost."""
    groups: dict[tuple[str, ...], list[Log]] = {}
    for log in logs:
        key = (log.axis, *log.metrics)
        group = groups.get(key)
        if group is None:
            groups[key] = [log]
        else:
            group.append(log)
    return [_stretch(group) for group in groups.values()] if _is_disjoint(groups) else []


def joined(parts: Sequence[Stretch]) -> Sequence[Stretch]:
    """What :func:`grouped` made of several pieces, one after the other, as it were made of all at once."""
    groups: dict[tuple[str, ...], list[Stretch]] = {}
    for part in parts:
        groups.setdefault((part.axis, *part.names), []).append(part)
    if len(groups) == len(parts) or not _is_disjoint(groups):
        return parts
    return [_joined(alike) for alike in groups.values()]


def _joined(alike: list[Stretch]) -> Stretch:
    first, together = alike[0], chain.from_iterable
    columns = [[*together(each)] for each in zip(*(part.columns for part in alike), strict=True)]
    steps, times = [*together(part.steps for part in alike)], [*together(part.times for part in alike)]
    return Stretch(first.axis, first.names, steps, times, columns)


def _is_disjoint(groups: Iterable[tuple[str, ...]]) -> bool:
    """Whether no series is in two groups, each an axis and names: else its values would lose their order."""
    series = [(axis, name) for axis, *names in groups for name in names]
    return len({*series}) == len(series)


def _stretch(logs: list[Log]) -> Stretch:
    """One of ``logs`` that are alike, and have their names in one order."""
    first = logs[0]
    columns = list(zip(*[log.metrics.values() for log in logs], strict=True))
    return Stretch(first.axis, tuple(first.metrics), [log.step for log in logs], [log.time for log in logs], columns)
