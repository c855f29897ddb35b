"""The companion process, as its owner sees it: begun when a run needs it, begun again when it dies.

Guarantees:
    - What the training's thread calls here never waits for the companion, but the few milliseconds in which the
      system begins the process.
    - The two threads import nothing. A forked child inherits no lock that they may hold, and not the socket.
    - A companion that died is begun again, each time later; after ``DEATHS`` within ten minutes its deliveries
      are blocked, and that is said once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable

from .._common import clock, variables
from .._common.forks import apart_from_forks
from .._common.wakeup import Bell
from .._common.warn import tell
from . import link as links
from .link import Link
from .messages import Bye, Gone, Report, Said, ToOwner, line, read
from .remote import RemoteDelivery
from .surroundings import Surroundings

logger = logging.getLogger("tracklib")

DEATHS = 5
_WITHIN_SECONDS = 600.0
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 30.0
_LOOK_SECONDS = 60.0


class Companion:
    """One process, and its next ones. Use :func:`companion`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.has_ended = False
        self._deliveries: dict[int, RemoteDelivery] = {}
        self._last_key = 0
        self._is_dismissed = False
        self._telling = threading.Lock()  # what is said goes out whole, and in its order
        self._deaths: list[float] = []
        self._bell = Bell()
        self._link = links.begin(surroundings)
        try:
            _thread(self._tell_all)
            _thread(self._hear, self._link)
        except RuntimeError as error:  # the system gives no more threads
            self._link.close()
            raise OSError(str(error)) from error

    # For the owner's thread ---------------------------------------------------------------------

    def take(self, delivery: RemoteDelivery) -> None:
        """Have it delivered."""
        with _beginning:
            delivery.key = self._last_key = self._last_key + 1
            self._deliveries[delivery.key] = delivery
            if self.has_ended:  # since it was asked for
                self.has_ended = not _started(self._tell_all)
        if self.has_ended:
            delivery.block("the system gives no more threads")
        self._tell_at_once()
        self._bell.ring()

    def _tell_at_once(self) -> None:
        """As much as the socket takes: an owner that dies in its next moment has said what is to be delivered."""
        if self._telling.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError):  # as in the other thread
                    self._tell_news(self._link, wait=False)
            finally:
                self._telling.release()

    def tell(self) -> None:
        """There is something new to be told."""
        self._bell.ring()

    def is_stopped(self) -> bool:
        """Whether the process cannot answer."""
        return self._link.process.is_stopped

    def is_down(self) -> bool:
        """Whether there is no process."""
        return self._link.is_lost

    def kill(self) -> None:
        """End the process; for other deliveries it is begun again."""
        self._link.kill()

    @property
    def is_for(self) -> Surroundings | None:
        """In what it lives; None where it takes no more deliveries."""
        return None if self.has_ended or self._is_dismissed else self.surroundings

    def dismiss(self) -> None:
        """Have the process end if it has nothing to do: runs that begin now live in other surroundings."""
        if not self._deliveries:
            self._is_dismissed = True
            self._link.say_no_more()

    def after_fork_in_child(self) -> None:
        """The process is the parent's: the child keeps no end of it."""
        self._link.close()

    # In its own threads -------------------------------------------------------------------------

    def _tell_all(self) -> None:
        while True:
            self._bell.wait(_LOOK_SECONDS)
            if self._link.is_lost and not self._begin_again():
                return
            with contextlib.suppress(OSError), self._telling:  # it died: the other thread sees it, and rings
                self._tell_news(self._link, wait=True)

    def _tell_news(self, link: Link, wait: bool) -> None:
        link.send(b"", wait)
        for key, delivery in list(self._deliveries.items()):
            for message in delivery.news():
                link.send(line(message), wait)
            if delivery.is_forgotten:
                self._deliveries.pop(key, None)

    def _begin_again(self) -> bool:
        """Whether there is a process again; else nothing is left for one to do."""
        if not self._link.has_ended:
            self._deaths = [*(at for at in self._deaths if clock.steady() - at < _WITHIN_SECONDS), clock.steady()]
        with _beginning:
            if all(delivery.is_over() for delivery in list(self._deliveries.values())):
                self.has_ended = True
                return False
        if len(self._deaths) > DEATHS:
            self._block(f"its companion process died {len(self._deaths)} times")
            return False
        if self._deaths:
            tell("the companion process ended; it is begun again, and goes on where it was")
            time.sleep(min(_FIRST_DELAY * 2 ** (len(self._deaths) - 1), _LONGEST_DELAY))
        try:
            with self._telling:
                self._link = links.begin(self.surroundings)
                for delivery in list(self._deliveries.values()):
                    delivery.tell_anew()
            _thread(self._hear, self._link)
        except (OSError, RuntimeError) as error:
            self._block(f"its companion process cannot be begun again: {error}")
            return False
        return True

    def _block(self, trouble: str) -> None:
        with _beginning:
            self.has_ended = True
        tell(f"{trouble}; the journal keeps everything: tracklib sync delivers it")
        for delivery in list(self._deliveries.values()):
            delivery.block(trouble)

    def _hear(self, link: Link) -> None:
        for text in link.lines():
            self._take(read(text, ToOwner), link)  # type: ignore[arg-type]  # a union is a type to msgspec
        for key, delivery in list(self._deliveries.items()):
            delivery.lost()
            if delivery.is_forgotten:
                self._deliveries.pop(key, None)
        link.is_lost = True  # last: the next one may be begun from now on
        link.close()
        self._bell.ring()

    def _take(self, message: ToOwner, link: Link) -> None:
        match message:
            case Report(key=key) | Gone(key=key):
                if delivery := self._deliveries.get(key):
                    delivery.hear(message)
                if isinstance(message, Gone):
                    self._deliveries.pop(key, None)
            case Said(level=level, text=text):
                with contextlib.suppress(Exception), apart_from_forks():  # a handler of the user's
                    logger.log(level, "%s", text)
            case Bye():
                link.has_ended = True


_companions: list[Companion] = []
_beginning = threading.Lock()
_watching = False


def companion() -> Companion:
    """This process's companion: the one that lives in the same surroundings, or a new one.

    Raises:
        OSError: none can be begun here.
    """
    global _watching
    if variables.in_companion():
        raise OSError("this process was begun by a companion")
    surroundings = Surroundings.here()
    with _beginning:
        if not _watching:
            _watching = True
            os.register_at_fork(after_in_child=_after_fork_in_child)
        _companions[:] = [one for one in _companions if not one.has_ended]
        for one in _companions:
            if one.is_for == surroundings:
                return one
        for one in _companions:
            one.dismiss()
        _companions.append(Companion(surroundings))
        return _companions[-1]


def _after_fork_in_child() -> None:
    global _beginning
    _beginning = threading.Lock()  # another thread may have held it
    for one in _companions:
        one.after_fork_in_child()
    _companions.clear()


def _started(work: Callable[..., None]) -> bool:
    """Whether the system gives a thread."""
    with contextlib.suppress(RuntimeError):
        _thread(work)
        return True
    return False


def _thread(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, name="tracklib-companion", daemon=True).start()
