"""Aim, local: a repository on this machine, which ``aim up`` shows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .._common.names import Names, spelt, without_controls
from .._journal.records import Best, Log, Status
from ..errors import LifecycleError
from ._texts import params_of, title, words_of
from .base import BatchTracker

_OURS = "tracklib"


class Aim(BatchTracker):
    """Logs into one run of an Aim repository on this machine. What is said of Aim was tried with 3.29.

    Aim keeps one value for each step, so Aim's step is the record's number in the run, and a record that is sent twice
    is there once; the epoch is Aim's epoch, over which its charts can be aligned. Metrics of another axis have that
    axis in their context. Params are the run's ``hparams``; the status and the best values are under ``tracklib``, as
    Aim itself knows only whether a run is active. Artifacts stay in the run's directory.

    Args:
        repo: the folder of the repository, made where it is not there; None takes the directory that is current when
            the tracker is made.
        experiment: the experiment's name; None leaves it to Aim.
        name: the run's name; None takes the tracklib run's name.
        in_process: keep the tracker in the training process, for those who want :attr:`run`
            (``docs/explanation/companion.rst``).
        output_run: the directory where logs are stored.
    """

    requires = ("aim",)
    extra = "aim"
    imports = ("aim", "aim.sdk.repo", "aim.sdk.run", "aim.storage.rockscontainer", "aim.storage.structured.db")
    name_option = "name"
    batch_size = 256

    def __init__(
        self,
        *,
        repo: str | None = None,
        experiment: str | None = None,
        name: str | None = None,
        in_process: bool = False,
        output_run: str | None = None,
    ) -> None:
        super().__init__(output_run=output_run)
        if repo is not None and "://" in repo:
            raise ValueError("repo must be a folder on this machine: a server's is not supported")
        self.repo = os.path.abspath(repo or ".")
        self.experiment = experiment
        self.name = name
        self.in_process = in_process
        self._names = Names("Aim", aim_name)
        self._run: Any = None
        self._repo: Any = None

    @property
    def run(self) -> Any:
        """The ``aim.Run``, once ``init`` has returned; it needs ``in_process``."""
        return self._here(self._run)

    def _places(self) -> Mapping[str, str]:
        return {"repo": self.repo}

    def init(self) -> None:
        """Make the run, or take it up again: its hash is that of the tracklib run's uid."""
        from aim import Repo, Run

        self.close()
        self._names.restore(self.state)
        run_hash = hashlib.sha256(self.begin.uid.encode()).hexdigest()[:24]
        self._repo = Repo(self.repo, init=not Repo.exists(self.repo))
        # Aim takes a hash for a run's where there is a folder of that name; else it makes one up.
        os.makedirs(os.path.join(self._repo.path, "meta", "chunks", run_hash), exist_ok=True)
        Repo._all_run_hashes.cache_clear()  # it remembers for half a second which there are
        self._run = Run(
            run_hash,
            repo=self._repo,
            experiment=self.experiment,
            force_resume=True,  # the run's directory is owned: whoever had the lock is dead
            system_tracking_interval=None,
            log_system_params=False,
            capture_terminal_logs=False,
        )
        self._run.name = title(self.name, self.begin)
        self.state["run_id"] = run_hash
        self._say("status", "running")
        self.location = self.repo

    def _need(self) -> Any:
        if self._run is None:
            raise LifecycleError("Aim's run has not begun: call init() before log()")
        return self._run

    def log_batch(self, records: Sequence[Log]) -> None:
        """Track values, below ``Run.track``, which would hide what goes wrong."""
        track = self._need()._tracker._track
        for record in records:
            context = {} if record.axis == "epoch" else {"axis": spelt(record.axis)}
            for metric, value in record.columns().items():
                name = self._names[metric]
                track(value, record.time / 1000, name, record.ordinal, record.step, context=context)
        self._names.keep(self.state)

    def _say(self, what: str, value: Any) -> None:
        run = self._need()
        run[_OURS] = {**(run.get(_OURS) or {}), what: value}

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add to the run's ``hparams``."""
        run = self._need()
        run["hparams"] = {**(run.get("hparams") or {}), **params_of(params)}

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add to the run's tags, as ``name`` or ``name:value``."""
        run = self._need()
        there = set(run.tags)
        for word in words_of(tags):
            if word not in there:
                run.add_tag(word)

    def log_best(self, best: Best) -> None:
        """Set ``best/<name>`` under ``tracklib``."""
        self._say(f"best/{spelt(best.name)}", {"value": best.value, best.axis: best.step})

    def finish(self, status: Status) -> None:
        """Say the status, and close the run."""
        self._say("status", str(status))
        self.close()

    def close(self) -> None:
        """Close the run and the repository."""
        run, self._run = self._run, None
        if run is not None:
            run.close()
        if self._repo is not None:
            self._repo.close()
            self._repo = None

    def is_transient(self, error: BaseException) -> bool:
        """The disk may have room again."""
        return isinstance(error, OSError) or super().is_transient(error)


def aim_name(raw: str) -> str:
    """A name that Aim shows."""
    return without_controls(raw) or "unnamed"
