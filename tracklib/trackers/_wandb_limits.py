"""What W&B takes: names, and how long what it shows may be."""

from __future__ import annotations

from .._common.names import without_controls

_RESERVED = frozenset({"_step", "_timestamp", "_runtime", "_wandb", ""})


def wandb_name(raw: str) -> str:
    """A name that W&B shows: not empty, in one line, and none of its own (``_step``, ``_timestamp`` ...)."""
    name = without_controls(raw)
    if name in _RESERVED or name.startswith("_wandb"):
        return f"metric{name}" if name else "unnamed"
    return name


def wandb_param_name(raw: str) -> str:
    """A name in W&B's config: not empty, and none that holds W&B's own settings."""
    return f"param_{raw.lstrip('_')}" if raw in ("_wandb", "wandb_version") else raw or "unnamed"
