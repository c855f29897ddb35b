"""How users of other trackers write a call: what is unambiguous is taken, else the message says what is meant here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .mappings import as_mapping

_HOW = "write t.log(epoch, {'loss': 0.1}), or t.log(None, {'loss': 0.1}) for the epoch that is going on"
_STEPS = ("step", "global_step")


def as_written_elsewhere(epoch: Any, log_dict: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
    """The epoch and the metrics of a call of ``log`` that is not ``log(epoch, log_dict)``.

    Raises:
        TypeError: it may mean more than one thing, or nothing.
    """
    if as_mapping(epoch) is not None and as_mapping(log_dict) is None:  # the metrics first
        epoch, log_dict = log_dict, epoch
    metrics = dict(given)
    if log_dict is not None or len(given) > 1:
        for name in _STEPS:
            if name in metrics and epoch is None:
                epoch = metrics.pop(name)
    if log_dict is not None and not metrics:
        return epoch, log_dict
    if log_dict is None and metrics:
        return epoch, metrics
    if log_dict is None:
        raise TypeError(f"log has no metrics to log: {_HOW}")
    raise TypeError(f"log got metrics twice, as a mapping and as {', '.join(map(repr, metrics))}: {_HOW}")
