"""Optuna: real studies."""

from __future__ import annotations

import kept
import pytest
from fits import ENDS, SUCCESS, Fits, need

from tracklib._journal.records import Begin, Log, Params, Tags

need("optuna")
pytestmark = pytest.mark.frameworks

SCRIPT = """
    import optuna
    from tracklib import current
    from tracklib.integrations.optuna import TracklibObjective as adapter
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        if run := current():
            run.log(0, {"loss": x})
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ValueError("boom")
        return x
    def study(ours, **options):
        optuna.create_study().optimize(ours, n_trials=4, catch=(ValueError,), **options)
    def fit(ours, fail=None):
        study(ours)
    def own(**options):
        return adapter(objective, output_run="run", **options)
    BOTH = ['minimize'] * 2
    def two(trial):
        return trial.suggest_int("n", 0, 3), 1.0
"""


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Fits:
    more = {
        "own study": "study(own())",
        "own, in a block": "with own() as ours: study(ours)",
        "own, in a block that raises": "with own() as ours: study(ours); boom()",
        "around a study": "with around(): study(adapter(objective))",
        "around, in threads": "with around(): study(adapter(objective), n_jobs=2)",
        "none": "study(adapter(objective))",
        "two objectives": "with around(): optuna.create_study(directions=BOTH).optimize(adapter(two), n_trials=1)",
    }
    return Fits(tmp_path_factory.mktemp("optuna"), SCRIPT, more, without=(*ENDS,))


@pytest.mark.parametrize("study", ["own study", "own, in a block", "around a study", "around, in threads"])
def test_each_trial_is_a_child_with_its_true_status(fits: Fits, study: str) -> None:
    fit = fits[study]
    assert fit.ends == SUCCESS, fit.output
    trials = [fit.folder / f"run/children/trial-{number}" for number in range(4)]
    assert [kept.statuses(trial) for trial in trials] == [["finished"], ["finished"], ["failed"], ["finished"]]
    assert [[*tags.tags] for tags in kept.records(trials[1], Tags)] == [["pruned"]]
    assert {kept.records(trial, Begin)[0].parent.uid for trial in trials} == {fit.records(Begin)[0].uid}
    for trial in trials:
        assert [[*params.params] for params in kept.records(trial, Params)] == [["x"]]
        assert kept.records(trial, Log)[0].metrics.keys() == {"loss"}
    assert sorted(fit.points) == [("trial", number, ["value"]) for number in (0, 3)]


def test_a_block_that_raises_has_failed(fits: Fits) -> None:
    assert fits["own, in a block that raises"].ends == [("failed", "ValueError")]


def test_without_a_run_the_study_is_as_it_was(fits: Fits) -> None:
    assert fits["none"].ends is None
    assert fits["none"].code == 0, fits["none"].output


def test_each_objective_has_its_value(fits: Fits) -> None:
    assert fits["two objectives"].points == [("trial", 0, ["value-0", "value-1"])], fits["two objectives"].output
