"""Reads TensorBoard's event files, their scalars, params, status, pictures and texts: each folder that holds some is a
run."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from typing import Any

from .._journal.records import Status
from ._foreign import Foreign, together
from ._tensorboard_media import files_of, has_media


def runs_in(path: str) -> Iterator[Foreign]:
    """The runs below ``path``, by their folders.

    Raises:
        ImportError: TensorBoard is not installed.
        OSError: a file cannot be read.
    """
    for folder, folders, names in os.walk(path):
        folders.sort()
        if any("tfevents" in name for name in names):
            files = [*_files(folder)]
            points = together(_scalars(files))
            params = {name: value for file in files for name, value in _params(file)}
            if points or params or any(has_media(file) for file in files):
                whole = os.path.abspath(folder)
                began = points[0].time if points else _began(files)
                kept = files_of(files)
                yield Foreign(whole, os.path.basename(whole), began, points, params, {}, _status(files), kept)


def _files(folder: str) -> Iterator[Any]:
    """What each event file of a folder holds, in their order."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for file in sorted(glob.glob(os.path.join(glob.escape(folder), "*tfevents*"))):
        yield EventAccumulator(file, size_guidance={"scalars": 0, "tensors": 0, "images": 0}).Reload()


def _scalars(files: Iterable[Any]) -> Iterator[tuple[int, int, str, float]]:
    """Every one by time, step, name and value."""
    for events in files:
        for tag in events.Tags()["scalars"]:
            for event in events.Scalars(tag):
                yield round(event.wall_time * 1000), event.step, tag, float(event.value)
        for tag in events.Tags()["tensors"]:
            for event in events.Tensors(tag):
                if (value := _scalar(event.tensor_proto)) is not None:
                    yield round(event.wall_time * 1000), event.step, tag, value


def _params(events: Any) -> Iterator[tuple[str, Any]]:
    """Those of the HPARAMS tab."""
    from tensorboard.plugins.hparams import metadata

    if content := _of_hparams(events).get(metadata.SESSION_START_INFO_TAG):
        for name, value in metadata.parse_session_start_info_plugin_data(content).hparams.items():
            yield name, getattr(value, value.WhichOneof("kind") or "", None)


def _status(files: Iterable[Any]) -> Status | None:
    """As the HPARAMS tab has it. Who writes nothing there says no end either: it is taken for finished."""
    from tensorboard.plugins.hparams import api_pb2, metadata

    told = [content for events in files if (content := _of_hparams(events).get(metadata.SESSION_END_INFO_TAG))]
    if not told:
        return Status.FINISHED
    status = metadata.parse_session_end_info_plugin_data(told[-1]).status
    return {api_pb2.STATUS_SUCCESS: Status.FINISHED, api_pb2.STATUS_FAILURE: Status.FAILED}.get(status)


def _of_hparams(events: Any) -> dict[str, bytes]:
    from tensorboard.plugins.hparams import metadata

    try:
        found: dict[str, bytes] = events.PluginTagToContent(metadata.PLUGIN_NAME)
    except KeyError:
        return {}
    return found


def _began(files: Iterable[Any]) -> int:
    return int(1000 * min(events.FirstEventTimestamp() for events in files))


def _scalar(tensor: Any) -> float | None:
    """The number in a tensor of no dimensions; None for text, pictures and histograms."""
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.util.tensor_util import make_ndarray

    if tensor.dtype == DT_STRING:
        return None
    array = make_ndarray(tensor)
    return float(array) if array.ndim == 0 and array.dtype.kind in "fiub" else None
