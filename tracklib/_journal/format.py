"""The version of what is kept about a run, and the refusal of one that is not known.

It rises when a reader of the old format would misread the new one; new fields with defaults do not count.
"""

from __future__ import annotations

import msgspec

FORMAT = 1


class UnknownFormat(ValueError):
    """What was read is in the format ``number``, which may mean something else than this version would read."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def said_of(self, path: str) -> str:
        """The sentence for the user who wants to go on with ``path``."""
        if self.number > FORMAT:
            return (
                f"{path} was written by a newer tracklib (format {self.number}); "
                f"this one reads up to {FORMAT}: upgrade with pip install -U tracklib-ml"
            )
        return f"{path} says that it is in format {self.number}, which no tracklib wrote; this one reads {FORMAT}"


class _Format(msgspec.Struct):
    format: int


_format_decoder = msgspec.json.Decoder(_Format)


def check_format(body: bytes) -> None:
    """Look at the member ``format`` before the others, which may be quite different in another format.

    Raises:
        UnknownFormat: this version does not know it.
        msgspec.MsgspecError: there is none.
        UnicodeDecodeError: it is no UTF-8.
    """
    number = _format_decoder.decode(body).format
    if number != FORMAT:
        raise UnknownFormat(number)
