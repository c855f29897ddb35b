"""Secrets out: of configs, params and messages, before they reach the journal or a screen.

Three filters, each enough by itself: by the key's words (``api_key``, ``authToken``, but not
``tokenizer`` or ``num_tokens``; a number only where the secret word comes last, so not
``token_accuracy``), by the value's shape (a URL's userinfo, well-known key prefixes,
JWT, PEM), and by equality with an environment variable whose name is secret.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from . import _environment

MASK = "***"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    "apikey auth authorization bearer cookie cookies credential credentials jwt passcode passphrase passwd "
    "password passwords pwd secret secrets sig token accesskey privatekey secretkey".split()
)
_SECRET_ENDINGS = ("apikey", "passwd", "password", "secret", "token")  # pgpassword, authtoken
_SECRET_PAIRS = frozenset(
    (first, key)
    for first in "access account admin api auth encryption license master private secret service signing ssh".split()
    for key in ("key", "keys")
) | {("amz", "signature"), ("openai", "key"), ("wandb", "key")}
_NOT_THE_SECRET = frozenset(
    "num count max min n per len length id ids type types loss mode method dir file path sock "  # about it
    "bos cls eos mask pad sep special unk embedding level mixer pooling".split()  # a language model's tokens
)

_SHAPES = re.compile(
    r"""
    -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
  | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                                   # a JWT
  | (?<![\w-])(?:sk|pk|rk)[-_](?:[a-z]+\d*[-_])*+                    # OpenAI, Anthropic, Stripe
    (?: (?=[\w-]*[0-9])(?=[\w-]*[A-Z])[\w-]{16,} | [a-z0-9]{24,} )
  | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{16,}
  | \bhf_[A-Za-z0-9]{20,} | \bxox[abeoprs]-[\w-]{10,} | \bwandb_v\d+_\w{20,}
  | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b | \bAIza[\w-]{30,} | \bdapi[a-f0-9]{32}\b | \bnpm_[A-Za-z0-9]{30,}
  | \bpypi-[\w-]{30,} | hooks\.slack\.com/services/[\w/]+
    """,
    re.VERBOSE | re.DOTALL,
)
_USERINFO = re.compile(r"(?<=://)[^/\s?#]+(?=@)")
_HEADER = re.compile(
    r"""
    \b( authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:\w+\s)?
      | bearer\s | basic\s(?=\S*(?-i:[a-z][A-Z]))(?=\S*[\d=]) )\s*[\w.~+/=-]{8,}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ASSIGNED = re.compile(r"""(?<![\w.-])([\w.-]++)["']?\s{0,4}[=:]\s{0,4}""")
_VALUE = re.compile(r"""(["'])((?:(?!\1)[^\\]|\\.)*+)|()([^\s"'&,;]{4,})""", re.DOTALL)
_FOLDERS = frozenset({"PWD", "OLDPWD"})


def redact(value: Any, key: str = "") -> Any:
    """``value`` with every secret in it masked; containers are rebuilt, not changed."""
    if isinstance(value, Mapping):
        return {_redact_name(name): redact(item, _path(key, str(name))) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, key) for item in value]
    if value not in (None, "") and not isinstance(value, bool) and _holds_secret(key, value):
        return MASK
    return redact_text(value) if isinstance(value, str) else value


def _redact_name(name: Any) -> Any:
    return redact_text(name) if isinstance(name, str) else name


def _path(outer: str, name: str) -> str:
    """The key to judge ``name`` by: whatever text lies in a mapping called ``credentials`` is secret."""
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
    text = _USERINFO.sub(MASK, _SHAPES.sub(MASK, text))
    text = _HEADER.sub(rf"\1{MASK}", text)
    text = _mask_assigned(text)
    found = [value for name, value in _environment.variables() if len(value) >= 8 and value in text and _is_kept(name)]
    for value in sorted(found, key=len, reverse=True):  # one secret may begin with another
        text = text.replace(value, MASK)
    return text


def redact_command(words: Sequence[str]) -> list[str]:
    """A command line's words with every secret masked: in ``--token=x``, ``token=x`` and ``--token x``."""
    options = [word if word.startswith("-") else "" for word in ["", *words]]
    return [redact(word, "" if word.startswith("-") else option) for option, word in zip(options, words, strict=False)]


def _is_kept(variable: str) -> bool:
    return variable not in _FOLDERS and is_secret_name(variable)


def is_secret_name(name: str) -> bool:
    """Whether a key so named holds a secret: ``api_key`` and ``authToken`` do, ``num_tokens`` does not."""
    words = _words(name)
    if not _NOT_THE_SECRET.isdisjoint(words):
        return False
    return any(map(_is_secret_word, words)) or not _SECRET_PAIRS.isdisjoint(itertools.pairwise(words))


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _is_secret_word(word: str) -> bool:
    return word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS)


def _holds_secret(name: str, value: Any) -> bool:
    """Of a number, the name's last word says what it is: ``token_accuracy=0.9`` is no secret."""
    if not is_secret_name(name):
        return False
    if not _is_number(value):
        return True
    words = _words(name)
    return not isinstance(value, float) and (_is_secret_word(words[-1]) or tuple(words[-2:]) in _SECRET_PAIRS)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _mask_assigned(text: str) -> str:
    """``text`` with the values of ``name=value`` and ``"name": "value"`` masked where the name says secret."""
    parts, at = [], 0
    while match := _ASSIGNED.search(text, at):
        value = _VALUE.match(text, match.end()) if is_secret_name(match[1]) else None
        parts.append(text[at : match.end()])
        at = match.end()
        if value and _holds_secret(match[1], value[2] or value[4]):
            parts += (value[1] or "", MASK)
            at = value.end()
    return "".join([*parts, text[at:]])


def error_text(error: BaseException, limit: int = 500) -> str:
    """What ``error`` says, secrets masked, at most ``limit`` characters; empty where it cannot say it."""
    try:
        text = redact_text(str(error)).encode("utf-8", "backslashreplace").decode()
    except Exception:
        return ""
    return text if len(text) <= limit else text[:limit] + "..."
