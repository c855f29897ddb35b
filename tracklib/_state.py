"""How far a tracker is, kept beside the journal in ``state/<tracker>.json``."""

from __future__ import annotations

import os
import zlib
from typing import TypeVar

import msgspec

from ._folder import make_folder
from ._records import Begin, End

T = TypeVar("T")


class Saved(msgspec.Struct):
    """What ``state/<tracker>.json`` holds: how far the tracker is, and what it must remember.

    ``end`` is the latest end that was read, and ``ended`` the attempt that the tracker was told to finish.
    """

    offset: int = 0
    ordinal: int = 0
    end: End | None = None
    ended: int = 0
    delivered: int = 0
    rejected: int = 0
    tracker: dict[str, str] = {}


def load(path: str, journal: str) -> Saved:
    """What the file holds; a fresh start where it is damaged, or no line of the journal begins at its offset."""
    saved = _read(path, Saved)
    if saved is None or saved.offset == 0:
        return saved or Saved()
    try:
        with open(journal, "rb") as lines:
            lines.seek(saved.offset - 1)
            return saved if lines.read(1) == b"\n" else Saved()
    except (OSError, ValueError):
        return Saved()


def store(path: str, saved: Saved) -> None:
    """Write the file so that a reader finds the old one or the new one, and only its owner can read it.

    Raises:
        OSError: the disk refuses.
    """
    _write(path, saved)


def load_begin(directory: str) -> Begin | None:
    """How the run in ``directory`` began, should the journal's own line be damaged."""
    return _read(os.path.join(directory, "state", _BEGIN), Begin)


def store_begin(directory: str, begin: Begin) -> None:
    """Keep a second copy of how the run began: without it, nobody knows whose a journal's records are.

    Raises:
        OSError: the disk refuses.
    """
    _write(os.path.join(directory, "state", _BEGIN), begin)


_BEGIN = "begin.json"


def _read(path: str, kind: type[T]) -> T | None:
    try:
        with open(path, "rb") as file:
            content = file.read()
        body = b"{" + content[len(_checksum(b"")) :]
        return msgspec.json.decode(body, type=kind) if content.startswith(_checksum(body)) else None
    except (OSError, ValueError):
        return None


def _write(path: str, value: msgspec.Struct) -> None:
    make_folder(os.path.dirname(path))
    body = msgspec.json.encode(value)
    content = _checksum(body) + body[1:]
    temporary = f"{path}.tmp"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def _checksum(body: bytes) -> bytes:
    """How a file with this JSON begins: its first member is the CRC of the rest."""
    return b'{"crc":"%08x",' % zlib.crc32(body)
