"""Folders that only their owner can read, and checksums of files."""

from __future__ import annotations

import hashlib
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


def checksum(path: str) -> str:
    """The SHA-256 of a file's bytes, in hex; empty for a folder.

    Raises:
        OSError: it cannot be read.
    """
    if os.path.isdir(path):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
