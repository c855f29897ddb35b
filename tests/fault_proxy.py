"""A TCP proxy that breaks what passes through it, in front of a real server.

It reads whole HTTP requests, decides for each one which fault it meets, and writes down what became of
it. Nothing in it sleeps: what waits, waits for an event. ::

    with FaultProxy(server.uri) as proxy:
        proxy.switch(LOST_REPLY, path="runs/create", nth=1)
        ...  # a client of proxy.uri
        proxy.until(lambda: proxy.faults == 1)
        proxy.heal()

A switch also ends the connections that clients keep open, so that it counts from the next request on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import http.server
import json
import socket
import struct
import sys
import threading
import time
import traceback
import urllib.parse
from collections.abc import Callable
from typing import Any, Self

from patience import PATIENT


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to a request. ``act`` gets the :class:`Exchange`; None closes the listener instead."""

    name: str
    act: Callable[[Exchange], None] | None

    def __repr__(self) -> str:
        return self.name


@dataclasses.dataclass(eq=False)
class Request:
    """One request that reached the proxy, and what became of it. Times are the monotonic clock's."""

    number: int
    method: str
    path: str
    body: bytes
    fault: Fault
    arrived: float
    status: int | None = None  # what the server behind answered: the request had its effect there
    answered: float | None = None  # when the client's answer began to be sent

    def __repr__(self) -> str:
        return f"<{self.number}: {self.method} {self.path.partition('?')[0]} {self.fault}, {self.status}>"


class Reply:
    """A whole answer, as bytes on the wire."""

    def __init__(self, status: int, reason: str, headers: list[tuple[str, str]], body: bytes) -> None:
        skipped = ("connection", "content-length", "keep-alive", "transfer-encoding")
        kept = [f"{name}: {value}" for name, value in headers if name.lower() not in skipped]
        head = [f"HTTP/1.1 {status} {reason}", *kept, f"Content-Length: {len(body)}", "", ""]
        self.status = status
        self.head = "\r\n".join(head).encode("latin-1")
        self.body = body


class Exchange(http.server.BaseHTTPRequestHandler):
    """One client's connection: a request, its fault, and so on until either side closes."""

    protocol_version = "HTTP/1.1"
    server: _Listener
    request_of: Request
    switched: threading.Event  # set when the proxy is switched after this request came
    upstream: socket.socket | None = None
    busy = False

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.proxy._joined(self)

    def finish(self) -> None:
        self.server.proxy._left(self)
        super().finish()

    def _exchange(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.request_of = self.server.proxy._arrived(self, body)
        act = self.request_of.fault.act
        assert act is not None
        act(self)
        self.server.proxy._over(self)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _exchange

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""

    # What a fault may do --------------------------------------------------------------------------

    def forward(self) -> Reply:
        """Hand the request to the server behind; its answer, read whole."""
        with socket.create_connection(self.server.proxy.target, timeout=PATIENT) as upstream:
            self.server.proxy._goes_on(self, upstream)
            upstream.sendall(self._request_bytes())
            answer = http.client.HTTPResponse(upstream, method=self.command)
            with answer:
                answer.begin()
                reply = Reply(answer.status, answer.reason, answer.getheaders(), answer.read())
        self.server.proxy._note(self.request_of, status=reply.status)
        return reply

    def _request_bytes(self) -> bytes:
        kept = [f"{name}: {value}" for name, value in self.headers.items() if name.lower() != "connection"]
        head = [f"{self.command} {self.path} HTTP/1.1", *kept, "Connection: close", "", ""]
        return "\r\n".join(head).encode("latin-1") + self.request_of.body

    def answer(self, reply: Reply) -> None:
        """Give the client its answer."""
        self.server.proxy._note(self.request_of, answered=time.monotonic())
        self.wfile.write(reply.head + reply.body)

    def reset(self) -> None:
        """End the connection with a TCP reset, without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def wait(self, gate: threading.Event) -> None:
        """Wait for ``gate``; where the proxy is closed meanwhile, give up."""
        assert gate.wait(PATIENT)
        if self.server.proxy.closing:
            raise ConnectionAbortedError("the proxy is closed")

    def hang(self) -> None:
        """Wait until the proxy is switched."""
        self.wait(self.switched)


def _lose_reply(exchange: Exchange) -> None:
    exchange.forward()
    exchange.reset()


def _hang(exchange: Exchange) -> None:
    exchange.hang()
    exchange.reset()


def _trickle(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.server.proxy._note(exchange.request_of, answered=time.monotonic())
    for byte in reply.head + reply.body:
        exchange.wfile.write(bytes([byte]))


PASS = Fault("pass", lambda exchange: exchange.answer(exchange.forward()))
REFUSE = Fault("refuse", None)
RESET = Fault("reset", Exchange.reset)
LOST_REPLY = Fault("lost reply", _lose_reply)
HANG = Fault("hang", _hang)
TRICKLE = Fault("trickle", _trickle)


def late_commit(gate: threading.Event) -> Fault:
    """The server behind gets the request when ``gate`` opens, whether or not the client still waits."""

    def act(exchange: Exchange) -> None:
        exchange.wait(gate)
        exchange.answer(exchange.forward())

    return Fault("late commit", act)


def late_reply(gate: threading.Event) -> Fault:
    """The server behind gets the request now, the client its answer when ``gate`` opens."""

    def act(exchange: Exchange) -> None:
        reply = exchange.forward()
        exchange.wait(gate)
        exchange.answer(reply)

    return Fault("late reply", act)


def answers(status: int, code: str = "", message: str = "by the proxy", **headers: str) -> Fault:
    """An answer of the proxy's own, in MLflow's form; a header's ``_`` is a ``-``."""
    body = json.dumps({"error_code": code, "message": message} if code else {}).encode()
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    reply = Reply(status, http.client.responses[status], [("Content-Type", "application/json"), *named], body)
    return Fault(f"{status}{' ' + code if code else ''}", lambda exchange: exchange.answer(reply))


class FaultProxy:
    """Listens on a port of 127.0.0.1 and passes requests on to the server at ``uri``, or breaks them.

    Attributes:
        uri: where clients reach the server through the proxy.
        requests: every request that arrived, in order.
        closing: whether it is closed.
    """

    def __init__(self, uri: str) -> None:
        parts = urllib.parse.urlsplit(uri)
        assert parts.hostname is not None
        assert parts.port is not None
        self.target = (parts.hostname, parts.port)
        self.requests: list[Request] = []
        self.closing = False
        self._news = threading.Condition()
        self._connections: set[Exchange] = set()
        self._gates: list[threading.Event] = []
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self._fault, self._matches, self._nth, self._matched = PASS, _any, 0, 0
        self._switched = threading.Event()
        self._reserved = _bound()  # never listens: it keeps the port ours while connections are refused
        self._address: tuple[str, int] = self._reserved.getsockname()
        self.uri = f"http://127.0.0.1:{self._address[1]}"
        self._listener: _Listener | None = None
        self._listen()

    # Switching ------------------------------------------------------------------------------------

    def switch(self, fault: Fault, *, path: str = "", holding: str = "", nth: int = 0) -> None:
        """Let requests meet ``fault`` from now on.

        Args:
            path: only those whose path holds this.
            holding: only those whose body holds this.
            nth: only the n-th of these, counted from 1; 0 is each of them.
        """
        assert fault is not REFUSE or not (path or holding or nth), "no request is seen while connections are refused"
        if fault is REFUSE:
            self._stop_listening()
        with self._news:
            self._fault, self._nth, self._matched = fault, nth, 0
            self._matches = lambda request: path in request.path and holding.encode() in request.body
            self._end_connections()
        if fault is not REFUSE and self._listener is None:
            self._listen()

    def heal(self) -> None:
        """Pass everything on from now on, and let everything go that is held at a gate."""
        self.switch(PASS)
        for gate in self._gates:
            gate.set()

    def gate(self) -> threading.Event:
        """For :func:`late_commit` and :func:`late_reply`; opened at the latest by :meth:`heal`."""
        self._gates.append(threading.Event())
        return self._gates[-1]

    def _end_connections(self) -> None:
        """Idle ones now, busy ones after their answer, hanging ones with a reset."""
        self._switched.set()
        self._switched = threading.Event()
        for connection in self._connections:
            connection.close_connection = True
            if not connection.busy:
                _shut(connection.connection)

    # Looking at it --------------------------------------------------------------------------------

    @property
    def faults(self) -> int:
        """How many requests met a fault."""
        return sum(request.fault is not PASS for request in list(self.requests))

    def of(self, path: str) -> list[Request]:
        """The requests whose path holds ``path``."""
        return [request for request in list(self.requests) if path in request.path]

    def until(self, reached: Callable[[], Any]) -> None:
        """Return as soon as ``reached()``, asked after whatever happens to a request."""
        with self._news:
            assert self._news.wait_for(reached, PATIENT), self.requests

    # For the connections --------------------------------------------------------------------------

    def _joined(self, connection: Exchange) -> None:
        with self._news:
            self._connections.add(connection)
            if self.closing:
                _shut(connection.connection)

    def _left(self, connection: Exchange) -> None:
        with self._news:
            self._connections.discard(connection)

    def _arrived(self, connection: Exchange, body: bytes) -> Request:
        with self._news:
            number = len(self.requests) + 1
            request = Request(number, connection.command, connection.path, body, PASS, time.monotonic())
            if self._matches(request):
                self._matched += 1
                if self._nth in (0, self._matched):
                    request.fault = self._fault
            if request.fault is REFUSE:  # accepted just before the listener closed
                request.fault = RESET
            connection.busy, connection.switched = True, self._switched
            self.requests.append(request)
            self._news.notify_all()
            return request

    def _goes_on(self, connection: Exchange, upstream: socket.socket) -> None:
        with self._news:
            if self.closing:  # close() has ended the ways to the server that it saw: this one nobody would end
                raise ConnectionAbortedError("the proxy is closed")
            connection.upstream = upstream

    def _over(self, connection: Exchange) -> None:
        with self._news:
            connection.busy = False

    def _note(self, request: Request, **what: Any) -> None:
        with self._news:
            for name, value in what.items():
                setattr(request, name, value)
            self._news.notify_all()

    # Listening ------------------------------------------------------------------------------------

    def _listen(self) -> None:
        self._listener = _Listener(self, self._address)

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()

    def close(self) -> None:
        """End every connection and every thread.

        Raises:
            BaseExceptionGroup: what went wrong in the proxy itself.
        """
        self._stop_listening()
        self._reserved.close()
        with self._news:
            self.closing = True
            self._end_connections()
            for connection in self._connections:
                if connection.upstream is not None:  # a server that does not answer must not hold the proxy
                    _shut(connection.upstream)
        for gate in self._gates:
            gate.set()
        for thread in self._threads:
            thread.join(PATIENT)
            assert not thread.is_alive(), _stack_of(thread)
        if self._errors:
            raise BaseExceptionGroup("in the proxy", self._errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Listener(http.server.ThreadingHTTPServer):
    """Accepts connections in a thread of its own, until stopped."""

    allow_reuse_address = True
    allow_reuse_port = True

    def __init__(self, proxy: FaultProxy, address: tuple[str, int]) -> None:
        self.proxy = proxy
        super().__init__(address, Exchange)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), name="fault-proxy")
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """As the base, but the proxy waits for the thread, and only when it is closed."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self.proxy._threads = [known for known in self.proxy._threads if known.is_alive()] + [thread]
        thread.start()

    def server_bind(self) -> None:
        """Without the base's look-up of the host's name."""
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def shutdown_request(self, request: Any) -> None:
        """Close only: the base's ``shutdown`` would send an orderly end ahead of a reset."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        assert error is not None
        if not isinstance(error, OSError | http.client.HTTPException):  # one side is gone in the middle
            self.proxy._errors.append(error)


def _any(request: Request) -> bool:
    return True


def _bound() -> socket.socket:
    """A socket on a free port, on which listeners may be opened and closed."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def _stack_of(thread: threading.Thread) -> str:
    assert thread.ident is not None
    return "".join(traceback.format_stack(sys._current_frames()[thread.ident]))


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
