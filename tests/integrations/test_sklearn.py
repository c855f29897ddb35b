"""scikit-learn: searches and callbacks, for real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import kept
import pytest
from fitted import need

from tracklib import tracking
from tracklib._journal.records import End, Log, Params
from tracklib.integrations.sklearn import TracklibCallback, log_search

need("sklearn")
pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore:lbfgs failed to converge")]


def data() -> Any:
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True)


@pytest.mark.parametrize("jobs", [None, 2])
@pytest.mark.parametrize("scoring", [None, ["accuracy", "f1_macro"]])
def test_each_candidate_of_a_search_is_a_child(tmp_path: Path, jobs: Any, scoring: Any) -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeClassifier

    search = GridSearchCV(
        DecisionTreeClassifier(), {"max_depth": [1, 3]}, cv=2, n_jobs=jobs, scoring=scoring,
        refit="accuracy" if scoring else True,
    ).fit(*data())  # fmt: skip
    with tracking(output_run=tmp_path) as t:
        log_search(t, search)
    for number, depth in enumerate((1, 3)):
        child = tmp_path / f"children/candidate-{number}"
        assert [params.params for params in kept.records(child, Params)] == [{"max_depth": depth}]
        (log,) = kept.records(child, Log)
        score = "accuracy" if scoring else "test"
        assert {f"{score}/mean", f"{score}/std", "fit_time/mean"} <= {
            name.replace("test_", "") if scoring else name for name in log.metrics
        }, log.metrics
    (best,) = kept.records(tmp_path, Params)
    assert best.params == {"best": {"max_depth": search.best_params_["max_depth"]}}


def test_a_search_that_was_asked_for_no_best_candidate_has_its_candidates_only(tmp_path: Path) -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeClassifier

    scoring = ["accuracy", "f1_macro"]
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1]}, cv=2, scoring=scoring, refit=False)
    with tracking(output_run=tmp_path) as t:
        log_search(t, search.fit(*data()))
    assert len(kept.records(tmp_path / "children/candidate-0", Log)) == 1
    assert kept.records(tmp_path, Params) == kept.records(tmp_path, Log) == []


def callbacks() -> None:
    pytest.importorskip("sklearn.callback", reason="from scikit-learn 1.9 on")


def test_what_is_learnt_in_steps_has_a_record_for_each(tmp_path: Path) -> None:
    callbacks()
    from sklearn.linear_model import LogisticRegression

    x, y = data()
    ours = TracklibCallback(output_run=tmp_path, score=lambda model, x, y: model.score(x, y))
    LogisticRegression(max_iter=3).set_callbacks(ours).fit(x, y)
    logs = kept.records(tmp_path, Log)
    assert [log.step for log in logs] == [0, 1, 2, 3]
    assert {log.axis for log in logs} == {"iteration"}
    assert kept.records(tmp_path, Params)[0].params["LogisticRegression"]["max_iter"] == 3
    assert kept.statuses(tmp_path) == ["finished"]


def test_a_fit_that_fails_has_failed_with_its_error(tmp_path: Path) -> None:
    callbacks()
    from sklearn.linear_model import LogisticRegression

    def fails(*_: Any) -> float:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        LogisticRegression(max_iter=5).set_callbacks(TracklibCallback(output_run=tmp_path, score=fails)).fit(*data())
    assert [(end.status.value, end.error) for end in kept.records(tmp_path, End)] == [("failed", "ValueError")]


def test_in_a_run_around_it_logs_there(tmp_path: Path) -> None:
    callbacks()
    from sklearn.linear_model import LogisticRegression

    with tracking(output_run=tmp_path):
        LogisticRegression(max_iter=5, tol=1).set_callbacks(TracklibCallback()).fit(*data())
    assert kept.statuses(tmp_path) == ["finished"]
    assert len(kept.records(tmp_path, Params)) == 1


def test_scikit_learns_own_tests_of_callbacks_take_ours(tmp_path: Path) -> None:
    callbacks()
    code = """
import sys
from sklearn.callback import FitCallback
from sklearn.callback.tests._utils import MaxIterEstimator, MetaEstimator
from tracklib.integrations.sklearn import TracklibCallback
ours = TracklibCallback(output_run="run")
assert isinstance(ours, FitCallback)
MaxIterEstimator(max_iter=3).set_callbacks(ours).fit()
MetaEstimator(MaxIterEstimator(max_iter=2)).set_callbacks(ours).fit()
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert kept.statuses(tmp_path / "run") == ["finished", "finished"]
