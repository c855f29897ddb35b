"""How much one call may log, so that no call takes seconds. Each limit may be set to another number::

    from tracklib import limits

    limits.TEXT = 1_000_000

What is beyond a limit is cut or left out, with a warning that names the limit. ``docs/reference/values.rst`` says
which of the two.
"""

from __future__ import annotations

KEYS = 50_000
"""The most names and items in one call, nested ones included."""

NAME = 16_384
"""The most characters of one name."""

TEXT = 250_000
"""The most characters of one text among the params or tags."""

CONSOLE = 4 * 2**20
"""The most bytes of ``console.txt``, where ``console=True`` keeps what a run prints: beyond, the middle is left out."""

CALL = 1_000_000
"""The most characters of all names and longer texts in one call together."""
