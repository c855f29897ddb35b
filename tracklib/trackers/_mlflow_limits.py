"""What MLflow takes: names, and how much in one request. Source: ``mlflow.utils.validation`` of MLflow 3.17."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._common.names import clean_path, with_hash

METRICS_PER_REQUEST = 1000
TEXTS_PER_REQUEST = 100
TEXT_LENGTH = {"params": 6000, "tags": 8000}
OLDER_LENGTHS = (5000, 500, 250)  # that servers of earlier versions took for a param or a tag
RUN_NAME_LENGTH = 250
_NAME_LENGTH = 250
_REQUEST_BYTES = 900_000  # of the 1 MB; the rest is for what surrounds the entities
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


def free_name(name: str, text: str, there: Mapping[str, str]) -> str:
    """What a param is called: ``name``, or ``name.v2`` and so on where it is there with another value."""
    kept = name
    for version in itertools.count(2):
        if there.get(kept, text) in (text, *(text[:length] for length in (TEXT_LENGTH["params"], *OLDER_LENGTHS))):
            break
        kept = mlflow_name(f"{name}.v{version}")
    return kept


def flat_texts(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Params or tags as texts, nested names joined by ``/``."""
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from flat_texts(item, f"{prefix}{name}/")
        else:
            text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
            yield f"{prefix}{name}", text.replace("\0", "\\x00")  # which not every database takes


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """``items`` in parts of at most ``size``, and of no more bytes than one request may have."""
    start = room = 0
    for index, item in enumerate(items):
        room -= _json_bytes(item)
        if room < 0 or index - start == size:
            if index > start:
                yield items[start:index]
            start, room = index, _REQUEST_BYTES - _json_bytes(item)
    if start < len(items):
        yield items[start:]


def _json_bytes(entity: Any) -> int:
    """How long a metric, param or tag is in a request, at most: JSON spells out what is not ASCII."""
    text = entity.key + (entity.value if isinstance(entity.value, str) else "")
    return _OTHER_BYTES + (2 * len(text) if text.isascii() else len(json.dumps(text)))


_OTHER_BYTES = 120
