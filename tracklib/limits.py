"""How much one call may say, so that no call takes seconds. Each may be set to another number::

    from tracklib import limits

    limits.TEXT = 1_000_000

What is beyond a limit is cut or passed over with a warning that names the limit, never in silence.
``docs/reference/values.rst`` says what becomes of it.
"""

from __future__ import annotations

KEYS = 50_000
"""Names and items, nested ones included, in one call."""

NAME = 16_384
"""Characters of one name."""

TEXT = 250_000
"""Characters of one text among the params or tags."""

CONSOLE = 4 * 2**20
"""Bytes of what a run prints, where that is kept: beyond, the middle is left out."""

CALL = 1_000_000
"""Characters of all names and longer texts in one call."""
