"""Long runs on disk, written as a run writes them but without its threads: many of them are made in seconds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping


def make_run(directory: str, records: int, metrics: Callable[[int], Mapping[str, float]], uid: str = "u") -> None:
    """A finished run of so many records, with its summary and its curves.

    Args:
        directory: where it is made.
        records: how many.
        metrics: what is logged at a step.
        uid: another one for each run.
    """
    from tracklib._journal.journal import Journal
    from tracklib._journal.reader import Reader
    from tracklib._journal.records import Begin, End, Log, Params, Status
    from tracklib._journal.sketch import Sketch

    os.makedirs(directory)
    journal = Journal(f"{directory}/journal.jsonl", print)
    name = os.path.basename(directory)
    journal.append(Begin(time=1, format=1, uid=uid, attempt=1, name=name, pid=1, host="h", configs=[]))
    journal.append(Params(time=1, params={"seed": uid}))
    for step in range(records):
        journal.append(Log(time=step, axis="epoch", step=step, metrics=dict(metrics(step))))
    journal.append(End(time=records, status=Status.FINISHED))
    reader, sketch = Reader(journal.path), Sketch(directory, uid)  # as the run would
    while entries := reader.read():
        sketch.take(entries, reader)
    sketch.write(reader)
