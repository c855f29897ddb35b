"""How many examples the fuzzing tests try: few as a rule, and as many as ``TRACKLIB_FUZZ`` says.

``python -m pytest --long`` says 20,000, unless the variable is set.
"""

from __future__ import annotations

import os


def examples(few: int, cost: int = 1) -> int:
    """The number of examples of a test, one of which takes ``cost`` times as long as one of the quickest."""
    return max(few, int(os.environ.get("TRACKLIB_FUZZ", "0")) // cost)
