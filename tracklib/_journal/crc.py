"""A JSON object that carries a checksum: its first member is the CRC-32 of all bytes behind that member.

``{"crc":"1a2b3c4d","type":"log",...}``: a line of the journal without its LF, and a file of ``state/``.
"""

from __future__ import annotations

import zlib

START = b'{"crc":"'  # a quote in a text has a backslash before it, so no text holds this
_HEAD = START + b'%08x",'
_HEAD_SIZE = len(_HEAD % 0)


def with_crc(body: bytes) -> bytes:
    """The JSON object ``body``, which has a member, with its checksum as the first one."""
    rest = body[1:]
    return b'{"crc":"%08x",%b' % (zlib.crc32(rest), rest)


def without_crc(checked: bytes) -> bytes:
    """What :func:`with_crc` was given; empty where the checksum is wrong or missing."""
    rest = checked[_HEAD_SIZE:]
    return b"{" + rest if checked.startswith(_HEAD % zlib.crc32(rest)) else b""
