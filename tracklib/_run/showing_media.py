"""Sounds, moving pictures, pages, and how good predictions are: files of the run that a browser shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._common.files import checked_file_name
from .artifacts import ArtifactWords
from .other_ranks import rehearse


class MediaWords(ArtifactWords):
    """Keeps more kinds of files."""

    def log_audio(self, name: str, audio: Any, *, rate: int) -> None:
        """Keep a sound as ``<name>.wav``, of 16 bits; rendered during the call.

        Args:
            name: without a folder.
            audio: an array, tensor or list of samples (needs numpy) of shape ``(samples,)``, ``(samples, channels)`` or
                ``(channels, samples)`` with up to 8 channels: floats from -1 to 1, or integers of 8, 16 or 32 bits.
                Values beyond are clipped, with a warning; NaN becomes silence.
            rate: samples a second, such as 44100.

        Raises:
            ImportError: numpy is not installed.
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``audio`` is none of these.
            ValueError: ``name`` holds a folder, ``rate`` is no possible rate, or there is no sample.
        """
        from .._values.moving import save_audio

        self._show("audio", name, {"wav": lambda path: save_audio(audio, rate, path)})

    def log_video(self, name: str, video: Any, *, fps: float = 10) -> None:
        """Keep moving pictures as ``<name>.gif``; rendered during the call. For a video file, use :meth:`log_artifact`.

        Args:
            name: without a folder. The endings ``.webp`` and ``.png`` choose another format, with more colours.
            video: an array or tensor of pixels (needs Pillow) of shape ``(time, height, width)``,
                ``(time, height, width, channels)`` or ``(time, channels, height, width)`` with 1, 3 or 4 channels:
                integers from 0 to 255 or floats from 0 to 1. Or a list of such pictures, or of Pillow's.
            fps: pictures a second.

        Raises:
            ImportError: Pillow is not installed.
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``video`` is none of these, or its pictures are of several sizes.
            ValueError: ``name`` holds a folder, ``fps`` is no possible rate, or there is no picture.
        """
        from .._values.moving import save_video

        self._show("video", name, {"gif": lambda path: save_video(video, fps, path)}, ("webp", "png"))

    def log_html(self, name: str, html: Any) -> None:
        """Keep a page as ``<name>.html``; secrets are masked, as in a text.

        Args:
            name: without a folder.
            html: HTML as a text, or an object that a notebook shows as HTML (``_repr_html_``), such as a table or
                chart.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``html`` is neither.
            ValueError: ``name`` holds a folder.
        """
        from .._values.media import save_html

        self._show("html", name, {"html": lambda path: save_html(html, path)})

    def log_confusion_matrix(self, name: str, truth: Any, predictions: Any, *, labels: Any = None) -> None:
        """Keep a confusion matrix, as the picture ``<name>.svg`` and the table ``<name>.csv``: a row for each true
        label, a column for each predicted one.

        Args:
            name: without a folder.
            truth: the true labels: an array, tensor or list, of shape ``(samples,)``, of texts or whole numbers.
            predictions: the predicted labels, of the same shape.
            labels: the order of the labels, or the names of the classes 0, 1 ...; None sorts them.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``truth``, ``predictions`` or ``labels`` is no list of labels.
            ValueError: ``name`` holds a folder; ``truth`` and ``predictions`` are of different lengths or empty, have
                more than 500 different labels, or one that is not among ``labels``.
        """
        from .._values.judged import confusion
        from .._values.media import save_table
        from .._values.pictures import confusion_svg

        self._need_open("log_confusion_matrix")
        told = confusion(truth, predictions, labels)
        ways: dict[str, Callable[[str], None]] = {
            "csv": lambda path: save_table(told.rows(), path),
            "svg": lambda path: _write(path, confusion_svg(told, name)),
        }
        self._show("confusion_matrix", name, ways)

    def log_pr_curve(self, name: str, truth: Any, scores: Any) -> None:
        """Keep a precision-recall curve, as the picture ``<name>.svg`` and the table ``<name>.csv``, with the
        thresholds, of at most about 1,000 points.

        Args:
            name: without a folder.
            truth: whether each sample is positive: an array, tensor or list, of shape ``(samples,)``, of booleans or of
                0 and 1.
            scores: how sure the model is that it is, of the same shape; higher is surer.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``truth`` or ``scores`` is no list of numbers.
            ValueError: ``name`` holds a folder; the two are of different lengths, or empty; no sample is positive, a
                truth is neither 0 nor 1, or a score is NaN.
        """
        from .._values.judged import precision_recall
        from .._values.media import save_table
        from .._values.pictures import precision_recall_svg

        self._need_open("log_pr_curve")
        told = precision_recall(truth, scores)
        ways: dict[str, Callable[[str], None]] = {
            "csv": lambda path: save_table(told.rows(), path),
            "svg": lambda path: _write(path, precision_recall_svg(told, name)),
        }
        self._show("pr_curve", name, ways)

    def _show(self, kind: str, name: Any, ways: dict[str, Callable[[str], None]], others: tuple[str, ...] = ()) -> None:
        """Keep a file for each ending, as ``ways`` write it; ``others`` may be chosen by the name."""
        attempt = self._need_open(f"log_{kind}")
        if not isinstance(name, str):
            got = type(name).__name__
            raise TypeError(f"log_{kind} takes the name first, as log_{kind}('sample', ...); got {got} first")
        name = checked_file_name(name)
        stem, dot, ending = name.rpartition(".")
        if dot and stem and ending.lower() in (*ways, *others):
            ways = ways if ending.lower() in ways else {ending: next(iter(ways.values()))}
        else:
            stem = name
        for file, write in [(checked_file_name(f"{stem}.{each}"), write) for each, write in ways.items()]:
            (self._keep if attempt.keeps else rehearse)(file, write)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
