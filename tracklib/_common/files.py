"""Folders that only their owner can read."""

from __future__ import annotations

import os


def make_folder(path: str) -> None:
    """Make the folder ``path`` and its missing parents, each with mode 0700; one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        make_folder(parent)
    os.makedirs(path, mode=0o700, exist_ok=True)
