"""A journal's lines, made and taken apart without the library: as docs/reference/journal.rst describes them."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any


def checked(body: bytes) -> bytes:
    """The JSON object ``body`` with its checksum as the first member."""
    return b'{"crc":"%08x",' % zlib.crc32(body[1:]) + body[1:]


def line_of(body: bytes) -> bytes:
    """The line that holds the JSON object ``body``."""
    return checked(body) + b"\n"


def body_of(line: bytes) -> bytes:
    """The JSON object in a line, which is a valid one."""
    assert line.rstrip(b"\n") == checked(b"{" + line.rstrip(b"\n")[18:]), line
    return b"{" + line.rstrip(b"\n")[18:]


def records_in(directory: Path) -> list[dict[str, Any]]:
    """The records of a run whose journal's lines are all valid, each at its ordinal."""
    lines = (directory / "journal.jsonl").read_bytes().split(b"\n")[:-1]
    return [json.loads(body_of(line)) for line in lines]
