"""How many examples the fuzzing tests try: few as a rule, and as many as ``TRACKLIB_FUZZ`` says.

``TRACKLIB_FUZZ=20000 python -m pytest tests/test_fuzz.py`` takes some minutes.
"""

from __future__ import annotations

import os


def examples(few: int, cost: int = 1) -> int:
    """The number of examples of a test, one of which takes ``cost`` times as long as one of the quickest."""
    return max(few, int(os.environ.get("TRACKLIB_FUZZ", "0")) // cost)
