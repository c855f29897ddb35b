"""How the metrics of frameworks are called, so that one chart holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STAGES = ("val", "eval", "test")  # a `train_loss` is of the whole training, and beside a `loss`


def named(logs: Mapping[str, Any] | None, stage: str = "train") -> dict[str, Any]:
    """Metrics in a folder for each stage: ``val_loss`` is ``val/loss``. What names none is of ``stage``, but for the
    epoch, which is where the others were measured."""
    found = {}
    for name, value in (logs or {}).items():
        first, _, rest = name.partition("_")
        if rest and first in _STAGES:
            found[f"{first}/{rest}"] = value
        else:
            found[name if name == "epoch" else f"{stage}/{name}"] = value
    return found


def by_stage(logs: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """The same where a ``train_loss`` is beside a ``valid_loss``: they are ``train/loss`` and ``val/loss``."""
    found = {}
    for name, value in logs.items():
        first, _, rest = name.partition("_")
        known = {"train": "train", "valid": "val", "val": "val"}.get(first) if rest else None
        found[f"{known}/{rest}" if known else f"{stage}/{name}"] = value
    return found
