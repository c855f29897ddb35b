"""The program of the companion process: what it is to the system, before anything of ours is imported.

It is run as ``python -I -S <this file> <pid of its owner> <descriptor>`` by ``_delivery.process``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from typing import Any


def leave_signals_alone() -> None:
    """It follows its owner: what is sent to the owner's terminal, group or step is not for it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def first_line(sock: socket.socket) -> tuple[dict[str, Any], bytes]:
    """What the owner said first, and what came behind it. Ends the process where the owner is gone."""
    text = b""
    while b"\n" not in text:
        part = sock.recv(65536)
        if not part:
            sys.exit(0)
        text += part
    line, _, rest = text.partition(b"\n")
    return json.loads(line), rest


def be_described_as(owner: dict[str, Any]) -> None:
    """Have an SDK that asks what runs here find the owner's program and packages."""
    with contextlib.suppress(OSError):
        os.chdir(owner["folder"])
    sys.argv = owner["argv"]
    sys.path[:] = owner["path"]
    sys.prefix, sys.exec_prefix = owner["prefixes"]
    if owner["program"]:
        sys.modules["__main__"].__file__ = owner["program"]


def main() -> None:
    """Serve the owner, then end, whatever an SDK does at the interpreter's exit."""
    leave_signals_alone()
    owner, fd = int(sys.argv[1]), int(sys.argv[2])
    with socket.socket(fileno=fd) as sock:
        sock.set_inheritable(False)
        sock.setblocking(True)  # the owner's socket.setdefaulttimeout may have made it otherwise
        hello, rest = first_line(sock)
        be_described_as(hello)
        from tracklib._delivery.companion_process import serve  # the path is known only now

        serve(sock, rest, owner)


if __name__ == "__main__":
    main()
