"""What a run was made with: its program, code and machine, as the run said in tags of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TAGS = ("command", "python", "tracklib", "host", "os", "cpus", "gpus", "git.commit", "git.branch", "git.dirty")
"""The tags in which a run says it."""


@dataclass(frozen=True)
class Environment:
    """What a run said of it; empty where it did not.

    Attributes:
        git: the commit, in hex.
        branch: git's branch.
        is_dirty: whether files differed from the commit; their difference is the artifact ``git.patch``.
        command: the command line, secrets masked.
        python: Python's version; ``tracklib`` is tracklib's.
        host: the machine; ``os`` its system, ``cpus`` how many processors it has, ``gpus`` the names of its GPUs.
    """

    git: str = ""
    branch: str = ""
    is_dirty: bool = False
    command: str = ""
    python: str = ""
    tracklib: str = ""
    host: str = ""
    os: str = ""
    cpus: str = ""
    gpus: str = ""

    @property
    def revision(self) -> str:
        """The commit in short, with ``+`` where files differed from it: ``83f61e0+``."""
        return self.git[:7] + "+" * self.is_dirty


def environment(tags: Mapping[str, str], host: str) -> Environment:
    """What the ``tags`` say of it; a run that was told not to look says at least on which ``host`` it was begun."""
    plain = {name: tags.get(name, "") for name in ("command", "python", "tracklib", "os", "cpus", "gpus")}
    return Environment(
        git=tags.get("git.commit", ""),
        branch=tags.get("git.branch", ""),
        is_dirty=tags.get("git.dirty") == "true",
        host=tags.get("host") or host,
        **plain,
    )
