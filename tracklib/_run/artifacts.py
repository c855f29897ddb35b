"""The files of a run: what is copied or rendered into its directory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

from .._common.files import checked_file_name, checksum, copy_whole, placed
from .._common.modes import grant, granted_in
from .._journal import layout
from .._journal.records import Artifact
from .._values.arguments import holds
from .other_ranks import need_readable, rehearse
from .words import Words


def source_of(path: str | os.PathLike[str]) -> str:
    """The absolute path of what is to be kept.

    Raises:
        OSError: it is a device, a pipe or such, which may have no end.
        ValueError: it is empty.
    """
    if not os.fspath(path):
        raise ValueError("path must say which file or folder, as 'model.pt'; it is empty")
    source = os.path.abspath(os.fsdecode(path))
    if os.path.exists(source) and not (os.path.isfile(source) or os.path.isdir(source)):
        raise OSError(errno.EINVAL, "it is neither a file nor a folder", source)
    return source


class ArtifactWords(Words):
    """Keeps files."""

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """Keep a copy of a file or folder, such as ``t.log_artifact("predictions.csv")``: it is copied into the run's
        directory before this returns, and delivered from there.

        Args:
            path: the file or folder to copy.
            name: what to call the copy, without a folder; None keeps its name. A later copy replaces an earlier one of
                the same name.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: ``path`` cannot be read, or the run's directory cannot be written.
            ValueError: ``name`` holds a folder, or ``path`` holds the run's own directory.
        """
        attempt = self._need_open("log_artifact")
        source = source_of(path)
        name = checked_file_name(os.path.basename(source) if name is None else name)
        if holds(source, self._artifacts):
            raise ValueError(f"{source} holds the run's own directory: name a folder in it, or another output_run")
        if attempt.keeps:
            self._keep(name, lambda new: copy_whole(source, new))
        else:
            need_readable(source)

    def log_figure(self, name: str, figure: Any) -> None:
        """Keep a matplotlib figure as ``<name>.png``, or a plotly figure as ``<name>.html``; rendered during the call.

        Args:
            name: without a folder. An ending chooses another format: for matplotlib any that it can save
                (``"loss.svg"``), for plotly ``.json``, or a picture's (needs kaleido).
            figure: the figure, or matplotlib axes of it.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``figure`` is neither.
            ValueError: ``name`` holds a folder.
        """
        from .._values.media import save_figure

        self._render("figure", name, figure, save_figure)

    def log_image(self, name: str, image: Any) -> None:
        """Keep a picture as ``<name>.png``; rendered during the call.

        Args:
            name: without a folder. An ending chooses another format, such as ``"sample.jpg"``.
            image: a Pillow image; or an array or tensor of pixels (needs Pillow) of shape ``(height, width)``,
                ``(height, width, channels)`` or ``(channels, height, width)`` with 1, 3 or 4 channels: integers
                from 0 to 255 or floats from 0 to 1. Values beyond are clipped, with a warning; NaN becomes black.

        Raises:
            ImportError: Pillow is not installed.
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``image`` is neither.
            ValueError: ``name`` holds a folder.
        """
        from .._values.media import save_image

        self._render("image", name, image, save_image)

    def log_text(self, name: str, text: str) -> None:
        """Keep a text as ``<name>.txt``, or with the ending that ``name`` has; secrets are masked.

        Args:
            name: without a folder.
            text: of any length; another object is kept as its ``str()``.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            ValueError: ``name`` holds a folder.
        """
        from .._values.media import save_text

        self._render("text", name, text, save_text)

    def log_table(self, name: str, table: Any) -> None:
        """Keep a table as ``<name>.csv``; written during the call.

        Args:
            name: without a folder.
            table: a data frame of pandas or polars; a list of rows, each a mapping or another object that
                :meth:`log_params` takes; or a mapping of names to columns, all equally long. Text that a spreadsheet
                would run as a formula gets a leading ``'``; NaN is written as ``nan``, a missing value as nothing.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``table`` is none of these.
            ValueError: ``name`` holds a folder, or the columns are not equally long.
        """
        from .._values.media import save_table

        self._render("table", name, table, save_table)

    def _render(self, kind: str, name: Any, value: Any, save: Callable[[Any, str], None]) -> None:
        from .._values.media import with_ending

        attempt = self._need_open(f"log_{kind}")
        if not isinstance(name, str):
            got = type(name).__name__
            raise TypeError(f"log_{kind} takes the name first, as log_{kind}('sample', {kind}); got {got} first")
        name = checked_file_name(with_ending(checked_file_name(name), kind, value))
        (self._keep if attempt.keeps else rehearse)(name, lambda new: save(value, new))

    def _keep(self, name: str, put: Callable[[str], None]) -> None:
        """Have ``put`` write the artifact ``name``, and say so in the journal."""
        with placed(os.path.join(self._artifacts, name)) as new:
            put(new)
            grant(new, granted_in(self.directory))
            sha256 = checksum(new)
        journal = self._need_open("log_artifact").journal
        journal.append(Artifact(time=journal.now(), name=name, sha256=sha256))

    @property
    def _artifacts(self) -> str:
        return os.path.join(self.directory, layout.ARTIFACTS)
