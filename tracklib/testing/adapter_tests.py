"""AdapterTests: what every framework's adapter must do, for its author to run."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from .._words.tracking import tracking
from ..reading.finding import load
from ..reading.run import Run
from .adapter_programs import FAILS, HOLDERS, RUN, Failure, fits

_STATUS = {
    "success": "finished",
    "raise": "failed",
    "caught": "failed",
    "Ctrl-C": "killed",
    "SIGTERM": "killed",
    "kill -9": "killed",
}
_ended: dict[type, tuple[Path, dict[str, int]]] = {}


class AdapterTests:
    """The checks that prove an adapter: fits that succeed, raise (caught or not), are interrupted, terminated and
    killed, each in a run around it, in a run of its own, and in none. Subclass it, and say how one trains::

        from tracklib.testing import AdapterTests

        class TestOurs(AdapterTests):
            metric, values = "loss", [1.0, 0.5]

            def adapter(self, **options):
                return OurCallback(**options)

            def fit(self, adapter, fail=None):
                framework.fit(model, callbacks=[adapter, after_the_first_epoch(fail)])

    Another process imports the class, so keep what it needs in its module.

    Attributes:
        metric: the name of a metric that a fit logs.
        values: all values that a whole fit logs of it, in order.
        copies: ways in which the adapter can be copied: ``"pickle"``, ``"deepcopy"``, both or none.
        hears_errors: whether the framework has a hook for an exception. Without one, a run of the adapter's own that
            failed has no error's name.
        keeps_errors: whether the user's exception leaves the framework as the same object.
        swallows: of ``"Ctrl-C"`` and ``"SIGTERM"``, those after which the framework may go on, or exit with code 0.
        statuses: the run's status where the framework makes it another than usual, such as
            ``{"borrowed, Ctrl-C": "finished"}``.
    """

    metric: ClassVar[str]
    values: ClassVar[list[float]]
    copies: ClassVar[frozenset[str] | set[str]] = frozenset({"pickle", "deepcopy"})
    hears_errors: ClassVar[bool] = False
    keeps_errors: ClassVar[bool] = True
    swallows: ClassVar[frozenset[str] | set[str]] = frozenset()
    statuses: ClassVar[dict[str, str]] = {}

    def prepare(self) -> None:
        """Import the framework, and what it imports during a fit: once, before the processes of the fits are forked."""

    def adapter(self, **options: Any) -> Any:
        """Make the adapter, with ``output_run`` and other ``options`` of a run of its own; without any, it only logs
        into the run around it."""
        raise NotImplementedError

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        """Train a small model with ``adapter``. Where ``fail`` is given, call it once in the loop, after something was
        logged: it raises, or sends a signal."""
        raise NotImplementedError

    def evaluate(self, adapter: Any) -> None:
        """Log something by ``adapter`` after a fit. Override it where the framework can do that."""
        pytest.skip("the framework logs nothing after a fit")

    @pytest.fixture(autouse=True)
    def _elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Some frameworks write files of their own into the current directory."""
        (tmp_path / "theirs").mkdir()
        monkeypatch.chdir(tmp_path / "theirs")
        self.prepare()

    @pytest.fixture
    def ended(self, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
        """The folders of all the fits, and their exit codes; once for the class."""
        if type(self) not in _ended:
            folder = tmp_path_factory.mktemp("fits")
            _ended[type(self)] = folder, fits(type(self), str(folder))
        return _ended[type(self)]

    def logged(self, run: Run) -> list[float]:
        """The values of :attr:`metric` in ``run``, in order."""
        return [value for _, value in run.metrics[self.metric]]

    @pytest.mark.parametrize("end", FAILS)
    @pytest.mark.parametrize("holder", HOLDERS)
    def test_a_fit_is_told_as_it_ended(self, ended: tuple[Path, dict[str, int]], holder: str, end: str) -> None:
        folder, codes = ended
        what = f"{holder}, {end}"
        said = (folder / f"{what}.txt").read_text()
        if end not in self.swallows:
            assert (codes[what] == 0) == (end in ("success", "caught")), said
        if holder == "neither":
            assert _runs(folder / what) == set()
            return
        run = load(folder / what / RUN)
        caught_inside = holder == "borrowed" and end == "caught"
        expected = self.statuses.get(what, "finished" if caught_inside else _STATUS[end])
        assert run.status == expected, said
        assert len(run.attempts) == 1
        logged = self.logged(run)
        assert logged == self.values[: len(logged)]
        assert logged
        if end == "success":
            assert logged == self.values
        if end == "raise" and (holder == "borrowed" or self.hears_errors) and self.keeps_errors:
            assert run.error == "Failure"
        if end == "Ctrl-C" and expected == "killed":
            assert run.error == "KeyboardInterrupt"

    def test_a_second_fit_goes_on_with_the_run(self, tmp_path: Path) -> None:
        adapter = self.adapter(output_run=tmp_path / RUN, environment=False)
        self.fit(adapter)
        first = load(tmp_path / RUN)
        self.fit(adapter)
        second = load(tmp_path / RUN)
        assert (second.uid, second.status, len(second.attempts)) == (first.uid, "finished", 2)
        assert len(self.logged(second)) >= len(self.logged(first))

    def test_what_is_evaluated_after_a_fit_is_in_the_same_run(self, tmp_path: Path) -> None:
        with tracking(output_run=tmp_path / RUN, environment=False):
            adapter = self.adapter()
            self.fit(adapter)
            before = set(load(tmp_path / RUN).metrics.names)
            self.evaluate(adapter)
        run = load(tmp_path / RUN)
        assert (run.status, len(run.attempts)) == ("finished", 1)
        assert set(run.metrics.names) - before

    def test_a_run_is_resumed(self, tmp_path: Path) -> None:
        for _ in range(2):
            self.fit(self.adapter(output_run=tmp_path / RUN, resume=True, environment=False))
        run = load(tmp_path / RUN)
        assert (run.status, len(run.attempts)) == ("finished", 2)
        assert _runs(tmp_path) == {RUN}

    @pytest.mark.parametrize("way", ["pickle", "deepcopy"])
    @pytest.mark.parametrize("is_used", [False, True])
    def test_a_copy_logs_into_the_same_run(self, tmp_path: Path, way: str, is_used: bool) -> None:
        if way not in self.copies:
            pytest.skip(f"the framework never makes a copy by {way}")
        with tracking(output_run=tmp_path / RUN, environment=False):
            adapter = self.adapter()
            if is_used:
                self.fit(adapter)
            self.fit(copy.deepcopy(adapter) if way == "deepcopy" else pickle.loads(pickle.dumps(adapter)))
        run = load(tmp_path / RUN)
        assert (run.status, len(run.attempts)) == ("finished", 1)
        assert self.logged(run)[: len(self.values)] == self.values

    def test_another_rank_keeps_nothing(self, tmp_path: Path) -> None:
        self.fit(self.adapter(output_run=tmp_path / RUN, rank=1))
        with tracking(output_run=tmp_path / RUN, rank=1):
            self.fit(self.adapter())
        assert _runs(tmp_path) == _runs(Path.cwd()) == set()

    def test_the_users_exception_stays_itself(self, tmp_path: Path) -> None:
        mine = Failure("mine", 2)

        def fail() -> None:
            raise mine

        options: Any = {"output_run": tmp_path / RUN, "environment": False}
        with pytest.raises(Exception) as caught, tracking(**options):  # noqa: PT011  # perhaps the framework's own
            self.fit(self.adapter(), fail)
        assert (caught.value is mine) is self.keeps_errors
        assert (mine.args, getattr(mine, "__notes__", [])) == (("mine", 2), [])


def _runs(folder: Path) -> set[str]:
    """What is there of runs, beside a framework's own files."""
    return {RUN, "runs"}.intersection(os.listdir(folder))
