"""Names as each backend can take them. The journal keeps them raw."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from ._warn import warn


class Names:
    """Translates names by a rule, each once; names that would fall together are kept apart.

    Args:
        backend: whose names they are, for the warning.
        rule: a raw name to one that the backend takes.
    """

    def __init__(self, backend: str, rule: Callable[[str], str]) -> None:
        self._backend = backend
        self._rule = rule
        self._translated: dict[str, str] = {}
        self._owners: dict[str, str] = {}

    def __getitem__(self, metric: str) -> str:
        """The backend's name of a metric."""
        return self._translated.get(metric) or self._translate(metric, metric)

    def axis(self, axis: str) -> str:
        """The backend's name of an axis, which a metric may not share."""
        return self._translated.get(_AXIS + axis) or self._translate(_AXIS + axis, axis)

    def _translate(self, key: str, raw: str) -> str:
        name = taken = self._rule(raw)
        salted = key
        while name in self._owners:
            name = with_hash(taken, salted)
            salted += "\0"
        if name != taken:
            warn(f"{self._backend} has {taken!r} for {self._owners[taken]!r} already: {raw!r} is called {name!r} there")
        self._owners[name] = raw
        self._translated[key] = name
        return name


_AXIS = "axis\0"


def with_hash(name: str, raw: str, limit: int = 250) -> str:
    """``name`` with six digits of ``raw``'s hash, within ``limit`` characters."""
    digest = hashlib.sha256(raw.encode("utf-8", "backslashreplace")).hexdigest()[:6]
    return f"{name[: limit - 7]}-{digest}"


_NOT_MLFLOW = re.compile(r"[^/\w.\- :]")


def mlflow_name(raw: str) -> str:
    """A name that MLflow takes: ``^[/\\w.\\- :]*$``, a clean relative path, at most 250 characters.

    Source: ``mlflow.utils.validation`` of MLflow 3.17.
    """
    name = _NOT_MLFLOW.sub("_", raw)
    name = "/".join(part for part in name.split("/") if part.strip(".")) or "unnamed"
    if name.startswith(".."):  # a folder's parent, MLflow holds
        name = "_" + name[1:]
    return name if len(name) <= 250 else with_hash(name, raw)


_NOT_IN_URL = re.compile(r"[#?%\\\x00-\x1f]")


def mlflow_path(raw: str) -> str:
    """An artifact's path at MLflow, relative and within its folder. MLflow's client puts it into a URL as it is, so
    that ``#`` and what stands behind would get lost.

    Source: ``HttpArtifactRepository.log_artifact`` of MLflow 3.17.
    """
    return "/".join(_NOT_IN_URL.sub("_", part) for part in raw.split("/") if part.strip(".")) or "unnamed"


_WANDB_RESERVED = frozenset({"_step", "_timestamp", "_runtime", "_wandb", ""})


def wandb_name(raw: str) -> str:
    """A name that W&B shows: not empty, and none of its own (``_step``, ``_timestamp`` ...)."""
    if raw in _WANDB_RESERVED or raw.startswith("_wandb"):
        return f"metric{raw}" if raw else "unnamed"
    return raw


def csv_name(raw: str) -> str:
    """A column's name, not empty, that no spreadsheet runs as a formula: such a beginning gets a leading ``'``."""
    return "'" + raw if raw.startswith(("=", "+", "-", "@", "\t", "\r")) else raw or "unnamed"
