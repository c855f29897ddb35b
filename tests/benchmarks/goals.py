"""What is to hold, as the project set it itself: each goal is a ratio inside one run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from measure import Spread


@dataclass(frozen=True)
class Goal:
    """A bound for a ratio: at most this, or at least."""

    bound: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"

    def holds(self, found: Spread) -> bool:
        """Whether the median of the rounds keeps to it."""
        return found.median >= self.bound if self.at_least else found.median <= self.bound


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        work: which work was done.
        what: which ratio this is.
        found: the ratio, or why there is none.
        goal: what it should be; None where it is only told.
        group: rows that make one line of the picture, at ``at`` on its axis.
        shown: whether the table has it; the JSON file has all.
    """

    work: str
    what: str
    found: Spread | str
    goal: Goal | None = None
    group: str = ""
    at: float = 0.0
    shown: bool = True

    @property
    def verdict(self) -> str:
        """In a word."""
        if isinstance(self.found, str):
            return "not measured"
        return "" if self.goal is None else "holds" if self.goal.holds(self.found) else "DOES NOT HOLD"

    def as_json(self) -> dict[str, Any]:
        """The row for the JSON file."""
        found = self.found if isinstance(self.found, str) else self.found._asdict()
        return asdict(self) | {"found": found, "verdict": self.verdict}


def from_json(told: dict[str, Any]) -> Row:
    """The row that :meth:`Row.as_json` told."""
    found = told["found"] if isinstance(told["found"], str) else Spread(**told["found"])
    goal = Goal(**told["goal"]) if told["goal"] else None
    known = {name: value for name, value in told.items() if name != "verdict"}
    return Row(**known | {"found": found, "goal": goal})


def at_most(bound: float) -> Goal:
    """The ratio is at most ``bound``."""
    return Goal(bound)


def at_least(bound: float) -> Goal:
    """The ratio is at least ``bound``."""
    return Goal(bound, at_least=True)
