"""Hydra's own tests of launchers, with our callback in each application."""

from __future__ import annotations

import pytest

pytest.importorskip("hydra")
from hydra.test_utils.launcher_common_tests import LauncherTestSuite

OURS = [
    "+hydra.callbacks.tracklib._target_=tracklib.integrations.hydra.TracklibCallback",
    "+hydra.callbacks.tracklib.environment=false",
]


@pytest.mark.parametrize(("launcher_name", "overrides"), [("basic", OURS)])
class TestWithOurs(LauncherTestSuite):  # type: ignore[misc]
    pass
