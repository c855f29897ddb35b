"""A tracking URI: whether it can be one, as far as that shows without a connection."""

from __future__ import annotations

import os
import re
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from .._common.secrets import redact_text

_SCHEMES = ("http", "https", "databricks", "databricks-uc", "uc", "file", "sqlite", "postgresql", "mysql", "mssql")
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d+(/.*)?")
_SCHEME = re.compile(r"([A-Za-z][\w.-]+)(?:\+\w+)?:")


def need_address(name: str, uri: str | None) -> None:
    """See that MLflow can know where ``uri`` is, which the option or variable ``name`` holds.

    Raises:
        ValueError: it cannot; with the address that was meant, where that can be told.
    """
    if uri is None:
        return
    shown = redact_text(uri)
    said = f"{name}={shown!r}"
    if _HOST_AND_PORT.fullmatch(uri):
        raise ValueError(f"{said} has no scheme: write 'http://{shown}'")
    if match := _SCHEME.match(uri):
        scheme = match[1].lower()
        known = [*_SCHEMES, *(entry.name for entry in entry_points(group="mlflow.tracking_store"))]
        if scheme not in known:
            raise ValueError(f"{said}: MLflow has no store for {scheme!r}, but for {', '.join(known)}")
        if scheme in ("http", "https"):
            _need_host(uri, said)


def absolute(uri: str | None) -> str | None:
    """A relative SQLite path, made absolute: the tracker connects later, maybe after a ``chdir``."""
    scheme, found, path = (uri or "").partition("sqlite:///")
    if not found or scheme or not path or path.startswith(("/", ":memory:")):
        return uri
    return f"sqlite:///{os.path.abspath(path)}"


def database_path(uri: str | None) -> str:
    """Where the SQLite database of an :func:`absolute` address is; empty of any other."""
    scheme, found, path = (uri or "").partition("sqlite:///")
    return path.partition("?")[0] if found and not scheme and path.startswith("/") else ""


def _need_host(uri: str, said: str) -> None:
    try:
        parts = urlsplit(uri)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"{said} is no URL: {error}") from None
    if not has_host:
        raise ValueError(f"{said} names no host: write it as 'http://localhost:5000'")
