"""The system's process that is a companion, or another of our own: how it is begun, and what ``/proc`` tells of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence

from .._common.interpreter import interpreter

START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "companion_start.py")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

# The shell's child is nobody's: a training that waits for all its children does not wait for the companion,
# and a debugger that rewrites Python's command line does not see it. Its streams are those of nobody, too.
_SCRIPT = '"$@" >/dev/null & echo $!'


class Process:
    """A process of our own. Use :meth:`begin`."""

    def __init__(self, pid: int, program: str = START) -> None:
        self._pid = pid
        self._program = program

    @classmethod
    def begin(cls, fds: Sequence[int], environment: dict[str, str], program: str, *arguments: str) -> Process:
        """Begin one that runs the file ``program`` and has the descriptors ``fds``, in a session of its own, without
        waiting for it.

        What ends the training's whole group or step is not for it, not even in the moment before it ignores that:
        it inherits a mask. No ``preexec_fn``: with one, the whole process would be copied.

        Raises:
            OSError: no process can be begun here.
        """
        python = interpreter()
        if not os.path.isfile(program):
            raise OSError("tracklib is not installed as files")
        with (
            _signals_wait(),
            subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "sh", python, "-I", "-S", program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=fds,
                start_new_session=True,
                cwd="/",
                env=environment,
            ) as shell,
        ):
            assert shell.stdout is not None
            said = shell.stdout.readline().strip()
        if not said.isdigit():
            raise OSError("the system gives no more processes")
        return cls(int(said), program)

    @property
    def is_alive(self) -> bool:
        """Whether it is there, and not a zombie."""
        if _has_processes():
            return self._is_ours() and self._state() not in ("Z", "X")
        try:
            os.kill(self._pid, 0)
        except OSError:
            return False
        return True

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped it (SIGSTOP, a freezer), as far as the system tells."""
        return self._state() in ("T", "t")

    def kill(self) -> None:
        """End it at once."""
        if self._is_ours():
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGKILL)

    def _state(self) -> str:
        """A letter of ``/proc``'s; empty where there is no such process, or no such folder."""
        if not _has_processes():
            return ""
        try:
            with open(f"/proc/{self._pid}/stat") as stat:
                return stat.read().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return ""

    def _is_ours(self) -> bool:
        """Whether the number is that of a process that runs the program: it may be another's by now."""
        if not _has_processes():
            return True
        try:
            with open(f"/proc/{self._pid}/cmdline", "rb") as command:
                return os.fsencode(self._program) in command.read()
        except OSError:
            return False


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _has_processes() -> bool:
    """Whether ``/proc`` is there, and counts as this process does: in a namespace it may be that of the outside."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False
