"""Configs in a file: TOML, YAML or JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from .._common.secrets import redact_text
from ..errors import ConfigError
from ._kinds import known_types
from ._packages import pip_install


def read_file(path: str) -> Any:
    try:
        with open(path, "rb") as file:
            content = file.read()
        parsed = _parse(os.path.splitext(path)[1].lower(), content)
    except OSError as error:
        raise ConfigError([f"{path!r} is no file that can be read ({error.strerror}){_type_instead(path)}"]) from None
    except (ValueError, ImportError, RecursionError) as error:
        raise ConfigError([f"{path}: {redact_text(str(error))}"]) from None
    if isinstance(parsed, Mapping) and "type" not in parsed:
        if "trackers" not in parsed:
            raise ConfigError([f"{path}: expected a list of configs, or the list under the key 'trackers'"])
        parsed = parsed["trackers"]
    return [] if parsed is None else parsed


def _parse(suffix: str, content: bytes) -> Any:
    if suffix not in _PARSERS:
        instead = repr(suffix) if suffix else "a file without an ending"
        raise ValueError(f"configs are read from .toml, .yaml, .yml or .json files, not from {instead}")
    kind, parse = _PARSERS[suffix]
    try:
        return parse(content)
    except ValueError as error:
        raise ValueError(f"it is no {kind}: {error}") from error


def _toml(content: bytes) -> Any:
    import tomllib

    return tomllib.loads(content.decode())


def _yaml(content: bytes) -> Any:
    try:
        import yaml
    except ImportError:
        raise ImportError(f"to read YAML, run: {pip_install('yaml')}") from None
    try:
        return yaml.safe_load(content)
    except Exception as error:  # not YAMLError alone: `!!bool x` is a KeyError, `!!timestamp x` an AttributeError
        raise ValueError(error) from error


_PARSERS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    ".toml": ("TOML", _toml),
    ".json": ("JSON", json.loads),
    ".yaml": ("YAML", _yaml),
    ".yml": ("YAML", _yaml),
}


def _type_instead(path: str) -> str:
    """The hint for who wrote a tracker's type where a list of configs belongs."""
    name = {name.lower(): name for name in known_types()}.get(path.lower())
    return f"; for the tracker of that name, write [{{'type': {name!r}}}]" if name else ""
