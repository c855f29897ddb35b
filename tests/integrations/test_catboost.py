"""CatBoost: real, tiny trainings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitted import MARKS, FrameworkTests, ends, need, own, params, points

need("catboost")
pytestmark = MARKS


def data() -> Any:
    import numpy as np

    x = np.arange(40.0).reshape(20, 2)
    return x, x[:, 0] > 10


class Fails:
    def __init__(self, fail: Callable[[], Any] | None) -> None:
        self.fail = fail

    def after_iteration(self, info: Any) -> bool:
        if self.fail and info.iteration == 2:
            self.fail()
        return True


def trained(callbacks: list[Any], **options: Any) -> Any:
    import catboost

    x, y = data()
    model = catboost.CatBoostClassifier(
        iterations=4, depth=2, thread_count=1, verbose=False, allow_writing_files=False, **options
    )
    return model.fit(x, y, eval_set=[(x, y)], callbacks=callbacks)


class TestCatBoost(FrameworkTests):
    metric, values = "learn/Logloss", [0.0, 1.0, 2.0, 3.0]
    hears_errors = True  # the block does
    keeps_errors = False  # an error in a callback becomes CatBoost's own
    statuses = {"borrowed, Ctrl-C": "failed"}  # likewise

    def prepare(self) -> None:
        import catboost  # noqa: F401

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.catboost import TracklibCallback

        return TracklibCallback(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        with adapter:
            trained([adapter, Fails(fail)])


def test_each_round_is_one_record_of_all_data_sets(tmp_path: Path) -> None:
    case = TestCatBoost()
    case.fit(case.adapter(**own(tmp_path)))
    assert points(tmp_path) == [("round", number, ["learn/Logloss", "validation/Logloss"]) for number in range(4)]
    assert params(tmp_path) == []


def test_without_a_block_it_logs_each_fit_from_its_beginning(tmp_path: Path) -> None:
    ours = TestCatBoost().adapter(**own(tmp_path))
    for _ in range(2):
        trained([ours])
    ours.__exit__(None, None, None)
    assert [number for _, number, _ in points(tmp_path)] == [0, 1, 2, 3] * 2
    assert ends(tmp_path) == [("finished", "")]


def test_a_search_logs_into_the_run_around_it(tmp_path: Path) -> None:
    import catboost

    from tracklib import tracking

    x, y = data()
    with tracking(output_run=tmp_path, environment=False):
        ours = TestCatBoost().adapter()
        model = catboost.CatBoostClassifier(iterations=2, verbose=False, allow_writing_files=False)
        for depth in (1, 2):
            model.copy().set_params(depth=depth).fit(x, y, callbacks=[ours])
    assert [number for _, number, _ in points(tmp_path)] == [0, 1, 0, 1]
