"""One run's page, in sections: each is about one kind of thing that a run may have said.

A new one, ``notes`` say, is three things:

- here a function under its name in :data:`SECTIONS`: what it tells of a run in plain values (``plain`` makes them so;
  a file's content by ``inline``); anything empty where the run has nothing of the kind;
- ``assets/sections/notes.js``, which calls ``section("notes", (told, run, other) => ...)`` once: it makes elements (by
  ``el``, never by HTML) of what was told; null shows nothing. ``other`` is the run beside, if one is. They stand below
  the charts, or, with a third argument ``"facts"``, in a column beside the params. Panels are made by
  ``panel(title, content, "wide")``;
- ``assets/sections/notes.css``, if it needs one.

What it tells is a property of :class:`tracklib.reading.run.Run` first, by what ``_journal/summary.py`` keeps of the
records, and for ``show --json`` a member of ``telling.as_dict``; in the terminal a function of ``cli/show.py``.

A page holds script and style of those sections that one of its runs has: a section costs nobody else a byte. They stand
in the order of :data:`SECTIONS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..._journal import layout
from .drawn import milliseconds
from .inline import Inline

if TYPE_CHECKING:
    from ..run import Run

_MOST_ALERTS = 50
_MOST_PRINTED, _MOST_LINES = 100_000, 1_000  # characters, and lines
_MOST_RIDGES, _LEAST_RIDGES, _ALL_RIDGES = 40, 6, 1200  # of a name, and in all

Item = TypeVar("Item")
Tell = Callable[["Run", Inline], Any]


def _attempts(run: Run, inline: Inline) -> list[dict[str, Any]]:
    """Of a run that took one, and finished, there is nothing to say."""
    attempts = run.attempts
    if len(attempts) == 1 and run.status == "finished":
        return []
    return [
        {
            "number": attempt.number,
            "status": attempt.status,
            "began": milliseconds(attempt.began),
            "host": attempt.host,
            "error": attempt.error,
            "message": attempt.message,
        }
        for attempt in attempts
    ]


def _alerts(run: Run, inline: Inline) -> list[dict[str, Any]]:
    return [
        {"time": each.time, "event": each.event, "text": each.text, "to": each.to, "how": each.how, "why": each.why}
        for each in run.alerts[-_MOST_ALERTS:]
    ]


def _console(run: Run, inline: Inline) -> dict[str, Any] | None:
    """The end of it."""
    lines = run.console[-_MOST_PRINTED:].splitlines()
    shown = lines[1:] if len(run.console) > _MOST_PRINTED else lines
    return {"lines": shown[-_MOST_LINES:], "all": run.console.count("\n")} if shown else None


def _artifacts(run: Run, inline: Inline) -> list[dict[str, Any]]:
    return [inline.artifact(artifact) for name, artifact in run.artifacts.items() if name != layout.CONSOLE]


def _notes(run: Run, inline: Inline) -> list[dict[str, Any]]:
    began = milliseconds(run.began)
    return [
        {"text": each.text, "axis": each.axis, "step": each.step, "at": each.time, "time": (each.time - began) / 1000}
        for each in run.notes
    ]


def _checkpoints(run: Run, inline: Inline) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "epoch": each.epoch, "metrics": each.metrics, "aliases": each.aliases}
        | ({"href": inline.link(each), "size": each.size} if each.exists else {})
        for each in run.checkpoints
    ]


def _patch(run: Run, inline: Inline) -> int | None:
    """Where its text is."""
    return inline.text(os.path.join(run.directory, layout.ARTIFACTS, "git.patch"))


def _histograms(run: Run, inline: Inline) -> list[dict[str, Any]]:
    found = run.histograms
    most = max(_LEAST_RIDGES, min(_MOST_RIDGES, _ALL_RIDGES // max(1, len(found))))
    return [
        {
            "name": name,
            "axis": each[-1].axis,
            "count": len(each),
            "ridges": [
                [one.step, one.low, one.high, one.counts, one.min, one.max, one.mean, one.std, one.odd]
                for one in _thinned(each, most)
            ],
        }
        for name, each in found.items()
    ]


def _thinned(items: Sequence[Item], most: int) -> list[Item]:
    """So many of them, the first and the last among them."""
    if len(items) <= most:
        return [*items]
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


SECTIONS: dict[str, Tell] = {
    "attempts": _attempts,
    "notes": _notes,
    "checkpoints": _checkpoints,
    "alerts": _alerts,
    "histograms": _histograms,
    "console": _console,
    "artifacts": _artifacts,
    "patch": _patch,
}


def sections_of(run: Run, inline: Inline) -> dict[str, Any]:
    """What each section that the run has is told, by its name."""
    told = {name: tell(run, inline) for name, tell in SECTIONS.items()}
    return {name: said for name, said in told.items() if said not in (None, [], {}, "")}
