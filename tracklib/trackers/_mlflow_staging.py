"""A folder whose files are called as they shall be at MLflow, which takes an artifact's name from its file's."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

from .._common.names import Names


@contextlib.contextmanager
def staged(name: str, path: str, names: Names) -> Iterator[str]:
    """The folder, as long as the block goes on.

    Args:
        name: the artifact's.
        path: its file or folder.
        names: makes of each file's name what MLflow takes.

    Raises:
        FileNotFoundError: there is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        for inside, file in _files_of(path):
            link = os.path.join(folder, names[os.path.normpath(f"{name}/{inside}")])
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(file, link)
        yield folder


def _files_of(path: str) -> Iterator[tuple[str, str]]:
    """The file ``path``, or all those in the folder: where in it, and where on the disk."""
    path = os.path.realpath(path, strict=True)
    if not os.path.isdir(path):
        yield "", path
    for folder, _, files in os.walk(path):
        for file in files:
            yield os.path.relpath(os.path.join(folder, file), path), os.path.join(folder, file)
