"""How long the tests wait for what must come: one factor, ``TRACKLIB_PATIENCE``, scales it all.

A wait ends when what it waits for has come, so that patience costs nothing where all is well. On a machine
that has much else to do, ``TRACKLIB_PATIENCE=5`` makes the tests slower where 1 would make them red.
"""

from __future__ import annotations

import os

FACTOR = float(os.environ.get("TRACKLIB_PATIENCE", "1"))
PATIENT = 60.0 * FACTOR  # seconds after which a wait in a test has failed; no test comes near
