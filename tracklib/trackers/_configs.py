"""Configs to trackers. Every problem of every config is in the one error that is raised."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import json
import os
import typing
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from .._common.secrets import redact, redact_text
from .._values.arguments import shown
from .._values.plain import plain
from ..errors import ConfigError
from .base import BaseTracker

BUILT_IN = {
    "Console": "tracklib.trackers.console:Console",
    "CsvLogger": "tracklib.trackers.csv_logger:CsvLogger",
    "Mlflow": "tracklib.trackers.mlflow:Mlflow",
    "TensorBoard": "tracklib.trackers.tensorboard:TensorBoard",
    "Wandb": "tracklib.trackers.wandb:Wandb",
}
PLUG_INS = "tracklib.trackers"
DISTRIBUTION = "tracklib-ml"

Config = Mapping[str, Any] | BaseTracker
Configs = Sequence[Config] | Config | str | os.PathLike[str] | None


class _Problem(Exception):
    """One sentence about one config."""


def build(configs: Configs) -> list[BaseTracker]:
    """The trackers that ``configs`` ask for, none of them connected.

    Args:
        configs: dicts with a ``type``, tracker objects, or the path of a TOML, YAML or JSON file that
            holds such dicts, as a list or under the key ``trackers``.

    Raises:
        ConfigError: with all that is wrong.
    """
    trackers: list[BaseTracker] = []
    problems: list[str] = []
    for where, config in _listed(configs):
        try:
            tracker = _build_one(config)
        except _Problem as problem:
            problems += [f"{where}: {redact_text(line)}" for line in problem.args]
        else:
            if any(tracker is other for other in trackers):
                problems.append(f"{where}: the same {type(tracker).__name__} object is listed twice: make a second one")
            trackers.append(tracker)
            problems += [f"{where}: {line}" for line in _missing_packages(tracker)]
    if problems:
        raise ConfigError(problems)
    return trackers


def describe(tracker: BaseTracker) -> dict[str, Any]:
    """The config that would build ``tracker`` again, secrets masked; what it was given, by its schema."""
    given = {
        name: value
        for name, entry in type(tracker).config_schema.items()
        if name != "output_run"
        and (value := plain(getattr(tracker, name, None))) not in (plain(entry["default"]), None, {}, [])
    }
    described: dict[str, Any] = redact({"type": type_name(type(tracker)), **given})
    return described


def names_of(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What trackers of these configs are called: by the class, with ``-2`` and so on where there are several."""
    return _numbered(str(config.get("type", "unnamed")).rpartition(":")[2].rpartition(".")[2] for config in configs)


def fingerprints(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """A short text for each config, as :func:`describe` gives it, that no other has; the same in every process."""
    return _numbered(f"{zlib.crc32(msgspec.json.encode(config, order='sorted')):08x}" for config in configs)


def _numbered(texts: Iterable[str]) -> list[str]:
    seen: Counter[str] = Counter()
    numbered = []
    for text in texts:
        seen[text] += 1
        numbered.append(text if seen[text] == 1 else f"{text}-{seen[text]}")
    return numbered


def another(tracker: BaseTracker) -> BaseTracker:
    """A tracker of the same config, for a run inside the tracker's, which has a name of its own.

    Raises:
        TypeError: it cannot be made, since the tracker does not keep what its constructor was given.
    """
    kind, schema = type(tracker), type(tracker).config_schema
    kept = {name: getattr(tracker, name) for name in schema if hasattr(tracker, name)}
    if type_name(kind) not in BUILT_IN:
        kept |= tracker._options  # its attributes may be called otherwise
    for name in ("output_run", kind.name_option):
        if name in schema and not schema[name]["required"]:
            kept.pop(name, None)
    try:
        made = kind(**copy.deepcopy(kept))
    except Exception as error:
        raise TypeError(
            f"a run inside this one needs a {kind.__name__} of its own, and none can be made ({error}): describe it "
            "by a dict, or keep each argument of its constructor as an attribute of that name"
        ) from error
    made._options = kept
    return made


def type_name(kind: type[BaseTracker]) -> str:
    """What ``type`` names ``kind`` in a config: a built-in's name, else ``module:Class``."""
    path = f"{kind.__module__}:{kind.__qualname__}"
    return kind.__name__ if BUILT_IN.get(kind.__name__) == path else path


def _listed(configs: Configs) -> list[tuple[str, Any]]:
    origin = "configs"
    if isinstance(configs, str | os.PathLike):
        origin = os.fspath(configs)
        configs = _read_file(origin)
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


def _read_file(path: str) -> Any:
    try:
        with open(path, "rb") as file:
            content = file.read()
        parsed = _parse(os.path.splitext(path)[1].lower(), content)
    except OSError as error:
        raise ConfigError([f"{path!r} is no file that can be read ({error.strerror}){_type_instead(path)}"]) from error
    except (ValueError, ImportError, RecursionError) as error:
        raise ConfigError([f"{path}: {redact_text(str(error))}"]) from error
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
        raise ImportError(f"to read YAML, run: {_pip('yaml')}") from None
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
    name = {name.lower(): name for name in _known()}.get(path.lower())
    return f"; for the tracker of that name, write [{{'type': {name!r}}}]" if name else ""


def _build_one(config: Any) -> BaseTracker:
    if isinstance(config, BaseTracker):
        if problems := _wrong_attributes(config):
            raise _Problem(*problems)
        return config
    if inspect.isclass(config) and issubclass(config, BaseTracker):
        raise _Problem(f"{config.__name__} is a class: write {config.__name__}(...) or {{'type': '{config.__name__}'}}")
    if not isinstance(config, Mapping):
        found = f"{type(config).__name__} {shown(plain(config))}"
        raise _Problem(f"expected a dict such as {{'type': 'Mlflow'}} or a tracker, got {found}")
    if not isinstance(config.get("type"), str):
        raise _Problem(f"the key 'type' is missing or no string: it names the tracker, one of {', '.join(_known())}")
    kind = _find(config["type"])
    options = {key: value for key, value in config.items() if key != "type"}
    if problems := _wrong_options(kind, options):
        raise _Problem(*problems)
    try:
        tracker = kind(**options)
    except Exception as error:
        raise _Problem(f"{kind.__name__} refused its config: {error}") from error
    tracker._options = options
    return tracker


def _wrong_attributes(tracker: BaseTracker) -> list[str]:
    """A built-in tracker keeps what it was given under the same name, so an object is checked as a dict is."""
    kind = type(tracker)
    if type_name(kind) not in BUILT_IN:
        return _async_methods(kind)
    given = {name: getattr(tracker, name) for name in kind.config_schema if name != "output_run"}
    return _wrong_options(kind, {name: value for name, value in given.items() if value is not None})


def _async_methods(kind: type[BaseTracker]) -> list[str]:
    methods = ("init", "log", "log_batch", "log_params", "log_tags", "log_best", "log_artifact", "finish", "close")
    return [
        f"{kind.__name__}.{name} is async: write it with def, as a tracker has a thread of its own and may block"
        for name in methods
        if inspect.iscoroutinefunction(getattr(kind, name))
    ]


def _find(name: str) -> type[BaseTracker]:
    known = BUILT_IN if name in BUILT_IN else _known()  # to ask for plug-ins reads each package's metadata
    if name not in known and ":" not in name:
        hint = _did_you_mean(name, known)
        raise _Problem(f"unknown type {name!r}{hint}; known are {', '.join(known)}, or 'package.module:Class'")
    kind = known.get(name, name)
    if isinstance(kind, str):
        kind = _load(kind)
    if not (inspect.isclass(kind) and issubclass(kind, BaseTracker)):
        raise _Problem(f"type {name!r} is no subclass of tracklib.BaseTracker")
    if inspect.isabstract(kind):
        lacking = ", ".join(sorted(kind.__abstractmethods__))
        raise _Problem(f"{kind.__name__} is not complete: give it {lacking}")
    if problems := _async_methods(kind):
        raise _Problem(*problems)
    return kind


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise _Problem(f"type {path!r} cannot be imported: {type(error).__name__}: {error}") from error
    return found


def _known() -> dict[str, str | type[BaseTracker]]:
    """Every name that ``type`` may be: built-ins, imported subclasses, plug-ins; earlier ones win."""
    from importlib.metadata import entry_points

    plug_ins = {entry.name: entry.value for entry in entry_points(group=PLUG_INS)}
    subclasses = {kind.__name__: kind for kind in _subclasses(BaseTracker)}  # type: ignore[type-abstract]
    return {**plug_ins, **subclasses, **BUILT_IN}


def _subclasses(kind: type[BaseTracker]) -> list[type[BaseTracker]]:
    return [found for child in kind.__subclasses__() for found in (*_subclasses(child), child)]


def _wrong_options(kind: type[BaseTracker], options: Mapping[Any, Any]) -> list[str]:
    schema = kind.config_schema
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(kind.__init__).parameters.values()):
        return []
    problems = [
        f"{kind.__name__} needs {name!r}" for name, entry in schema.items() if entry["required"] and name not in options
    ]
    types = _types(kind)
    for name, value in options.items():
        if name not in schema:
            hint = _did_you_mean(str(name), schema)
            problems.append(f"{kind.__name__} has no option {name!r}{hint}; it has {', '.join(schema)}")
        elif not _fits(value, types.get(name, Any)):
            found = f"{type(value).__name__}: {shown(redact(plain(value), name), 200)}"
            problems.append(f"{kind.__name__}'s {name!r} must be {schema[name]['type']}, got {found}")
    return problems


def _types(kind: type[BaseTracker]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind.__init__)
    except Exception:  # a name that only a type checker can see
        return {}


def _fits(value: Any, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError:
        return False
    except Exception:  # a type that msgspec does not know
        return not inspect.isclass(annotation) or isinstance(value, annotation)
    return True


def _missing_packages(tracker: BaseTracker) -> list[str]:
    requires: Any = tracker.requires
    requires = (requires,) if isinstance(requires, str) else requires
    missing = [name for name in requires if not _is_there(name)]
    install = _pip(tracker.extra) if tracker.extra else f"pip install {' '.join(missing)}"
    return [f"{type(tracker).__name__} needs {' and '.join(missing)}; run: {install}"] if missing else []


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:  # the package around it is missing
        return False
    except ValueError:  # imported by other means, so that it has no spec
        return True


def _pip(extra: str) -> str:
    return f'pip install "{DISTRIBUTION}[{extra}]"'


def _did_you_mean(name: str, known: Mapping[str, Any]) -> str:
    import difflib

    lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    return f" (did you mean {lower[close[0]]!r}?)" if close else ""
