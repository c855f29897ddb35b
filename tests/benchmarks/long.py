"""A million calls: whether the last are as cheap as the first, what they leave in memory, and reading them back."""

from __future__ import annotations

import functools
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter_ns

from calls import metrics_of
from fresh import fresh
from goals import Row, at_most
from measure import Numbers, each_call, ratio, rounds_of, spread

PARTS = 100  # of a run, each of one per cent


def long_run(calls: int) -> Numbers:
    """The median call of each hundredth of a long run, and how memory has grown since the first."""
    from tracklib import tracking

    rows = [metrics_of(step) for step in range(1000)]
    medians = []
    first = _resident()
    with tracking(output_run="run") as t:
        for part in range(PARTS):
            medians.append(each_call(lambda step: t.log(step, rows[step % 1000]), calls // PARTS)["p50"])
            first = first if part else _resident()
        return {"first": medians[0], "last": medians[-1], "medians": medians, "grown": _resident() - first}


def _resident() -> float:
    """The process's memory, in MB."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS tells the peak, in bytes


def long_runs(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """The last per cent against the first one; and the memory."""
    found = rounds_of({"long": functools.partial(fresh, long_run, calls=calls)}, rounds)["long"]
    work = f"{calls:,} calls"
    if isinstance(found, str):
        yield Row(work, "the long run", found)
        return
    yield Row(work, "last 1 % of the calls / first 1 %, p50", ratio(found, found, "last", "first"), at_most(1.2))
    grown = spread(numbers["grown"] for numbers in found)
    yield Row(work, "memory growth since the first 1 %, MB", grown, at_most(5))
    for part in range(0, PARTS, 9):
        here = spread(numbers["medians"][part] / numbers["first"] for numbers in found)
        yield Row(
            work,
            f"call at {part} % of the run / first 1 %, p50",
            here,
            None,
            "length",
            part * calls / PARTS,
            shown=False,
        )


def reading(records: int, rounds: int) -> dict[str, list[Numbers]]:
    """The time of reading a journal whole, and of msgspec's decoding of the same lines, in turns."""
    from msgspec.json import Decoder

    from tracklib import tracking
    from tracklib._journal.reader import Reader
    from tracklib._journal.records import Record

    with tracking(output_run="run") as t:
        for step in range(records):
            t.log(step, metrics_of(step))
    path = Path("run/journal.jsonl")
    bodies = [b"{" + line[18:] for line in path.read_bytes().splitlines()]
    decode = Decoder(Record).decode

    def read() -> None:
        reader = Reader(str(path))
        count = sum(1 for _ in reader.records())
        assert count == len(bodies), (count, len(bodies))

    def decoded() -> None:
        for body in bodies:
            decode(body)

    found = rounds_of({"read": _timed(read), "decode": _timed(decoded)}, rounds)
    return {name: side for name, side in found.items() if not isinstance(side, str)}


def _timed(work: Callable[[], None]) -> Callable[[], Numbers]:
    def measured() -> Numbers:
        begin = perf_counter_ns()
        work()
        return {"total": perf_counter_ns() - begin}

    return measured


def reading_back(records: int, rounds: int, server: str) -> Iterator[Row]:
    """Reading with checksums and ordinals, against the decoding alone."""
    found = fresh(reading, records=records, rounds=rounds)
    what = "Reader / msgspec's decoding of the same lines"
    yield Row(f"reading {records:,} records", what, ratio(found["read"], found["decode"], "total"), at_most(3))
