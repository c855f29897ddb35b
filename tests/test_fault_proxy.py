"""The fault proxy: each of its faults as a client and as the server behind it see it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator

import pytest
from conftest import ScriptedServer
from fault_proxy import (
    HANG,
    LOST_REPLY,
    PASS,
    REFUSE,
    RESET,
    TRICKLE,
    Fault,
    FaultProxy,
    answers,
    late_commit,
    late_reply,
)
from patience import PATIENT


@pytest.fixture
def server(scripted: Callable[..., ScriptedServer]) -> ScriptedServer:
    return scripted(200, "hello")


@pytest.fixture
def proxy(server: ScriptedServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.uri) as proxy:
        yield proxy


class Client:
    """Keeps its connection, as an SDK does, and makes a new one after each error."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._connection = http.client.HTTPConnection(proxy.uri.removeprefix("http://"), timeout=PATIENT)

    def get(self, path: str = "/", body: bytes = b"") -> tuple[int, str]:
        try:
            self._connection.request("POST", path, body)
            answer = self._connection.getresponse()
            return answer.status, answer.read().decode()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[Client]:
    client = Client(proxy)
    yield client
    client.close()


@pytest.mark.parametrize("fault", [PASS, TRICKLE], ids=repr)
def test_what_passes_gets_the_servers_answer(
    fault: Fault, proxy: FaultProxy, server: ScriptedServer, client: Client
) -> None:
    proxy.switch(fault)
    assert [client.get("/a"), client.get("/b")] == [(200, "hello")] * 2
    assert server.requests == ["/a", "/b"]


def test_a_refused_connection_is_refused_and_a_healed_one_taken(
    proxy: FaultProxy, server: ScriptedServer, client: Client
) -> None:
    for _ in range(20):
        proxy.switch(REFUSE)
        client.close()
        with pytest.raises(ConnectionRefusedError):
            client.get()
        proxy.heal()
        assert client.get() == (200, "hello")
    assert len(server.requests) == len(proxy.requests) == 20


@pytest.mark.parametrize(("fault", "seen"), [(RESET, []), (LOST_REPLY, ["/a"])], ids=["reset", "lost reply"])
def test_a_reset_comes_before_or_after_the_server_had_the_request(
    fault: Fault, seen: list[str], proxy: FaultProxy, server: ScriptedServer, client: Client
) -> None:
    proxy.switch(fault)
    with pytest.raises(ConnectionResetError):
        client.get("/a")
    assert server.requests == seen
    assert [request.status for request in proxy.requests] == [200 for _ in seen] or [None]


def test_a_hang_lasts_until_the_proxy_is_switched(proxy: FaultProxy, server: ScriptedServer, client: Client) -> None:
    proxy.switch(HANG)
    raised: list[BaseException] = []

    def call() -> None:
        try:
            client.get()
        except ConnectionResetError as error:
            raised.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    proxy.until(lambda: proxy.faults == 1)
    assert raised == []
    proxy.heal()
    thread.join(PATIENT)
    assert len(raised) == 1
    assert server.requests == []


@pytest.mark.parametrize(("make", "at_once"), [(late_commit, 0), (late_reply, 1)], ids=["late commit", "late reply"])
def test_a_gate_holds_the_request_or_the_reply_even_after_the_proxy_is_switched(
    make: Callable[[threading.Event], Fault], at_once: int, proxy: FaultProxy, server: ScriptedServer, client: Client
) -> None:
    gate = proxy.gate()
    proxy.switch(make(gate))
    got: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: got.append(client.get()))
    thread.start()
    proxy.until(lambda: proxy.faults == 1 and [r.status for r in proxy.requests] == [[None, 200][at_once]])
    proxy.switch(PASS)
    assert (len(server.requests), got) == (at_once, [])
    gate.set()
    thread.join(PATIENT)
    assert (len(server.requests), got) == (1, [(200, "hello")])


def test_an_answer_of_its_own_never_reaches_the_server(
    proxy: FaultProxy, server: ScriptedServer, client: Client
) -> None:
    proxy.switch(answers(429, "TOO_MUCH", "slowly", Retry_After="7"))
    assert client.get() == (429, '{"error_code": "TOO_MUCH", "message": "slowly"}')
    assert server.requests == []


def test_only_the_nth_of_the_requests_that_match_meets_the_fault(
    proxy: FaultProxy, server: ScriptedServer, client: Client
) -> None:
    proxy.switch(answers(500), path="/create", holding="poison", nth=2)
    calls = [
        ("/create", b"poison"),
        ("/create", b""),
        ("/other", b"poison"),
        ("/create", b"poison"),
        ("/create", b"poison"),
    ]
    assert [client.get(*call)[0] for call in calls] == [200, 200, 200, 500, 200]
    assert [request.fault is PASS for request in proxy.requests] == [True, True, True, False, True]


def test_a_switch_ends_connections_that_are_kept_open(proxy: FaultProxy, client: Client) -> None:
    client.get()
    proxy.switch(PASS)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        client.get()
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("held", ["hang", "gate", "idle"])
def test_closing_ends_every_thread_whatever_it_waits_for(held: str, server: ScriptedServer) -> None:
    proxy = FaultProxy(server.uri)
    proxy.switch({"hang": HANG, "gate": late_commit(proxy.gate()), "idle": PASS}[held])
    connection = http.client.HTTPConnection(proxy.uri.removeprefix("http://"), timeout=PATIENT)
    connection.request("GET", "/")
    proxy.until(lambda: proxy.requests and (held != "idle" or proxy.requests[0].answered))
    threads = [thread for thread in proxy._threads if thread.is_alive()]
    assert len(threads) == 1
    proxy.close()
    connection.close()
    assert [thread for thread in threads if thread.is_alive()] == []
    assert "fault-proxy" not in {thread.name for thread in threading.enumerate()}


def test_what_goes_wrong_in_the_proxy_itself_is_raised_when_it_is_closed(server: ScriptedServer) -> None:
    def broken(exchange: object) -> None:
        raise ValueError("a mistake in the test")

    proxy = FaultProxy(server.uri)
    client = Client(proxy)
    proxy.switch(Fault("broken", broken))
    with pytest.raises(http.client.RemoteDisconnected):
        client.get()
    with pytest.raises(BaseExceptionGroup, match="in the proxy"):
        proxy.close()
