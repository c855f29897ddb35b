"""Read by each Python that the tests begin in the coverage session: see ``measured``, beside this folder."""

from __future__ import annotations

import os
import sys

if __name__ == "sitecustomize" and any(name.startswith("COVERAGE_PROCESS") for name in os.environ):
    sys.path.append(tests := os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import measured

    sys.path.remove(tests)
    measured.begin_to_measure()
    measured.have_processes_measured()
