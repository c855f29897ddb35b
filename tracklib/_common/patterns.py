"""Patterns of names, as users write them."""

from __future__ import annotations

from fnmatch import fnmatchcase


def fits(name: str, pattern: str) -> bool:
    """Whether ``name`` is one that ``pattern`` means (``*``: any text, ``?``, ``[abc]``); or is called just so, as
    ``accuracy[0]`` is."""
    return name == pattern or fnmatchcase(name, pattern)
