"""A run in other processes than its own: what a pickle brings there says what happens in it."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from kept import records, rows, statuses
from msgspec.structs import replace
from patience import PATIENT

from tracklib import LifecycleError, RunDirectoryError, Trackers, tracked, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.records import Artifact, Begin, End, Log, Params, Tags
from tracklib._run.elsewhere import handle_of
from tracklib._run.travelling import _unpickled

POOL = """
    import multiprocessing, sys, os
    from concurrent.futures import ProcessPoolExecutor
    from tracklib import current, tracked, tracking

    @tracked
    def step(epoch, worker):
        return {"n": 1000 * worker + epoch}

    def work(worker):
        for epoch in range(200):
            step(epoch, worker)
        return current().uid

    if __name__ == "__main__":
        with tracking(output_run="run") as t:
            POOL
            assert set(uids) == {t.uid}, uids
"""
POOLS = {
    "spawn": """with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
                uids = list(pool.map(t.inside(work), range(4)))""",
    "forkserver": """with multiprocessing.get_context("forkserver").Pool(2) as pool:
                uids = pool.map(t.inside(work), range(4))""",
    "fork": """with multiprocessing.get_context("fork").Pool(2) as pool:
                uids = pool.map(t.inside(work), range(4))""",
    "loky": """from joblib import Parallel, delayed
            uids = Parallel(n_jobs=2)(delayed(t.inside(work))(worker) for worker in range(4))""",
    "threads": """from concurrent.futures import ThreadPoolExecutor
            with ThreadPoolExecutor(2) as pool:
                uids = list(pool.map(t.inside(work), range(4)))""",
}


@pytest.mark.parametrize(
    "pool", [pytest.param(name, marks=[pytest.mark.slow] if name in ("forkserver", "loky") else []) for name in POOLS]
)
def test_what_is_logged_in_a_pool_is_in_the_run_and_its_table_once(tmp_path: Path, pool: str) -> None:
    if pool == "loky":
        pytest.importorskip("joblib")
    run_bare(tmp_path, POOL.replace("POOL", POOLS[pool]))

    wanted = Counter({float(1000 * worker + epoch): 1 for worker in range(4) for epoch in range(200)})
    assert Counter(log.metrics["n"] for log in records(tmp_path / "run", Log)) == wanted
    assert Counter(float(row["n"]) for row in rows(tmp_path / "run")) == wanted
    assert isinstance(records(tmp_path / "run")[-1], End)
    assert (tmp_path / "run/writers").is_dir() == (pool not in ("fork", "threads"))


class Other:
    """A process that was sent something; it is told lines of Python, and says what each comes to."""

    def __init__(self, sent: Any, folder: Path, by: Any = pickle) -> None:
        script = """
            import pickle, sys, traceback
            sent = pickle.load(sys.stdin.buffer)
            for line in iter(sys.stdin.buffer.readline, b""):
                try:
                    print(repr(eval(line)).replace(chr(10), " "), flush=True)
                except BaseException as error:
                    print(type(error).__name__, str(error).replace(chr(10), " "), flush=True)
        """
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)], stdin=-1, stdout=-1, cwd=folder
        )
        self._write(by.dumps(sent))

    def _write(self, text: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def says(self, line: str) -> str:
        assert self._process.stdout is not None
        self._write(line.encode() + b"\n")
        return self._process.stdout.readline().decode().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=PATIENT)

    def end(self) -> None:
        self._process.communicate(timeout=PATIENT)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Trackers]:
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        yield t


def test_all_that_a_worker_may_say_is_in_the_run_when_it_ends(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("by the worker")
    with tracking(output_run=tmp_path / "run", best={"loss": "min"}) as t:
        other = Other(t, tmp_path)
        assert other.says("sent.log(0, {'loss': 0.5})") == "None"
        other.says("sent.log({'loss': 0.25})")
        other.says("sent.log_params({'lr': 0.1})")
        other.says("sent.log_tags(['a'])")
        other.says("sent.log_artifact('notes.txt')")
        assert (
            other.says("(sent.is_init, sent.flush(), sent.wait_ready(), sent.uid)")
            == f"(True, False, False, {t.uid!r})"
        )
    other.end()
    assert [(log.step, log.metrics) for log in records(tmp_path / "run", Log)] == [
        (0, {"loss": 0.5}),
        (1, {"loss": 0.25}),
    ]
    assert [each.params for each in records(tmp_path / "run", Params)] == [{"lr": 0.1}]
    assert [each.tags for each in records(tmp_path / "run", Tags)] == [{"a": ""}]
    assert [each.name for each in records(tmp_path / "run", Artifact)] == ["notes.txt"]
    assert (tmp_path / "run/artifacts/notes.txt").read_text() == "by the worker"
    assert t.best["loss"].value == 0.25
    assert len(list((tmp_path / "run/writers").iterdir())) == 1


@pytest.mark.slow
def test_a_record_of_a_worker_comes_to_the_trackers_while_the_run_goes_on(tmp_path: Path, run: Trackers) -> None:
    other = Other(run, tmp_path)
    other.says("sent.log(0, {'loss': 0.5})")
    delivery = run._attempt.deliveries[-1]
    begun = delivery.offset
    while not records(tmp_path / "run", Log) or delivery.offset <= begun:
        delivery.changed.wait(0.1)
    other.end()
    assert rows(tmp_path / "run") == [{"epoch": "0", "loss": "0.5"}]


def test_a_closure_brings_the_run_along(tmp_path: Path, run: Trackers) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    @tracked
    def step(epoch: int) -> dict[str, float]:
        return {"loss": 0.5}

    def work(epoch: int) -> dict[str, float]:
        run.log(epoch, {"a": 1})
        return run.inside(step)(epoch)

    other = Other(work, tmp_path, by=cloudpickle)
    assert other.says("sent(3)") == "{'loss': 0.5}"
    run.finish()
    other.end()
    assert [(log.step, log.metrics) for log in records(tmp_path / "run", Log)] == [(3, {"a": 1.0}), (3, {"loss": 0.5})]


def test_what_a_worker_is_sent_twice_is_one_run_and_one_file(tmp_path: Path, run: Trackers) -> None:
    other = Other((run, pickle.dumps(run)), tmp_path)
    assert other.says("pickle.loads(sent[1]) is sent[0] is __import__('copy').deepcopy(sent[0])") == "True"
    assert other.says("pickle.loads(pickle.dumps(sent[0])) is sent[0]") == "True"
    other.says("[pickle.loads(sent[1]).log(0, {'a': 1}) for _ in range(3)]")
    other.end()
    assert len(list((tmp_path / "run/writers").iterdir())) == 1


@pytest.mark.slow
def test_the_epoch_that_is_going_on_travels(tmp_path: Path, run: Trackers) -> None:
    others = []
    for _ in run.epochs(2):
        others.append(Other(run, tmp_path))
        others[-1].says("sent.log({'loss': 0.5})")
    for other in others:
        other.end()
    run.finish()
    assert sorted(log.step for log in records(tmp_path / "run", Log)) == [0, 1]


def test_what_is_its_own_processs_business_is_refused_elsewhere(tmp_path: Path, run: Trackers) -> None:
    other = Other(run, tmp_path)
    for word in ("epochs(3)", "stop_epochs()", "finish()"):
        assert re.match(r"LifecycleError \w+ in another process than that of the run in", other.says(f"sent.{word}"))
    assert other.says("sent.init()").startswith("LifecycleError")
    other.end()
    assert not (tmp_path / "run/writers").exists()


def test_a_process_forked_from_a_worker_has_a_file_of_its_own(tmp_path: Path, run: Trackers) -> None:
    other = Other(run, tmp_path)
    other.says("sent.log(0, {'a': 1})")
    other.says(
        "[os := __import__('os'), (pid := os.fork()) or (sent.log(1, {'a': 2}), os._exit(0)), os.waitpid(pid, 0)]"
    )
    other.says("sent.log(2, {'a': 3})")
    run.finish()
    other.end()
    assert sorted(log.metrics["a"] for log in records(tmp_path / "run", Log)) == [1, 2, 3]
    assert len(list((tmp_path / "run/writers").iterdir())) == 2


def test_a_child_in_a_worker_is_a_whole_run_of_its_own(tmp_path: Path) -> None:
    with tracking([{"type": "Console"}], output_run=tmp_path / "run", name="sweep", resume=True) as t:
        other = Other(t, tmp_path)
        other.says("globals().update(child=sent.child('trial-1', params={'lr': 0.1}))")
        assert (
            other.says("[child.__enter__() is child, list(child.epochs(2)), child.log(1, {'a': 1})]")
            == "[True, [0, 1], None]"
        )
        assert other.says("child.__exit__(None, None, None)") == "None"
        kinds = other.says("[type(one).__name__ for one in child.loggers]")
        other.end()
    (begin,) = records(tmp_path / "run/children/trial-1", Begin)
    assert kinds == "['Console', 'CsvLogger']"
    assert begin.parent is not None
    assert (begin.parent.uid, begin.parent.output_run) == (t.uid, t.directory)
    assert begin.pid != os.getpid()
    assert statuses(tmp_path / "run/children/trial-1") == ["finished"]
    assert records(tmp_path / "run", Log) == []
    assert not (tmp_path / "run/writers").exists()


def test_a_block_in_a_worker_inside_the_run_is_its_child(tmp_path: Path) -> None:
    script = """
        import multiprocessing
        from tracklib import tracking

        def work(number):
            with tracking(output_run=f"fold-{number}"):
                pass

        if __name__ == "__main__":
            with tracking(output_run="run") as t:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    pool.map(t.inside(work), range(2))
            print(t.uid)
    """
    uid = run_bare(tmp_path, script).strip()
    for fold in range(2):
        (begin,) = records(tmp_path / f"fold-{fold}", Begin)
        assert begin.parent is not None
        assert begin.parent.uid == uid


def sent_elsewhere(t: Trackers) -> Trackers:
    """What another process makes of it."""
    there = Trackers(output_run=t.directory)
    there._attempt.go_elsewhere(handle_of(t._attempt, None))
    return there


def moved_away(folder: Path) -> Trackers:
    """A run as another process has it that does not see its directory. It is over: else it makes its files anew."""
    with tracking(output_run=folder / "run") as t:
        there = sent_elsewhere(t)
    os.rename(folder / "run", folder / "away")
    return there


def test_a_directory_that_is_not_seen_is_said_with_the_way_out(tmp_path: Path) -> None:
    there = moved_away(tmp_path)
    for word in (lambda: there.log(0, {"a": 1}), lambda: there.child("a")):
        with pytest.raises(RunDirectoryError, match=r"cannot be seen from this process.*put output_run on a file"):
            word()
    assert not (tmp_path / "run").exists()
    with there.child("a", output_run=tmp_path / "own") as child:
        child.log(0, {"a": 1})
    assert len(records(tmp_path / "own", Log)) == 1


def test_a_tracked_function_says_it_once_and_the_work_goes_on(tmp_path: Path) -> None:
    there = moved_away(tmp_path)

    @tracked
    def step(epoch: int) -> dict[str, float]:
        return {"a": 1}

    with pytest.warns(match="cannot be seen from this process") as caught:
        assert [there.inside(step)(epoch) for epoch in range(3)] == 3 * [{"a": 1}]
    assert len(caught) == 1


def test_another_run_in_the_directory_is_not_logged_into(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        there = sent_elsewhere(t)
    with tracking(output_run=tmp_path / "run"), pytest.raises(RunDirectoryError, match="is another run's by now"):
        there.log(0, {"a": 1})
    assert records(tmp_path / "run", Log) == []


def test_who_has_said_nothing_so_far_says_nothing_in_a_run_that_has_ended(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        there = sent_elsewhere(t)
    with pytest.raises(LifecycleError, match=r"has ended \(finished\)"):
        there.log(0, {"a": 1})


def test_a_writer_that_outlives_the_run_is_told_by_sync_and_taken(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        other = Other(t, tmp_path)
        other.says("sent.log(0, {'a': 1})")
    other.says("sent.log(1, {'a': 2})")
    assert len(rows(tmp_path / "run")) == 1

    synced = sync(str(tmp_path / "run"))
    assert (synced.writers, synced.status, len(rows(tmp_path / "run"))) == (1, "finished", 2)

    other.says("sent.log(2, {'a': 3})")
    other.end()
    assert sync(str(tmp_path / "run")).writers == 0
    assert sync(str(tmp_path / "run")).writers == 0
    assert [log.step for log in records(tmp_path / "run", Log)] == [0, 1, 2]
    assert [row["epoch"] for row in rows(tmp_path / "run")] == ["0", "1", "2"]


def test_what_a_killed_worker_said_is_in_the_run(tmp_path: Path, run: Trackers) -> None:
    other = Other(run, tmp_path)
    other.says("sent.log(0, {'a': 1})")
    other.kill()
    run.finish()
    assert len(records(tmp_path / "run", Log)) == 1


def test_a_run_that_moved_aside_takes_its_writers_along(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        other = Other(t, tmp_path)
        other.says("sent.log(0, {'a': 1})")
    with tracking(output_run=tmp_path / "run"):
        other.says("sent.log(1, {'a': 2})")
    other.end()
    assert not (tmp_path / "run/writers").exists()
    aside = tmp_path / "run/previous" / t.uid
    sync(str(aside))
    assert [log.step for log in records(aside, Log)] == [0, 1]


def test_a_resumed_run_takes_what_was_said_while_it_was_away(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        other = Other(t, tmp_path)
        other.says("sent.log(0, {'a': 1})")
    other.says("sent.log(1, {'a': 2})")
    with tracking(output_run=tmp_path / "run", resume=True):
        other.says("sent.log(2, {'a': 3})")
    other.end()
    assert [log.step for log in records(tmp_path / "run", Log)] == [0, 1, 2]


def test_a_silent_ranks_run_is_silent_elsewhere_too(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        other = Other(t, tmp_path)
        assert other.says("sent.log(0, {'a': 1})") == "None"
        other.end()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("function", [3, None], ids=str)
def test_inside_takes_a_function(run: Trackers, function: Any) -> None:
    with pytest.raises(TypeError, match="inside takes a function"):
        run.inside(function)


def test_inside_takes_no_function_whose_work_comes_later(run: Trackers) -> None:
    async def later() -> None: ...

    def yields() -> Iterator[int]:
        yield 1

    for function in (later, yields):
        with pytest.raises(TypeError, match=f"{function.__name__} is none"):
            run.inside(function)


def test_inside_keeps_the_functions_name_and_brings_back_what_it_returns_or_raises(run: Trackers) -> None:
    def work(a: int, *, b: int) -> int:
        """Work."""
        return a // b

    inside = run.inside(work)
    assert (inside.__name__, inside.__doc__, inside(6, b=3)) == ("work", "Work.", 2)
    with pytest.raises(ZeroDivisionError):
        inside(6, b=0)


@pytest.mark.slow
def test_four_workers_with_a_thousand_records_each_arrive_at_mlflow_once(tmp_path: Path) -> None:
    script = """
        import multiprocessing, sqlite3, json
        from tracklib import tracked, tracking

        @tracked
        def step(epoch, worker):
            return {"n": 1000 * worker + epoch, "same": 1}

        def work(worker):
            for epoch in range(1000):
                step(epoch, worker)

        if __name__ == "__main__":
            mlflow = {"type": "Mlflow", "tracking_uri": "sqlite:///m.db"}
            with tracking([mlflow], output_run="run", environment=False) as t:
                with multiprocessing.get_context("spawn").Pool(4) as pool:
                    pool.map(t.inside(work), range(4), chunksize=1)
                t.flush(60)
            rows = sqlite3.connect("m.db").execute("select key, value from metrics").fetchall()
            print(json.dumps([sorted(value for key, value in rows if key == name) for name in ("n", "same")]))
    """
    numbers, same = json.loads(run_bare(tmp_path, script).splitlines()[-1])
    assert numbers == [float(number) for number in range(4000)]
    assert same == 4000 * [1.0]


def test_a_worker_that_can_make_no_file_says_what_is_wrong_with_the_directory(tmp_path: Path) -> None:
    with Trackers(output_run=tmp_path / "run") as run:
        (tmp_path / "run/writers").touch()
        there = Trackers._from_handle(handle_of(run._attempt, None))
        with pytest.raises(RunDirectoryError, match="run' cannot be used"):
            there.log(0, {"loss": 1.0})


def test_of_very_many_runs_that_travelled_here_the_last_ones_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracklib._run.travelling._MOST_ELSEWHERE", 2)
    known: dict[str, Trackers] = {}
    monkeypatch.setattr("tracklib._run.travelling._elsewhere", known)
    with Trackers(output_run=tmp_path / "run") as run:
        handle = handle_of(run._attempt, None)
        for number in range(5):
            _unpickled(Trackers, replace(handle, uid=f"uid-{number}"))
    assert list(known) == ["uid-3", "uid-4"]
