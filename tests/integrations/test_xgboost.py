"""XGBoost: real, tiny trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fitted import MARKS, FrameworkTests, ends, need, own, params, points

from tracklib import tracking

need("xgboost", "sklearn")
pytestmark = MARKS

PARAMS = {"objective": "binary:logistic", "nthread": 1, "max_depth": 2}


def numbers() -> Any:
    import numpy as np

    x = np.arange(40.0).reshape(20, 2)
    return x, x[:, 0] > 10


def data() -> Any:
    import xgboost

    x, y = numbers()
    return xgboost.DMatrix(x, label=y, nthread=1)


def calls(function: Callable[[int], Any]) -> Any:
    """A callback of XGBoost's."""
    import xgboost

    class Calls(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return bool(function(epoch))

    return Calls()


def trained(ours: Any, fail: Callable[[], Any] | None = None, *, before: Sequence[Any] = (), **options: Any) -> Any:
    import xgboost

    matrix = data()
    callbacks = [*before, ours, calls(lambda epoch: fail() if fail and epoch == 2 else False)]
    return xgboost.train(
        PARAMS, matrix, 4, evals=[(matrix, "test")], verbose_eval=False, callbacks=callbacks, **options
    )


class TestXGBoost(FrameworkTests):
    metric, values = "test/logloss", [0.0, 1.0, 2.0, 3.0]

    def prepare(self) -> None:
        import xgboost  # noqa: F401

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.xgboost import TracklibCallback

        return TracklibCallback(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        trained(adapter, fail)


def test_each_round_is_one_record_and_the_boosters_settings_are_params(tmp_path: Path) -> None:
    trained(TestXGBoost().adapter(**own(tmp_path)))
    assert points(tmp_path) == [("round", number, ["test/logloss"]) for number in range(4)]
    assert "learner" in params(tmp_path)[0]


def test_rounds_go_on_where_a_model_is_trained_further(tmp_path: Path) -> None:
    ours = TestXGBoost().adapter(**own(tmp_path))
    trained(ours, xgb_model=trained(ours))
    assert [number for _, number, _ in points(tmp_path)] == [*range(8)]


def test_the_last_round_is_there_where_a_callback_before_ours_stops(tmp_path: Path) -> None:
    trained(TestXGBoost().adapter(**own(tmp_path)), before=[calls(lambda epoch: epoch == 2)])
    assert [number for _, number, _ in points(tmp_path)] == [0, 1, 2]


def test_a_cross_validation_has_means_and_deviations(tmp_path: Path) -> None:
    import xgboost

    xgboost.cv(PARAMS, data(), 3, nfold=2, callbacks=[TestXGBoost().adapter(**own(tmp_path))])
    names = ["test/logloss", "test/logloss-std", "train/logloss", "train/logloss-std"]
    assert points(tmp_path) == [("round", number, names) for number in range(3)]


def test_a_search_that_copies_the_callback_logs_into_the_run_around(tmp_path: Path) -> None:
    import xgboost
    from sklearn.model_selection import GridSearchCV

    with tracking(output_run=tmp_path, environment=False):
        model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1, callbacks=[TestXGBoost().adapter()])
        GridSearchCV(model, {"max_depth": [1, 2]}, cv=2).fit(*numbers())
    assert ends(tmp_path) == [("finished", "")]
