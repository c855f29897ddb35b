"""Configs to trackers. Every problem of every config is in the one error that is raised."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .._common import variables
from .._common.secrets import redact_text
from .._values.arguments import shown
from .._values.plain import plain
from ..errors import ConfigError
from ._config_file import read_file
from ._identity import BUILT_IN, type_name
from ._kinds import Problem, async_methods, find, known_types
from ._options import wrong_options
from ._packages import missing_packages
from ._portion import portion_in
from .base import BaseTracker

Config = Mapping[str, Any] | BaseTracker
Configs = Sequence[Config] | Config | str | os.PathLike[str] | None


def build(configs: Configs, origin: str = "configs") -> list[BaseTracker]:
    """The trackers that ``configs`` ask for, none of them connected.

    Args:
        configs: dicts with a ``type``, tracker objects, or the path of a TOML, YAML or JSON file that
            holds such dicts, as a list or under the key ``trackers``.
        origin: what messages call them.

    Raises:
        ConfigError: with all that is wrong.
    """
    trackers: list[BaseTracker] = []
    problems: list[str] = []
    if mode := variables.wrong_mode():
        problems.append(
            f"the variable TRACKLIB_MODE is {mode!r}: set it to 'disabled' to keep nothing, to 'offline' to leave what "
            "needs an SDK to `tracklib sync`, or unset it"
        )
    for where, config in _listed(configs, origin):
        try:
            tracker = _build_one(config)
        except Problem as problem:
            problems += [f"{where}: {redact_text(line)}" for line in problem.args]
        else:
            if any(tracker is other for other in trackers):
                problems.append(f"{where}: the same {type(tracker).__name__} object is listed twice: make a second one")
            trackers.append(tracker)
            problems += [f"{where}: {line}" for line in missing_packages(tracker)]
    if problems:
        raise ConfigError(problems)
    return trackers


def another(tracker: BaseTracker, *, is_same_run: bool = False) -> BaseTracker:
    """A tracker of the same config, for a run inside the tracker's, which has a name of its own, or for the same run.

    Raises:
        TypeError: it cannot be made, since the tracker does not keep what its constructor was given.
    """
    kind, schema = type(tracker), type(tracker).config_schema
    kept = {name: tracker._given(name) for name in schema if hasattr(tracker, name)}
    if type_name(kind) not in BUILT_IN:
        kept |= tracker._options  # its attributes may be called otherwise
    for name in ("output_run", "" if is_same_run else kind.name_option):
        if name in schema and not schema[name]["required"]:
            kept.pop(name, None)
    try:
        made = kind(**copy.deepcopy(kept))
        made._portion = tracker._portion
    except Exception as error:
        raise TypeError(
            f"a further run needs a {kind.__name__} of its own, and none can be made ({error}): describe it "
            "by a dict, or keep each argument of its constructor as an attribute of that name"
        ) from error
    made._options = kept
    return made


def _listed(configs: Configs, origin: str) -> list[tuple[str, Any]]:
    if isinstance(configs, str | os.PathLike):
        origin = os.fspath(configs)
        configs = read_file(origin)
    if configs is None:
        return []
    if isinstance(configs, Mapping | BaseTracker) or inspect.isclass(configs):
        return [(origin, configs)]
    if not isinstance(configs, Sequence) or isinstance(configs, str | bytes):
        raise ConfigError(
            [
                f"{origin}: expected a list of dicts or trackers, or a file's path, got {type(configs).__name__}; "
                'for instance [{"type": "Mlflow"}]'
            ]
        )
    return [(f"{origin}[{index}]", config) for index, config in enumerate(configs)]


def _build_one(config: Any) -> BaseTracker:
    if isinstance(config, BaseTracker):
        if problems := _wrong_attributes(config):
            raise Problem(*problems)
        return config
    if inspect.isclass(config) and issubclass(config, BaseTracker):
        raise Problem(f"{config.__name__} is a class: write {config.__name__}(...) or {{'type': '{config.__name__}'}}")
    if not isinstance(config, Mapping):
        found = f"{type(config).__name__} {shown(plain(config))}"
        raise Problem(f"expected a dict such as {{'type': 'Mlflow'}} or a tracker, got {found}")
    if not isinstance(config.get("type"), str):
        raise Problem(
            f"the key 'type' is missing or no string: it names the tracker, one of {', '.join(known_types())}"
        )
    kind = find(config["type"])
    try:
        options, portion = portion_in(kind, {key: value for key, value in config.items() if key != "type"})
    except ConfigError as error:
        raise Problem(*(f"{kind.__name__}: {problem}" for problem in error.problems)) from None
    if problems := wrong_options(kind, options):
        raise Problem(*problems)
    try:
        tracker = kind(**options)
    except Exception as error:
        raise Problem(f"{kind.__name__} refused its config: {error}") from error
    tracker._options, tracker._portion = options, portion
    return tracker


def _wrong_attributes(tracker: BaseTracker) -> list[str]:
    """A built-in tracker keeps what it was given under the same name, so an object is checked as a dict is."""
    kind = type(tracker)
    if type_name(kind) not in BUILT_IN:
        return async_methods(kind)
    given = {name: getattr(tracker, name) for name in kind.config_schema if name != "output_run"}
    return wrong_options(kind, {name: value for name, value in given.items() if value is not None})
