"""Whether a name says that what it names is a secret: ``api_key`` and ``authToken`` do, ``num_tokens`` does not."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

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
) | {
    *(("amz", "signature"), ("openai", "key"), ("wandb", "key")),
    *((first, "tokens") for first in ("access", "api", "auth", "refresh")),
}
_NOT_THE_SECRET = frozenset(
    "num count max min n per len length id ids type types loss mode method dir file path sock free size limit rate "
    "ratio budget usage ttl expiry expires lifetime timeout required".split()
)
_OF_A_MODEL = frozenset(  # beside `token`: what a model's are, and what is done with them
    "audio blank bos boi boundary class cls cross dist distillation empty end eoi eos frame global ignore image lang "
    "language latent mask masked newline noise oov pad patch prefix prompt query register sep special speech start "
    "stop text think unk unmasked video vision visual vocab word "
    "acc accuracy classification dim drop dropout emb embed embedding embeddings freq frequency index label labels "
    "level merge merging mixer mixing pooling pos position positions prob prune pruning reduction shift weight "
    "weights".split()
)
_OPENID = ("id", "token")


def is_secret_name(name: str) -> bool:
    """Whether a key so named holds a secret: ``api_key`` and ``authToken`` do, ``num_tokens`` does not."""
    return _is_secret_name(name) if len(name) <= _CACHED else _is_secret_name.__wrapped__(name)


_CACHED = 60


@functools.lru_cache(4096)
def _is_secret_name(name: str) -> bool:
    words = _words(name)
    pairs = set(itertools.pairwise(words))
    if tuple(words[-2:]) == _OPENID:
        return True
    if not _NOT_THE_SECRET.isdisjoint(words):
        return False
    secret = {word for word in words if _is_secret_word(word)}
    if secret == {"token"} and any("token" in pair and not _OF_A_MODEL.isdisjoint(pair) for pair in pairs):
        return False
    return bool(secret) or not _SECRET_PAIRS.isdisjoint(pairs)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _is_secret_word(word: str) -> bool:
    return word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS)


def holds_secret(name: str, value: Any) -> bool:
    """Whether ``value``, so named, is a secret. Of a number, the name's last word says what it is:
    ``token_accuracy=0.9`` is none."""
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
