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

    ``uid`` is the run's; ``end`` is the latest end that was read, and ``ended`` the attempt that the tracker was
    told to finish.
    """

    uid: str = ""
    offset: int = 0
    ordinal: int = 0
    end: End | None = None
    ended: int = 0
    delivered: int = 0
    rejected: int = 0
    tracker: dict[str, str] = {}


def load(path: str, journal: str, uid: str) -> Saved:
    """What the file holds; a fresh start where it is damaged or another run's, or its offset is no line's."""
    saved = _read(path, Saved)
    return saved if saved and saved.uid == uid and _begins_line(journal, saved.offset) else Saved(uid)


def _begins_line(journal: str, offset: int) -> bool:
    if offset == 0:
        return True
    try:
        with open(journal, "rb") as lines:
            lines.seek(offset - 1)
            return lines.read(1) == b"\n"
    except (OSError, ValueError):
        return False


def store(path: str, saved: Saved) -> None:
    """Write the file so that a reader finds the old one or the new one, and only its owner can read it.

    A file that says the same already is left as it is.

    Raises:
        OSError: the disk refuses, or the directory was deleted and is another run's by now.
    """
    directory = os.path.dirname(os.path.dirname(path))
    if is_others(directory, saved.uid):
        raise FileExistsError(f"{directory} is another run's")
    _write(path, saved)


def is_others(directory: str, uid: str) -> bool:
    """Whether another run than ``uid`` has begun in ``directory``, as may be once somebody deleted it."""
    begin = load_begin(directory)
    return begin is not None and begin.uid != uid


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
    content = _content(path)
    body = b"{" + content[len(_checksum(b"")) :]
    try:
        return msgspec.json.decode(body, type=kind) if content.startswith(_checksum(body)) else None
    except ValueError:
        return None


def _content(path: str) -> bytes:
    """The file's bytes; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _write(path: str, value: msgspec.Struct) -> None:
    body = msgspec.json.encode(value)
    content = _checksum(body) + body[1:]
    if _content(path) == content:
        return
    make_folder(os.path.dirname(path))
    temporary = f"{path}.tmp"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def _checksum(body: bytes) -> bytes:
    """How a file with this JSON begins: its first member is the CRC of the rest."""
    return b'{"crc":"%08x",' % zlib.crc32(body)
