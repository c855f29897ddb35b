"""How a secret shows in a text: by its own shape, or by the name that stands before it.

The patterns are slow on a long text (up to 1.4 s a megabyte), so each is asked only of a text that holds one of its
marks.
"""

from __future__ import annotations

import re
from typing import Any

from .secret_names import holds_secret, is_secret_name

MASK = "***"


class _Pattern:
    """A regular expression that is compiled when it is first asked. It takes no lock: a fork may come meanwhile."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._how = pattern, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._how), name)
        setattr(self, name, found)
        return found


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


def mask_shapes(text: str) -> str:
    """``text`` with what looks like a secret masked: keys of known services, JWT, PEM, a URL's password."""
    if any(mark in text for mark in _SHAPE_MARKS):
        text = _SHAPES.sub(MASK, text)
    if "://" in text and "@" in text:
        text = _USERINFO.sub(MASK, text)
    if any(mark in text.lower() for mark in ("authorization", "bearer", "basic")):
        text = _HEADER.sub(rf"\1{MASK}", text)
    return text


def mask_assigned(text: str) -> str:
    """``text`` with the values of ``name=value`` and ``"name": "value"`` masked where the name says secret."""
    parts, at = [], 0
    while match := _ASSIGNED.search(text, at):
        name = match[1] or match[2]
        value = _VALUE.match(text, match.end()) if is_secret_name(name) else None
        parts.append(text[at : match.end()])
        at = match.end()
        if value and holds_secret(name, value[2] or value[4]):
            parts += (value[1] or "", MASK)
            at = value.end()
    return "".join([*parts, text[at:]])


def mask_literals(text: str) -> str:
    """``text``, which may be a program's, with each text literal masked that a secret's name is given."""
    parts, at = [], 0
    while match := _IN_SOURCE.search(text, at):
        parts.append(text[at : match.end()])
        at = match.end()
        name = match[1] or match[2] or match[3]
        while is_secret_name(name) and (literal := _LITERAL.match(text, at)):
            shown = MASK if holds_secret(name, literal[3]) else literal[3]
            parts += (literal[1] + literal[2], shown, literal[2])
            at = literal.end()
    return "".join([*parts, text[at:]])
