"""``tracklib sync``."""

from __future__ import annotations

import enum
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import click
from tqdm import tqdm

from .._delivery.delivered import Delivered, delivered
from .._delivery.sync import Outcome, Synced
from .._delivery.sync import sync as sync_run
from .._journal import layout
from .._journal.directory import runs_under
from .._journal.last_attempt import earlier_run
from ..errors import RunDirectoryError, TracklibError
from ..reading.finding import load
from ..trackers._configs import build
from ..trackers._wandb_offline import upload_command
from .completing import RunPath
from .form import Form, form_options, print_rows
from .tables import print_json
from .watching import again_and_again
from .words import many, plain

_LONG_SECONDS = 2.0


class Verdict(enum.IntEnum):
    """What became of a run, and the command's exit code: of several runs, the last one in this order."""

    COMPLETE = 0
    REFUSED = 6  # all was delivered but what a tracker refused for good
    LEFT = 1  # something did not arrive
    IN_USE = 3  # it goes on in a live process
    MISSING = 4  # there is no run
    BROKEN = 5  # there is one, and it cannot be read or written


_FIELDS = [
    *("directory", "verdict", "status", "was_cut_off", "damaged", "writers"),
    *("tracker", "delivered", "left", "rejected", "told", "complete", "why"),
]


class _How(NamedTuple):
    to: Any
    patience: float
    again: bool


class Told(NamedTuple):
    """A run's verdict, why, and what each tracker has."""

    directory: str
    verdict: Verdict
    why: str = ""
    status: str = ""
    was_cut_off: bool = False
    damaged: int = 0
    trackers: Sequence[dict[str, Any]] = ()
    writers: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return self._asdict() | {
            "verdict": self.verdict.name.lower().replace("_", " "),
            "trackers": list(self.trackers),
        }

    def as_rows(self) -> list[dict[str, Any]]:
        """For CSV: a row for each tracker, one at least."""
        of_run = dict.fromkeys(_FIELDS) | self.as_dict()
        return [
            of_run | one | {"tracker": one.get("name"), "why": one.get("why") or self.why}
            for one in self.trackers or [{}]
        ]


@click.command()
@click.argument("directories", nargs=-1, metavar="DIR...", type=RunPath())
@click.option(
    "--all", "roots", multiple=True, metavar="ROOT", type=RunPath(), help="Every run in ROOT but those still going on."
)
@click.option("--to", metavar="CONFIG", help="Replay the whole run to these trackers: a file, or JSON.")
@click.option("--patience", default=30.0, show_default=True, help="Seconds without progress before giving up.")
@click.option("--retry-rejected", is_flag=True, help="Send what a tracker refused for good once more.")
@click.option("--dry-run", is_flag=True, help="Say what is left, deliver nothing, change nothing.")
@form_options(json="As JSON, one object for each run.", csv="As CSV, one row for each tracker of each run.")
@click.option("--watch", is_flag=True, help="With --all: look again every ten seconds, until Ctrl-C or SIGTERM.")
def command(
    directories: tuple[str, ...],
    roots: tuple[str, ...],
    to: str | None,
    patience: float,
    retry_rejected: bool,
    dry_run: bool,
    form: Form,
    watch: bool,
) -> None:
    """Deliver what is left of the runs in DIR, and set the status of one whose process died.

    The exit code is 0 where each tracker has it all; 6 where one refused some of it for good; 1 where something did not
    arrive; 3 where a run is in use, 4 where there is none, 5 where one is broken: the last of them in this order.
    Doing it twice changes nothing.
    """
    if not directories and not roots:
        raise click.UsageError("name the directory of a run, or --all ROOT for every run in ROOT")
    if dry_run and to is not None:
        raise click.UsageError("--dry-run says what is left for the run's own trackers: leave out --to")
    if watch and (directories or not roots or dry_run or form or to is not None):
        raise click.UsageError("--watch goes with --all ROOT, and with --patience and --retry-rejected only")
    how = _How(None if to is None else _configs(to), patience, retry_rejected)
    if watch:
        again_and_again(lambda: (found for found, _ in _asked((), roots)), lambda found: _taken_up(found, how))
    told = []
    for directory, is_walked in _asked(directories, roots):
        found = _looked(directory, is_walked) if dry_run else _tried(directory, how, is_walked)
        told.append(found)
        if not form:
            _print(found)
    if form == "json":
        print_json(found.as_dict() for found in told)
    elif form:
        print_rows(form, _FIELDS, [row for found in told for row in found.as_rows()])
    elif len(told) != 1:
        _print_summary(told, dry_run)
    sys.exit(int(_worst(found.verdict for found in told)))


def _taken_up(directory: str, how: _How) -> bool:
    """Deliver what is left of a run found by walking, and say so unless it goes on; whether nothing is left."""
    told = _tried(directory, how, True)
    if told.status != "running":
        _print(told)
    return told.verdict in (Verdict.COMPLETE, Verdict.REFUSED) and told.status != "running" and not told.writers


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return max(verdicts, key=list(Verdict).index, default=Verdict.COMPLETE)


def _configs(to: str) -> Any:
    """What ``--to`` says, looked at once before the first run."""
    try:
        configs = json.loads(to) if to.lstrip().startswith(("{", "[")) else to
        build(configs)
    except (ValueError, TracklibError) as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    return configs


def _asked(directories: Sequence[str], roots: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Each directory, and whether it was found by walking: such a one may be going on still."""
    for root in roots:
        if not os.path.isdir(root):
            raise click.BadParameter(f"{root} is no directory", param_hint="--all")
    yield from ((layout.run_of(directory), False) for directory in directories)
    yield from ((directory, True) for root in roots for directory in runs_under(root))


def _tried(directory: str, how: _How, is_walked: bool) -> Told:
    try:
        synced = _synced(directory, how)
    except TracklibError as error:
        return _refused(directory, error, is_walked)
    trackers = [_of_tracker(outcome) for outcome in synced.outcomes]
    return Told(
        directory,
        _worst(map(_of_outcome, synced.outcomes)),
        "",
        synced.status,
        synced.was_cut_off,
        synced.damaged,
        trackers,
        synced.writers,
    )


def _refused(directory: str, error: Exception, is_walked: bool) -> Told:
    if isinstance(error, RunDirectoryError) and error.in_use:
        return _going_on(directory, is_walked, str(error))
    return Told(directory, Verdict.MISSING if _is_missing(directory) else Verdict.BROKEN, str(error))


def _going_on(directory: str, is_walked: bool, why: str = "it goes on: look again when it has ended") -> Told:
    """One that was found by walking is left alone, and no failure."""
    if is_walked:
        return Told(directory, Verdict.COMPLETE, "still going on, and left alone", "running")
    return Told(directory, Verdict.IN_USE, why, "running")


def _is_missing(directory: str) -> bool:
    """Whether there is no journal, for sure: in another user's directory there may be one."""
    try:
        os.lstat(layout.journal_path(directory))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _synced(directory: str, how: _How) -> Synced:
    with tqdm(desc=directory, unit="B", unit_scale=True, delay=_LONG_SECONDS, leave=False, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return sync_run(directory, how.to, patience=how.patience, again=how.again, on_progress=progress)


def _of_outcome(outcome: Outcome) -> Verdict:
    if outcome.left is not None:
        return Verdict.LEFT
    return Verdict.REFUSED if outcome.rejected else Verdict.COMPLETE


def _of_tracker(outcome: Outcome) -> dict[str, Any]:
    told = {"name": outcome.tracker, "delivered": outcome.delivered, "rejected": outcome.rejected}
    return told | {"complete": outcome.is_complete, "why": outcome.left or ""}


def _looked(directory: str, is_walked: bool) -> Told:
    """What is left of a run, looked at from outside."""
    try:
        if load(directory).is_live:
            return _going_on(directory, is_walked)
        found = earlier_run(directory)
        if found is None:
            raise RunDirectoryError(f"{directory} holds no run: there is no {layout.JOURNAL} in it that says one began")
        trackers = delivered(directory, found.begin.configs, found.begin.uid, found.begin.attempt)
    except (OSError, TracklibError) as error:
        return _refused(directory, error, is_walked)
    verdict = _worst(map(_of_delivered, trackers)) if found.end else Verdict.LEFT
    status = found.end.status if found.end else ""
    return Told(directory, verdict, "", status, found.end is None, 0, [one.as_dict() for one in trackers])


def _of_delivered(one: Delivered) -> Verdict:
    return Verdict.COMPLETE if one.is_complete else Verdict.REFUSED if one.is_asked else Verdict.LEFT


def _print(told: Told) -> None:
    """One line for what there is to say of the run itself, and one verdict for each tracker."""
    at = plain(told.directory)
    if told.why:
        click.echo(
            f"{at}: {told.why.removeprefix(f'{told.directory}: ')}",
            err=told.verdict not in (Verdict.COMPLETE, Verdict.LEFT),
        )
    if told.was_cut_off:
        click.echo(
            f"{at}: its process died: "
            + (f"the run's status is {told.status} now" if told.status else "no status was told to anybody")
        )
    if told.writers:
        click.echo(f"{at}: {many(told.writers, 'writer')} still going on: sync once more when they are done")
    if told.damaged:
        click.echo(f"{at}: {many(told.damaged, 'damaged line')} of the journal passed over")
    for one in told.trackers:
        click.echo(f"{at}: {plain(one['name'])}: {_verdict_on(one)}")
    if command := upload_command(told.directory):
        click.echo(f"{at}: W&B wrote offline; to upload that: {plain(command)}")


def _verdict_on(one: dict[str, Any]) -> str:
    refused = f", {one['rejected']} refused (see {layout.REJECTED})" if one["rejected"] else ""
    if "left" in one:
        left = (
            f"{many(one['left'], 'record')} to deliver"
            if one["left"]
            else "complete"
            if one["complete"]
            else "nothing more to deliver"
            if one["told"]
            else "the run's end is not told"
        )
        return left + refused
    state = "complete" if one["complete"] else f"not complete: {one['why'] or 'see --retry-rejected'}"
    return f"{one['delivered']} records delivered{refused}, {state}"


def _print_summary(told: Sequence[Told], dry_run: bool) -> None:
    counts = Counter(found.verdict for found in told)
    words = {
        Verdict.COMPLETE: "complete",
        Verdict.REFUSED: "refused in part",
        Verdict.LEFT: "to deliver" if dry_run else "not complete",
        Verdict.IN_USE: "in use",
        Verdict.MISSING: "missing",
        Verdict.BROKEN: "broken",
    }
    parts = [f"{counts[verdict]} {words[verdict]}" for verdict in Verdict if counts[verdict]]
    click.echo(f"{many(len(told), 'run')}: {', '.join(parts) or 'nothing to do'}")
