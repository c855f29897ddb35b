"""The block around a run, whoever opened it: ``with tracking(...)``, ``with Trackers(...)`` and ``t.child(...)``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from .._common.compiled import keep_ours_out
from .._journal.records import Parent
from .attempt import Attempt
from .current import current, current_run, open_run
from .ending import leave, leave_async
from .preemption import hears_preemption
from .sigterm import cause_of, exits_on_sigterm
from .verdict import status_of

if TYPE_CHECKING:
    from .run import Trackers


class Block:
    """A run from its beginning to its true end: inside the current one, and left by SIGTERM.

    Args:
        run: not yet begun.
        attempt: at it.
        is_current: whether it is the current run inside. A generator's is so in its steps only, not in its consumer.
    """

    def __init__(self, run: Trackers, attempt: Attempt, is_current: bool) -> None:
        self.run = run
        self._attempt = attempt
        self._is_current = is_current
        self._current = contextlib.ExitStack()
        self._around = contextlib.ExitStack()

    def __enter__(self) -> Trackers:
        outer = current()
        if outer is not None and self._attempt.parent is None:
            self._attempt.parent = Parent(uid=outer.uid, output_run=outer.directory)
        self.run.init()
        try:
            self._enter_what_is_around()
        except BaseException as error:  # Ctrl-C: nobody leaves a block that was not entered
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self.run

    def _enter_what_is_around(self) -> None:
        keep_ours_out()
        parent = self._attempt.parent
        self._around.enter_context(open_run(self.run, parent.uid if parent else None))
        self._around.enter_context(exits_on_sigterm())
        if self._attempt.options.preemptible:
            self._around.enter_context(hears_preemption())
        if self._is_current:
            self._current.enter_context(current_run(self.run))

    @contextlib.contextmanager
    def _exit_what_is_around(self, error: BaseException | None) -> Iterator[None]:
        """While the run is left it is current no more, but still active. What looks forgotten is said first."""
        self._current.close()
        with self._around:
            if error is None:
                self.run._wonder()
            yield

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._exit_what_is_around(error):
            leave(self._attempt, status_of(cause_of(error)), error, self._attempt.options.on_error)

    async def __aenter__(self) -> Trackers:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._exit_what_is_around(error):
            await leave_async(self._attempt, status_of(cause_of(error)), error, self._attempt.options.on_error)
