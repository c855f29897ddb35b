"""Reads the runs that W&B wrote offline. Imports wandb, so import it where such a run is asked for only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from .._journal.records import Status
from ._foreign import Foreign, Point
from ._wandb_file import _records

_OWN = "_"  # what W&B logs itself begins so
_OWN_FILES = ("wandb-", "config.yaml", "output.log", "requirements.txt")  # and its files so


def runs_in(path: str) -> Iterator[Foreign]:
    """The run in the ``.wandb`` file at ``path``, or those in a folder.

    Raises:
        OSError: a file cannot be read.
    """
    files = [path] if os.path.isfile(path) else _files_below(path)
    for file in files:
        with open(file, "rb") as content:
            yield _run(list(_records(content.read(), 0)), file)


def _files_below(path: str) -> list[str]:
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return sorted(name for name in found if name.endswith(".wandb"))


def _run(records: list[Any], file: str) -> Foreign:
    run = next((record.run for record in reversed(records) if record.WhichOneof("record_type") == "run"), None)
    name = (run.display_name or run.run_id) if run is not None else os.path.basename(file)
    config: dict[str, Any] = {}
    points, ends = [], []
    for record in records:
        match record.WhichOneof("record_type"):
            case "run":
                config |= _items(record.run.config.update)
            case "config":
                config |= _items(record.config.update)
            case "history":
                points.append(_point(_items(record.history.item)))
            case "exit":
                ends.append(record.exit.exit_code)
    began = round(run.start_time.seconds * 1000) if run is not None else 0
    status = None if not ends else Status.FAILED if ends[-1] else Status.FINISHED
    params = {name: value for name, value in config.items() if not name.startswith(_OWN)}
    tags = dict.fromkeys(run.tags, "") if run is not None else {}
    source = f"wandb:{run.run_id if run is not None else file}"
    began = began or (points[0].time if points else 0)
    note = run.notes if run is not None else ""
    return Foreign(source, name, began, points, params, tags, status, _files_of(file), note)


def _files_of(file: str) -> list[tuple[str, str]]:
    """What the user kept with the run, beside its offline file."""
    folder = os.path.join(os.path.dirname(file), "files")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [(name, os.path.join(folder, name)) for name in names if not name.startswith(_OWN_FILES)]


def _items(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def _point(row: dict[str, Any]) -> Point:
    numbers = {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and not name.startswith(_OWN)
    }
    return Point(round(float(row.get("_timestamp", 0)) * 1000), "step", int(row.get("_step", 0)), numbers)
