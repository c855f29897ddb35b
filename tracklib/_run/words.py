"""What all methods that log into a run stand on: the attempt at it, which has to be going on."""

from __future__ import annotations

from .._common.warn import warn
from ..errors import LifecycleError
from .attempt import Attempt
from .life import Life

_OPEN, _LENT, _ELSEWHERE = Life.OPEN, Life.LENT, Life.ELSEWHERE  # a member of an enum takes longer to look up


class Words:
    """Holds the attempt, and refuses a call that comes before its beginning or after its end."""

    directory: str

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._warned: set[tuple[str, str]] = set()

    @property
    def is_init(self) -> bool:
        """Whether the run has begun and not ended, as far as this process knows: ``log`` works then."""
        life = self._attempt.life
        return life is _OPEN or life is _LENT or life is _ELSEWHERE

    @property
    def _keeps(self) -> bool:
        """Whether what is said is kept: on rank 0."""
        return self._attempt.keeps

    @property
    def _is_looked_at(self) -> bool:
        """Whether metrics are looked at: where they are kept, and where a guard may end the run on all ranks."""
        return self._attempt.keeps or self._attempt.guards.stops

    def _need_open(self, call: str) -> Attempt:
        if self._attempt.life is Life.NEW:
            raise LifecycleError(f"{call} before init: call init() first, or use `with tracking(...) as t:`")
        if self._attempt.elsewhere:
            self._attempt.journal = self._attempt.elsewhere.journal()
            return self._attempt
        if not self.is_init:
            raise LifecycleError(f"{call} after the end of the run: it can be logged no more; begin a new run")
        self._attempt.obey_own_rank()
        return self._attempt

    def _need_own(self, call: str) -> Attempt:
        """As :meth:`_need_open`, for what is the business of the process alone that began the run."""
        if self._attempt.elsewhere:
            raise LifecycleError(
                f"{call} in another process than that of the run in {self.directory}: only the process that began a "
                "run counts its epochs and ends it; here metrics, params, tags and files can be logged, or begin a run "
                "inside it, as t.child('fold-3')"
            )
        return self._need_open(call)

    def _warn_once(self, kind: str, what: str, message: str) -> None:
        if (kind, what) not in self._warned:
            self._warned.add((kind, what))
            warn(message)
