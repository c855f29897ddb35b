"""Secrets out: of configs, params and messages, before they reach the journal or a screen.

Three filters, each enough by itself: by the key's words (``api_key``, ``authToken``, but not
``tokenizer`` or ``num_tokens``), by the value's shape (a URL's userinfo, well-known key prefixes,
JWT, PEM), and by equality with an environment variable whose name is secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import _environment

MASK = "***"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    "apikey auth authorization bearer cookie credential credentials passphrase passwd password pwd "
    "secret secrets token accesskey privatekey secretkey".split()
)
_SECRET_PAIRS = frozenset(
    (first, "key") for first in "access account api auth encryption private secret service signing ssh".split()
)
_COUNTED = frozenset("num count max min n per len length id ids type types loss".split())

_SHAPES = re.compile(
    r"""
    -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
  | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                                   # a JWT
  | \b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9_-]{16,}                 # OpenAI, Anthropic, Stripe
  | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{16,}
  | \bhf_[A-Za-z0-9]{20,} | \bxox[abeoprs]-[\w-]{10,} | \bwandb_v\d+_\w{20,}
  | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b | \bAIza[\w-]{30,} | \bdapi[a-f0-9]{32}\b | \bnpm_[A-Za-z0-9]{30,}
  | \bpypi-[\w-]{30,}
    """,
    re.VERBOSE | re.DOTALL,
)
_USERINFO = re.compile(r"(?<=://)[^/\s@?#]+(?=@)")
_HEADER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_ASSIGNED = re.compile(r"""(?ix) (["']?[\w.-]*["']?) (\s*[=:]\s*["']?) ([^\s"'&,;]{4,})""")


def redact(value: Any, key: str = "") -> Any:
    """``value`` with every secret in it masked; containers are rebuilt, not changed."""
    if isinstance(value, Mapping):
        return {name: redact(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, key) for item in value]
    if value is not None and not isinstance(value, bool) and is_secret_name(key):
        return MASK
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """``text`` with every secret in it masked."""
    text = _USERINFO.sub(MASK, _SHAPES.sub(MASK, text))
    text = _HEADER.sub(rf"\1 {MASK}", text)
    text = _ASSIGNED.sub(_mask_assigned, text)
    for name, value in _environment.variables():
        if len(value) >= 8 and value in text and is_secret_name(name):
            text = text.replace(value, MASK)
    return text


def is_secret_name(name: str) -> bool:
    """Whether a key so named holds a secret: ``api_key`` and ``authToken`` do, ``num_tokens`` does not."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or _COUNTED.intersection(words):
        return False
    return not _SECRET_WORDS.isdisjoint(words) or any(
        pair in _SECRET_PAIRS for pair in zip(words, words[1:], strict=False)
    )


def _mask_assigned(match: re.Match[str]) -> str:
    name, sign, _ = match.groups()
    return f"{name}{sign}{MASK}" if is_secret_name(name) else match.group()
