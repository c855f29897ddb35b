"""A line: a JSON object whose first member is the CRC-32 of all bytes behind that member, and LF.

``{"crc":"1a2b3c4d","type":"log",...}``. So are the journal's lines, and each file of ``state/`` is one.
"""

from __future__ import annotations

from zlib import crc32  # once a record: each look-up that is saved can be measured

START = b'{"crc":"'  # a quote in a text has a backslash before it, so no text holds this
HEAD = START + b'%08x",'
RECORD_HEAD = HEAD + b'"type":"'
_HEAD_SIZE = len(HEAD % 0)


def line_of(body: bytes) -> bytes:
    """The line that holds the JSON object ``body``, which has a member."""
    rest = body[1:]
    return b'{"crc":"%08x",%b\n' % (crc32(rest), rest)


def body_of(line: bytes, head: bytes = HEAD) -> bytes:
    """The object in a line, which comes without its LF; empty where the line does not begin with ``head``, or not
    with the right checksum."""
    rest = line[_HEAD_SIZE:]
    return b"{" + rest if line.startswith(head % crc32(rest)) else b""
