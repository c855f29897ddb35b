"""The trackers that installed distributions offer, by their entry points: found without importing any of them.

An entry of the group ``tracklib.trackers`` is ``<type> = <module>:<Class>``, with an extra of its distribution where
the class needs one: ``<type> = <module>:<Class> [<extra>]``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .._common import variables

if TYPE_CHECKING:
    from importlib import metadata

GROUP = "tracklib.trackers"


class PlugIn(NamedTuple):
    """One entry. ``path`` is ``module:Class``; ``problem`` says why the entry itself cannot be read."""

    name: str
    path: str
    distribution: str
    version: str
    extras: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str = ""

    @property
    def source(self) -> str:
        """The distribution with its version, as messages name it."""
        return f"{self.distribution} {self.version}"

    @property
    def install(self) -> str:
        """What installs the distribution with what the entry needs, newest."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f'pip install -U "{self.distribution}{extras}"'


_Found = dict[str, list[PlugIn]]
_found: tuple[object, _Found] = (None, {})


def plug_ins() -> _Found:
    """Each name with the distributions that offer it: more than one is a conflict.

    They are looked for once, and again where ``sys.path`` or what is installed has changed.
    """
    global _found
    if not variables.wants_plug_ins():
        return {}
    key = tuple((folder, _changed(folder)) for folder in sys.path)
    if _found[0] != key:
        _found = key, _look()
    return _found[1]


def _changed(folder: str) -> int:
    """When a distribution was put into a folder of ``sys.path``, or taken out of it."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


def _look() -> _Found:
    from importlib import metadata  # only where a type is named that is none of ours

    found: _Found = {}
    seen = set()
    for distribution in metadata.distributions():
        text = _entries_of(distribution)
        if GROUP not in text:
            continue
        name = distribution.metadata["Name"]
        normal = re.sub(r"[-_.]+", "-", name).lower()
        if normal in seen:  # the copy that is first on sys.path is the one that is imported
            continue
        seen.add(normal)
        for plug_in in _read(distribution, name):
            others = found.setdefault(plug_in.name, [])
            if all(other.path != plug_in.path for other in others):
                others.append(plug_in)
    return found


def _entries_of(distribution: metadata.Distribution) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except (OSError, UnicodeDecodeError):
        return ""


def _read(distribution: metadata.Distribution, name: str) -> Iterator[PlugIn]:
    """The entries of one distribution: what is wrong in its file is no trouble of another's."""
    try:
        entries = [entry for entry in distribution.entry_points if entry.group == GROUP]
        for entry in entries:
            extras = tuple(entry.extras)
            path = f"{entry.module}:{entry.attr}"
            yield PlugIn(entry.name, path, name, distribution.version, extras, _missing(distribution, extras))
    except Exception as error:
        problem = f"its entry_points.txt cannot be read: {type(error).__name__}: {error}"
        yield PlugIn(f"({name})", "", name, distribution.version, problem=problem)


_REQUIREMENT = re.compile(r"\s*([\w.-]+).*;\s*extra\s*==\s*['\"]([\w.-]+)['\"]\s*$")


def _missing(distribution: metadata.Distribution, extras: tuple[str, ...]) -> tuple[str, ...]:
    """What the extras ask for and is not installed. A requirement with a further condition is left to the import."""
    wanted = {re.sub(r"[-_.]+", "-", extra).lower() for extra in extras}
    found = map(_REQUIREMENT.match, distribution.requires or () if extras else ())
    names = [each[1] for each in found if each and re.sub(r"[-_.]+", "-", each[2]).lower() in wanted]
    return tuple(name for name in names if not _is_installed(name))


def _is_installed(name: str) -> bool:
    from importlib import metadata

    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def offered_by(kind: type) -> PlugIn | None:
    """The entry that offers a class which is imported already, by whichever module the entry names it."""
    for several in plug_ins().values():
        for plug_in in several:
            module, _, name = plug_in.path.partition(":")
            found: object = sys.modules.get(module)
            for part in name.split("."):
                found = getattr(found, part, None)
            if found is kind:
                return plug_in
    return None
