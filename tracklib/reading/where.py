"""Conditions on runs: ``val/loss < 0.3 and optimizer = adam``. One small grammar, and no ``eval``.

::

    condition   = conjunction ("or" conjunction)*
    conjunction = negation ("and" negation)*
    negation    = "not" negation | "(" condition ")" | NAME [OP VALUE]
    OP          = "=" "!=" "<" "<=" ">" ">=" "~" (contains, in any case of letters); "==" is "=" as well
    VALUE       = a number, true, false, a word, or a text in single or double quotes; a duration: 2h, 30min, 10s, 7d
    NAME        = letters, digits and ``_ . / - : @ % + # $ * [ ]``; any other in backquotes: `` `my metric` ``

A name by itself means that the run has it, and that it is not false. What a run does not have meets no comparison,
``!=`` neither. Numbers are compared as numbers, also where a param is a text that says one; else as texts.
``docs/how-to/looking-at-runs.rst`` says what names mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ..errors import WhereError
from .names import Value, value_of

if TYPE_CHECKING:
    from .run import Run

Condition = Callable[["Run"], bool]

_DEPTH = 100
_SECONDS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|sec|min|m|h|d|w)", re.ASCII)
_TIMES = ("age", "took")
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<operator>==|!=|<=|>=|=|<|>|~)
    | (?P<bracket>[()])
    | `(?P<name>[^`]*)`
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | '(?P<single>(?:[^'\\]|\\.)*)'
    | (?P<word>[^\s()=!<>~`"']+)
    )""",
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(condition: str) -> Condition:
    """What says of a run whether it meets ``condition``.

    Raises:
        WhereError: it cannot be understood; the message points at the place.
    """
    return _Parser(condition).whole()


def as_number(text: str) -> float | None:
    """The number that ``text`` says, as Python and JSON write it, if it says one."""
    try:
        return float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


class _Parser:
    def __init__(self, condition: str) -> None:
        self._text = condition
        self._tokens = list(self._split())
        self._next = 0
        self._depth = 0

    def _split(self) -> list[_Token]:
        tokens, at = [], 0
        end = len(self._text.rstrip())
        while at < end:
            found = _TOKEN.match(self._text, at)
            if found is None:
                at += len(self._text[at:]) - len(self._text[at:].lstrip())
                what = self._text[at]
                said = f"this {what} has no second one" if what in "`\"'" else f"{what!r} means nothing here"
                raise WhereError(said, self._text, at)
            kind = str(found.lastgroup)
            tokens.append(_Token(kind, found[kind], found.end() - len(found[0].lstrip())))
            at = found.end()
        return [*tokens, _Token("end", "", end)]

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _is(self, word: str) -> bool:
        """Whether the next token is ``word``; then it is taken."""
        token = self._token
        same = token.text == word if token.kind == "bracket" else token.text.lower() == word
        if token.kind in ("bracket", "word") and same:
            self._next += 1
            return True
        return False

    def whole(self) -> Condition:
        found = self._condition()
        if self._token.kind != "end":
            self._wrong("'and' or 'or' is wanted here")
        return found

    def _condition(self) -> Condition:
        each = [self._conjunction()]
        while self._is("or"):
            each.append(self._conjunction())
        return each[0] if len(each) == 1 else lambda run: any(part(run) for part in each)

    def _conjunction(self) -> Condition:
        each = [self._negation()]
        while self._is("and"):
            each.append(self._negation())
        return each[0] if len(each) == 1 else lambda run: all(part(run) for part in each)

    def _negation(self) -> Condition:
        self._depth += 1
        if self._depth > _DEPTH:
            self._wrong(f"it is nested more than {_DEPTH} deep")
        try:
            if self._is("not"):
                negated = self._negation()
                return lambda run: not negated(run)
            opened = self._token
            if self._is("("):
                inner = self._condition()
                if not self._is(")"):
                    self._wrong("a ) is wanted here", opened if self._token.kind == "end" else None)
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Condition:
        name = self._take(("word", "name"), "the name of a param, a metric or a tag is wanted here")
        if name.kind == "word" and name.text.lower() in ("and", "or"):
            self._wrong(f"a name is wanted before {name.text!r}", name)
        if self._token.kind != "operator":
            return lambda run: _has(value_of(run, name.text))
        operator = self._take(("operator",), "").text
        value = self._take(("word", "double", "single", "name"), f"a value is wanted behind {operator}")
        wanted = _value(value, is_time := name.text in _TIMES)
        if is_time and (isinstance(wanted, bool) or as_number(str(wanted)) is None):
            self._wrong("a time is wanted here, as 30min, 2h or 7d", value)
        compare = _COMPARED[operator]
        return lambda run: (found := value_of(run, name.text)) is not None and compare(found, wanted)

    def _take(self, kinds: tuple[str, ...], wanted: str) -> _Token:
        token = self._token
        if token.kind not in kinds:
            self._wrong(wanted)
        self._next += 1
        return token

    def _wrong(self, problem: str, token: _Token | None = None) -> NoReturn:
        raise WhereError(problem, self._text, (token or self._token).at)


def _value(token: _Token, is_time: bool) -> Value:
    """What stands behind an operator; only a bare word may be a number or a duration."""
    if token.kind in ("double", "single"):
        return re.sub(r"\\(.)", r"\1", token.text, flags=re.DOTALL)
    if token.kind == "word" and token.text.lower() in ("true", "false"):
        return token.text.lower() == "true"
    if token.kind == "word" and (number := as_number(token.text)) is not None:
        return number
    if is_time and (duration := _DURATION.fullmatch(token.text)):
        return float(duration[1]) * _SECONDS[duration[2]]
    return token.text


def _has(value: Value) -> bool:
    return value is not None and value is not False


def _numbers(found: Value, wanted: Value) -> tuple[float, float] | None:
    """Both as numbers, if both are; a text that says one is one, True and False are none."""
    pair = [
        value if isinstance(value, int | float) and not isinstance(value, bool) else as_number(str(value))
        for value in (found, wanted)
    ]
    return None if None in pair else (pair[0] or 0.0, pair[1] or 0.0)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _equal(found: Value, wanted: Value) -> bool:
    numbers = _numbers(found, wanted)
    if numbers and not isinstance(wanted, str):
        return numbers[0] == numbers[1] or (numbers[0] != numbers[0] and numbers[1] != numbers[1])  # NaN is NaN here
    return _text(found) == _text(wanted)


def _ordered(compare: Callable[[float | str, float | str], bool]) -> Callable[[Value, Value], bool]:
    """Of numbers as numbers, of two texts by their letters; a number and a text have no order."""

    def compared(found: Value, wanted: Value) -> bool:
        if numbers := _numbers(found, wanted):
            return compare(*numbers)
        return isinstance(found, str) and isinstance(wanted, str) and compare(found, wanted)

    return compared


_COMPARED: dict[str, Callable[[Value, Value], bool]] = {
    "=": _equal,
    "==": _equal,
    "!=": lambda found, wanted: not _equal(found, wanted),
    "<": _ordered(lambda found, wanted: found < wanted),  # type: ignore[operator]  # both numbers, or both texts
    "<=": _ordered(lambda found, wanted: found <= wanted),  # type: ignore[operator]
    ">": _ordered(lambda found, wanted: found > wanted),  # type: ignore[operator]
    ">=": _ordered(lambda found, wanted: found >= wanted),  # type: ignore[operator]
    "~": lambda found, wanted: _text(wanted).lower() in _text(found).lower(),
}
