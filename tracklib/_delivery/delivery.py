"""Delivery: one tracker, one thread, one offset in the journal.

The only module that knows threads. It reads the same file that the training process writes; nothing
else passes between them but a wake-up. So the same object serves in a thread of the training process
and in the foreground of ``tracklib sync``.

Guarantees:
    - The training thread never waits for a tracker, and no tracker for another.
    - A record is passed over only when its tracker took it or refused it for good; what was refused is
      in ``rejected.jsonl`` with the reason.
    - After :meth:`Delivery.abandon` no further record is handed to the tracker, and nothing more is
      written into the run's directory, which may be another run's by then.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import BuiltinFunctionType
from typing import Protocol, assert_never

from .._common import clock
from .._common.forks import apart_from_forks
from .._common.secrets import error_text
from .._common.wakeup import Bell
from .._common.warn import tell
from .._journal import layout
from .._journal.last_attempt import superseded_in
from .._journal.reader import Entry, Reader, count_said
from .._journal.records import Artifact, Begin, Best, End, Epoch, Log, Params, Superseded, Tags, counting
from .._journal.state import Saved, load, store
from ..errors import LifecycleError, TrackerBlocked, TrackerLost, TracklibError
from ..trackers.base import BaseTracker
from . import rejected
from .standing import Progress, Standing

IDLE_SECONDS = 1.0
SAVE_SECONDS = 0.2
BLOCKED_SECONDS = 60.0
TRIES = 5  # of a batch, before its halves are tried
FEWER_TRIES = 2  # of a half
LAST_TRIES = 3  # of a record, each with something else that is answered, before it is put aside
_REST = 4  # times as long as it worked
_LAG_SECONDS = 10.0
_SAVE_PATIENCE = 1.0
_importing = threading.Lock()
_jitter = random.Random()  # not the process's own, which the user may have seeded


class _FromTheStart(Exception):
    """What the tracker has counts no more: it builds its output anew."""


class _Abandoned(Exception):
    """Unwinds the delivery's thread."""


class Onlooker(Protocol):
    """Sees what a delivery reads, so that nobody need read it once more."""

    def take(self, entries: Sequence[Entry], reader: Reader, superseded: Sequence[Superseded] = ()) -> None:
        """``reader`` has just read ``entries``, from the journal's start on; there may be none, or some once more.
        With more that is ``superseded`` it begins at the start again."""


class Delivery:
    """Hands one journal's records to one tracker, in order.

    Args:
        tracker: not yet connected.
        name: how messages and the state file call it.
        directory: the run's directory, with the journal.
        begin: how the attempt began.
        journal: the journal's path.
        heartbeat: called between the records; it must not raise.
        connected: called each time that the tracker has connected; it must not raise.
        config: tells the tracker's config from others (see ``fingerprints``). With another one than in an
            earlier attempt, it gets the run from the start.
        imports: whether it may import what the tracker needs. A thread of the training process may not.
        again: whether what the tracker refused for good is sent once more.
    """

    goes_on = False

    def __init__(
        self,
        tracker: BaseTracker,
        name: str,
        directory: str,
        begin: Begin,
        journal: str,
        heartbeat: Callable[[], None] = lambda: None,
        connected: Callable[[], None] = lambda: None,
        config: str = "",
        imports: bool = True,
        again: bool = False,
    ) -> None:
        self.tracker = tracker
        self.name = name
        self.standing = Standing.CONNECTING
        self.trouble = ""  # why it does not get on; empty when it does
        self.refusal = ""  # why the tracker refused a record, the latest
        self.changed = Bell()  # rings at each step forward
        self.onlooker: Onlooker | None = None
        self._directory = directory
        self._journal = journal
        self._heartbeat = heartbeat
        self._connected = connected
        self._state_path = layout.tracker_state(directory, name)
        self._begin = begin
        self._config = config
        self._imports = imports
        # In the training process: a fork meets no call of the tracker's, whose locks the child would inherit.
        self._apart = contextlib.nullcontext if imports or tracker.holds_no_lock else apart_from_forks
        self._saved = load(self._state_path, journal, begin.uid, config)
        tracker.attach(begin, directory, self._saved.tracker)
        self._batch: Sequence[Entry] = ()  # that the tracker is in a call for
        self._taken = 0  # how many of it were acknowledged
        self._accused = 0  # how often in succession only it failed
        self._within = 0  # and how much of the next
        self._reader = Reader(journal, self._saved.offset, self._saved.ordinal)
        self._again = rejected.refused_by(directory, name) if again else {}
        if tracker.reads_whole_journal and (self._again or not self._is_over):
            self._rewind()
        self._before = self._saved.delivered
        self._superseded: list[Superseded] = []
        self._wake = threading.Event()
        self._hurry = self._abandon = self._trying = self._lacks_thread = False
        self._aside_at, self._aside_delays = 0.0, _delays()  # when the artifacts that were passed are tried again
        self._is_told = False  # the end, since the tracker connected
        self._aside_trouble = ""
        self._awaited = 0  # the offset that somebody waits for
        self._saved_at = 0.0
        self._saving = threading.Lock()  # the state file: for the delivery's thread and for abandon()
        self._clock_id: int | None = None
        self._thread = threading.Thread(target=self.run, name=f"tracklib-{name}", daemon=True)

    # For the owner's thread ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver, in a thread of its own."""
        try:
            self._thread.start()
        except RuntimeError as error:  # the system gives no more threads now; the journal has it all
            self._report(error, Standing.BLOCKED)
            self._lacks_thread = True

    def hurry(self) -> None:
        """The run is over: try now, and soon again."""
        self._hurry = True
        self.wake()

    def wake(self) -> None:
        """Somebody waits: deliver without a rest what there is now, and try once more where the tracker is blocked."""
        with contextlib.suppress(OSError):  # the user may have deleted the directory
            self._awaited = max(self._awaited, self.size)
        self._aside_at = 0.0
        if self._lacks_thread:
            self._lacks_thread, self.standing = False, Standing.CONNECTING
            self.start()
        self._trying = self.standing is Standing.BLOCKED and self._thread.is_alive()
        self._wake.set()

    def abandon(self) -> None:
        """Deliver no more. A call that the tracker is in goes on; nothing comes after it."""
        if self._saving.acquire(timeout=_SAVE_PATIENCE):  # a disk that hangs holds up nobody
            try:
                self._write_state()
                self._abandon = True
            finally:
                self._saving.release()
        self._abandon = self.tracker.is_abandoned = True
        self._wake.set()

    def settle(self) -> None:
        """:meth:`abandon` has seen to it."""

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended, for at most ``timeout`` seconds."""
        self._thread.join(timeout)

    @property
    def is_alive(self) -> bool:
        """Whether the thread still does something."""
        return self._thread.is_alive()

    @property
    def is_trying(self) -> bool:
        """Whether a blocked tracker is being tried once more, as somebody waits."""
        return self._trying

    @property
    def delivered(self) -> int:
        """How many records the tracker took since this delivery began."""
        return max(0, self._saved.delivered - self._before)

    @property
    def rejected(self) -> int:
        """How many records the tracker refused for good."""
        return self._saved.rejected

    @property
    def aside(self) -> int:
        """How many artifacts could not be written yet, and were passed."""
        return len(self._saved.aside)

    @property
    def offset(self) -> int:
        """The tracker has all records before this byte of the journal."""
        return self._saved.offset

    @property
    def size(self) -> int:
        """The journal's length in bytes."""
        return os.path.getsize(self._journal)

    @property
    def missing(self) -> int:
        """How many records the tracker has not got, once the run has ended."""
        with contextlib.suppress(OSError):  # the user may have deleted the directory
            return count_said(self._journal, self.offset) + self.aside
        return 0

    @property
    def at_rest(self) -> bool:
        """Whether waiting is of no use: all is done, or a person must mend something first."""
        return self.standing in (Standing.DONE, Standing.BLOCKED, Standing.ABANDONED) and not self._trying

    @property
    def _is_over(self) -> bool:
        """Whether the tracker has it all and was told the end of this attempt, now or by an earlier process."""
        has_all = self._saved.ended == self._begin.attempt and self._saved.offset >= self._reader.size
        return has_all and not self._saved.aside and self.tracker.is_intact()

    @property
    def damaged(self) -> int:
        """How many lines of the journal were no records."""
        return self._reader.damaged

    def progress(self) -> Progress:
        """How far it is. Importing an SDK and setting a database up take seconds and hand no record over, so while the
        tracker connects, its thread's processor time counts."""
        work = 0.0
        if self.standing is Standing.CONNECTING and self._clock_id is not None:
            with contextlib.suppress(OSError):
                work = time.clock_gettime(self._clock_id) // 0.1
        return Progress(self.offset, self._within, work)

    # The delivery itself ------------------------------------------------------------------------

    def run(self) -> None:
        """Connect and deliver until the run's end, or until abandoned."""
        # macOS has none, and what gevent puts in a thread's place has no number that the system knows.
        if hasattr(time, "pthread_getcpuclockid") and isinstance(threading.get_ident, BuiltinFunctionType):
            self._clock_id = time.pthread_getcpuclockid(threading.get_ident())
        self.tracker.acknowledge = self._acknowledged  # type: ignore[method-assign]  # to this manager
        try:
            with contextlib.suppress(_Abandoned):
                if self._again or not self._is_over:
                    self._superseded = superseded_in(self._journal)
                    self._deliver_all()
                self._stand(Standing.DONE)
                return
            self._stand(Standing.ABANDONED)
        except Exception as error:  # the journal cannot be read, say
            self._report(error, Standing.BLOCKED)
        finally:
            self._reader.close()
            del self.tracker.acknowledge  # which held this object, as this one holds the tracker

    def _deliver_all(self) -> None:
        while True:
            try:
                self._insist(self._connect, always=True)
                self._deliver_again()
                while not self._deliver_next():
                    pass
                self._save()
                return
            except _FromTheStart:
                with self._saving:
                    self._rewind()
            except TrackerLost as lost:
                if lost.from_the_start or self.tracker.reads_whole_journal:
                    with self._saving:
                        self._rewind()
                else:
                    self._reader.go_to(self._saved.offset, self._saved.ordinal)

    def _rewind(self) -> None:
        with contextlib.suppress(OSError):  # there may be two lines for one record then
            rejected.forget(self._directory, rejected.refused_by(self._directory, self.name))
        self._again = {}  # it comes with all the others
        self._saved = Saved(self._begin.uid, self._config, tracker=self._saved.tracker)
        self._reader.go_to(0, 0)

    def _connect(self) -> None:
        self._need_packages()
        self.tracker.init()
        self._within, self._is_told = max(1, self._within), False
        self._connected()
        self._save()

    def _need_packages(self) -> None:
        for package in self.tracker.requires:
            if package in sys.modules:
                continue
            if not self._imports:
                raise TrackerBlocked(f"{package} could not be imported when the run began")
            with _importing:  # two SDKs at once would see each other's half made modules
                importlib.import_module(package)

    def _deliver_next(self) -> bool:
        """Deliver a piece of the journal, and give way; where there is none: whether the run has ended."""
        begun, worked, start = clock.steady(), time.thread_time(), self._reader.offset
        entries = self._reader.read()
        self._know_superseded(entries)
        self._show(entries)
        for batch in _batches(entries, self.tracker.batch_size):
            if isinstance(batch[0].record, Artifact):
                self._deliver_artifact(batch[0], batch[0].record.name)
            else:
                self._deliver(batch)
            self._heartbeat()
            self._save(at_least_every=SAVE_SECONDS)
        self._retry_artifacts()
        if entries:
            self._save()
        else:
            self._pass_damage()
            self._heartbeat()
            if self._finish():
                return True
        if not entries or not (self._hurry or self._saved.offset < self._awaited):
            self._give_way(time.thread_time() - worked, clock.steady() - begun, self._reader.offset - start)
        return False

    def _deliver_again(self) -> None:
        """Deliver once more what was refused. A line is taken out when its record was taken, or has a new one."""
        lines = [(line, entry) for line, entries in self._again.items() for entry in entries]
        for batch in _batches([entry for _, entry in lines], self.tracker.batch_size):
            self._deliver(batch)
            done, lines = lines[: len(batch)], lines[len(batch) :]
            with contextlib.suppress(OSError):
                rejected.forget(self._directory, [line for line, _ in done])
            with self._saving:
                self._saved.rejected = max(0, self._saved.rejected - len(done))
            self._heartbeat()
        self._again = {}

    def _know_superseded(self, entries: Sequence[Entry]) -> None:
        """What a piece supersedes is not handed over any more, also where it is in the piece itself.

        Raises:
            _FromTheStart: the tracker can leave out what it has of it.
        """
        said = [entry.record for entry in entries if isinstance(entry.record, Superseded)]
        if new := [each for each in said if each not in self._superseded]:
            self._superseded += new
            if self.tracker.builds_anew:
                raise _FromTheStart

    def _show(self, entries: Sequence[Entry]) -> None:
        """Have the onlooker see what was read. It may write into the run's directory, so never once abandoned; what
        fails in it is no trouble of the tracker's."""
        if self.onlooker is not None:
            try:
                with self._saving:
                    if not self._abandon:
                        self.onlooker.take(entries, self._reader, self._superseded)
            except Exception:
                self.onlooker = None

    def _pass_damage(self) -> None:
        """Lines at the end that are no records are passed, too: somebody may wait until all is."""
        if self._saved.offset < self._reader.offset:
            with self._saving:
                self._saved.offset, self._saved.ordinal = self._reader.offset, self._reader.ordinal
            self._save()
            self.changed.ring()

    # Without it, a delivery that has much to do takes the interpreter's lock again as soon as it has let go of it,
    # and the training's own Python waits for up to a switch interval (5 ms) each time. Resting in proportion to the
    # work leaves the training its share. But what a delivery is behind with, it delivers while the block is left,
    # where the user waits: so the further behind it is, the less it rests.
    def _give_way(self, worked: float, took: float, moved: int) -> None:
        """Rest, so that the training has the interpreter's lock most of the time; the less, the more lies behind.

        So records are also handed over many at a time, which takes less work than one by one.

        Args:
            worked: the thread's own seconds for the last piece.
            took: the seconds that it took.
            moved: its bytes.
        """
        rest = IDLE_SECONDS
        if self._reader.is_behind:
            lag = took * (self._reader.size - self._reader.offset) / moved  # in seconds, at this pace
            rest = min(_REST * worked, IDLE_SECONDS) * max(0.0, 1.0 - lag / _LAG_SECONDS)
        self._rest(rest)

    def _finish(self) -> bool:
        """Finish the tracker if the attempt has ended. What a thread or a child said behind the end came first."""
        end = self._saved.end
        if end is None or end.time < self._begin.time:  # of an attempt that was resumed
            return False
        if not self._is_told:
            self.tracker.ended_at = end.time
            self._insist(lambda: self.tracker.finish(end.status), always=True)
            self._saved.ended, self._is_told = self._begin.attempt, True
            self._save()
        if self._saved.aside:
            self.trouble = self._aside_trouble
            self._stand(Standing.RETRYING)
        return not self._saved.aside

    def _deliver_artifact(self, entry: Entry, name: str) -> None:
        """Deliver it, or pass it, to be tried again: what cannot be written now holds up no metrics and no status."""
        if self._saved.aside or not self._try_artifact(entry, name):  # those before it come first
            with self._saving:
                self._saved.aside[name] = entry.ordinal
            self._pass(entry, taken=0)

    def _retry_artifacts(self) -> None:
        if not self._saved.aside or time.monotonic() < self._aside_at:
            return
        for name, ordinal in list(self._saved.aside.items()):
            if not self._try_artifact(Entry(Artifact(time=0, name=name), ordinal, 0), name):
                return
            with self._saving:
                del self._saved.aside[name]
            self.changed.ring()
        self._aside_delays = _delays()

    def _try_artifact(self, entry: Entry, name: str) -> bool:
        """Whether nothing is left to do for it: the tracker has it, or refused it, or it is there no more."""
        path = os.path.join(self._directory, layout.ARTIFACTS, name)
        if self._abandon:
            raise _Abandoned
        try:
            with self._apart():
                self.tracker.log_artifact(name, path)
        except BaseException as error:  # SDKs raise SystemExit too
            if self._abandon:
                raise _Abandoned from error
            return self._artifact_failed(entry, name, path, error)
        self._recovered()
        self._pass(entry, taken=1)
        return True

    def _artifact_failed(self, entry: Entry, name: str, path: str, error: BaseException) -> bool:
        if isinstance(error, TrackerLost) or (self._is_told and isinstance(error, LifecycleError)):
            self._report(error, Standing.RETRYING)
            self._rest(1.0)
            raise (
                error if isinstance(error, TrackerLost) else TrackerLost("it was finished before it had its artifacts")
            )
        if not os.path.lexists(path):
            tell(f"the artifact {name} is gone from {self._directory}: {self.name} does not get it")
            self._pass(entry, taken=0)
            return True
        if isinstance(error, TrackerBlocked | FileNotFoundError) or _is_transient(self.tracker, error):
            self._aside_trouble = f"artifact {name}: {_said(error)}"
            if not self._saved.aside:
                tell(f"{self.name} cannot take the {self._aside_trouble}; it is tried again, and the rest goes on")
            self._aside_at = time.monotonic() + min(next(self._aside_delays), 1.0 if self._hurry else 60.0)
            return False
        self._reject(entry, error)
        return True

    def _deliver(self, batch: Sequence[Entry], tries: int = TRIES) -> None:
        """Deliver ``batch``; refused for good, or where it has failed ``tries`` times, in halves, down to the record
        that is at fault."""
        self._batch, self._taken, self._accused = batch, 0, 0
        try:
            self._insist(self._hand_over, tries=tries)
        except (_Abandoned, TrackerLost):
            raise
        except BaseException as error:
            rest = batch[self._taken :]
            if len(rest) == 1:
                self._reject(rest[0], error)
            elif rest:
                half = len(rest) // 2
                self._deliver(rest[:half], FEWER_TRIES)
                self._deliver(rest[half:], FEWER_TRIES)
        else:
            self._take(len(batch) - self._taken)

    def _acknowledged(self, records: int = 0) -> None:
        """The tracker says, in a call, what the backend has of the batch."""
        if self._abandon:  # what was noted is another delivery's beginning
            raise _Abandoned
        if records:
            self._take(min(records, len(self._batch) - self._taken))
        else:
            self._within += 1
            self.changed.ring()
        self._heartbeat()
        self._save(at_least_every=SAVE_SECONDS)

    def _take(self, records: int) -> None:
        if records > 0:
            self._taken += records
            entry = self._batch[self._taken - 1]
            self._pass(entry, taken=records if entry.record.says else 0)

    def _hand_over(self) -> None:
        batch = self._batch[self._taken :]
        if not batch:  # all of it was acknowledged before the call failed
            return
        match batch[0].record:
            case Log():
                logs = [entry.record for entry in batch if isinstance(entry.record, Log)]
                if said := counting(logs, self._superseded):
                    self.tracker.log_batch(said)
            case Begin(attempt=attempt):
                self._saved.attempt = attempt
            case Epoch(number=number):
                self.tracker.finish_epoch(number)
            case Best() as best:
                if counting([best], self._superseded):
                    self.tracker.log_best(best)
            case Superseded() as superseded:
                self.tracker.log_superseded(superseded)
            case End() as end:
                self._saved.end = end
            case Params(params=params):
                self.tracker.log_params(params)
            case Tags(tags=tags):
                self.tracker.log_tags(tags)
            case Artifact(name=name):
                self.tracker.log_artifact(name, os.path.join(self._directory, layout.ARTIFACTS, name))
            case unknown:
                assert_never(unknown)

    def _pass(self, entry: Entry, taken: int) -> None:
        with self._saving:
            if entry.end > self._saved.offset:  # one that was refused before lies behind
                self._saved.offset, self._saved.ordinal = entry.end, entry.ordinal + 1
            self._saved.delivered += taken
        self._within = 0
        self.changed.ring()

    def _is_at_fault(self, tries: int, failed: int) -> bool:
        """Whether what the tracker is handed has failed so often that it is the reason. A record by itself is it only
        where the backend takes something else meanwhile: else it is an outage, however long."""
        left = len(self._batch) - self._taken
        if self.tracker.reads_whole_journal or not 0 < tries <= failed:
            return False
        if left > 1:
            return True
        try:
            self._accused = self._accused + 1 if self.tracker.is_answering() else 0
        except BaseException:  # SDKs raise SystemExit too
            self._accused = 0
        return self._accused >= LAST_TRIES  # it failed before and after the others were answered

    # Everything is caught, SystemExit and KeyboardInterrupt of an SDK too: an error that ended this thread would
    # leave the rest of the run undelivered, and nobody would hear of it. For `init` and `finish` there is no record
    # that could be refused in their place, so they are tried for ever (`always`). A server's Retry-After is waited
    # for in full: if somebody's flush cut it short, a server that asked for none would get one more request.
    # TrackerLost goes up once the wait is over, as the connection has to be made anew before anything is sent.
    def _insist(self, call: Callable[[], None], always: bool = False, tries: int = 0) -> None:
        """Make ``call`` until it returns, or until what is handed over by it turns out to be at fault after ``tries``.

        Raises:
            _Abandoned: the delivery was told to give up.
            TrackerLost: ``call`` raised it; after a rest.
            BaseException: what ``call`` raised, if waiting cannot mend it and not ``always``.
        """
        for failed, delay in enumerate(_delays(), 1):  # pragma: no branch  # they never end
            if self._abandon:
                raise _Abandoned
            try:
                with self._apart():
                    call()
            except BaseException as error:  # SDKs raise SystemExit too
                if self._abandon:
                    raise _Abandoned from error
                transient = isinstance(error, TrackerLost) or _is_transient(self.tracker, error)
                if not (transient or always or isinstance(error, TrackerBlocked)):
                    raise
                self._report(error, Standing.RETRYING if transient else Standing.BLOCKED)
                asked = _retry_after(error)
                if transient and not asked and not isinstance(error, TrackerLost) and self._is_at_fault(tries, failed):
                    raise
                if asked > delay:
                    self._rest(asked, until_woken=False)
                else:
                    self._rest(delay if transient else BLOCKED_SECONDS, soon=transient)
                if isinstance(error, TrackerLost):
                    raise
            else:
                self._recovered()
                return

    def _rest(self, seconds: float, soon: bool = False, until_woken: bool = True) -> None:
        """Wait, as a rule until woken; ``soon``: when the run is over, for a second at most."""
        until = clock.steady() + (min(seconds, 1.0) if self._hurry and soon else seconds)
        while not self._abandon and (left := until - clock.steady()) > 0:
            if self._wake.wait(min(left, 1.0)):
                self._wake.clear()
                if until_woken:
                    break
            self._heartbeat()
        if self._abandon:
            raise _Abandoned

    def _reject(self, entry: Entry, error: BaseException) -> None:
        self._saved.rejected += 1
        reason = _said(error)
        if self._saved.rejected == 1:
            tell(f"{self.name} refused a record ({reason}); what it refuses is kept in rejected.jsonl")
        self.refusal = reason
        with contextlib.suppress(OSError):  # the journal has the record too
            rejected.keep(self._directory, self.name, reason, entry)
        self._pass(entry, taken=0)

    def _report(self, error: BaseException, standing: Standing) -> None:
        self.trouble = _said(error)
        if self.standing is not standing:
            tell(f"{self.name} is {standing.value} ({self.trouble}); the journal keeps everything")
        self._trying = False
        self._stand(standing)

    def _recovered(self) -> None:
        was_in_trouble = self.standing in (Standing.RETRYING, Standing.BLOCKED)
        self._stand(Standing.DELIVERING)
        self._trying = False
        if was_in_trouble:
            self.trouble = ""
            tell(f"{self.name} works again")

    def _stand(self, standing: Standing) -> None:
        if self.standing is not standing:
            self.standing = standing
            self.changed.ring()

    def _save(self, at_least_every: float = 0.0) -> None:
        """Keep how far the tracker is. Where the disk refuses, a later save does it."""
        if clock.steady() - self._saved_at < at_least_every:
            return
        self._saved_at = clock.steady()
        with self._saving:
            if not self._abandon:
                self._write_state()

    def _write_state(self) -> None:
        with contextlib.suppress(Exception):  # the disk's trouble, or the tracker's own kind of state
            self._saved.tracker = {name: str(value) for name, value in self.tracker.state.copy().items()}
            store(self._state_path, self._saved)


def _batches(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    """Runs of up to ``size`` logs; every other record by itself."""
    start = 0
    for index, entry in enumerate(entries):
        if not isinstance(entry.record, Log):
            if start < index:
                yield entries[start:index]
            yield entries[index : index + 1]
            start = index + 1
        elif index + 1 - start == size:
            yield entries[start : index + 1]
            start = index + 1
    if start < len(entries):
        yield entries[start:]


def _delays() -> Iterator[float]:
    """1 s to 60 s, doubling, each with up to a quarter of jitter."""
    delay = 1.0
    while True:
        yield delay * _jitter.uniform(1.0, 1.25)
        delay = min(2 * delay, 48.0)


def _is_transient(tracker: BaseTracker, error: BaseException) -> bool:
    try:
        return bool(tracker.is_transient(error))
    except BaseException:  # SDKs raise SystemExit too
        return False


def _retry_after(error: BaseException) -> float:
    """The seconds that the backend asked to wait; 0 where it did not, or not in seconds."""
    try:
        return float(getattr(error, "retry_after", None) or 0.0)
    except Exception:
        return 0.0


def _said(error: BaseException) -> str:
    text = error_text(error)
    if text and isinstance(error, TracklibError):  # a sentence by itself
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
