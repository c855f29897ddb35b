"""scikit-learn: a search's candidates as runs, and a callback for what takes callbacks (from 1.9 on)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Unpack

from .. import Trackers
from .._run.options import RunOptions
from ..trackers._configs import Configs
from .held import Held


def log_search(run: Trackers, search: Any, *, prefix: str = "candidate") -> None:
    """Log a fitted search, such as ``GridSearchCV``: for each candidate a child of ``run``, with its params, and of
    each score the mean, the standard deviation and the folds. The best params and scores go into ``run`` itself.

    Args:
        run: the run around, which has begun.
        search: the search, after ``fit``.
        prefix: the children are called ``<prefix>-0`` and so on.

    Raises:
        LifecycleError: the run has not begun, or has ended.
        AttributeError: the search is not fitted.
    """
    results, scores = search.cv_results_, {}
    for name, column in results.items():
        kind, _, rest = name.partition("_")
        if kind in ("mean", "std") or kind.startswith("split"):
            scores[f"{rest.removesuffix('_score')}/{kind}"] = column
    for number, params in enumerate(results["params"]):
        with run.child(f"{prefix}-{number}", params=params) as child:
            child.log(0, {name: column[number] for name, column in scores.items()}, axis="candidate")
    if hasattr(search, "best_index_"):
        run.log_params({"best": search.best_params_})
        best = {f"best/{name}": column[search.best_index_] for name, column in scores.items() if "/mean" in name}
        run.log(search.best_index_, best, axis="candidate")


class TracklibCallback:
    """Logs a fit into the run around it, or into one of its own; scikit-learn 1.9 or newer::

        ours = TracklibCallback(score=accuracy, output_run="runs/digits")
        LogisticRegression().set_callbacks(ours).fit(x, y)

    The estimator's params are the run's. An estimator that learns in steps, as by ``lbfgs``, has one record for each
    step, on the axis ``iteration``, and one for the whole fit. In the workers of ``n_jobs`` nothing is logged; of a
    search, :func:`log_search` logs the results afterwards.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
        score: what to log after each step: ``score(estimator, x, y)`` returns a number, or a mapping of names to
            numbers. None logs none. It takes time: an estimator is made for each step.
    """

    def __init__(
        self,
        configs: Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        *,
        score: Callable[[Any, Any, Any], float | Mapping[str, float]] | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        self._held = Held(configs, output_run, **options)
        self._score = score
        if score is not None:  # scikit-learn looks which arguments a hook names, and makes only those
            self.on_fit_task_end = self._on_fit_task_end  # type: ignore[method-assign]

    def setup(self, estimator: Any, context: Any) -> None:
        self._held.fit_begins()
        self._held.log_params({type(estimator).__name__: estimator.get_params(deep=False)})

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        return False

    def _on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, fitted_estimator: Any = None
    ) -> bool:
        if fitted_estimator is not None and self._score is not None:
            found = self._score(fitted_estimator, X, y)
            metrics = found if isinstance(found, Mapping) else {"score": found}
            self._held.log(None if context.parent is None else context.task_id, metrics, "iteration")
        return False

    def teardown(self, estimator: Any, context: Any) -> None:
        """scikit-learn calls it in a ``finally``, so that what ended the fit is being handled."""
        self._held.fit_ends(sys.exception())
