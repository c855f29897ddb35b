"""``tracklib serve``."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import os
import secrets
import threading
import webbrowser
from urllib.parse import parse_qsl, unquote, urlsplit

import click
import msgspec

from .._journal import layout
from ..reading.collection import Runs
from ..reading.finding import runs as runs_under
from ..reading.page.drawn import X_KINDS, Zoom, detailed
from ..reading.page.html import html
from ..reading.page.packed import Arrays
from ..reading.page.told import points_for, told
from ..reading.report import title_of
from . import asked
from .form import Form, form_options, print_one
from .trackers import as_told

_EVERY = 5.0
_FAR = 1e18
_WHERE = b"From where, and to where? By step, time, clock or share.\n"
_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}


@click.command()
@click.argument("root", default=asked.ROOT, type=click.Path(exists=True, file_okay=False))
@asked.where_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of 127.0.0.1; a free one, unless it is named.")
@click.option(
    "--every",
    type=click.FloatRange(0.2),
    default=_EVERY,
    show_default=True,
    help="Seconds after which an open page looks for news.",
)
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@form_options(json="Say the address as JSON.", csv="Say it as CSV.")
def command(root: str, where: str | None, port: int, every: float, is_opened: bool, form: Form) -> None:
    """Show the report of ROOT, made anew at each request, on this machine alone, until Ctrl-C.

    The address holds a token: whoever has not seen it, on this machine or another, gets nothing.
    """
    asked.several([root], root, where)  # what is wrong is said now, not in the browser
    try:
        server = Server(Source(root, where, every), root, port)
    except OSError as error:
        raise asked.failure(f"port {port} cannot be had", error, "name another with --port") from error
    port = server.server_port
    if form:
        print_one(form, {"address": server.address, "port": port, "root": server.root})
    else:
        click.echo(
            f"{server.address}\nCtrl-C ends it. From another machine: ssh -L {port}:127.0.0.1:{port} THIS_MACHINE"
        )
    if is_opened:
        webbrowser.open(server.address)
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(poll_interval=0.1)


class Source:
    """Makes the page, and knows whether there is news without making it."""

    def __init__(self, root: str, where: str | None, every: float) -> None:
        self._root, self._where, self._every = root, where, every

    def mark(self) -> str:
        """Another one as soon as a run has said something, or stands otherwise."""
        return _mark(self._runs())

    def page(self) -> tuple[str, bytes]:
        """The page, and the mark of what is in it."""
        found = self._runs()
        page = told(found, title_of(found), os.path.abspath(self._root), self._every, as_told)
        mark = _mark(found)
        return mark, html(page | {"mark": mark}, reads_itself=True).encode()

    def points(self, zoom: Zoom) -> bytes:
        """What is zoomed into, in more detail than the page has it."""
        arrays, found = Arrays(), self._runs()
        most = points_for(sum(len(run.series) for run in found))
        rows = {run.uid: detailed(run, arrays, most, zoom) for run in found}
        return msgspec.json.encode({"runs": rows, "arrays": arrays.texts})

    def _runs(self) -> Runs:
        return runs_under(self._root, where=self._where)


def _mark(found: Runs) -> str:
    said = repr([(run.directory, run.uid, run.status, _size(run.directory)) for run in found])
    return f'"{hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:24]}"'


def _size(directory: str) -> int:
    try:
        return os.path.getsize(layout.journal_path(directory))
    except OSError:
        return -1


class Server(http.server.ThreadingHTTPServer):
    """The page at ``/<token>/``, and the files that its links lead to; nothing else, and for nobody without the token.

    Args:
        source: makes the page.
        root: the folder whose runs are shown: no file outside is given.
        port: 0 takes a free one.
    """

    daemon_threads = True

    def __init__(self, source: Source, root: str, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.token = secrets.token_urlsafe(18)
        self.root = os.path.realpath(root)
        self.source = source
        self._making = threading.Lock()

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"

    def page(self) -> tuple[str, bytes]:
        """The page as it is now, behind its mark; one is made at a time."""
        with self._making:
            return self.source.page()

    def points(self, zoom: Zoom) -> bytes:
        """What is zoomed into, in more detail."""
        with self._making:
            return self.source.points(zoom)

    def file(self, path: str) -> str | None:
        """The file that a link means, if it is an artifact of a run below the root and no link leads out of it."""
        whole = os.path.realpath(os.path.join(self.root, path))
        is_inside = whole.startswith(os.path.join(self.root, ""))
        folders = os.path.relpath(whole, self.root).split(os.sep)[:-1]
        return whole if is_inside and layout.ARTIFACTS in folders and os.path.isfile(whole) else None


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        path = self._path()
        if path is None:
            return self._say(
                403, b"The address needs its token: take it as `tracklib serve` said it.\n", "text/plain", with_body
            )
        if path == "":
            return self._say_page(with_body)
        if path == "points":
            return self._say_points(with_body)
        found = self.server.file(path)
        if found is None:
            return self._say(404, b"There is no such file.\n", "text/plain", with_body)
        with open(found, "rb") as file:
            kind = _KINDS.get(os.path.splitext(found)[1].lower(), "application/octet-stream")
            return self._say(200, file.read(), kind, with_body)

    def _path(self) -> str | None:
        """What is asked for behind the token; None where that is wrong, or the request is meant for another name: a
        page elsewhere must not reach this server by a name of its own for 127.0.0.1."""
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        token, _, rest = urlsplit(self.path).path.lstrip("/").partition("/")
        right = hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode())
        return unquote(rest) if right and host in ("127.0.0.1", "localhost") else None

    def _say_points(self, with_body: bool) -> None:
        zoom = _zoom_in(dict(parse_qsl(urlsplit(self.path).query)))
        if zoom is None:
            return self._say(
                400, b"From where, and to where? By step, time, clock or share.\n", "text/plain", with_body
            )
        return self._say(200, self.server.points(zoom), "application/json", with_body)

    def _say_page(self, with_body: bool) -> None:
        kind = "text/html; charset=utf-8"
        known = self.headers.get("If-None-Match")
        if known or not with_body:
            mark = self.server.source.mark()
            if known == mark or not with_body:
                return self._say(304 if known == mark else 200, b"", kind, False, mark)
        mark, page = self.server.page()
        return self._say(200, page, kind, with_body, mark)

    def _say(self, status: int, body: bytes, kind: str, with_body: bool, mark: str = "") -> None:
        self.send_response(status)
        for name, value in _headers(kind, len(body) if status != 304 else 0, mark).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


def _zoom_in(query: dict[str, str]) -> Zoom | None:
    """What is asked for; None where that is no place."""
    by = query.get("by", "step")
    try:
        low, high = float(query["from"]), float(query["to"])
    except (KeyError, ValueError):
        return None
    if by not in X_KINDS or not (abs(low) < _FAR and abs(high) < _FAR):
        return None
    return Zoom(by, low, high, query.get("axis", "epoch") if by == "step" else None)


def _headers(kind: str, length: int, mark: str) -> dict[str, str]:
    told = {
        "Content-Type": kind,
        "Content-Length": str(length),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    told |= {"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin"}
    if not kind.startswith(("text/html", "image/")):
        told["Content-Disposition"] = "attachment"
    return told | ({"ETag": mark} if mark else {})
