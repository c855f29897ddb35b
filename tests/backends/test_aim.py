"""Aim: real runs in a repository, read back by its own reader."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from tracklib.testing import TrackerTests
from tracklib.trackers.aim import Aim

if not find_spec("aim"):
    pytest.skip("aim is not installed: nox -s backends", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # Aim's own, of SQLAlchemy


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One for all the runs, as to make one takes seconds."""
    return str(tmp_path_factory.mktemp("aim"))


class TestAim(TrackerTests):
    kind = Aim
    keeps = {"nan", "axes", "steps", "params", "tags", "status"}
    stores_once = True

    @pytest.fixture
    def config(self, repository: str) -> dict[str, Any]:
        self.repository = repository
        return {"type": "Aim", "repo": repository}

    def _run(self, directory: str) -> Any:
        """As ``aim up`` reads it, which has runs in an index."""
        from aim import Repo, Run
        from aim.sdk.index_manager import RepoIndexManager

        run_hash = self.state_of(directory)["run_id"]
        writing = Repo(self.repository)
        RepoIndexManager(writing).index(run_hash)
        writing.close()
        return Run(run_hash, repo=Repo(self.repository), read_only=True)

    def read_metrics(self, directory: str) -> list[Any]:
        found = []
        for metric in self._run(directory).metrics():
            axis = metric.context.to_dict().get("axis", "epoch")
            _, (values, epochs, *_) = metric.data.items_list()
            found += [(axis, int(step), metric.name, float(value)) for step, value in zip(epochs, values, strict=True)]
        return found

    def read_params(self, directory: str) -> dict[str, Any]:
        return dict(self._run(directory)["hparams"])

    def read_tags(self, directory: str) -> dict[str, str]:
        return {name: value for name, _, value in (tag.partition(":") for tag in self._run(directory).tags)}

    def read_status(self, directory: str) -> str:
        return str(self._run(directory)["tracklib"]["status"])


class TestAimHere(TestAim):
    @pytest.fixture
    def config(self, repository: str) -> dict[str, Any]:
        self.repository = repository
        return {"type": "Aim", "repo": repository, "in_process": True}
