"""Reads back which rows an offline W&B run holds. Imports wandb, so import it inside ``init`` only.

wandb's core process writes the ``.wandb`` file by blocks and about once a second, so what was handed over
is in the file later, or never if the process is killed: the file itself is the cursor. It is LevelDB's
log format behind a header of 7 bytes: blocks of 32 KiB with chunks of CRC, length, kind and payload,
where kind 1 is a whole record and 2, 3, 4 are a record's beginning, middle and end (seen in the files of
wandb 0.31, which ships no reader in Python; the records are wandb's own protobuf).
"""

from __future__ import annotations

import importlib
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

_protobuf: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")  # it makes its classes as it is imported

_MAGIC = b":W&B"
_HEADER = 7
_BLOCK = 32768
_TAIL = 8 * _BLOCK
_CHUNK = struct.Struct("<IHB")
_WHOLE, _BEGINNING, _END = 1, 2, 4


class Held(NamedTuple):
    """What a file holds: rows of all steps below ``next_step``, and whether the run's exit."""

    next_step: int
    has_exit: bool


def held_by(path: str) -> Held:
    """What the file at ``path`` holds. Rows come in order, so that its end tells; a torn end is passed over.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - _TAIL) // _BLOCK * _BLOCK
        file.seek(start)
        held = _held(_records(file.read(), start))
        if held.next_step == 0 and start:
            file.seek(0)
            held = _held(_records(file.read(), 0))
        return held


def _held(records: Iterator[Any]) -> Held:
    next_step, has_exit = 0, False
    for record in records:
        kind = record.WhichOneof("record_type")
        has_exit = has_exit or kind == "exit"
        if kind == "history":
            next_step = max([next_step, *(step + 1 for step in _steps(record))])
    return Held(next_step, has_exit)


def _steps(record: Any) -> Iterator[int]:
    for item in record.history.item:
        if item.key == "_step" or list(item.nested_key) == ["_step"]:
            yield json.loads(item.value_json)


def _records(content: bytes, offset: int) -> Iterator[Any]:
    """The whole records of a file's part that begins with the block at ``offset``."""
    at, body = 0, b""
    if offset == 0:
        if content[: len(_MAGIC)] != _MAGIC:
            return
        at = _HEADER
    begun = False
    while len(content) - at >= _CHUNK.size:
        room = _BLOCK - at % _BLOCK
        if room < _CHUNK.size:  # the rest of a block is too small for a chunk
            at += room
            continue
        crc, length, kind = _CHUNK.unpack_from(content, at)
        payload = content[at + _CHUNK.size : at + _CHUNK.size + length]
        if len(payload) < length or crc != zlib.crc32(payload, zlib.crc32(bytes([kind]))):
            return  # cut off
        at += _CHUNK.size + length
        begun = begun or kind in (_WHOLE, _BEGINNING)
        body = payload if kind in (_WHOLE, _BEGINNING) else body + payload
        if begun and kind in (_WHOLE, _END):
            yield _protobuf.Record.FromString(body)
