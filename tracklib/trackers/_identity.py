"""What a tracker is called, in a config, in a run's directory and from one process to the next."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._common.secrets import redact
from .._common.texts import as_json
from .._values.plain import plain
from ._portion import TOGETHER
from .base import BaseTracker

_NO_MATTER = (TOGETHER, "alerts")

BUILT_IN = {
    "Aim": "tracklib.trackers.aim:Aim",
    "Alert": "tracklib.trackers.alert:Alert",
    "Comet": "tracklib.trackers.comet:Comet",
    "Console": "tracklib.trackers.console:Console",
    "CsvLogger": "tracklib.trackers.csv_logger:CsvLogger",
    "DvcLive": "tracklib.trackers.dvclive:DvcLive",
    "Mlflow": "tracklib.trackers.mlflow:Mlflow",
    "Neptune": "tracklib.trackers.neptune:Neptune",
    "SwanLab": "tracklib.trackers.swanlab:SwanLab",
    "TensorBoard": "tracklib.trackers.tensorboard:TensorBoard",
    "Trackio": "tracklib.trackers.trackio:Trackio",
    "Wandb": "tracklib.trackers.wandb:Wandb",
}


def type_name(kind: type[BaseTracker]) -> str:
    """What ``type`` names ``kind`` in a config: a built-in's name, else ``module:Class``."""
    path = f"{kind.__module__}:{kind.__qualname__}"
    return kind.__name__ if BUILT_IN.get(kind.__name__) == path else path


def describe(tracker: BaseTracker) -> dict[str, Any]:
    """The config that would build ``tracker`` again, secrets masked; what it was given, by its schema."""
    given = {
        name: value
        for name, entry in type(tracker).config_schema.items()
        if name not in ("output_run", "in_process")
        and (value := plain(tracker._given(name))) not in (plain(entry["default"]), None, {}, [])
    }
    described: dict[str, Any] = redact({"type": type_name(type(tracker)), **given, **told_portion(tracker)})
    return described


def told_portion(tracker: BaseTracker) -> dict[str, Any]:
    """What the tracker gets of a run's metrics, as a config says it; nothing where that is all."""
    told = tracker._portion.told() if tracker._portion else {}
    return {TOGETHER: told} if told else {}


def names_of(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What trackers of these configs are called: by the class, with ``-2`` and so on where there are several."""
    return _numbered(str(config.get("type", "unnamed")).rpartition(":")[2].rpartition(".")[2] for config in configs)


def fingerprints(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """A short text for each config, as :func:`describe` gives it, that no other has; the same in every process, and
    whatever the tracker gets of the metrics, and tells as alerts."""
    own = ({name: value for name, value in config.items() if name not in _NO_MATTER} for config in configs)
    return _numbered(f"{zlib.crc32(as_json(config, order='sorted')):08x}" for config in own)


def _numbered(texts: Iterable[str]) -> list[str]:
    seen: Counter[str] = Counter()
    numbered = []
    for text in texts:
        seen[text] += 1
        numbered.append(text if seen[text] == 1 else f"{text}-{seen[text]}")
    return numbered
