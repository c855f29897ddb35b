"""The pictures and texts in TensorBoard's event files, as files."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_ENDINGS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif"}
_LONGEST = 100  # characters of a tag in a file's name


class _Kept(NamedTuple):
    tag: str
    step: int
    content: bytes
    ending: str


def files_of(files: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Each picture and text by a file's name for it, with where it lies until the next one is asked for. Of several of
    one tag each has its step in its name."""
    kept = [each for events in files for each in (*_pictures(events), *_texts(events))]
    names: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="tracklib-") as folder:
        place = os.path.join(folder, "kept")
        for each in kept:
            alike = sum(other.tag == each.tag and other.ending == each.ending for other in kept)
            name = _unused(each, alike > 1, names)
            names.add(name)
            with open(place, "wb") as file:
                file.write(each.content)
            yield name, place


def has_media(events: Any) -> bool:
    """Whether a file holds a picture or a text."""
    return any(True for each in (_pictures, _texts) for _ in each(events))


def _pictures(events: Any) -> Iterator[_Kept]:
    for tag in events.Tags()["images"]:
        for event in events.Images(tag):
            yield _picture(tag, event.step, event.encoded_image_string)
    for tag, step, values in _tensors(events, "images"):
        for content in values[2:]:  # the first two are its width and height
            yield _picture(tag, step, content)


def _picture(tag: str, step: int, content: bytes) -> _Kept:
    ending = next((ending for start, ending in _ENDINGS.items() if content.startswith(start)), ".bin")
    return _Kept(tag, step, content, ending)


def _texts(events: Any) -> Iterator[_Kept]:
    """TensorBoard takes a text as Markdown."""
    for tag, step, values in _tensors(events, "text"):
        name = tag.removesuffix("/text_summary")  # PyTorch's writer adds it
        yield _Kept(name, step, b"\n\n".join(values), ".md")


def _tensors(events: Any, plugin: str) -> Iterator[tuple[str, int, list[bytes]]]:
    """The texts in the tensors of a plug-in, in their order."""
    try:
        tags = events.PluginTagToContent(plugin)
    except KeyError:
        return
    for tag in tags:
        if tag in events.Tags()["tensors"]:
            for event in events.Tensors(tag):
                yield tag, event.step, [*event.tensor_proto.string_val]


def _unused(kept: _Kept, with_step: bool, names: set[str]) -> str:
    stem = re.sub(r"[^\w.-]+", "-", kept.tag).strip("-.")[:_LONGEST] or kept.ending[1:]
    stem += f"-step-{kept.step}" if with_step else ""
    name, number = stem + kept.ending, 1
    while name in names:
        number += 1
        name = f"{stem}-{number}{kept.ending}"
    return name
