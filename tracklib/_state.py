"""How far a tracker is, kept beside the journal in ``state/<tracker>.json``."""

from __future__ import annotations

import os

import msgspec


class Saved(msgspec.Struct):
    """What ``state/<tracker>.json`` holds: how far the tracker is, and what it must remember."""

    offset: int = 0
    ordinal: int = 0
    attempt: int = 1
    ended: int = 0
    delivered: int = 0
    rejected: int = 0
    tracker: dict[str, str] = {}


def load(path: str, journal: str) -> Saved:
    """What the file holds; a fresh start where it is damaged, or no line of the journal begins at its offset."""
    try:
        with open(path, "rb") as file:
            saved = msgspec.json.decode(file.read(), type=Saved)
        with open(journal, "rb") as lines:
            lines.seek(saved.offset - 1 if saved.offset else 0)
            return saved if saved.offset == 0 or lines.read(1) == b"\n" else Saved()
    except (OSError, ValueError):
        return Saved()


def store(path: str, saved: Saved) -> None:
    """Write the file so that a reader finds the old one or the new one, and only its owner can read it.

    Raises:
        OSError: the disk refuses.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.tmp"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(msgspec.json.encode(saved))
    os.replace(temporary, path)
