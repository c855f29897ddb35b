"""Reads the ``.wandb`` file of an offline run.

wandb 0.31 ships no Python reader of it any more (its Go core reads it, for ``wandb sync``). So the
framing is ours: LevelDB's log format behind a file header of 7 bytes. The records in it are decoded
by wandb's own protobuf.

W&B's core process writes the file's end some milliseconds after ``finish`` has returned (even if the
caller is killed): call ``wandb.teardown()`` before you read in the process that wrote.
"""

from __future__ import annotations

import importlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK = 32768
_FULL, _LAST = 1, 4


class WandbFile:
    """What an offline run wrote.

    Args:
        where: the ``.wandb`` file, or a folder with one somewhere in it.
    """

    def __init__(self, where: str | Path) -> None:
        path = Path(where)
        if path.is_dir():
            (path,) = path.rglob("*.wandb")
        self.path = path
        self.records = list(_records(path.read_bytes()))

    def of(self, kind: str) -> list[Any]:
        """All records of a kind, such as ``"history"`` or ``"environment"``."""
        return [getattr(record, kind) for record in self.records if record.WhichOneof("record_type") == kind]

    @property
    def run(self) -> Any:
        """The run's last record: name, id, project, group, tags and more."""
        return self.of("run")[-1]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The history, a dict for each row, W&B's own ``_step`` and ``_timestamp`` among it."""
        return [{_key(item): json.loads(item.value_json) for item in row.item} for row in self.of("history")]

    @property
    def config(self) -> dict[str, Any]:
        """The run's config as it stands at the end."""
        config: dict[str, Any] = {}
        for record in self.records:
            kind = record.WhichOneof("record_type")
            changes = record.run.config if kind == "run" else record.config
            if kind in ("run", "config"):
                config |= {_key(item): json.loads(item.value_json) for item in changes.update}
        config.pop("_wandb", None)
        return config

    @property
    def summary(self) -> dict[str, Any]:
        """What the run's summary was set to; W&B itself adds the newest value of each metric."""
        return {_key(item): json.loads(item.value_json) for said in self.of("summary") for item in said.update}

    @property
    def tags(self) -> list[str]:
        """The run's tags as they stand at the end."""
        return list(self.run.tags)

    @property
    def exit_code(self) -> int | None:
        """The code that the run ended with; None if it did not end."""
        ends = self.of("exit")
        return int(ends[-1].exit_code) if ends else None

    @property
    def preempting(self) -> bool:
        """Whether the run said that it is about to be preempted."""
        return any(
            record.WhichOneof("record_type") == "preempting"
            or (record.WhichOneof("record_type") == "request" and record.request.HasField("run_preempting"))
            for record in self.records
        )

    @property
    def step_metrics(self) -> dict[str, str]:
        """For each metric or pattern, the metric on its x-axis."""
        return {metric.name or metric.glob_name: metric.step_metric for metric in self.of("metric")}

    @property
    def files(self) -> list[str]:
        """The files that the run saved."""
        return [file.path for files in self.of("files") for file in files.files]


def _key(item: Any) -> str:
    return str(item.key or "/".join(item.nested_key))


def _records(content: bytes) -> Iterator[Any]:
    wandb_internal_pb2: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")
    assert content[:4] == b":W&B"[: len(content)], "not a .wandb file"
    body, position = b"", 7
    while position + 7 <= len(content):
        left = _BLOCK - position % _BLOCK
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        if position + 7 + length > len(content):
            return  # cut off, by a process that was killed
        body += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (_FULL, _LAST):
            yield wandb_internal_pb2.Record.FromString(body)
            body = b""
