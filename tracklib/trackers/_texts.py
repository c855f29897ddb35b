"""A run's name, params and tags for a backend that has no rules of its own for them: secrets masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._common.distinct import apart
from .._common.names import in_one_line, spelt
from .._common.secrets import redact, redact_text
from .._journal.records import Begin
from .._values.plain import plain


def title(name: str | None, begin: Begin, limit: int = 128) -> str:
    """The run's name there: ``name``, else the run's own, else its uid; in one line of ``limit`` characters."""
    return in_one_line(redact_text(name or begin.name or begin.uid), limit)


def params_of(params: Mapping[str, Any], is_taken: Callable[[str], bool] = lambda name: False) -> dict[str, Any]:
    """JSON values by their names, nested as they are.

    Args:
        params: the run's.
        is_taken: whether the backend has a name for itself: then the param's begins with ``param_``.
    """
    told = _spelt(redact(plain(params)))
    return apart((f"param_{name.lstrip('_')}" if is_taken(name) else name, value) for name, value in told.items())


def _spelt(params: Mapping[str, Any]) -> dict[str, Any]:
    return apart(
        (spelt(name), _spelt(value) if isinstance(value, Mapping) else value) for name, value in params.items()
    )


def words_of(tags: Mapping[str, str], limit: int = 128) -> list[str]:
    """Tags as words of at most ``limit`` characters: ``name``, or ``name:value``."""
    told = redact(plain(tags))
    return [in_one_line(f"{name}:{value}" if value else name, limit) for name, value in told.items()]
