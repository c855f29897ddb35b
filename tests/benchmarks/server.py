"""A real MLflow server for the benchmarks, on 127.0.0.1, with a SQLite store of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator

from fresh import environment


@contextlib.contextmanager
def mlflow_server() -> Iterator[str]:
    """The address of a server; empty where MLflow is not installed or does not start."""
    with tempfile.TemporaryDirectory(prefix="tracklib-bench-", ignore_cleanup_errors=True) as scratch:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{scratch}/mlflow.db"]
        command += ["--artifacts-destination", f"{scratch}/artifacts"]
        own = environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(command, env=own, cwd=scratch, stdout=quiet, stderr=quiet, start_new_session=True)
        try:
            yield f"http://127.0.0.1:{port}" if _comes_up(server, port) else ""
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _comes_up(server: subprocess.Popen[bytes], port: int) -> bool:
    for _ in range(600):
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
            return False
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10).close()
            return True
    return False
