"""The one module that reads environment variables; each is read when asked for, never at import."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


def number(name: str) -> int | None:
    """The whole number that the variable holds; None where it holds none."""
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() else None


def text(name: str) -> str | None:
    """What the variable holds; None where it holds nothing."""
    return os.environ.get(name) or None


def is_set(name: str) -> bool:
    """Whether there is such a variable."""
    return name in os.environ


@contextlib.contextmanager
def put_aside(name: str) -> Iterator[None]:
    """Have the block find no such variable; behind it, it is what it was, whatever the block set."""
    value = os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def _is_off(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("0", "false", "no", "off")


def says_environment() -> bool:
    """Whether a run says with what it was made where its program leaves that open: not if
    ``TRACKLIB_ENVIRONMENT`` is ``0``, ``false``, ``no`` or ``off``."""
    return not _is_off("TRACKLIB_ENVIRONMENT")


def wants_plug_ins() -> bool:
    """Whether installed distributions are asked for trackers: not if ``TRACKLIB_PLUGINS`` is ``0``, ``false``, ``no``
    or ``off``."""
    return not _is_off("TRACKLIB_PLUGINS")


def is_switched_off() -> bool:
    """Whether runs are to keep nothing, as in the tests of a program: ``TRACKLIB_MODE`` is ``disabled``."""
    return _mode() == "disabled"


def is_offline() -> bool:
    """Whether what needs an SDK is left to ``tracklib sync``: ``TRACKLIB_MODE`` is ``offline``."""
    return _mode() == "offline"


def wrong_mode() -> str | None:
    """What ``TRACKLIB_MODE`` says, where that is nothing that it may say."""
    return None if _mode() in ("", "enabled", "offline", "disabled") else os.environ["TRACKLIB_MODE"]


def _mode() -> str:
    return os.environ.get("TRACKLIB_MODE", "").lower()


def wants_no_colour() -> bool:
    """Whether ``NO_COLOR`` asks for plain text."""
    return bool(os.environ.get("NO_COLOR"))


def in_slurm_job() -> bool:
    """Whether Slurm started this process, so that a SIGTERM means preemption or the time limit."""
    return "SLURM_JOB_ID" in os.environ


def that_finds(folder: str) -> dict[str, str]:
    """The variables for a process of Python that is to find the packages in ``folder`` as well."""
    paths = [folder, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def variables() -> Iterator[tuple[str, str]]:
    """Every environment variable with its value."""
    yield from os.environ.items()


def with_more(**more: str) -> dict[str, str]:
    """The variables for a program of the user's, with ``more``; it does not know that a companion began it."""
    return {**{name: value for name, value in os.environ.items() if name != _COMPANION}, **more}


_COMPANION = "TRACKLIB_COMPANION"
_NOT_INHERITED = (
    "WANDB_SERVICE",  # the companion's W&B runs would live in the training's own process of W&B's, and die with it
    "LD_PRELOAD",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONWARNINGS",
)
_CHANGING = ("PWD", "OLDPWD", "_", "SHLVL", "LINES", "COLUMNS", "PYTEST_CURRENT_TEST")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def wants_companion() -> bool:
    """Whether a companion may be begun: not if ``TRACKLIB_COMPANION`` is ``0``, ``false``, ``no`` or ``off``."""
    return not _is_off(_COMPANION)


def in_companion() -> bool:
    """Whether a companion, or what it started, is this process: one never begins another."""
    return os.environ.get(_COMPANION, "") == "within"


def for_companion() -> dict[str, str]:
    """The variables for the companion: this process's (credentials, proxies, the SDKs' settings), without what
    would have it share another process's W&B, load what was preloaded here, or be measured."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in (*_NOT_INHERITED, *_CHANGING) and not name.startswith(("COVERAGE", "COV_CORE_"))
    }
    return kept | dict.fromkeys(_ONE_THREAD, "1") | {_COMPANION: "within"}
