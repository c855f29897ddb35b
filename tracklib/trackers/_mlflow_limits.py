"""What MLflow takes: names, and how much in one request. Source: ``mlflow.utils.validation`` of MLflow 3.17."""

from __future__ import annotations

import re

from .._common.names import clean_path, with_hash

_NAME_LENGTH = 250
_NOT_IN_URL = re.compile(r"[#?%\\\x00-\x1f]")


def mlflow_name(raw: str) -> str:
    """A name that MLflow takes: ``^[/\\w.\\- :]*$``, a clean relative path, at most 250 characters."""
    name = clean_path(raw)
    return name if len(name) <= _NAME_LENGTH else with_hash(name, raw, _NAME_LENGTH)


def mlflow_path(raw: str) -> str:
    """An artifact's path at MLflow, relative and within its folder. MLflow's client puts it into a URL as it is, so
    that ``#`` and what stands behind would get lost.

    Source: ``HttpArtifactRepository.log_artifact`` of MLflow 3.17.
    """
    return "/".join(_NOT_IN_URL.sub("_", part) for part in raw.split("/") if part.strip(".")) or "unnamed"
