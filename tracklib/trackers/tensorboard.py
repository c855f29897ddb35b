"""TensorBoard: an event file beside the run's journal. Needs neither TensorFlow nor PyTorch."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._common.files import make_folder
from .._common.names import Names, spelt
from .._common.secrets import redact
from .._common.warn import warn
from .._journal import layout
from .._journal.records import Best, Histogram, Log, Note, Status
from .._values.plain import plain
from . import _tensorboard_events as events
from ._options import checked
from ._projection import is_as_long
from ._tensorboard_file import EventFile
from .base import BatchTracker

# TensorBoard computes the checksums of what is written in Python, at some 2 MB a second.
_ARTIFACT_BYTES = 4 * 2**20


class TensorBoard(BatchTracker):
    """Writes an event file for ``tensorboard --logdir DIR``, ``DIR`` being the run's directory or one above it.

    Each metric is a scalar with the epoch as its step and the time at which it was logged; metrics of another
    axis are called ``<axis>/<metric>``. TensorBoard's scalars have 32 bits (``simple_value`` in its ``summary.proto``),
    about seven digits; NaN and the infinities arrive. Params and the run's status are in the HPARAMS tab, tags and
    notes under TEXT. Of the artifacts, PNG and GIF files are under IMAGES, WAV files under AUDIO, ``.txt`` and ``.md``
    files under TEXT, each up to 4 MiB; TensorBoard has no place for others.

    In a managed run the event file is built from the run's journal; when the run is resumed, it is written anew in
    place of the old one, so that each point is there once. By hand, a further file is written beside those that are
    there.

    Args:
        log_dir: the folder for the event file. TensorBoard takes all files in one folder for one run, so give each
            run its own. None takes ``tensorboard`` in ``output_run``; a relative path counts from the directory
            that is current when the tracker is made.
        in_process: keep the tracker in the training process (``docs/explanation/companion.rst``).
        output_run: the directory where logs are stored.
    """

    requires = ("tensorboard",)
    extra = "tensorboard"
    imports = (
        "tensorboard.compat.proto.event_pb2",
        "tensorboard.compat.proto.summary_pb2",
        "tensorboard.plugins.hparams.summary_v2",
        "tensorboard.plugins.hparams.api_pb2",
        "tensorboard.plugins.hparams.metadata",
        "tensorboard.plugins.hparams.plugin_data_pb2",
        "tensorboard.plugins.text.summary_v2",
        "tensorboard.summary.writer.record_writer",
    )
    batch_size = 1024
    reads_whole_journal = True
    builds_anew = True

    @checked
    def __init__(self, *, log_dir: str | None = None, in_process: bool = False, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.in_process = in_process
        self.log_dir = None if log_dir is None else os.path.abspath(log_dir)
        self._start_over()

    def _start_over(self) -> None:
        self._file = EventFile(self.folder, self.begin, not self.is_by_hand)
        self._names = Names("TensorBoard", tensorboard_name)
        self._param_names = Names("TensorBoard", tensorboard_name)
        self._params: dict[str, bool | int | float | str] = {}
        self._tags: dict[str, str] = {}
        self._notes: list[str] = []
        self._newest: dict[str, tuple[int, bytes]] = {}  # of each image and text: its step and its content's hash
        self._now = self.begin.time

    @property
    def folder(self) -> str:
        """Where the event file is."""
        return self.log_dir or os.path.join(self.output_run, layout.TENSORBOARD)

    @property
    def files(self) -> tuple[str, ...]:
        """The folder of the event file, where it is in the run's directory."""
        return () if self.log_dir else (layout.TENSORBOARD,)

    def _places(self) -> Mapping[str, str]:
        return {"log_dir": self.log_dir} if self.log_dir else {}

    def is_intact(self) -> bool:
        """Whether the event file is there, and as long as it was at the run's end."""
        path = os.path.join(self.folder, self.state.get("file", ""))
        return is_as_long(path, self.state.get("size"))

    def init(self) -> None:
        """Make the event file; in a managed run, in place of an earlier one of the same run."""
        self.close()
        self._start_over()
        make_folder(self.folder)
        self._renew(self._params)
        self.location = self.folder

    def _renew(self, params: Mapping[str, Any]) -> None:
        """Begin the file anew, with other ``params``: TensorBoard looks at the first word about them only."""
        old = self._file.own()
        self._file.renew(events.head(self.begin, params, replaces=bool(old) and not self.is_by_hand), old)

    def log_batch(self, records: Sequence[Log]) -> None:
        """Write scalars, with one write."""
        self._file.need()
        self._file.write(b"".join(map(self._scalars, records)))
        self._now = records[-1].time

    def _scalars(self, record: Log) -> bytes:
        values = {self._tag(record.axis, name): value for name, value in record.columns().items()}
        return events.scalars(record.time, record.step, values)

    def _tag(self, axis: str, name: str) -> str:
        return self._names[name] if axis == "epoch" else self._names.within(axis, name)

    def log_best(self, best: Best) -> None:
        """Write the scalar ``best/<name>``, at the best value's step."""
        self._file.need()
        self._file.write(events.scalars(best.time, best.step, {self._names.within("best", best.name): best.value}))

    def log_histogram(self, histogram: Histogram) -> None:
        """Write the histogram ``histograms/<name>``."""
        name = histogram.name if histogram.axis == "epoch" else f"{histogram.axis}/{histogram.name}"
        self._file.need()
        if histogram.counts:
            self._file.write(events.histogram(self._names.within("histograms", name), histogram))

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Set params, for the HPARAMS tab, nested names joined by ``/``; a list is there as JSON."""
        self._file.need()
        flat = {self._param_names[name]: value for name, value in _flat(redact(plain(params)))}
        together = {**self._params, **flat}
        if together != self._params:
            self._renew(together)
            self._params = together

    def log_tags(self, tags: Mapping[str, Any]) -> None:
        """Write all tags so far as one text, since a text of TensorBoard's replaces the one before."""
        together = {**self._tags, **redact(plain(tags))}
        lines = "\n".join(f"{name}: {value}" if value != "" else name for name, value in together.items())
        self._log_text(self._names.within("run", "tags"), events.verbatim(lines))
        self._tags = together

    def log_note(self, note: Note) -> None:
        """Write all notes so far as one text."""
        together = [*self._notes, note.told]
        self._log_text(self._names.within("run", "notes"), events.verbatim("\n".join(together)))
        self._notes = together

    def log_artifact(self, name: str, path: str) -> None:
        """Write a PNG or GIF file as an image, a WAV file as audio, a ``.txt`` or ``.md`` file as a text; nothing else.
        Where a name comes again, its newest content is the next step."""
        kind = os.path.splitext(name)[1].lower()
        if kind not in (".png", ".gif", ".wav", ".txt", ".md") or not os.path.isfile(path):
            return
        if os.path.getsize(path) > _ARTIFACT_BYTES:
            warn(f"artifact {name!r} is too large for TensorBoard, which gets files up to 4 MiB")
            return
        with open(path, "rb") as file:
            content = file.read()
        tag = self._names.within("artifacts", name)
        if kind not in (".txt", ".md"):
            shown = events.sound(tag, content) if kind == ".wav" else events.image(tag, content)
            if shown is None:
                warn(f"{tag!r} is no {kind[1:].upper()} file, so TensorBoard does not show it")
            else:
                self._log_once(tag, content, shown)
        else:
            text = content.decode("utf-8", "backslashreplace")
            self._log_text(tag, text if kind == ".md" else events.verbatim(text))

    def _log_text(self, tag: str, text: str) -> None:
        content = text.encode("utf-8", "backslashreplace")
        self._log_once(tag, content, events.text(tag, content))

    def _log_once(self, tag: str, content: bytes, summary: Any) -> None:
        """Write what has no step of its own, if it is not what was written last: a run that is read anew has
        the newest content of an artifact only, as often as there were some."""
        self._file.need()
        step, before = self._newest.get(tag, (-1, b""))
        digest = hashlib.sha256(content).digest()
        if digest != before:
            self._file.write(events.event(self._now, step + 1, summary))
            self._newest[tag] = step + 1, digest

    def is_transient(self, error: BaseException) -> bool:
        """A disk may have room again; an artifact that is gone does not come back."""
        return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)

    def finish(self, status: Status) -> None:
        """Write how the run ended, for the HPARAMS tab, and close the file."""
        self._file.need()
        self._file.write(events.end(status, self.ended_at or self._now))
        self.state["file"], self.state["size"] = os.path.basename(self._file.path), str(self._file.size)
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _flat(item, f"{prefix}{name}/")
        elif isinstance(item, bool | int | float):
            yield f"{prefix}{name}", item
        else:
            text = item if isinstance(item, str) else json.dumps(item)
            yield f"{prefix}{name}", text.encode("utf-8", "backslashreplace").decode()


def tensorboard_name(raw: str) -> str:
    """A tag that TensorBoard shows: not empty, and UTF-8 has bytes for it."""
    return spelt(raw) or "unnamed"
