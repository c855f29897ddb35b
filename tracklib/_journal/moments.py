"""When the same was said: two records with one value at one step and moment would be one at MLflow."""

from __future__ import annotations

from .records import Log

_MOST = 50_000
_NEAR = 20


class Moments:
    """Those that are taken, by step, name and value; of very many, the last ones."""

    def __init__(self) -> None:
        self._taken: set[tuple[int, int, str, float]] = set()
        self._latest: dict[tuple[int, str, float], int] = {}

    def free_from(self, time: int, log: Log) -> int:
        """A moment for it that is not taken, as near behind ``time`` as is found soon."""
        values = [(log.step, name, value) for name, value in log.metrics.items()]
        for _ in range(_NEAR):
            if not any((time, *value) in self._taken for value in values):
                break
            time += 1
        else:
            time = max(self._latest[value] for value in values if value in self._latest) + 1
        if len(self._taken) > _MOST:
            self._taken.clear()
            self._latest.clear()
        for value in values:
            self._taken.add((time, *value))
            self._latest[value] = max(time, self._latest.get(value, time))
        return time
