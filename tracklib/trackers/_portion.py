"""What one tracker gets of a run's metrics. The journal has them all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, TypeVar

from msgspec.structs import replace

from .._common.distinct import apart
from .._common.warn import tell
from .._journal.records import Best, Histogram, Log
from ..errors import ConfigError

WORDS = ("include", "exclude", "rename", "every")
TOGETHER = "gets"  # in a config, for all of them
_MOST_NAMES = 50_000  # that are remembered at once
_WILD = re.compile(r"\*|\?|\[!?\]?[^\]]*\]")

S = TypeVar("S", Best, Histogram)
Counted = tuple[int, int]  # the step that an axis is at, and how many there were before it


class Portion:
    """Of all metrics those that ``include`` names and ``exclude`` does not, called as ``rename`` says, at every n-th
    step of an axis.

    Args:
        include: patterns of metrics' names, in which ``*`` stands for any text (``/`` too), ``?`` for one character
            and ``[abc]`` for one of these; one that is not a list is one pattern. None is all.
        exclude: patterns likewise, which ``include`` does not bring back.
        rename: by patterns, of which the first that fits counts; what a wildcard stands for goes to the ``*`` of the
            same place in the new name.
        every: by axis: of ``n`` steps one, the first among them. All records of a step stay together.

    Raises:
        ConfigError: with all that is wrong.
    """

    def __init__(self, include: Any = None, exclude: Any = None, rename: Any = None, every: Any = None) -> None:
        problems: list[str] = []
        self._include = _patterns("include", include, problems)
        self._exclude = _patterns("exclude", exclude, problems)
        self._rename = _pairs("rename", rename, "{'val/*': 'validation/*'}", _is_text, problems)
        self._every = _pairs("every", every, "{'batch': 10}, an axis and a whole number above 0", _is_count, problems)
        problems += [why for pair in self._rename if (why := _wrong_target(*pair))]
        for pattern in (*self._include, *self._exclude, *(pattern for pattern, _ in self._rename)):
            problems += _wrong_pattern(pattern)
        if problems:
            raise ConfigError(problems)
        self._wanted = _regex(self._include) if self._include else None
        self._unwanted = _regex(self._exclude) if self._exclude else None
        self._rules = [(_regex([pattern]), target) for pattern, target in self._rename]
        self._steps = dict(self._every)
        self._names: dict[str, str | None] = {}
        self._told: set[str] = set()

    def told(self) -> dict[str, Any]:
        """As a config has it. Pairs are lists: a metric that is called ``token`` is no secret."""
        pairs = {"rename": self._rename, "every": self._every}
        told = {"include": self._include, "exclude": self._exclude, **{w: list(map(list, p)) for w, p in pairs.items()}}
        return {word: value for word, value in told.items() if value}

    def name_of(self, metric: str) -> str | None:
        """What the tracker knows a metric by; None where it does not get it."""
        if metric not in self._names:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[metric] = self._renamed(metric) if self._gets(metric) else None
        return self._names[metric]

    def of(self, said: S) -> S | None:
        """What the tracker gets of what has one name; None where that is nothing."""
        name = self.name_of(said.name)
        return None if name is None else replace(said, name=name)

    def of_log(self, log: Log) -> Log | None:
        """What the tracker gets of a record; None where that is nothing."""
        names = {name: new for name in log.metrics if (new := self.name_of(name)) is not None}
        if len(names) == len(log.metrics) and all(name == new for name, new in names.items()):
            return log
        claims = Counter(names.values())
        for name, new in names.items():
            if new != name and claims[new] > 1:
                self._tell_once(name, new)
                names[name] = name
        kept = apart((new, log.metrics[name]) for name, new in names.items())
        return replace(log, metrics=kept) if kept else None

    def counts(self, log: Log | Histogram, counted: MutableMapping[str, Counted]) -> bool:
        """Whether the step of a record is one of those that the tracker gets. ``counted`` goes on with it."""
        n: int = self._steps.get(log.axis, 1)
        if n == 1:
            return True
        step, before = counted.get(log.axis, (log.step, 0))
        if step != log.step:
            before += 1
        counted[log.axis] = log.step, before
        return before % n == 0

    def _tell_once(self, name: str, new: str) -> None:
        if name not in self._told:
            self._told.add(name)
            tell(f"metric {name!r} is not renamed: its record has another {new!r}")

    def _gets(self, metric: str) -> bool:
        if self._wanted is not None and self._wanted.fullmatch(metric) is None:
            return False
        return self._unwanted is None or self._unwanted.fullmatch(metric) is None

    def _renamed(self, metric: str) -> str:
        for pattern, target in self._rules:
            if found := pattern.fullmatch(metric):
                between = target.split("*")
                parts = [*found.groups(default="")[: len(between) - 1], ""]
                return "".join(text for pair in zip(between, parts, strict=True) for text in pair)
        return metric


def portion_in(kind: type, options: Mapping[str, Any]) -> tuple[dict[str, Any], Portion | None]:
    """The options of ``kind``'s own, and what the others say that it gets. An option of the same name is its own.

    Raises:
        ConfigError: they are no such words.
    """
    own = getattr(kind, "config_schema", {})
    rest = {name: value for name, value in options.items() if name in own or name not in (*WORDS, TOGETHER)}
    said = {name: value for name, value in options.items() if name not in rest}
    together = said.pop(TOGETHER, {})
    if not isinstance(together, Mapping) or not set(together) <= set(WORDS):
        raise ConfigError([f"{TOGETHER!r} must be a mapping of {', '.join(WORDS)}; got {together!r}"])
    words = {**together, **said}
    return rest, Portion(**words) if any(value is not None for value in words.values()) else None


def _patterns(word: str, given: Any, problems: list[str]) -> list[str]:
    if given is None:
        return []
    found = [given] if isinstance(given, str) else list(given) if isinstance(given, list | tuple | set) else []
    if not found or not all(map(_is_text, found)):
        problems.append(f"{word!r} must be patterns of metrics' names, as ['val/*', 'loss']; got {given!r}")
        return []
    return found


def _pairs(word: str, given: Any, like: str, fits: Callable[[Any], bool], problems: list[str]) -> list[tuple[str, Any]]:
    try:
        given = () if given is None else given
        pairs = list(given.items()) if isinstance(given, Mapping) else [(a, b) for a, b in given]
    except (TypeError, ValueError):
        pairs = [("", None)]
    if all(_is_text(first) and fits(second) for first, second in pairs):
        return pairs
    problems.append(f"{word!r} must be such as {like}; got {given!r}")
    return []


def _is_text(given: Any) -> bool:
    return isinstance(given, str) and given != ""


def _is_count(given: Any) -> bool:
    return type(given) is int and given > 0


def _wrong_target(pattern: str, target: str) -> str | None:
    wild = len(_WILD.findall(pattern))
    if target.count("*") > wild:
        return f"'rename' has {target!r} for {pattern!r}, which has {wild} wildcards for its {target.count('*')}"
    return None


def _wrong_pattern(pattern: str) -> list[str]:
    try:
        _regex([pattern])
    except re.error as error:
        return [f"the pattern {pattern!r} cannot be read: {error}"]
    return []


def _regex(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_one_regex, patterns)), re.DOTALL)


def _one_regex(pattern: str) -> str:
    """Also of what is called just so, as ``accuracy[0]``."""
    parts, at = [], 0
    for wild in _WILD.finditer(pattern):
        parts += [re.escape(pattern[at : wild.start()]), f"({_wild_regex(wild[0])})"]
        at = wild.end()
    return "".join([*parts, re.escape(pattern[at:]), "|", re.escape(pattern)])


def _wild_regex(wild: str) -> str:
    if wild in ("*", "?"):
        return ".*" if wild == "*" else "."
    inside = wild[1:-1].replace("\\", r"\\").replace("[", r"\[")
    return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
