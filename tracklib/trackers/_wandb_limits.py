"""What W&B takes: names, and how long what it is given may be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from .._common.names import file_name, in_one_line, with_hash, without_controls
from .._common.secrets import redact_text
from .._journal.records import Begin

JOB_TYPE_LENGTH = 64
SHOWN = 200  # characters of a text that is kept whole elsewhere
_NAME_LENGTH = 128
_NOT_IN_PROJECT = frozenset("/\\#?%:")
_TAG_LENGTH = 64
_ROW_BYTES = 10_383_360
_CONFIG_TEXT = 20_000  # characters; beyond 100 KB W&B prints a warning
_CONFIG_LIST = 10_000  # items, for the same reason
# The last is a name at which W&B's own process (0.31) dies, time and again.
_RESERVED = frozenset({"_step", "_timestamp", "_runtime", "_wandb", "", "\\"})


def wandb_name(raw: str) -> str:
    """A name that W&B takes: not empty, in one line, and none of its own (``_step``, ``_timestamp`` ...)."""
    name = without_controls(raw)
    if name in _RESERVED or name.startswith("_wandb"):
        return f"metric{name}" if name else "unnamed"
    return name


def need_project(project: str | None) -> None:
    """See that W&B takes a project's name.

    Raises:
        ValueError: it does not.
    """
    if project is None:
        return
    if len(project) > _NAME_LENGTH or not _NOT_IN_PROJECT.isdisjoint(project):
        hint = ""
        entity, slash, name = project.partition("/")
        if slash and name and _NOT_IN_PROJECT.isdisjoint(entity + name):
            hint = f": write entity={entity!r}, project={name!r}"
        raise ValueError(f"project={project!r} may have {_NAME_LENGTH} characters, and none of / \\ # ? % :{hint}")


def wandb_param_name(raw: str) -> str:
    """A name in W&B's config: not empty, and none that holds W&B's own settings."""
    return f"param_{raw.lstrip('_')}" if raw in ("_wandb", "wandb_version") else raw or "unnamed"


def line(name: str | None, limit: int = _NAME_LENGTH) -> str | None:
    """A run's or a group's name, in one line and without secrets."""
    return None if name is None else in_one_line(redact_text(name), limit)


def group_of(begin: Begin) -> str | None:
    """The runs inside one run are a group of W&B's."""
    if begin.parent is None:
        return None
    return f"{os.path.basename(begin.parent.output_run)}-{begin.parent.uid[:6]}"


def tags_as_words(tags: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """W&B's tags, as ``name`` or ``name:value``; and the tags that are too long for one, by their names."""
    words, too_long = [], {}
    for name, value in tags.items():
        word = redact_text(f"{name}:{value}" if value else name)
        if len(word) > _TAG_LENGTH:
            too_long[redact_text(name)] = value
            word = with_hash(word, word, _TAG_LENGTH)
        words.append(word)
    return words, too_long


def need_room(row: Mapping[str, float]) -> None:
    """See that W&B takes a row of this length.

    Raises:
        ValueError: it does not.
    """
    if len(row) > SHOWN and len(json.dumps(row)) > _ROW_BYTES:
        raise ValueError(f"W&B takes no row of more than {_ROW_BYTES} bytes; these {len(row)} metrics have more")


def fitting(name: str, value: Any, beside: Callable[[str, str], str]) -> Any:
    """A param with each text or list in it that is long as its beginning, and whole in a file.

    Args:
        name: the param's.
        value: as JSON can hold it.
        beside: keeps a text in the file of that name, and says what stands for it.
    """
    if isinstance(value, dict):
        return {key: fitting(f"{name}/{key}", item, beside) for key, item in value.items()}
    if isinstance(value, list) and len(value) > _CONFIG_LIST:
        return beside(f"params/{file_name(name)}.json", json.dumps(value))
    if isinstance(value, list):
        return [fitting(f"{name}/{index}", item, beside) for index, item in enumerate(value)]
    if isinstance(value, str) and len(value) > _CONFIG_TEXT:
        return beside(f"params/{file_name(name)}.txt", value)
    return value


def path_in_run(name: str) -> str:
    """Where an artifact lies in the run's files: never out of them, and never where W&B writes a file of its own."""
    path = os.path.normpath(os.sep + name).lstrip(os.sep)
    is_wandbs = path in _WANDBS_FILES or path.startswith("wandb")
    return os.path.join("artifacts", path) if is_wandbs else path


# Source: wandb.sdk.lib.filenames of wandb 0.31.
_WANDBS_FILES = frozenset("config.yaml requirements.txt output.log diff.patch conda-environment.yaml".split())
