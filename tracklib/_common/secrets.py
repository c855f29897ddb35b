"""Secrets out: of configs, params and messages, before they reach the journal or a screen.

Three filters, each enough by itself: by the key's words (``secret_names``), by the value's shape or the name
before it in a text (``secret_forms``), and by equality with an environment variable whose name is secret.

Who shows but a text's beginning asks for :func:`redact_head`: a long text takes seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import variables
from .distinct import apart
from .secret_forms import MASK, mask_assigned, mask_literals, mask_shapes
from .secret_names import holds_secret, is_secret_name

_DEPTH = 64
_MARGIN = 8192  # characters; a secret that is cut off is shorter, as a rule


def redact(value: Any, key: str = "") -> Any:
    """``value``, of what JSON knows, with every secret in it masked; containers are rebuilt, not changed."""
    return _redact(value, key, known_secrets(), ())


def _redact(value: Any, key: str, known: Sequence[str], inside: tuple[int, ...]) -> Any:
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if id(value) in inside or len(inside) > _DEPTH:
            return MASK  # what is not looked at is not shown
        inside = (*inside, id(value))
        if isinstance(value, Mapping):
            return apart(
                (_mask(name, known), _redact(item, _path(key, name), known, inside)) for name, item in value.items()
            )
        return [
            _redact(item, option if option and not is_secret_name(key) else key, known, inside)
            for option, item in _with_options(value)
        ]
    if value not in (None, "") and not isinstance(value, bool) and holds_secret(key, value):
        return MASK
    return _mask(value, known)


def _with_options(items: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    """Each item with the option before it, as in ``["--token", "x"]``; an option has none itself."""
    option = ""
    for item in items:
        if isinstance(item, str) and _OPTION.fullmatch(item):
            yield "", item
            option = item
        else:
            yield option, item
            option = ""


_OPTION = re.compile(r"--?[\w.-]{1,100}")


def _path(outer: str, name: Any) -> str:
    """The key to judge ``name`` by: whatever text lies in a mapping called ``credentials`` is secret."""
    name = name if isinstance(name, str) else ""
    return f"{outer}.{name}" if is_secret_name(outer) else name


def without_masks(value: Any) -> Any:
    """``value`` without what :func:`redact` masked, so that a default or the environment takes its place."""
    if isinstance(value, Mapping):
        return {name: without_masks(item) for name, item in value.items() if item != MASK}
    if isinstance(value, list):
        return [without_masks(item) for item in value if item != MASK]
    return value.replace(f"://{MASK}@", "://") if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """``text`` with every secret in it masked."""
    masked: str = _mask(text, known_secrets())
    return masked


def redact_source(text: str) -> str:
    """:func:`redact_text` for text that may be a program's: there more may stand between a secret and its name, as
    in ``api_key: str = "..."``, ``environ["API_KEY"] = "..."`` and a notebook's ``\\"``."""
    return redact_text(mask_literals(text))


def redact_head(text: str, limit: int, known: Sequence[str] | None = None) -> str:
    """The first ``limit`` characters of ``text``, secrets masked, and no part of one that is cut off.

    Who asks often hands :func:`known_secrets` over.
    """
    masked: str = _mask(text[: limit + _MARGIN], known_secrets() if known is None else known)
    if len(text) > limit + _MARGIN:
        masked = masked[:-_MARGIN]
    elif len(masked) <= limit:
        return masked
    return masked[:limit] + "..."


def shows_secret(text: str) -> bool:
    """Whether a secret can be told by its shape, or by the environment; a name beside it is not asked."""
    return mask_shapes(text) != text or any(value in text for value in known_secrets())


def _mask(text: Any, known: Iterable[str]) -> Any:
    if not isinstance(text, str):
        return text
    text = mask_shapes(text)
    if "=" in text or ":" in text or "-" in text:
        text = mask_assigned(text)
    for value in known:
        text = text.replace(value, MASK)
    return text


_FOLDERS = frozenset({"PWD", "OLDPWD"})


def known_secrets() -> list[str]:
    """The values of the environment's secret variables, also as a URL or JSON spells them; longer ones
    first, as one secret may begin with another."""
    values = {value for name, value in variables.variables() if len(value) >= 8 and _is_kept(name)}
    spelt = {_in_url(value) for value in values}
    return sorted(values | spelt | {json.dumps(value)[1:-1] for value in values}, key=len, reverse=True)


def _in_url(value: str) -> str:
    """As ``urllib.parse.quote`` spells it with nothing safe, whose import takes longer than all of ours here."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in value.encode("utf-8", "replace"))


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


def _is_kept(variable: str) -> bool:
    return variable not in _FOLDERS and is_secret_name(variable)


def error_text(error: BaseException, limit: int = 500) -> str:
    """What ``error`` says, secrets masked, at most ``limit`` characters; empty where it cannot say it."""
    try:
        return redact_head(str(error), limit).encode("utf-8", "backslashreplace").decode()
    except Exception:
        return ""
