"""Real parts for the tests: a real ``mlflow server``, and an environment without the developer's own.

The one stand-in is :class:`ScriptedServer`, for answers that a real server does not give on demand.
"""

from __future__ import annotations

import contextlib
import gc
import http.server
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import measured
import pytest
from browser import Browser, browser
from mlflow_server import QUIET, MlflowServer, Origin, make_database, running
from patience import FACTOR

from tracklib._delivery import process
from tracklib._run import ending, meeting

# Who is started in a shell's background ignores Ctrl-C, and so do its children: here it is Python's own again.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Each of the thousands of processes that the tests begin would compile tracklib anew: 0.2 seconds of a processor.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A run says with what it was made where a test is about that.
os.environ["TRACKLIB_ENVIRONMENT"] = "0"

with contextlib.suppress(ImportError):  # some sessions have it not
    from hypothesis import HealthCheck, settings

    # An example may take longer on a busy machine.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the randomised tests for long, as the docs' figures say")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        os.environ.setdefault("TRACKLIB_FUZZ", "20000")
    if config.getoption("dist", "no") == "load":  # -n alone: neighbours share a worker and its servers, to the end
        config.option.dist = "worksteal"
    if config.pluginmanager.hasplugin("_cov"):
        measured.take_the_tracers_lock()
        measured.have_processes_measured(process)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that asks for a real server is marked ``server``, so that nobody has to remember it; one that starts a
    browser or a framework is ``slow``; one that starts an engine is run where it is asked for."""
    for item in items:
        if item.get_closest_marker("engines") and "engines" not in config.getoption("-m"):
            item.add_marker(pytest.mark.skip(reason="run by -m engines (nox -s engines, nox -s ranks)"))
        if any(map(item.get_closest_marker, ("browser", "frameworks"))):
            item.add_marker("slow")
        if _SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("server")


_SERVERS = {"mlflow_server", "own_mlflow_server"}


def pytest_collection_finish() -> None:
    _freeze_what_was_imported()


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish() -> None:
    if len(sys.modules) > _modules + 100:
        _freeze_what_was_imported()


def _freeze_what_was_imported() -> None:
    """Take MLflow, pandas and the tests themselves out of what the garbage collector looks through, as it would take
    half a second each time; and a run that begins beside another one has it look."""
    global _modules
    gc.collect()
    gc.freeze()
    _modules = len(sys.modules)


_modules = 0


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    gc.unfreeze()  # what looks for garbage at the end finds all of it


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether ``--long`` was given: more of the same, for figures rather than for a verdict."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep ``WANDB_*`` and ``MLFLOW_*`` out, and both SDKs from reporting home."""
    os.environ.pop(_WANDBS_PROCESS, None)
    for name in list(os.environ):
        if name.startswith(("WANDB_", "MLFLOW_")):
            monkeypatch.delenv(name)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    yield
    os.environ.pop(_WANDBS_PROCESS, None)


@pytest.fixture(autouse=True)
def _as_patient_as_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving a block waits longer too, where the waits of the tests do."""
    monkeypatch.setattr(meeting, "PATIENCE", 0.0)  # who is another rank by itself need not wait for rank 0
    monkeypatch.setattr(meeting, "_alone", set())
    for name in ("PATIENCE", "PATIENCE_AFTER_ERROR"):
        monkeypatch.setattr(ending, name, FACTOR * getattr(ending, name))


# W&B's SDK sets it, so that children share one process of its own, which a test that kills it would share as well.
_WANDBS_PROCESS = "WANDB_SERVICE"


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database of MLflow's, to be copied."""
    path = tmp_path_factory.mktemp("mlflow-database") / "mlflow.db"
    make_database(path)
    return path


@pytest.fixture(scope="session")
def _origin() -> Iterator[Origin]:
    with contextlib.closing(Origin()) as origin:
        yield origin


@pytest.fixture(scope="session")
def mlflow_server(
    tmp_path_factory: pytest.TempPathFactory, _origin: Origin, mlflow_database: Path
) -> Iterator[MlflowServer]:
    """A server for all tests of one worker: name your experiments apart, and never stop it."""
    with running(tmp_path_factory.mktemp("mlflow-server"), _origin, mlflow_database) as server:
        yield server


@pytest.fixture
def own_mlflow_server(tmp_path: Path, _origin: Origin, mlflow_database: Path) -> Iterator[MlflowServer]:
    """A server for one test, which may stop and start it."""
    directory = tmp_path / "mlflow-server"
    directory.mkdir()
    with running(directory, _origin, mlflow_database) as server:
        yield server


class ScriptedServer:
    """Stands in for a backend's server: gives every request the same answer, and lists the requests.

    Only for answers that a real server does not give on demand. While :attr:`hang` is clear, none comes.
    """

    def __init__(self, status: int, body: str = "{}", headers: dict[str, str] | None = None) -> None:
        self.requests: list[str] = []
        self.hang = threading.Event()
        self.hang.set()
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                script.requests.append(self.path)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                script.hang.wait()
                with contextlib.suppress(OSError):  # who waited is gone
                    self.send_response(status)
                    for name, value in (headers or {}).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body.encode())

            do_GET = do_POST = do_PATCH = do_PUT = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Be quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.uri = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.hang.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedServer]]:
    with contextlib.ExitStack() as stack:

        def make(*args: Any, **options: Any) -> ScriptedServer:
            server = ScriptedServer(*args, **options)
            stack.callback(server.close)
            return server

        yield make


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of the page: starting one takes longer than most of them."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened
