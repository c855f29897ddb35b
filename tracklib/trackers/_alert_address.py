"""A webhook's address: whether it is one, and how it is shown, as it is a secret itself."""

from __future__ import annotations

import contextlib
import urllib.parse
from typing import Literal

from .._common.secret_forms import MASK

Form = Literal["slack", "discord", "json"]

_HOSTS: dict[str | None, Form] = {"hooks.slack.com": "slack", "discord.com": "discord", "discordapp.com": "discord"}


def form_for(url: str) -> Form:
    """What the service at the address takes."""
    return _HOSTS.get(urllib.parse.urlsplit(url).hostname, "json")


def is_variable(url: str) -> bool:
    """Whether it names the environment variable that has the address."""
    return url.startswith("$")


def shown_address(url: str) -> str:
    """Where it leads, without what is secret."""
    if is_variable(url):
        return url
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}/{MASK}"


def wrong_address(url: str) -> str | None:
    """Why it is no address; None where it is one."""
    if is_variable(url):
        return None if url[1:].isidentifier() else "'webhook' names no environment variable: write '$SLACK_WEBHOOK'"
    with contextlib.suppress(ValueError):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return None
    return "'webhook' must be an address such as https://hooks.slack.com/..., or '$NAME' for a variable that has it"
