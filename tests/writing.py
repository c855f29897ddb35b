"""An owner and its writers, killed at random moments: a program by itself, as it forks.

``writing.py FOLDER KILLS SEED`` says as JSON what each process acknowledged; the run is left as the last kill left it.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import select
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracklib import Trackers, tracking

WRITERS = 3
_SAID = struct.Struct("<q")
_BLOCK = 1_000_000  # numbers of one process


class Child:
    """A forked process that logs numbers, each said when it is logged."""

    def __init__(self, work: Callable[[int, Callable[[int], None]], None], number: int) -> None:
        self.said: list[int] = []
        self._out, into = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                work(number * _BLOCK, lambda each: _say(into, each))
            finally:
                os._exit(1)
        os.close(into)

    def until(self, count: int) -> None:
        """It has acknowledged so many more, or is dead."""
        wanted = len(self.said) + count
        while len(self.said) < wanted and self._read():
            pass

    def _read(self) -> bool:
        chunk = os.read(self._out, 800 * _SAID.size)
        self.said += [number for (number,) in _SAID.iter_unpack(chunk)]
        return bool(chunk)

    def drain(self) -> None:
        """What it said so far is read, so that its pipe is never full."""
        while select.select([self._out], [], [], 0)[0] and self._read():
            pass

    def kill(self) -> list[int]:
        """What it acknowledged."""
        os.kill(self.pid, signal.SIGKILL)
        while self._read():
            pass
        os.waitpid(self.pid, 0)
        os.close(self._out)
        return self.said


def _say(into: int, number: int) -> None:
    os.write(into, _SAID.pack(number))


def _own(folder: Path) -> Callable[[int, Callable[[int], None]], None]:
    def work(first: int, say: Callable[[int], None]) -> None:
        with tracking(output_run=folder / "run", resume=True, environment=False) as t:
            (folder / "new").write_bytes(pickle.dumps(t))
            os.replace(folder / "new", folder / "handle")
            _log(t, first, say)

    return work


def _write(folder: Path) -> Callable[[int, Callable[[int], None]], None]:
    def work(first: int, say: Callable[[int], None]) -> None:
        _log(pickle.loads((folder / "handle").read_bytes()), first, say)

    return work


def _log(t: Trackers, first: int, say: Callable[[int], None]) -> None:
    pause = threading.Event()
    for number in range(first, first + _BLOCK):
        t.log(0, {"n": number})
        say(number)
        if number % 4 == 0:
            pause.wait(0.002)  # else thousands lie between two kills


@contextmanager
def _copying_often() -> Iterator[None]:
    """So that kills meet it."""
    from tracklib._delivery import giving_way
    from tracklib._journal import writers

    writers.COPY_SECONDS = 0.0
    giving_way.IDLE_SECONDS = 0.002
    yield


def main(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    numbers = iter(range(1, 1_000_000))
    acknowledged: list[int] = []
    owner = Child(_own(folder), next(numbers))
    owner.until(1)
    writers = [Child(_write(folder), next(numbers)) for _ in range(WRITERS)]
    killed = {"owner": 0, "writer": 0}
    for _ in range(kills):
        for child in (owner, *writers):
            child.drain()
        chance.choice([owner, *writers]).until(chance.randrange(1, 60))
        if chance.random() < 0.5:
            acknowledged += owner.kill()
            owner = Child(_own(folder), next(numbers))
            owner.until(chance.randrange(0, 2))
            killed["owner"] += 1
        else:
            index = chance.randrange(WRITERS)
            acknowledged += writers[index].kill()
            writers[index] = Child(_write(folder), next(numbers))
            killed["writer"] += 1
    for child in (owner, *writers):
        acknowledged += child.kill()
    return {"acknowledged": acknowledged, "killed": killed}


if __name__ == "__main__":
    with _copying_often():
        json.dump(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
