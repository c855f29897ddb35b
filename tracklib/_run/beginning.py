"""How an attempt at a run begins: on the rank that keeps it, which owns a directory, and on the others."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from .._common import clock
from .._common.warn import tell
from .._delivery.delivery import Delivery
from .._delivery.where import Place, deliveries_of
from .._journal import layout
from .._journal.directory import cannot_be_used, owned, refuse_unencodable, set_aside
from .._journal.format import FORMAT
from .._journal.journal import Journal
from .._journal.last_attempt import earlier_run, settled
from .._journal.launches import Left, leave_word, take_back
from .._journal.records import Begin, Log, Params, Tags
from .._journal.reducing import Reducing
from .._journal.sketch import Sketch
from .._journal.state import store_begin
from .._journal.writers import Copying, Told
from ..trackers import _identity
from . import open_runs
from .best import Bests
from .keeping import sweep
from .meeting import meet
from .other_ranks import NoJournal
from .rewinding import epoch_again, supersede
from .sharing import Sharing
from .taking_up import taken_up
from .telling import say_moved

if TYPE_CHECKING:
    from .attempt import Attempt

LEAVING_SECONDS = 60.0  # a job that is queued again may come while the earlier one is still being left


def begin_keeping(attempt: Attempt) -> None:
    """Own the directory, open the journal, say that the run begins and make its deliveries, which are not started: all
    of it, or nothing where one of them raises.

    Raises:
        RunDirectoryError: the directory cannot be written or read, or belongs to a live run.
    """
    directory, options = attempt.directory, attempt.options
    with contextlib.ExitStack() as stack:
        stack.enter_context(owned(directory, options.group_access, LEAVING_SECONDS * options.preemptible))
        attempt.journal = journal = _open_journal(attempt)
        stack.callback(journal.let_go)
        attempt.begun = begun = _say_begin(attempt)
        supersede(attempt)
        # What the deliveries hold must not hold the attempt: without the garbage collector, it would never be gone.
        hear = functools.partial(_hear, attempt.bests, journal)
        attempt.copying = Copying(directory, journal, begun.uid, begun.attempt == 1, hear)
        if attempt.launch:
            reducing = Reducing(directory, journal, begun, attempt.size, hear)
            attempt.sharing = Sharing(directory, 0, begun, reducing, bool(options.ranks))
        _make_deliveries(attempt, begun, attempt.copying)
        attempt.owned = stack.pop_all()


def begin_without_keeping(attempt: Attempt) -> None:
    """Meet rank 0, where it was started together with this one, and know what earlier attempts have done.

    Raises:
        RunDirectoryError: the directory cannot be read, or another open run of this process has it.
    """
    options = attempt.options
    resumes = options.resume or options.preemptible
    if options.output_run:
        refuse_unencodable(attempt.directory)
        open_runs.refuse_taken(attempt)
    if attempt.launch:
        attempt.met = meet(attempt.directory, attempt.launch, attempt.rank, bool(options.output_run), resumes)
    if met := attempt.met:
        attempt.directory, attempt.uid, attempt.title = met.directory, met.begin.uid, met.begin.name
        attempt.output_run = os.fspath(options.output_run or met.directory)
    try:  # for the epochs to go on alike
        attempt.earlier = earlier_run(attempt.directory) if resumes and not met else None
        _go_back(attempt)
    except OSError as error:
        raise cannot_be_used(attempt.directory, error) from error
    attempt.journal = NoJournal()
    if met:
        attempt.sharing = Sharing(attempt.directory, attempt.rank, met.begin, None, bool(options.ranks))


def _open_journal(attempt: Attempt) -> Journal:
    directory = attempt.directory
    try:
        earlier = taken_up(directory, attempt.options, attempt.job)
        say_moved(attempt, set_aside(directory, _files_of(attempt), earlier))
        journal = Journal(layout.journal_path(directory), tell, after=earlier.time if earlier else 0)
        if earlier:
            attempt.earlier = settled(journal, earlier)
            attempt.uid = earlier.begin.uid
            attempt.bests.go_on(directory, attempt.earlier)
            _go_back(attempt)
            sweep(directory)
        return journal
    except OSError as error:
        raise cannot_be_used(directory, error) from error


def _go_back(attempt: Attempt) -> None:
    if attempt.earlier and attempt.options.rewind_to is not None:
        attempt.again = epoch_again(attempt.directory, attempt.options.rewind_to)


def _files_of(attempt: Attempt) -> list[str]:
    """What its trackers write in the run's directory."""
    return [file for tracker in attempt.trackers.values() for file in tracker.files]


def _say_begin(attempt: Attempt) -> Begin:
    journal, options = attempt.journal, attempt.options
    begun = _as_record(attempt)
    if attempt.launch:
        finished = attempt.finished
        begun = replace(begun, launch=attempt.launch, finished=finished.epochs, stopped=finished.stopped)
        begun = replace(begun, ranks=attempt.size or 0)
    journal.append(begun)
    with contextlib.suppress(OSError):  # the journal has it
        store_begin(attempt.directory, begun)
    _tell_ranks(attempt)
    if options.params:
        journal.append(Params(time=journal.now(), params=options.params))
    if options.tags:
        tags = cast(dict[str, str], options.tags)  # checked
        journal.append(Tags(time=journal.now(), tags=tags))
    return begun


def _as_record(attempt: Attempt) -> Begin:
    before = attempt.earlier.begin if attempt.earlier else None
    attempt.title = attempt.title or (before.name if before else os.path.basename(attempt.directory))
    return Begin(
        time=attempt.journal.now(later=True),  # than the end of an earlier attempt
        format=FORMAT,
        uid=attempt.uid,
        attempt=before.attempt + 1 if before else 1,
        name=attempt.title,
        pid=os.getpid(),
        host=socket.gethostname(),
        configs=attempt.configs,
        files=list(dict.fromkeys([*(before.files if before else ()), *_files_of(attempt)])),
        parent=attempt.parent or (before.parent if before else None),
        job=attempt.job,
    )


def _tell_ranks(attempt: Attempt) -> None:
    """Where the run is, if they cannot know."""
    if attempt.launch and attempt.options.output_run:
        take_back(attempt.directory, attempt.launch)
    elif attempt.launch:
        leave_word(attempt.directory, Left(attempt.launch, clock.wall(), directory=attempt.directory))


def _make_deliveries(attempt: Attempt, begun: Begin, copying: Copying) -> None:
    journal = attempt.journal
    fingerprints = _identity.fingerprints(attempt.configs)
    wanted = [(*named, config) for named, config in zip(attempt.trackers.items(), fingerprints, strict=True)]
    place = Place(attempt.directory, begun, journal.path, later=attempt.options.leave == "later")
    tick = functools.partial(_tick, journal, copying, attempt.sharing.reducing if attempt.sharing else None)
    attempt.deliveries = deliveries_of(wanted, place, tick, open_runs.come_first_at_exit)
    csv = attempt.deliveries[-1]
    assert isinstance(csv, Delivery)
    csv.show_to(Sketch(attempt.directory, begun.uid))  # it reads the whole journal


def _tick(journal: Journal, copying: Copying, reducing: Reducing | None) -> None:
    """Between a delivery's records."""
    journal.tick()
    copying.tick()
    if reducing:
        reducing.tick()


def _hear(bests: Bests, journal: Journal, record: Told) -> None:
    """What another process said in the run."""
    if isinstance(record, Log) and bests.modes:
        bests.see(record.metrics, record.axis, record.step, journal)
