"""scikit-learn's own tests of callbacks, with ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn.callback", reason="from scikit-learn 1.9 on")
from sklearn.callback.tests import test_callback_support, test_pickle

from tracklib.integrations.sklearn import TracklibCallback


@pytest.mark.parametrize(
    "theirs",
    [
        test_pickle.test_estimator_with_callback_pickle_roundtrip_pre_fit,
        test_pickle.test_estimator_with_callback_pickle_roundtrip_post_fit,
    ],
)
def test_an_estimator_with_ours_can_be_pickled(theirs: Any, tmp_path: Path) -> None:
    theirs(lambda: TracklibCallback(output_run=tmp_path / "run", environment=False))


def test_ours_is_a_callback() -> None:
    test_callback_support.test_set_callbacks([TracklibCallback()])


def test_our_class_is_none() -> None:
    test_callback_support.test_set_callbacks_error(TracklibCallback)
