"""Reads the scalars of TensorBoard's event files: each folder that holds some is a run."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator

from ._foreign import Foreign, Point


def runs_in(path: str) -> Iterator[Foreign]:
    """The runs below ``path``, by their folders.

    Raises:
        ImportError: TensorBoard is not installed.
        OSError: a file cannot be read.
    """
    for folder, folders, names in os.walk(path):
        folders.sort()
        if any("tfevents" in name for name in names):
            points = sorted(_points(folder), key=lambda point: (point.time, point.step))
            if points:
                name = os.path.basename(os.path.abspath(folder))
                yield Foreign(os.path.abspath(folder), name, points[0].time, points)


def _points(folder: str) -> Iterator[Point]:
    """Every scalar, those of one step and moment together."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: dict[tuple[int, int], dict[str, float]] = {}
    for file in sorted(glob.glob(os.path.join(glob.escape(folder), "*tfevents*"))):
        events = EventAccumulator(file, size_guidance={"scalars": 0, "tensors": 0}).Reload()
        scalars = [
            (tag, event.wall_time, event.step, event.value)
            for tag in events.Tags()["scalars"]
            for event in events.Scalars(tag)
        ]
        for tag in events.Tags()["tensors"]:
            scalars += [
                (tag, event.wall_time, event.step, value)
                for event in events.Tensors(tag)
                if (value := _scalar(event.tensor_proto)) is not None
            ]
        for tag, time, step, value in scalars:
            found.setdefault((round(time * 1000), step), {})[tag] = float(value)
    for (time, step), metrics in found.items():
        yield Point(time, "step", step, metrics)


def _scalar(tensor: object) -> float | None:
    """The number in a tensor of no dimensions; None for text, pictures and histograms."""
    from tensorboard.util.tensor_util import make_ndarray

    array = make_ndarray(tensor)
    return float(array) if array.ndim == 0 and array.dtype.kind in "fiub" else None
