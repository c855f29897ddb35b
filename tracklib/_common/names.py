"""Names as each backend can take them. The journal keeps them raw."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, MutableMapping

import msgspec

from .warn import warn

_MACHINE = "system"  # the axis of what is sampled, and how the names begin
_LONG = 200  # characters; a longer name stands in the kept table by its hash


class Names:
    """Translates names by a rule, each once; names that would fall together are kept apart.

    Which of two names has the suffix depends on which came first, so a tracker keeps the table in its
    state: a run that is resumed goes on with the same names.

    Args:
        backend: whose names they are, for the warning.
        rule: a raw name to one that the backend takes.
        table: what the table is called in the tracker's state.
        taken: the backend's names that no raw name gets, each with what has it.
    """

    def __init__(
        self,
        backend: str,
        rule: Callable[[str], str],
        table: str = "names",
        taken: Mapping[str, str] | None = None,
    ) -> None:
        self._backend = backend
        self._rule = rule
        self._table_name = table
        self._names: dict[str, str] = {}
        self._axes: dict[str, str] = {}
        self._grouped: dict[tuple[str, str], str] = {}
        self._table: dict[str, str] = {}  # what is translated, in short; to nothing where the name stays itself
        self._owners = dict(taken or {})  # who has a name, in short both
        self._is_kept = True

    def __getitem__(self, metric: str) -> str:
        """The backend's name of a metric."""
        return self._names.get(metric) or self._translate(self._names, "name", metric)

    def of(self, axis: str, metric: str) -> str:
        """The backend's name of a metric that was logged on ``axis``. What the machine did has a name of its own, which
        a metric that the user called so does not share: on two axes they would be one muddled curve."""
        if axis == _MACHINE and metric.startswith(f"{_MACHINE}/"):
            return self.within(_MACHINE, metric.removeprefix(f"{_MACHINE}/"))
        return self[metric]

    def axis(self, axis: str) -> str:
        """The backend's name of an axis, which only a metric that was logged on another one may share."""
        if axis in self._names and axis not in self._axes:
            name = self._axes[axis] = self._names[axis]
            self._table[f"axis {_short(axis)}"] = "" if name == axis else name
            self._is_kept = False
        return self._axes.get(axis) or self._translate(self._axes, "axis", axis)

    def beside(self, axis: str, metric: str) -> str:
        """The backend's name of a metric that was logged on ``axis``. One that is called as another axis says where
        the record is on that one, too, and has its name."""
        if metric != axis:
            return self._axes.get(metric) or self.of(axis, metric)
        shared = metric in self._names and self._names[metric] == self.axis(axis)
        return self.within("metrics", metric) if shared else self[metric]

    def within(self, group: str, name: str) -> str:
        """The backend's name of ``group/name``, which a metric that is called so itself may not share."""
        found = self._grouped.get((group, name))
        if found is None:
            found = self._grouped[group, name] = self._translate({}, f"in-{len(group)}", f"{group}/{name}")
        return found

    def restore(self, state: Mapping[str, str]) -> None:
        """Take up the table that an earlier process kept in the tracker's state."""
        try:
            table = msgspec.json.decode(state.get(self._table_name, "{}"), type=dict[str, str])
        except msgspec.MsgspecError:  # somebody else's
            return
        for key, name in table.items():
            raw = key.partition(" ")[2]
            self._table.setdefault(key, name)
            self._owners.setdefault(_short(name) if name else raw, raw)

    def keep(self, state: MutableMapping[str, str]) -> None:
        """Put the table into the tracker's state, if it is another than before."""
        if not self._is_kept:
            state[self._table_name] = msgspec.json.encode(self._table).decode()
            self._is_kept = True

    def _translate(self, names: dict[str, str], kind: str, raw: str) -> str:
        key = f"{kind} {_short(raw)}"
        known = self._table.get(key)
        if known is None:
            name = self._new_name(raw, f"{kind} {raw}" if kind == "axis" else raw)
            self._table[key] = "" if name == raw else name
            self._is_kept = False
        else:
            name = known or raw
        names[raw] = name
        return name

    def _new_name(self, raw: str, salted: str) -> str:
        name = taken = self._rule(raw)
        is_metric = salted == raw
        while _short(name) in self._owners:
            name = with_hash(taken, salted)
            salted += "\0"
        if name != taken:
            owner = self._owners[_short(taken)]
            if is_metric and raw in self._axes and owner == _short(raw):
                warn(
                    f"{self._backend} has the axis {_shown(raw)}, so the metric of that name is called {_shown(name)} "
                    f"there; to say of which {raw} a record is, write t.log({raw}, {{...}})"
                )
            elif owner == _short(raw):
                warn(
                    f"{self._backend} has {_shown(taken)} already, as one of two of that name is tracklib's (best/..., "
                    f"system/..., an axis): the second is called {_shown(name)} there"
                )
            else:
                why = f"has {_shown(taken)} for {_shown(owner)} already: {_shown(raw)} is called {_shown(name)} there"
                warn(f"{self._backend} {why}")
        self._owners[_short(name)] = _short(raw)
        return name


def _short(name: str) -> str:
    """``name``, or what stands for it in a table that shall not grow without bound, and is written as UTF-8."""
    if len(name) <= _LONG and name.isprintable():  # a lone surrogate is not
        return name
    return with_hash(spelt(name), name, 60, digits=32)


def spelt(name: str) -> str:
    """``name`` with each character that UTF-8 has no bytes for spelled out."""
    return name.encode("utf-8", "backslashreplace").decode()


def _shown(name: str) -> str:
    return repr(name if len(name) <= 100 else name[:100] + "...")


def with_hash(name: str, raw: str, limit: int = 250, digits: int = 6) -> str:
    """``name`` with six digits of ``raw``'s hash, within ``limit`` characters."""
    digest = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    return f"{name[: limit - digits - 1]}-{digest}"


def printable(name: str) -> str:
    """``name`` without characters that steer a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def in_one_line(raw: str, limit: int) -> str:
    """``raw``, a run's or a group's name, in one line of at most ``limit`` characters."""
    name = without_controls(raw)
    return name if len(name) <= limit else with_hash(name, raw, limit)


def without_controls(raw: str) -> str:
    """``raw`` with ``_`` for each character that steers a terminal, or that UTF-8 has no bytes for."""
    return _CONTROL.sub("_", raw)


def clean_path(raw: str) -> str:
    """``raw`` as a relative path of word characters, spaces, ``.``, ``-`` and ``:``, that leads nowhere else."""
    name = _NOT_IN_PATH.sub("_", raw)
    name = "/".join(part for part in name.split("/") if part.strip(".")) or "unnamed"
    return "_" + name[1:] if name.startswith("..") else name  # a folder's parent, some hold


def file_name(raw: str) -> str:
    """A relative path for what belongs to ``raw``, that leads nowhere else, and that every file system takes."""
    name = clean_path(raw)
    return name if len(name.encode()) <= _FILE_BYTES else with_hash(_NOT_ASCII.sub("_", name), raw, 100)


_FILE_BYTES = 200
_NOT_IN_PATH = re.compile(r"[^/\w.\- :]")
_NOT_ASCII = re.compile(r"[^\x20-\x7e]|/")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def column_name(raw: str) -> str:
    """A column's name, not empty, that no spreadsheet runs as a formula: such a beginning gets a leading ``'``."""
    name = spelt(raw)
    return "'" + name if name.startswith(_FORMULA) else name or "unnamed"


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the wide ones too
