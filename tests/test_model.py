"""A model of runs: log, kill, resume, faults and mends, sync, damage, in any order; in the end every backend equals it.

The processes are real and die by SIGKILL, at any moment or at a chosen point of a tracker's call. The
backends are the CSV, a real MLflow database, and a tracker that appends to a file of its own.
``--long`` runs many more and longer examples, other ones each time; a failure prints how to repeat it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filed
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from lines import records_in
from zygote import Zygote

from tracklib import RunDirectoryError
from tracklib._delivery.sync import sync

pytestmark = pytest.mark.slow

AXES = st.sampled_from(["epoch", "epoch", "batch"])
STEPS = st.one_of(st.none(), st.integers(-3, 6), st.sampled_from([2**40, -(2**63), 2**63 - 1]))
VALUES = st.one_of(st.sampled_from([0.1, 1.0, math.nan, math.inf, -math.inf]), st.floats())
METRICS = st.dictionaries(st.sampled_from(["loss", "accuracy", "val/loss"]), VALUES, min_size=1)
LOGS = st.lists(st.tuples(AXES, STEPS, METRICS), min_size=1, max_size=8)
TRACKERS = st.sampled_from(["Filed", "FaultyMlflow"])
FAULTS = st.sampled_from([*filed.LASTING, *filed.ONCE])
ENDINGS = {"return": "finished", "error": "failed", "interrupt": "killed", "walking away": "killed"}
BIG = 1.7976931348623157e308  # what MLflow stores for an infinity

Said = tuple[Any, ...]  # what a run said, without its time: the kind first


@dataclass
class Run:
    """What a run should be."""

    directory: Path
    notes: Path  # beside it: what ``Filed`` took, and the faults
    uid: str = ""
    said: list[Said] = field(default_factory=list)
    status: str = "killed"  # until it says otherwise
    contents: dict[str, set[str]] = field(default_factory=dict)  # what an artifact may hold
    may_repeat: bool = False

    def path(self, tracker: str) -> str:
        return str(self.notes / tracker)

    def last_step(self, axis: str) -> int:
        return next((said[2] for said in reversed(self.said) if said[:2] == ("log", axis)), -1)


# What is there, read without the library ---------------------------------------------------------------


def said_by(record: dict[str, Any]) -> Said | None:
    """A record without its time; None for the beginnings and ends of attempts."""
    match record["type"]:
        case "log":
            return "log", record["axis"], record["step"], spelled(record["metrics"])
        case "params" | "tags" as kind:
            return kind, record[kind]
        case "artifact":
            return "artifact", record["name"]
    return None


def spelled(metrics: dict[str, Any]) -> dict[str, str]:
    """Floats as text, so that NaN equals NaN and -0.0 does not equal 0.0."""
    return {name: repr(float(value)) for name, value in metrics.items()}


def table(run: Run) -> str:
    """The CSV that a run should have."""
    rows: list[dict[str, str]] = []
    columns = ["epoch"]
    for said in run.said:
        if said[0] != "log":
            continue
        _, axis, step, metrics = said
        if not rows or rows[-1].get(axis) != str(step) or not metrics.keys().isdisjoint(rows[-1]):
            rows.append({axis: str(step)})
        rows[-1].update(metrics)
        columns += [name for name in (axis, *metrics) if name not in columns]
    return "".join(",".join(line) + "\n" for line in [columns, *([row.get(c, "") for c in columns] for row in rows)])


def tree(*roots: Path) -> dict[str, bytes]:
    """Every file in the folders."""
    return {str(path): path.read_bytes() for root in roots for path in root.rglob("*") if path.is_file()}


@contextlib.contextmanager
def rows_of(database: Path) -> Iterator[Callable[..., list[Any]]]:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


# The model ---------------------------------------------------------------------------------------------


class Model(RuleBasedStateMachine):
    zygote: Zygote  # of the attempts
    syncer: Zygote  # of the syncs: an older run is synced while a newer one goes on
    database: Path

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(prefix="tracklib-model-"))
        self.runs: list[Run] = []
        # Which rules come next must not hang on when a process happens to die of a fault: that is `child`'s.
        self.in_block = False
        self.child: int | None = None  # of the newest run
        self.count = 0  # for what must be said once only
        self.deaths = 0

    @initialize(with_mlflow=st.sampled_from([False, False, True]))
    def choose_backends(self, with_mlflow: bool) -> None:
        self.with_mlflow = with_mlflow
        self.begin()

    # A run's life --------------------------------------------------------------------------------------

    @precondition(lambda self: not self.in_block)
    @rule()
    def begin(self) -> None:
        """A new run in the directory; the one that it holds is set aside."""
        if self.runs:
            old = self.runs[-1]
            old.directory = old.directory / "previous" / old.uid
        notes = self.base / f"notes-{len(self.runs)}"
        notes.mkdir()
        self.runs.append(Run(self.base / "run", notes))
        self._attempt(resume=False)

    @precondition(lambda self: not self.in_block)
    @rule()
    def resume(self) -> None:
        self._attempt(resume=True)

    def _alive(self) -> bool:
        """Whether the process lives; one that died of a fault is queued again, once."""
        if self.child is None:
            self._attempt(resume=True)
        return self.child is not None

    def _attempt(self, resume: bool) -> None:
        self.in_block = True
        run = self.runs[-1]
        params = {"lr": 1, f"attempt-{self._next()}": 1}
        order = {"do": "attempt", "directory": str(run.directory), "configs": self._configs(run)}
        answer = self._ask(order | {"resume": resume, "params": params})
        self.child = answer["began"] if answer else None
        begun = records_in(run.directory)
        assert sum(record["type"] == "begin" for record in begun) == 1 or resume
        uid = next(record["uid"] for record in begun if record["type"] == "begin")
        assert run.uid in ("", uid)
        run.uid = uid
        run.said.append(("params", params))
        run.status = "killed"
        if self.child is None:
            self._died(run, [], None)

    def _configs(self, run: Run) -> list[dict[str, Any]]:
        configs = [{"type": "filed:Filed", "path": run.path("Filed")}]
        if self.with_mlflow:
            store = {"tracking_uri": f"sqlite:///{self.database}", "experiment_name": self.base.name}
            configs.append({"type": "filed:FaultyMlflow", "path": run.path("FaultyMlflow"), **store})
        return configs

    @precondition(lambda self: self.in_block)
    @rule(records=LOGS)
    def log(self, records: list[tuple[str, int | None, dict[str, float]]]) -> None:
        if not self._alive():
            return
        run = self.runs[-1]
        planned = Run(run.directory, run.notes, said=run.said[:])
        for axis, step, metrics in records:
            automatic = min(planned.last_step(axis) + 1, 2**63 - 1)
            planned.said.append(("log", axis, automatic if step is None else step, spelled(metrics)))
        self._say({"do": "log", "records": records}, planned.said[len(run.said) :])

    @precondition(lambda self: self.in_block)
    @rule()
    def log_params(self) -> None:
        params = {f"param-{self._next()}": 1}
        self._say({"do": "params", "params": params}, [("params", params)])

    @precondition(lambda self: self.in_block)
    @rule()
    def log_tags(self) -> None:
        tags = {f"tag-{self._next()}": "yes"}
        self._say({"do": "tags", "tags": tags}, [("tags", tags)])

    @precondition(lambda self: self.in_block)
    @rule(name=st.sampled_from(["model.txt", "plot.txt"]))
    def log_artifact(self, name: str) -> None:
        content = f"content {self._next()}"
        (self.base / name).write_text(content)
        if not self._alive():
            return
        before = self.runs[-1].contents.get(name, set())
        self.runs[-1].contents[name] = before | {content}
        if self._say({"do": "artifact", "path": str(self.base / name)}, [("artifact", name)]):
            self.runs[-1].contents[name] = {content}

    @precondition(lambda self: self.in_block)
    @rule()
    def flush(self) -> None:
        self._say({"do": "flush", "timeout": 0.2}, [])

    @precondition(lambda self: self.in_block)
    @rule()
    def kill(self) -> None:
        self.in_block = False
        if self.child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child, signal.SIGKILL)
        assert self.zygote.hear() == {"exited": -signal.SIGKILL}
        self._died(self.runs[-1], [], None)

    @precondition(lambda self: self.in_block)
    @rule(by=st.sampled_from(sorted(ENDINGS)))
    def end(self, by: str) -> None:
        run = self.runs[-1]
        alive = self._alive()
        self.in_block = False
        if not alive:
            return
        if self._ask({"do": "end", "by": by}) is None:
            self._died(run, [], ENDINGS[by])
            return
        died = self.zygote.hear()["exited"] != 0  # the deliveries go on until the very end
        run.status = ENDINGS[by]
        if died:
            self._died(run, [], run.status)
        self.child = None

    def _say(self, order: dict[str, Any], said: list[Said]) -> bool:
        """Have the child say something; whether it did, and lives."""
        run = self.runs[-1]
        if not self._alive():
            return False
        if self._ask(order) is None:
            self._died(run, said, None)
            return False
        run.said += said
        return True

    def _ask(self, order: dict[str, Any], zygote: Zygote | None = None) -> dict[str, Any] | None:
        """The answer; None if the process died instead."""
        zygote = zygote or self.zygote
        zygote.say(order)
        answer = zygote.hear()
        if "exited" not in answer:
            return answer
        assert answer == {"exited": -signal.SIGKILL}
        return None

    def _died(self, run: Run, unanswered: list[Said], ending: str | None) -> None:
        """What was not acknowledged may be there, from its beginning on; what was, is."""
        self.child = None
        self.deaths += 1
        run.may_repeat = True
        records = records_in(run.directory)
        found = [said for record in records if (said := said_by(record))]
        assert len(run.said) <= len(found) <= len(run.said) + len(unanswered)
        assert found == (run.said + unanswered)[: len(found)]
        run.said = found
        run.status = "killed"
        if ending and records[-1]["type"] == "end":
            run.status = records[-1]["status"]
            assert run.status == ending

    def _next(self) -> int:
        self.count += 1
        return self.count

    # Trouble -------------------------------------------------------------------------------------------

    @rule(which=st.sampled_from([-1, -1, -2]), tracker=TRACKERS, word=FAULTS, records=LOGS)
    def break_a_tracker(
        self, which: int, tracker: str, word: str, records: list[tuple[str, int | None, dict[str, float]]]
    ) -> None:
        """And log on, so that the fault is met."""
        run = self.runs[max(which, -len(self.runs))]
        run.may_repeat |= word in filed.ONCE
        filed.set_fault(run.path(tracker), word)
        if self.in_block and run is self.runs[-1]:
            self.log(records)
            self.flush()

    @rule(which=st.integers(-2, -1))
    def mend_the_trackers(self, which: int) -> None:
        self._mend(self.runs[max(which, -len(self.runs))])

    def _mend(self, run: Run) -> None:
        for tracker in ("Filed", "FaultyMlflow"):
            filed.clear_fault(run.path(tracker))

    @precondition(lambda self: not self.in_block)
    @rule(
        which=st.integers(-2, -1),
        name=st.sampled_from(["state/Filed.json", "state/FaultyMlflow.json", "state/CsvLogger.json"]),
        how=st.sampled_from(["deleted", "cut", "flipped", "rubbish"]),
        at=st.floats(0.0, 0.99),
    )
    def damage_the_state(self, which: int, name: str, how: str, at: float) -> None:
        run = self.runs[max(which, -len(self.runs))]
        path = run.directory / name
        if not path.exists():
            return
        run.may_repeat = True
        content = path.read_bytes()
        where = int(at * len(content))
        if how == "deleted":
            path.unlink()
        else:
            path.write_bytes(
                {
                    "cut": content[:where],
                    "flipped": content[:where] + bytes([content[where] ^ 1]) + content[where + 1 :],
                    "rubbish": b"\x00\xff rubbish",
                }[how]
            )

    @precondition(lambda self: not self.in_block)
    @rule(which=st.integers(-2, -1), how=st.sampled_from(["deleted", "cut", "longer", "no state at all"]))
    def damage_the_files(self, which: int, how: str) -> None:
        run = self.runs[max(which, -len(self.runs))]
        csv = run.directory / "metrics.csv"
        if how == "no state at all":
            run.may_repeat = True
            shutil.rmtree(run.directory / "state", ignore_errors=True)
        elif csv.exists() and how == "deleted":
            csv.unlink()
        elif csv.exists():
            csv.write_bytes(csv.read_bytes()[:-1] if how == "cut" else csv.read_bytes() + b"1,")

    # Sync ----------------------------------------------------------------------------------------------

    @rule(which=st.integers(-2, -1))
    def sync(self, which: int) -> None:
        run = self.runs[max(which, -len(self.runs))]
        if run is self.runs[-1] and self.child is not None:
            with pytest.raises(RunDirectoryError, match="still going on"):
                sync(str(run.directory))
            return
        calm = not any(filed.fault(run.path(tracker)) in filed.LASTING for tracker in ("Filed", "FaultyMlflow"))
        left = self._sync(run, patience=30.0 if calm else 0.2)
        if left is not None and calm:
            assert set(left.values()) == {None}
            self._check(run)

    def _sync_died(self, run: Run) -> None:
        self.deaths += 1
        run.may_repeat = True

    def _sync(self, run: Run, patience: float) -> dict[str, str | None] | None:
        """What is left, by tracker; None if the process died in it."""
        answer = self._ask({"do": "sync", "directory": str(run.directory), "patience": patience}, self.syncer)
        if answer is None:
            self._sync_died(run)
            return None
        if self.syncer.hear() == {"exited": -signal.SIGKILL}:  # a call that was given up met its fault
            self._sync_died(run)
        assert answer["status"] == run.status
        left: dict[str, str | None] = answer["synced"]
        return left

    def teardown(self) -> None:
        try:
            self.kill()
            for run in self.runs:
                self._mend(run)
                assert set((self._sync(run, patience=30.0) or {"": "died"}).values()) == {None}
                self._check(run)
                before = tree(run.directory, run.notes)
                self._sync(run, patience=30.0)
                assert tree(run.directory, run.notes) == before
            if self.with_mlflow:
                self._check_mlflow_is_alone()
        finally:
            shutil.rmtree(self.base, ignore_errors=True)

    # What must hold ------------------------------------------------------------------------------------

    @invariant()
    def what_was_said_is_in_the_journal(self) -> None:
        for run in self.runs:
            assert [said for record in records_in(run.directory) if (said := said_by(record))] == run.said

    def _check(self, run: Run) -> None:
        """Every backend equals the model."""
        records = records_in(run.directory)
        assert records[-1]["type"] == "end"
        assert records[-1]["status"] == run.status
        assert (run.directory / "metrics.csv").read_text() == table(run)
        self._check_filed(run, records)
        if self.with_mlflow:
            self._check_mlflow(run, records)

    def _check_filed(self, run: Run, records: list[dict[str, Any]]) -> None:
        """In order, without a gap, and once where nothing gave reason to repeat."""
        lines = [json.loads(line) for line in Path(run.path("Filed")).read_text().splitlines()]
        assert lines[-1] == ["finish", run.status]
        assert {line[1] for line in lines if line[0] == "init"} == {run.uid}
        refused = {records.index(record) for record in rejected(run, "Filed")}
        ordinals = [ordinal for ordinal, record in enumerate(records) if said_by(record)]
        taken: list[int] = []
        for line in lines:
            if line[0] not in ("init", "finish"):
                taken.append(self._place(line, records, ordinals, refused, taken[-1] if taken else -1))
        for before, place in zip([-1, *taken], taken, strict=False):
            assert all(ordinal in refused for ordinal in ordinals if before < ordinal < place)
        assert set(taken) | refused == set(ordinals)
        assert run.may_repeat or taken == sorted(set(taken))
        last = {line[1]: line[2] for line in lines if line[0] == "artifact"}
        unsent = {records[ordinal].get("name") for ordinal in refused}
        assert all(content in run.contents[name] for name, content in last.items() if name not in unsent)

    def _place(
        self, line: Any, records: list[dict[str, Any]], ordinals: list[int], refused: set[int], before: int
    ) -> int:
        """The ordinal of the record that a line of ``Filed`` shows: the next one, else one that comes again."""
        if line[0] == "log":
            _, ordinal, axis, step, metrics = line
            assert said_by(records[ordinal]) == ("log", axis, step, spelled(metrics))
            return int(ordinal)
        same = [ordinal for ordinal in ordinals if said_by(records[ordinal]) == tuple(line[:2])]
        later = [ordinal for ordinal in ordinals if ordinal > before]
        due = [ordinal for ordinal in later if refused.issuperset(later[: later.index(ordinal)])]
        return next(
            (ordinal for ordinal in due if ordinal in same), max((o for o in same if o <= before), default=same[0])
        )

    def _check_mlflow(self, run: Run, records: list[dict[str, Any]]) -> None:
        refused = rejected(run, "FaultyMlflow")
        with rows_of(self.database) as rows:
            ((run_id, status),) = rows(
                "SELECT run_uuid, status FROM runs JOIN tags USING (run_uuid) WHERE key = 'tracklib.uid' AND value = ?",
                run.uid,
            )
            assert status == run.status.upper()
            stored = rows(
                "SELECT key, timestamp, step, CAST(is_nan AS INT), value FROM metrics WHERE run_uuid = ?", run_id
            )
            assert not set(stored) - points(records)
            assert not points([record for record in records if record not in refused]) - set(stored)
            params = dict(rows("SELECT key, value FROM params WHERE run_uuid = ?", run_id))
            assert params == {name: "1" for said in run.said if said[0] == "params" for name in said[1]}
            tags = dict(rows("SELECT key, value FROM tags WHERE run_uuid = ? AND key LIKE 'tag-%'", run_id))
            assert tags == {name: "yes" for said in run.said if said[0] == "tags" for name in said[1]}
            ((folder,),) = rows("SELECT artifact_uri FROM runs WHERE run_uuid = ?", run_id)
        unsent = {record["name"] for record in refused if record["type"] == "artifact"}
        for name in {said[1] for said in run.said if said[0] == "artifact"} - unsent:
            assert Path(folder.removeprefix("file://"), name).read_text() in run.contents[name]

    def _check_mlflow_is_alone(self) -> None:
        """One MLflow run for each run, and no other in the experiment."""
        with rows_of(self.database) as rows:
            ((count,),) = rows(
                "SELECT COUNT(*) FROM runs JOIN experiments USING (experiment_id) WHERE experiments.name = ?",
                self.base.name,
            )
        assert count == len(self.runs)


def rejected(run: Run, tracker: str) -> list[dict[str, Any]]:
    path = run.directory / "rejected.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    records = [line["record"] for line in lines if line["tracker"] == tracker]
    return [{name: value for name, value in record.items() if name != "ordinal"} for record in records]


def points(records: list[dict[str, Any]]) -> set[tuple[str, int, int, int, float]]:
    """The metrics as MLflow's table should hold them: equal ones of one millisecond and step are one row."""
    found = set()
    for record in records:
        for name, value in record.get("metrics", {}).items():
            number = 0.0 if math.isnan(float(value)) else max(-BIG, min(BIG, float(value)))
            found.add((name, record["time"], record["step"], int(math.isnan(float(value))), number))
    return found


@pytest.fixture
def zygotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Zygote]]:
    monkeypatch.chdir(tmp_path)  # MLflow's artifacts go to ./mlruns
    zygotes = [Zygote(mlflow=True), Zygote(mlflow=True)]
    try:
        for zygote in zygotes:
            zygote.wait_ready()
        zygotes[0].say({"do": "make a database", "uri": f"sqlite:///{tmp_path}/mlflow.db"})
        assert "made" in zygotes[0].hear()
        assert zygotes[0].hear() == {"exited": 0}
        yield zygotes
    finally:
        for zygote in zygotes:
            zygote.close()


def test_whatever_happens_in_whatever_order_every_backend_equals_the_model_in_the_end(
    zygotes: list[Zygote], tmp_path: Path, long: bool
) -> None:
    class Here(Model):
        pass

    Here.zygote, Here.syncer = zygotes
    Here.database = tmp_path / "mlflow.db"
    profile = settings(
        max_examples=400 if long else 12,
        stateful_step_count=40 if long else 15,
        derandomize=not long,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Here, settings=profile)
