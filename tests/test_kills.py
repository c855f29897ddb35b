"""A run whose process is killed, at any moment and however often: nothing lost, everything once, the status true."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from arrived import Arrived
from killed import ALL_DELIVERED, AT_BARRIER, BARRIERS, Child, Nursery

pytestmark = pytest.mark.slow

KILLERS = [signal.SIGKILL, signal.SIGTERM]


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with contextlib.closing(Nursery(tmp_path_factory.mktemp("nursery") / "log")) as nursery:
        yield nursery


class Run(Arrived):
    """A run that is killed again and again, what it acknowledged, and what is left of it in the end."""

    def __init__(self, nursery: Nursery, directory: Path, uri: str, experiment: str) -> None:
        super().__init__(directory / uuid.uuid4().hex, uri, experiment)
        self.acknowledged: list[int] = []
        self.figures: Counter[str] = Counter()
        self._nursery = nursery
        self.is_in_process = False
        self.status = "killed"
        self._attempts = itertools.count()

    @property
    def configs(self) -> list[dict[str, Any]]:
        """With the companion, as for users; else in the process that is killed, which has imported all before."""
        return [config | {"in_process": self.is_in_process} for config in super().configs]

    def train(self, records: int = 400, **job: Any) -> Child:
        """A process in which the run begins or goes on."""
        attempt = next(self._attempts)
        where = {"directory": str(self.directory), "configs": self.configs, "resume": attempt > 0}
        options = {"first": attempt * 10_000, "records": records, "seed": attempt}
        return self._nursery.fork(what="train", **where | options | job)

    def sync(self, barrier: str | None = None) -> Child:
        """A process that delivers what is left."""
        return self._nursery.fork(what="sync", directory=str(self.directory), barrier=barrier)

    def gone(self, child: Child) -> int:
        """Its exit code, once what it acknowledged is counted."""
        code = child.wait()
        self.acknowledged += child.numbers
        assert code in (0, 9, 143, -signal.SIGKILL, -signal.SIGTERM), self._nursery.log.read_text()
        self.figures["killed"] += code != 0
        return code

    def synced(self) -> dict[str, Any]:
        """Deliver what is left, and say what came of it."""
        assert self.gone(self.sync()) == 0
        result: dict[str, Any] = json.loads(Path(f"{self.directory}.synced").read_text())
        return result

    def holds(self, status: str = "killed") -> None:
        """After a sync, all that was acknowledged is everywhere once, with the true status, and it stays so."""
        result = self.synced()
        if "error" in result:  # it died before it began
            assert not self.acknowledged
            assert "holds no run" in result["error"]
            return
        assert result == {"status": status, "left": {}}
        arrived = {"Mlflow": self.in_mlflow, "Wandb": lambda: [number for _, number in self.in_wandb()]}
        self._count(self.numbers(), self.in_csv(), *(arrived[tracker]() for tracker in self.at))
        assert self.figures["lost"] == self.figures["twice"] == 0, (self.directory, self.figures)
        if "Mlflow" in self.at:
            assert len(self.in_mlflow("same")) == len(self.numbers())
        self.check(status)
        if self._may_have_a_twin():
            assert self.synced() == result
        before = self.content()
        assert self.synced() == result
        assert self.content() == before

    def _may_have_a_twin(self) -> bool:
        """Whether an answer to the creation of MLflow's run is missing, so that the next sync looks once more."""
        if "Mlflow" not in self.at:
            return False
        state = json.loads((self.directory / "state/Mlflow.json").read_text())
        return int(state["tracker"].get("creations", 0)) > 1

    def _count(self, journal: list[float], *arrived: list[float]) -> None:
        self.figures["acknowledged"] += len(self.acknowledged)
        for numbers in (journal, *arrived):
            self.figures["lost"] += len({*self.acknowledged, *journal} - set(numbers))
            self.figures["twice"] += len(numbers) - len(set(numbers))


@pytest.fixture
def run(nursery: Nursery, tmp_path: Path, mlflow_server: Any) -> Run:
    return Run(nursery, tmp_path, mlflow_server.uri, "barriers")


WHILE_LEAVING = [name for name in BARRIERS if "end" in name or "waited" in name or name == "the table is closed"]


def concerned(barrier: str, long: bool) -> list[str]:
    """The trackers that a run has which dies there: all with ``--long``, and in the runs that die at random."""
    if long:
        return ["Mlflow", "Wandb"]
    # Where it dies outside of a delivery, that is in the companion, which imports MLflow for two seconds.
    is_mlflows = "W&B" not in barrier and not BARRIERS[barrier][0].startswith("tracklib._run")
    return ["Mlflow"] if is_mlflows else ["Wandb"]


IN_A_CALL = ("MLflow's run is created, and its id not kept", "a batch is in MLflow, and nobody knows")


@pytest.mark.parametrize("killer", KILLERS, ids=lambda killer: killer.name)
@pytest.mark.parametrize("barrier", sorted(set(BARRIERS) - set(WHILE_LEAVING)))
def test_nothing_is_lost_or_doubled_when_a_run_dies_while(
    barrier: str, killer: signal.Signals, run: Run, long: bool
) -> None:
    if barrier.startswith("how far") and killer is signal.SIGTERM:
        pytest.skip("who is there has a lock that leaving needs")
    if killer is signal.SIGTERM and barrier not in IN_A_CALL and not long:
        pytest.skip("runs with --long: SIGTERM leaves the block, whatever call its deliveries are in")
    run.at = concerned(barrier, long)
    child = run.train(barrier=barrier, records=60)
    assert child.until(AT_BARRIER)
    child.kill(killer)
    assert run.gone(child) in (143, -killer)
    run.holds()


@pytest.mark.parametrize("killer", KILLERS, ids=lambda killer: killer.name)
@pytest.mark.parametrize("barrier", WHILE_LEAVING)
def test_the_status_is_the_one_that_was_written_when_a_run_dies_while(
    barrier: str, killer: signal.Signals, run: Run, long: bool
) -> None:
    run.at = concerned(barrier, long)
    child = run.train(barrier=barrier, records=60, leaves=True)
    assert child.until(AT_BARRIER)
    child.kill(killer)
    assert run.gone(child) in (0, 143, -killer)  # 0: it did not wait any longer
    run.holds("killed" if barrier == "the block is left, and its end not written" else "finished")


def test_a_sync_that_is_killed_at_any_barrier_is_done_by_the_next(run: Run) -> None:
    for barrier in (
        "a batch is in MLflow, and nobody knows",
        "W&B is in the middle of a batch",
        "MLflow was told the end",
    ):
        child = run.train(records=60, barrier="MLflow is connected")
        assert child.until(AT_BARRIER)
        child.kill(signal.SIGKILL)
        run.gone(child)
        child = run.sync(barrier)
        assert child.until(AT_BARRIER)
        child.kill(signal.SIGKILL)
        run.gone(child)
    run.holds()


# At random moments --------------------------------------------------------------------------------

KILLS, KILLS_LONG, AT_ONCE = 20, 1000, 3


def test_nothing_is_lost_or_doubled_however_often_and_whenever_a_run_dies(
    tmp_path: Path, mlflow_server: Any, long: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.randrange(2**32)
    figures: Counter[str] = Counter()
    begun = time.monotonic()

    def worker(number: int) -> None:
        with contextlib.closing(Nursery(tmp_path / f"nursery-{number}")) as nursery:
            for life in itertools.count():
                if failures or figures["killed"] >= (KILLS_LONG if long else KILLS):
                    return
                run = Run(nursery, tmp_path, mlflow_server.uri, f"kills-{seed}-{number}")
                chance = random.Random(f"{seed} {number} {life}")
                run.is_in_process = not long and chance.random() < 0.6  # a companion takes seconds to import all
                try:
                    live_and_die(run, chance)
                except Exception as error:
                    error.add_note(f"seed {seed}, worker {number}, life {life}")
                    failures.append(error)
                    return
                finally:
                    with lock:
                        figures.update(run.figures)
                        figures["runs"] += 1

    failures: list[Exception] = []
    lock = threading.Lock()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(worker, range(AT_ONCE)))
    with capsys.disabled():
        print(f"\nkills (seed {seed}, {time.monotonic() - begun:.0f} s): {dict(figures)}")
    if failures:
        raise ExceptionGroup("some runs are not what they should be", failures)


def live_and_die(run: Run, chance: random.Random) -> None:
    """One run: up to three attempts, each killed in some way, and in between a sync or not, killed too or not."""
    for _ in range(chance.randint(1, 3)):
        begun, before, run.status = run.begun(), run.status, "killed"
        dies = chance.choice([die_at_a_moment, die_at_a_moment, die_at_a_record, die_inside, die_at_a_barrier])
        dies(run, chance)
        run.status = run.status if run.begun() > begun else before
        if chance.random() < 0.3:
            child = run.sync(chance.choice([None, *BARRIERS]))
            threading.Event().wait(chance.expovariate(4))
            child.kill(signal.SIGKILL)
            run.gone(child)
    run.holds(run.status)


def kill(run: Run, child: Child, chance: random.Random) -> None:
    """In one of the ways that there are; SIGTERM, as Slurm does it, with a SIGKILL some time later."""
    way = chance.choice(["SIGKILL", "SIGKILL", "SIGTERM", "both", "with all"])
    if chance.random() < 0.2:
        child.kill_companion()
        threading.Event().wait(chance.expovariate(5))
    if way == "with all":
        child.kill_with_all()
    else:
        child.kill(signal.SIGKILL if way == "SIGKILL" else signal.SIGTERM)
        if way == "both":
            threading.Event().wait(chance.expovariate(5))
            child.kill(signal.SIGKILL)
    run.gone(child)


def die_at_a_moment(run: Run, chance: random.Random) -> None:
    child = run.train(seed=chance.random())
    threading.Event().wait(10 ** chance.uniform(-3, 0.2))
    kill(run, child, chance)


def die_at_a_record(run: Run, chance: random.Random) -> None:
    child = run.train(seed=chance.random())
    assert child.until_acknowledged(chance.randint(1, 400))
    kill(run, child, chance)


def die_inside(run: Run, chance: random.Random) -> None:
    run.gone(run.train(seed=chance.random(), dies_after=chance.randrange(400)))


def die_at_a_barrier(run: Run, chance: random.Random) -> None:
    barrier = chance.choice([name for name in BARRIERS if not name.startswith("how far")])
    child = run.train(seed=chance.random(), barrier=barrier, leaves=barrier in WHILE_LEAVING, records=60)
    child.until(AT_BARRIER, ALL_DELIVERED)  # a run that goes on need not come by
    kill(run, child, chance)
    if barrier in WHILE_LEAVING and barrier != "the block is left, and its end not written":
        run.status = "finished"
