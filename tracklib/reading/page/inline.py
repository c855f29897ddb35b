"""Artifacts as the page shows them: pictures, tables and texts in it as far as there is room, links to the rest."""

from __future__ import annotations

import base64
import csv
import itertools
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..._common.files import content_of

if TYPE_CHECKING:
    from ..artifacts import Artifact

_ROOM = 5_000_000  # bytes of files in one page
_PICTURES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp", ".svg": "svg+xml"}
_TABLES = {".csv": ",", ".tsv": "\t"}
_TEXTS = (".txt", ".md", ".log", ".json", ".yaml", ".yml", ".toml", ".ini")
_TEXT_BYTES = 200_000
_ROWS, _COLUMNS = 200, 40


class Inline:
    """The files in a page.

    Args:
        home: the folder in which the page lies.
    """

    def __init__(self, home: str) -> None:
        self.texts: list[str] = []
        self._home = home
        self._room = _ROOM
        self._places: dict[str, int] = {}

    def artifact(self, artifact: Artifact) -> dict[str, Any]:
        """One artifact: its name, size, link, and what is in it where that can be shown."""
        told: dict[str, Any] = {"name": artifact.name, "sha256": artifact.sha256}
        if not os.path.lexists(artifact.path):
            return told | {"note": "it is no longer there"}
        told |= {"size": artifact.size, "href": self.link(artifact.path)}
        if artifact.name != "git.patch":  # which has a panel of its own
            told |= self._shown(artifact.path)
        return told

    def text(self, path: str) -> int | None:
        """Where the text of a file is in :attr:`texts`, each text once; None where there is none, or no room."""
        content = self._read(path, _TEXT_BYTES)
        if content is None:
            return None
        text = content.decode(errors="replace")
        if text in self._places:
            self._room += len(content)  # it is there already
            return self._places[text]
        self._places[text] = len(self.texts)
        self.texts.append(text)
        return self._places[text]

    def link(self, path: str) -> str:
        """Where a file is, from the page."""
        return quote(os.path.relpath(path, self._home))

    def _shown(self, path: str) -> dict[str, Any]:
        ending = os.path.splitext(path)[1].lower()
        if ending in _PICTURES and (content := self._read(path, _ROOM)) is not None:
            return {"picture": f"data:image/{_PICTURES[ending]};base64,{base64.b64encode(content).decode()}"}
        if ending == ".wav" and (content := self._read(path, _ROOM)) is not None:
            return {"sound": f"data:audio/wav;base64,{base64.b64encode(content).decode()}"}
        if ending in _TABLES and (content := self._read(path, _TEXT_BYTES)) is not None:
            return {"table": _table(content.decode(errors="replace"), _TABLES[ending])}
        if ending in _TEXTS and (place := self.text(path)) is not None:
            return {"text": place}
        return {}

    def _read(self, path: str, most: int) -> bytes | None:
        """A file's bytes; None where it is none, or there is no room for it."""
        content = content_of(path, min(most, self._room))
        self._room -= len(content or b"")
        return content


def _table(text: str, delimiter: str) -> list[list[str]]:
    """The first rows."""
    try:
        lines = itertools.islice(csv.reader(text.splitlines(), delimiter=delimiter), _ROWS + 1)
        rows = [row[:_COLUMNS] for row in lines]
    except csv.Error:
        return [[line] for line in text.splitlines()[: _ROWS + 1]]
    return rows or [[""]]
