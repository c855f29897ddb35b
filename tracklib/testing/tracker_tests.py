"""TrackerTests: what every tracker must do, for its author to run."""

from __future__ import annotations

from .fault_tests import FaultTests
from .keeping_tests import KeepingTests


class TrackerTests(KeepingTests, FaultTests):
    """The checks that prove a tracker. Subclass it in a test module, and say what the tracker claims::

        from tracklib.testing import TrackerTests

        class TestShelf(TrackerTests):
            kind = Shelf
            keeps = {"params", "status"}
            stores_once = True

            def read_metrics(self, directory):
                return [("epoch", row.epoch, row.name, row.value) for row in shelf.open(directory)]

    The checks read the backend by your ``read_*`` methods, past the tracker. What is not claimed is skipped, and pytest
    reports it as such. Where the tracker needs options, override the fixture ``config``.

    Attributes:
        kind: the tracker's class; another process must be able to import it.
        keeps: what the tracker claims to keep, a set of ``"params"``, ``"tags"``, ``"artifacts"``, ``"status"``,
            ``"nan"`` (and the infinities), ``"axes"`` (steps of other axes), ``"steps"`` (negative and large ones, and
            such as repeat or go back).
        stores_once: whether a record that is sent twice is there once.
        tells: for each status that the backend cannot tell, the one that it tells instead.
    """
