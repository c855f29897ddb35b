"""How wide a text is in a terminal."""

from __future__ import annotations


def width(text: str) -> int:
    """The columns that ``text`` takes in a terminal: two for a wide letter, none for one that is put on another."""
    if text.isascii():
        return len(text)
    import unicodedata  # a shared library, which most programs need not load

    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
