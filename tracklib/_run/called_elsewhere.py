"""The words of other tracking libraries, such as ``log_metric``: an error for one of them names ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn, TypeVar

T = TypeVar("T")

_LOG = "t.log(epoch, {'loss': 0.1})"
_BLOCK = "with tracking(...) as t:"

_OPTIONS = {
    **dict.fromkeys(
        ("dir", "output_dir", "log_dir", "logdir", "save_dir", "run_dir", "directory", "path"), "output_run"
    ),
    **dict.fromkeys(("config", "hparams", "hyperparameters", "args"), "params"),
    **dict.fromkeys(("run_name", "experiment_name", "title"), "name"),
}

_OF_TRACKERS = {
    **dict.fromkeys(("project", "entity", "group", "job_type", "notes", "mode"), "Wandb"),
    "tracking_uri": "Mlflow",
}

_METHODS = {
    **dict.fromkeys(("log_metric", "log_metrics", "log_scalar", "add_scalar", "add_scalars"), _LOG),
    **dict.fromkeys(("log_param", "log_hyperparams", "add_hparams"), "t.log_params({'lr': 0.1})"),
    **dict.fromkeys(("set_tag", "set_tags", "add_tag", "add_tags"), "t.log_tags({'stage': 'final'})"),
    "config": "tracking(..., params=config), or t.log_params(config)",
    "summary": "tracking(..., best={'val/loss': 'min'}), whose values are in t.best",
    "define_metric": "t.log(batch, {'loss': 0.1}, axis='batch')",
    "watch": "t['Wandb'].run.watch(model), with {'type': 'Wandb', 'in_process': True}",
    **dict.fromkeys(("save", "log_model"), "t.log_checkpoint('model.pt'), or t.log_artifact('model.pt')"),
    "alert": "tracking(..., alerts=[...])",
    "add_image": "t.log_image('name', image)",
    "add_figure": "t.log_figure('name', figure)",
    "add_text": "t.log_text('name', text)",
    "add_histogram": "t.log_histogram('name', values)",
    **dict.fromkeys(("end", "close", "stop", "end_run"), "t.finish(), where no block does it"),
}

_MLFLOW = "tracking([{'type': 'Mlflow', 'tracking_uri': ..., 'experiment_name': ...}])"

_WORDS = {
    **dict.fromkeys(("init", "start_run", "run", "start"), _BLOCK),
    **dict.fromkeys(("log", "log_metric", "log_metrics"), f"{_LOG} in `{_BLOCK}`"),
    **dict.fromkeys(("log_params", "log_param", "config"), "tracking(..., params=config)"),
    **dict.fromkeys(("finish", "end_run", "end"), f"`{_BLOCK}`, whose end is the run's"),
    **dict.fromkeys(("set_experiment", "set_tracking_uri"), _MLFLOW),
    "autolog": "a callback of tracklib.integrations",
    "track": "tracklib.tracked",
}


def option_meant(name: str, known: Iterable[str]) -> str:
    """Our option for another tracker's; nothing where there is none."""
    meant = _OPTIONS.get(name, "")
    return meant if meant in known else ""


def option_of_a_tracker(name: str) -> str:
    """How an option is said that one of the trackers has, not the run; nothing where none has it."""
    kind = _OF_TRACKERS.get(name)
    return f"it is an option of {kind}: write [{{'type': '{kind}', '{name}': ...}}]. " if kind else ""


class _Elsewhere:
    """A method that other trackers' runs have. ``__getattr__`` would tell of it as well, and make each attribute of a
    run, of which a ``log`` asks for several, slower: the interpreter has its quick way for classes without one only."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, run: object, kind: type | None = None) -> NoReturn:
        raise AttributeError(f"a run has no {self._name}: write {_METHODS[self._name]}", name=self._name, obj=run)


def tells_of_its_own_words(kind: type[T]) -> type[T]:
    """Have ``kind`` tell who asks it for another tracker's method what to write."""
    for name in _METHODS:
        if not hasattr(kind, name):
            setattr(kind, name, _Elsewhere(name))
    return kind


def without_others(run: object, names: Iterable[str]) -> list[str]:
    """``names`` of what ``run`` has, without those that only tell of another's."""
    return [name for name in names if name not in _METHODS or name in vars(run) or hasattr(type(run), name)]


def word_hint(name: str) -> str:
    """What to write for another tracker's function."""
    return f": write {_WORDS[name]}" if name in _WORDS else ""
