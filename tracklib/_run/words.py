"""What every word of a run stands on: the attempt at it, which has to be going on."""

from __future__ import annotations

from .._common.warn import warn
from ..errors import LifecycleError
from .attempt import Attempt
from .life import Life

_OPEN, _LENT = Life.OPEN, Life.LENT  # a member of an enum takes longer to look up


class Words:
    """Holds the attempt, and refuses a word that comes before its beginning or after its end."""

    directory: str

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._warned: set[tuple[str, str]] = set()

    @property
    def is_init(self) -> bool:
        """Whether the run has begun and not ended."""
        life = self._attempt.life
        return life is _OPEN or life is _LENT

    @property
    def _keeps(self) -> bool:
        """Whether what is said is kept: on rank 0."""
        return self._attempt.keeps

    def _need_open(self, call: str) -> Attempt:
        if self._attempt.life is Life.NEW:
            raise LifecycleError(f"{call} before init: call init() first, or use `with tracking(...) as t:`")
        if self._attempt.life is Life.ELSEWHERE:
            raise LifecycleError(
                f"{call} on a copy, in another process, of the run in {self.directory}: only the process that began a "
                "run says what happens in it; return the metrics to it, or begin a run here"
            )
        if not self.is_init:
            raise LifecycleError(f"{call} after the end of the run: it can be logged no more; begin a new run")
        self._attempt.obey_own_rank()
        return self._attempt

    def _warn_once(self, kind: str, what: str, message: str) -> None:
        if (kind, what) not in self._warned:
            self._warned.add((kind, what))
            warn(message)
