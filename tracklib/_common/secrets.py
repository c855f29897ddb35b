"""Secrets out: of configs, params and messages, before they reach the journal or a screen.

Three filters, each enough by itself: by the key's words (``api_key``, ``authToken``, but not
``tokenizer`` or ``num_tokens``; a number only where the secret word comes last, so not
``token_accuracy``), by the value's shape (a URL's userinfo, well-known key prefixes,
JWT, PEM), and by equality with an environment variable whose name is secret.

The patterns are slow on a long text (up to 1.4 s a megabyte), so each is asked only of a text that
holds one of its marks, and who shows but a text's beginning asks for :func:`redact_head`.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import variables
from .distinct import apart

MASK = "***"


class _Pattern:
    """A regular expression that is compiled when it is first asked. It takes no lock: a fork may come meanwhile."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._how = pattern, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._how), name)
        setattr(self, name, found)
        return found


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

_SHAPES = _Pattern(
    r"""
    -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
  | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                                   # a JWT
  | (?<![\w-])(?:sk|pk|rk)[-_](?:[a-z]+\d*[-_])*+                    # OpenAI, Anthropic, Stripe
    (?: (?=[\w-]*[0-9])(?=[\w-]*[A-Z])[\w-]{16,} | [a-z0-9]{24,} )
  | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{16,}
  | \bhf_[A-Za-z0-9]{20,} | \bxox[abeoprs]-[\w-]{10,} | \bwandb_v\d+_\w{20,}
  | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b | \bAIza[\w-]{30,} | \bdapi[a-f0-9]{32}\b | \bnpm_[A-Za-z0-9]{30,}
  | \bpypi-[\w-]{30,} | hooks\.slack\.com/services/[\w/]+ | discord(?:app)?\.com/api/webhooks/[\w/-]+
  | \bya29\.[\w-]{20,} | \bSG\.[\w-]{16,}\.[\w-]{16,} | \bwhsec_\w{20,} | \bdop_v1_[a-f0-9]{32,}
  | \bgsk_[A-Za-z0-9]{20,} | \bnvapi-[\w-]{20,} | \br8_[A-Za-z0-9]{20,} | \bATATT3[\w=-]{20,}
  | \bAGE-SECRET-KEY-1[A-Z0-9]{20,} | \bshp(?:at|ss|ca|pa)_[a-fA-F0-9]{20,} | \bglsa_\w{20,} | \bdckr_pat_[\w-]{20,}
  | \b\d{8,10}:AA[\w-]{30,}
  | (?: (?<=key=["']) | (?<=wandb[ ]login[ ]) )[0-9a-f]{40}\b            # W&B, as its own guide has it
    """,
    re.VERBOSE | re.DOTALL,
)
_SHAPE_MARKS = (
    "KEY-", "eyJ", "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "gh", "pat_", "glpat-", "hf_", "xox", "wandb_v", "AKIA",
    "ASIA", "AIza", "dapi", "npm_", "pypi-", "hooks.slack", "/api/webhooks/", "ya29.", "SG.", "whsec_", "dop_v1_",
    "gsk_", "nvapi-", "r8_", "ATATT3", "shp", "glsa_", "dckr_pat_", ":AA",
    "key=", "wandb login ",
)  # fmt: skip
_USERINFO = re.compile(r"(?<=://)[^/\s?#]+(?=@)")
_HEADER = _Pattern(
    r"""
    \b( authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:\w+\s)?
      | bearer\s | basic\s(?=\S*(?-i:[a-z][A-Z]))(?=\S*[\d=]) )\s*[\w.~+/=-]{8,}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ASSIGNED = _Pattern(
    r"""(?<![\w.-])(?: ([\w.-]++)["']?\s{0,4}[=:]\s{0,4}            # name=value, "name": "value"
          | (--?[\w.-]++)(?:["'],\s{0,4}|\s{1,4})(?=["']?[^\s"'-]) )  # --name value, '--name', 'value'""",
    re.VERBOSE,
)
_VALUE = _Pattern(r"""(["'])((?:(?!\1)[^\\]|\\.)*+)|()(?!\*{3})([^\s"'&,;]{4,})""", re.DOTALL)
_IN_SOURCE = _Pattern(
    r"""(?<![\w.-])([A-Za-z_][\w.-]*+)(?:
        \s{0,4}(?: :(?:[^=\n"',()\[\]]|\[[^\]\n=]{0,80}\]){1,80}? )?:?=(?!=)   # name = , name: str =
      | \\?["'](?: \]\s{0,4}=(?!=) | \s{0,4}: ) )                         # ["name"] = , \"name\":
      | (?:setdefault|setenv|putenv)\(\s{0,4}["']([\w.-]++)["'](?=,)
      | ["']--?([\w.-]++)["'],[^\n"']{0,80}?\bdefault\s{0,4}=""",
    re.VERBOSE,
)
_LITERAL = _Pattern(
    r"""((?:\)?\s?or\b|[,+])?[^\S\n]*(?:[\w.]++\(|\()?[rbfuRBFU]{0,2})   # what may stand before or between
        ("{3}|'{3}|\\?["'])((?:(?!\2)(?:\\.|[^\n]))++)\2""",
    re.VERBOSE,
)
_FOLDERS = frozenset({"PWD", "OLDPWD"})


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
    if value not in (None, "") and not isinstance(value, bool) and _holds_secret(key, value):
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
    parts, at = [], 0
    while match := _IN_SOURCE.search(text, at):
        parts.append(text[at : match.end()])
        at = match.end()
        name = match[1] or match[2] or match[3]
        while is_secret_name(name) and (literal := _LITERAL.match(text, at)):
            shown = MASK if _holds_secret(name, literal[3]) else literal[3]
            parts += (literal[1] + literal[2], shown, literal[2])
            at = literal.end()
    return redact_text("".join([*parts, text[at:]]))


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
    return _mask_shapes(text) != text or any(value in text for value in known_secrets())


def _mask(text: Any, known: Iterable[str]) -> Any:
    if not isinstance(text, str):
        return text
    text = _mask_shapes(text)
    if "=" in text or ":" in text or "-" in text:
        text = _mask_assigned(text)
    for value in known:
        text = text.replace(value, MASK)
    return text


def _mask_shapes(text: str) -> str:
    if any(mark in text for mark in _SHAPE_MARKS):
        text = _SHAPES.sub(MASK, text)
    if "://" in text and "@" in text:
        text = _USERINFO.sub(MASK, text)
    if any(mark in text.lower() for mark in ("authorization", "bearer", "basic")):
        text = _HEADER.sub(rf"\1{MASK}", text)
    return text


def known_secrets() -> list[str]:
    """The values of the environment's secret variables, also as a URL or JSON spells them; longer ones
    first, as one secret may begin with another."""
    values = {value for name, value in variables.variables() if len(value) >= 8 and _is_kept(name)}
    spelt = {urllib.parse.quote(value, safe="", errors="replace") for value in values}
    return sorted(values | spelt | {json.dumps(value)[1:-1] for value in values}, key=len, reverse=True)


def _is_kept(variable: str) -> bool:
    return variable not in _FOLDERS and is_secret_name(variable)


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
        name = match[1] or match[2]
        value = _VALUE.match(text, match.end()) if is_secret_name(name) else None
        parts.append(text[at : match.end()])
        at = match.end()
        if value and _holds_secret(name, value[2] or value[4]):
            parts += (value[1] or "", MASK)
            at = value.end()
    return "".join([*parts, text[at:]])


def error_text(error: BaseException, limit: int = 500) -> str:
    """What ``error`` says, secrets masked, at most ``limit`` characters; empty where it cannot say it."""
    try:
        return redact_head(str(error), limit).encode("utf-8", "backslashreplace").decode()
    except Exception:
        return ""
