"""A summary or curves that were made from a journal, kept in a small file of ``state/`` with the place in the journal
up to which they hold.

The journal stays the only truth: the file is believed only where its checksum is right and the journal still holds
the same bytes at its beginning and right before the place. Then the rest is read on from there; else all of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from typing import Any, Generic, TypeVar

import msgspec

from .._common.files import make_folder
from .._common.open_file import content_of, put_in_place

T = TypeVar("T")

_VERSION = 1  # rises when an older version would misread the file: it is then as if it were not there
_LOOKED_AT = 256


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in a journal: the start of a line at ``offset``, before which ``ordinal`` valid lines and ``damaged``
    ones lie. ``head`` and ``tail`` are checksums of the first bytes of the journal, and of those right before it."""

    offset: int = 0
    ordinal: int = 0
    damaged: int = 0
    head: int = 0
    tail: int = 0


def place_in(fd: int, offset: int, ordinal: int, damaged: int) -> Place:
    """The place at ``offset`` of the journal that is open as ``fd``."""
    return Place(offset, ordinal, damaged, *_checksums(fd, offset))


def is_in(place: Place, fd: int) -> bool:
    """Whether the journal that is open as ``fd`` is the one that ``place`` is in, as far as its bytes tell."""
    return place.offset == 0 or (place.head, place.tail) == _checksums(fd, place.offset)


def _checksums(fd: int, offset: int) -> tuple[int, int]:
    looked_at = min(_LOOKED_AT, offset)
    return zlib.crc32(os.pread(fd, looked_at, 0)), zlib.crc32(os.pread(fd, looked_at, offset - looked_at))


class Kept(msgspec.Struct, Generic[T], array_like=True):
    """A ``value`` that was folded out of the journal up to ``place``."""

    place: Place
    value: T


def store(path: str, kept: Kept[Any]) -> int:
    """Write the file so that a reader finds the old one or the new one, and only its owner can read it; its size.

    Raises:
        OSError: the disk refuses.
    """
    body = msgspec.msgpack.encode(kept)
    make_folder(os.path.dirname(path))
    put_in_place(f"{path}.tmp", path, _title(path, body) + body)
    return len(body)


def fetch(path: str, decoder: msgspec.msgpack.Decoder[Kept[T]], journal: int) -> Kept[T] | None:
    """What was stored at ``path``; None where it is not there, is damaged, or is not of the journal that is open."""
    with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
        content = content_of(path)
        end = content.find(b"\n") + 1
        body = memoryview(content)[end:]
        if content.startswith(_title(path, body)):
            kept = decoder.decode(body)
            return kept if is_in(kept.place, journal) else None
    return None


def _title(path: str, body: bytes | memoryview) -> bytes:
    """The file's first line. Arrays are stored as this machine has them in its memory, so it says how."""
    return f"tracklib {os.path.basename(path)} {_VERSION} {sys.byteorder} {zlib.crc32(body):08x}\n".encode()
