"""The records of a journal: what a run can say, one frozen type each.

``docs/reference/journal.rst`` describes the same format for readers in other languages.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, TypeVar

import msgspec


class Status(enum.StrEnum):
    """How a run ended. Each is also the text: ``Status.KILLED == "killed"``."""

    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    PREEMPTED = "preempted"


class Parent(msgspec.Struct, frozen=True):
    """The run around this one: its ``uid``, and its directory ``output_run``."""

    uid: str
    output_run: str


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """``time`` is in milliseconds since 1970, UTC; it never falls within a run.

    ``says``: whether trackers get records of this kind, so that they count among the delivered ones; others only tell
    of the run itself.

    A record that another process of the run wrote is copied into the journal from that process's own file: ``writer``
    is the file's name, and ``nth`` the record's number in it, from 0 on.
    """

    says: ClassVar[bool] = True

    time: int
    writer: str = ""
    nth: int = -1


class Begin(Said, frozen=True, tag="begin"):
    """The first record of each attempt at a run.

    ``time`` is in milliseconds since 1970, UTC. ``attempt`` counts from 1; 0 is a tracker used by hand. ``format`` is
    the version of the journal's format; ``configs`` are the trackers' configs, secrets masked; ``files`` are names in
    the run's directory that belong to the trackers.

    The rest is for other ranks: ``launch`` is the same for ranks that were started together; ``finished`` is how many
    epochs earlier attempts had finished, and ``stopped`` whether they were ended by ``stop_epochs``. ``job`` is the
    scheduler's job; ``ranks`` is how many ranks there are, 0 where nobody says. ``locks`` stands in another rank's
    file: whether a lock on it shows the other processes that the rank lives.
    """

    says: ClassVar[bool] = False

    format: int
    uid: str
    attempt: int
    name: str
    pid: int
    host: str
    configs: list[dict[str, Any]]
    files: list[str] = []
    parent: Parent | None = None
    launch: str = ""
    finished: int = 0
    stopped: bool = False
    job: str = ""
    ranks: int = 0
    locks: bool = False


class Log(Said, frozen=True, tag="log", gc=False):
    """Metrics at one ``step`` of one ``axis`` (``"epoch"`` unless the user says otherwise), logged at ``time``, in
    milliseconds since 1970, UTC. ``metrics`` is a flat dict of names to floats; a float may be NaN or infinite.

    ``ordinal`` is the record's number among the valid records of its journal, from 0 on. It is not stored: whoever
    reads the journal counts. ``writer`` and ``nth`` tell of a record that another process of the run wrote first: the
    name of its file, and the record's number in that.
    """

    axis: str
    step: int
    metrics: dict[str, float]
    ordinal: int = -1

    def columns(self) -> dict[str, float]:
        """The metrics, without one that is called as the axis and only repeats the step: the axis has a column
        itself."""
        if self.metrics.get(self.axis) != self.step:
            return self.metrics
        return {name: value for name, value in self.metrics.items() if name != self.axis}


class Params(Said, frozen=True, tag="params"):
    """Hyperparameters, secrets masked: names to JSON values, nested as they were logged."""

    params: dict[str, Any]


class Tags(Said, frozen=True, tag="tags"):
    """Words to find the run by; a bare tag has an empty value."""

    tags: dict[str, str]


class Epoch(Said, frozen=True, tag="epoch"):
    """The epoch ``number``, from 0 on, was finished: a resumed run goes on with the next one. After the ``last`` one,
    none is to come. ``planned`` is how many epochs the whole run is to have; 0 where nobody said."""

    says: ClassVar[bool] = False

    number: int
    last: bool = False
    planned: int = 0


class Best(Said, frozen=True, tag="best"):
    """The best ``value`` so far of the metric ``name``, logged at ``step`` of ``axis``, at ``time`` (milliseconds since
    1970, UTC).

    ``mode`` says which value is better: the ``"max"`` or the ``"min"``.
    """

    name: str
    mode: Literal["min", "max"]
    value: float
    axis: str
    step: int


class Histogram(Said, frozen=True, tag="histogram"):
    """How the values of ``name`` were distributed at ``step`` of ``axis``: in at most 64 bins, which are equally wide
    and reach from ``low`` to ``high``, each with its count.

    ``min``, ``max``, ``mean`` and ``std`` (the population's: the square root of the mean squared distance from the
    mean) are of the values themselves, not of the bins. ``odd`` is how many were NaN or infinite; they count in nothing
    else, and where all are, there are no bins. ``time`` and ``ordinal`` are as in :class:`Log`.
    """

    axis: str
    step: int
    name: str
    low: float
    high: float
    counts: list[int]
    min: float
    max: float
    mean: float
    std: float
    odd: int = 0
    ordinal: int = -1

    @property
    def edges(self) -> list[float]:
        """The bins' edges, in rising order: one more than there are bins; none where there are no bins."""
        bins = len(self.counts)
        return [self.low * (1 - i / bins) + self.high * (i / bins) for i in range(bins + 1)] if bins else []


class Superseded(Said, frozen=True, tag="superseded"):
    """The epochs from ``epoch`` on are done again, so what was logged of them does not count any more: of the records
    from the time ``since`` until this one, those on the axis of the epochs at ``epoch`` or later, and all on other axes
    (with ``only_epochs``, none on other axes). They stay in the journal, and whoever reads it leaves them out.
    """

    since: int
    epoch: int
    only_epochs: bool = False

    def covers(self, said: Log | Best | Histogram | Checkpoint) -> bool:
        """Whether a log, a best value, a histogram or a checkpoint is superseded by this."""
        if not self.since <= said.time < self.time:
            return False
        if isinstance(said, Checkpoint):
            return said.epoch >= self.epoch
        return said.step >= self.epoch if said.axis == "epoch" else not self.only_epochs

    def told_after(self, before: str) -> str:
        """What is superseded, in words, appended to ``before``, the words for what was superseded earlier; not
        twice."""
        since, until = (
            datetime.fromtimestamp(time / 1000, UTC).isoformat(" ", "seconds") for time in (self.since, self.time)
        )
        told = f"epochs from {self.epoch} on, as logged from {since} to {until}"
        return before if told in before else "; ".join(filter(None, [before, told]))


Reduction = Literal["mean", "sum", "min", "max", "each", "first"]
"""What is made of what the ranks say: one value, each rank's own, or rank 0's."""

Number = float | Literal["nan", "inf", "-inf"]


class Note(Said, frozen=True, tag="note"):
    """A ``text`` at a moment: at ``step`` of ``axis``; None where nothing had been logged, or the run had ended."""

    text: str
    axis: str = "epoch"
    step: int | None = None

    @property
    def told(self) -> str:
        """In one line, when and where it was."""
        when = datetime.fromtimestamp(self.time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        where = "" if self.step is None else f", {self.axis} {self.step}"
        return f"{when}{where}: {' '.join(self.text.split())}"


class Contribution(Said, frozen=True, tag="share", gc=False):
    """What one rank logged at a ``step``, to be combined with what the other ranks logged there. It is only ever in
    that rank's own file.

    ``how`` says how the ranks' values become one; ``hows`` says it for names that do it otherwise. For a name that is
    in ``weights``, the value is the weighted sum, and ``weights`` has the sum of the weights.
    """

    says: ClassVar[bool] = False

    axis: str
    step: int
    metrics: dict[str, Number]
    how: Reduction = "mean"
    hows: dict[str, Reduction] = {}
    weights: dict[str, Number] = {}


class Artifact(Said, frozen=True, tag="artifact"):
    """A file or folder that was copied to ``artifacts/<name>`` in the run's directory.

    ``sha256`` is a file's checksum, in hex; empty for a folder.
    """

    name: str
    sha256: str = ""


class Checkpoint(Said, frozen=True, tag="checkpoint"):
    """A file or folder that was copied to ``checkpoints/<name>`` in the run's directory: the model as it was after
    ``epoch``.

    ``metrics`` are its results, finite floats; ``by`` is the name of the one by which the best checkpoint is chosen,
    and ``mode`` says which value is better. ``aliases`` say what it was when it was logged: ``"latest"``, ``"best"``.
    ``size`` is in bytes; ``sha256`` is a file's checksum, in hex, and empty for a folder, and where it was not
    computed. ``lets_go`` names earlier checkpoints that were deleted for it.
    """

    name: str
    epoch: int
    metrics: dict[str, float] = {}
    by: str = ""
    mode: Literal["min", "max"] = "min"
    aliases: list[str] = []
    size: int = 0
    sha256: str = ""
    lets_go: list[str] = []


class End(Said, frozen=True, tag="end"):
    """How the attempt ended; ``error`` and ``message`` (secrets masked) where an exception ended it."""

    says: ClassVar[bool] = False

    status: Status
    error: str = ""
    message: str = ""


Record = (
    Begin
    | Log
    | Params
    | Tags
    | Epoch
    | Best
    | Histogram
    | Superseded
    | Contribution
    | Note
    | Artifact
    | Checkpoint
    | End
)

R = TypeVar("R", bound=Record)


def counting(records: list[R], superseded: Sequence[Superseded]) -> list[R]:
    """Those of ``records`` that none of ``superseded`` covers."""
    if not superseded:
        return records
    return [
        record
        for record in records
        if not (
            isinstance(record, Log | Best | Histogram | Checkpoint) and any(each.covers(record) for each in superseded)
        )
    ]
