"""Trackers: one run from init to finish, and what it promises whoever calls it."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import logging
import math
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept import records, rows
from patience import PATIENT
from scripted import Other, Scripted, hanging_for_ever

from tracklib import (
    ConfigError,
    CsvLogger,
    LifecycleError,
    Mlflow,
    RunDirectoryError,
    Status,
    TrackerBlocked,
    Trackers,
    TrackerWarning,
    Wandb,
    tracking,
)
from tracklib._delivery import calls
from tracklib._delivery.delivering import Delivering
from tracklib._delivery.delivery import Delivery
from tracklib._delivery.undelivered import what_is_left
from tracklib._journal.journal import Journal
from tracklib._journal.records import Artifact, Begin, End, Log, Params, Parent, Tags
from tracklib._run.verdict import status_of
from tracklib.errors import Terminated


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def begin(where: Path) -> Iterator[Callable[..., Trackers]]:
    """Begin runs; whatever is open at the test's end is let go."""
    begun: list[Trackers] = []

    def begin(*trackers: Any, **options: Any) -> Trackers:
        run = Trackers(list(trackers), **{"output_run": where} | options)
        begun.append(run)
        run.init()
        return run

    yield begin
    for run in begun:
        run._attempt.end(Status.FINISHED)
        run._attempt.leave(0.0)
        joined(run._attempt.deliveries)


def joined(deliveries: Sequence[Delivering]) -> None:
    """Return when the threads of these deliveries are over; one in the companion has none here."""
    for delivery in deliveries:
        if isinstance(delivery, Delivery):
            delivery.join(PATIENT)


# The contract -----------------------------------------------------------------------------------------


def test_the_trackers_are_what_the_configs_ask_for_and_a_csv_logger_last(where: Path) -> None:
    configs = [{"type": "CsvLogger"}, {"type": "Mlflow"}, {"type": "Wandb", "entity": "me"}]
    trackers = Trackers(configs, str(where))
    assert [type(tracker) for tracker in trackers.loggers] == [Mlflow, Wandb, CsvLogger]
    assert trackers.loggers_configs is configs
    assert trackers.output_run == str(where)
    assert trackers.is_init is False


def test_a_csv_logger_is_there_without_being_asked_for(where: Path) -> None:
    assert [type(tracker) for tracker in Trackers(output_run=where).loggers] == [CsvLogger]
    assert [type(tracker) for tracker in Trackers([Scripted()], where).loggers] == [Scripted, CsvLogger]


def test_to_make_the_object_makes_no_directory(where: Path) -> None:
    Trackers(output_run=where)
    assert not where.exists()


def test_is_init_from_init_to_finish(where: Path) -> None:
    trackers = Trackers(output_run=where)
    trackers.init()
    assert trackers.is_init is True
    trackers.finish()
    assert trackers.is_init is False


def test_what_is_logged_is_in_the_csv_after_finish(where: Path) -> None:
    trackers = Trackers(output_run=where)
    trackers.init()
    trackers.log(epoch=1, log_dict={"loss": 0.1, "accuracy": 0.9})
    trackers.log(epoch=2, log_dict={"loss": 0.05, "accuracy": 0.95})
    trackers.finish()
    assert rows(where) == [
        {"epoch": "1", "loss": "0.1", "accuracy": "0.9"},
        {"epoch": "2", "loss": "0.05", "accuracy": "0.95"},
    ]


def test_what_log_returned_from_is_in_the_journal_already(where: Path, begin: Callable[..., Trackers]) -> None:
    run = begin()
    run.log(3, {"loss": 0.5})
    (logged,) = records(where, Log)
    assert (logged.axis, logged.step, logged.metrics) == ("epoch", 3, {"loss": 0.5})


CALLS: dict[str, Callable[[Trackers], Any]] = {
    "log": lambda run: run.log(1, {"a": 1.0}),
    "finish": lambda run: run.finish(),
    "log_params": lambda run: run.log_params({"a": 1}),
    "log_tags": lambda run: run.log_tags(["a"]),
    "log_artifact": lambda run: run.log_artifact(__file__),
    "flush": lambda run: run.flush(),
    "wait_ready": lambda run: run.wait_ready(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("rank", [0, 1])
def test_no_word_works_before_init_or_after_the_end(where: Path, rank: int, call: str) -> None:
    run = Trackers(output_run=where, rank=rank)
    with pytest.raises(ValueError, match=f"{call} before init: call init"):
        CALLS[call](run)
    run.init()
    run.finish()
    with pytest.raises(ValueError, match=f"{call} after the end of the run.*begin a new run"):
        CALLS[call](run)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_run_begins_once(where: Path, rank: int) -> None:
    with Trackers(output_run=where, rank=rank) as run, pytest.raises(LifecycleError, match="make a new"):
        run.init()


def test_an_ended_run_does_not_begin_again(where: Path) -> None:
    run = Trackers(output_run=where)
    with run:
        pass
    with pytest.raises(LifecycleError, match="make a new"):
        run.init()


def test_the_beginning_says_which_run_it_is(where: Path, begin: Callable[..., Trackers]) -> None:
    parent = Parent(uid="p", output_run="/p")
    run = begin({"type": "Mlflow", "tracking_uri": "http://me:pw123456@127.0.0.1:9"}, name="digits", parent=parent)
    (first,) = records(where, Begin)
    assert (first.format, first.uid, first.attempt, first.name) == (1, run.uid, 1, "digits")
    assert (first.pid, first.parent) == (os.getpid(), parent)
    assert first.configs == [
        {"type": "Mlflow", "tracking_uri": "http://***@127.0.0.1:9"},
        {"type": "CsvLogger"},
    ]
    assert first.files == ["metrics.csv"]


def test_without_a_name_a_run_is_called_as_its_directory_is(where: Path, begin: Callable[..., Trackers]) -> None:
    begin()
    assert records(where, Begin)[0].name == "run"


def test_without_a_directory_a_run_is_kept_under_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Trackers(name="digits/1") as run:
        pass
    assert Path(run.output_run).parent == Path("runs")
    assert run.output_run.endswith("-digits-1")
    assert (tmp_path / run.output_run / "metrics.csv").exists()


def test_a_tilde_in_the_directory_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with Trackers(output_run="~/run"):
        pass
    assert (tmp_path / "run/journal.jsonl").exists()


def test_a_run_goes_on_in_its_directory_when_the_program_changes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "else").mkdir()
    with Trackers(output_run="run") as run:
        monkeypatch.chdir(tmp_path / "else")
        run.log(1, {"a": 1.0})
        run.log_artifact(__file__)
    assert len(rows(tmp_path / "run")) == 1
    assert (tmp_path / "run/artifacts" / Path(__file__).name).exists()


def test_every_tracker_is_told_the_directory_in_full(where: Path, begin: Callable[..., Trackers]) -> None:
    tracker = Scripted(output_run="./elsewhere")
    begin(tracker, output_run=os.path.relpath(where))
    assert tracker.output_run == str(where)


def test_files_are_for_the_owner_only(where: Path) -> None:
    with Trackers(output_run=where) as run:
        run.log(1, {"a": 1.0})
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [where, *where.rglob("*")]}
    expected = {"run": 0o700, "state": 0o700} | dict.fromkeys(modes.keys() - {"run", "state"}, 0o600)
    assert modes == expected


# A block ----------------------------------------------------------------------------------------------


def test_a_block_ends_the_run_as_finished(where: Path) -> None:
    tracker = Scripted()
    with Trackers([tracker], where) as run:
        run.log(1, {"a": 1.0})
    assert tracker.of("finish") == [Status.FINISHED]
    assert [record.status for record in records(where, End)] == [Status.FINISHED]


def test_an_exception_leaves_the_block_as_it_is_and_the_run_failed(where: Path) -> None:
    error = RuntimeError("out of memory, token=abcdef123456")
    tracker = Scripted()
    with pytest.raises(RuntimeError) as caught, Trackers([tracker], where):
        raise error
    assert caught.value is error
    assert not hasattr(error, "__notes__")
    assert tracker.of("finish") == [Status.FAILED]
    (end,) = records(where, End)
    assert (end.status, end.error, end.message) == (Status.FAILED, "RuntimeError", "out of memory, token=***")


def test_an_exception_without_words_still_ends_the_run(where: Path) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(Mute), Trackers(output_run=where):
        raise Mute
    assert records(where, End)[0].message == ""


def test_a_run_that_was_finished_inside_its_block_is_not_ended_twice(where: Path) -> None:
    tracker = Scripted()
    with Trackers([tracker], where) as run:
        run.finish("killed")
    assert tracker.of("finish") == [Status.KILLED]
    assert len(records(where, End)) == 1


@pytest.mark.parametrize("status", list(Status))
def test_finish_takes_a_status_by_name(where: Path, status: Status) -> None:
    run = Trackers(output_run=where)
    run.init()
    run.finish(str(status))
    assert records(where, End)[0].status is status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "finished"),
        (ValueError(), "failed"),
        (KeyboardInterrupt(), "killed"),
        (GeneratorExit(), "killed"),
        (SystemExit(), "finished"),
        (SystemExit(0), "finished"),
        (SystemExit(3), "failed"),
        (SystemExit("words"), "failed"),
        (Terminated(143), "killed"),
    ],
    ids=repr,
)
def test_how_a_block_ended_is_the_status(
    error: BaseException | None, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert status_of(error) == status


def test_sigterm_in_a_slurm_job_is_a_preemption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert status_of(Terminated(143)) is Status.PREEMPTED


# Epochs and metrics -----------------------------------------------------------------------------------


class Index:
    def __index__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "Index()"


@pytest.mark.parametrize(
    ("epoch", "step"),
    [
        (0, 0),
        (-3, -3),
        (True, 1),
        (5.0, 5),
        (np.int64(4), 4),
        (np.uint8(4), 4),
        (np.float32(6.0), 6),
        (np.float64(6.0), 6),
        (np.array(3), 3),
        (np.array([3.0]), 3),
        (Index(), 7),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
    ],
    ids=repr,
)
def test_a_whole_number_of_any_package_is_an_epoch(
    where: Path, begin: Callable[..., Trackers], epoch: Any, step: int
) -> None:
    begin().log(epoch, {"a": 1.0})
    (logged,) = records(where, Log)
    assert logged.step == step


class Evil:
    def __index__(self) -> int:
        raise RuntimeError("CUDA error")

    def __repr__(self) -> str:
        raise RuntimeError("CUDA error")


@pytest.mark.parametrize(
    "epoch",
    [1.5, "x", "3", math.nan, math.inf, 2**63, -(2**63) - 1, 2**64, 10**5000, 1e300, [], {}, np.arange(3), Evil()],
    ids=lambda epoch: f"{type(epoch).__name__}",
)
def test_what_is_no_whole_number_is_counted_on_with_one_warning_at_the_users_line(
    where: Path, begin: Callable[..., Trackers], epoch: Any
) -> None:
    run = begin()
    run.log(4, {"a": 1.0})
    with pytest.warns(
        TrackerWarning, match="no whole number of 64 bits: 5 is taken, and the calls are counted"
    ) as caught:
        run.log(epoch, {"a": 2.0})
        run.log(epoch, {"a": 3.0})
    assert [record.step for record in records(where, Log)] == [4, 5, 6]
    assert [warning.filename for warning in caught] == [__file__]


def test_none_takes_the_next_epoch_and_says_nothing(where: Path, begin: Callable[..., Trackers]) -> None:
    run = begin()
    for epoch in (None, None, 10, None):
        run.log(epoch, {"a": 1.0})
    assert [record.step for record in records(where, Log)] == [0, 1, 10, 11]


def test_each_axis_counts_by_itself(where: Path, begin: Callable[..., Trackers]) -> None:
    run = begin()
    run.log(7, {"a": 1.0})
    run.log(None, {"a": 1.0}, axis="batch")
    run.log(None, {"a": 1.0})
    assert [(record.axis, record.step) for record in records(where, Log)] == [("epoch", 7), ("batch", 0), ("epoch", 8)]


def test_the_epoch_behind_the_last_one_of_64_bits_is_that_one_again(
    where: Path, begin: Callable[..., Trackers]
) -> None:
    run = begin()
    run.log(2**63 - 1, {"a": 1.0})
    run.log(None, {"a": 1.0})
    assert [record.step for record in records(where, Log)] == [2**63 - 1] * 2


def test_a_value_that_is_no_number_costs_its_own_name_and_one_warning_at_the_users_line(
    where: Path, begin: Callable[..., Trackers]
) -> None:
    run = begin()
    with pytest.warns(TrackerWarning, match="metric 'b' is not logged: str is no number") as caught:
        run.log(1, {"a": 1.0, "b": "x", "c": {"d": 2}})
        run.log(2, {"a": 1.0, "b": "x"})
    assert [record.metrics for record in records(where, Log)] == [{"a": 1.0, "c/d": 2.0}, {"a": 1.0}]
    assert [warning.filename for warning in caught] == [__file__]


def test_numbers_that_json_lacks_are_kept(where: Path) -> None:
    tracker = Scripted()
    with Trackers([tracker], where) as run:
        run.log(1, {"a": math.inf, "b": -math.inf, "c": math.nan})
    (_, taken) = tracker.rows[0]
    assert (taken["a"], taken["b"], math.isnan(taken["c"])) == (math.inf, -math.inf, True)


def test_no_metrics_make_no_record_but_count_as_the_epoch(where: Path, begin: Callable[..., Trackers]) -> None:
    run = begin()
    run.log(5, {})
    run.log(None, {"a": 1.0})
    assert [record.step for record in records(where, Log)] == [6]


@dataclasses.dataclass
class Metrics:
    loss: float


def test_a_dataclass_is_a_mapping_of_metrics(where: Path, begin: Callable[..., Trackers]) -> None:
    begin().log(1, Metrics(0.5))
    assert records(where, Log)[0].metrics == {"loss": 0.5}


@pytest.mark.parametrize("wrong", [0.1, "loss", [("loss", 0.1)]])
def test_what_is_no_mapping_is_a_type_error(where: Path, begin: Callable[..., Trackers], wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"must map names to numbers.*got {type(wrong).__name__}"):
        begin().log(1, wrong)
    assert records(where, Log) == []


def test_an_axis_that_is_no_name_is_a_type_error_and_not_a_damaged_journal(
    where: Path, begin: Callable[..., Trackers]
) -> None:
    with pytest.raises(TypeError, match="axis must be a name"):
        begin().log(1, {"a": 1.0}, axis=5)  # type: ignore[arg-type]


def test_threads_that_log_at_once_lose_and_repeat_nothing(where: Path) -> None:
    tracker = Scripted(batch_size=64)
    start = threading.Barrier(8)

    def work(run: Trackers, number: int) -> None:
        start.wait()
        for epoch in range(100):
            run.log(1000 * number + epoch, {"a": float(epoch)})

    with Trackers([tracker], where) as run:
        threads = [threading.Thread(target=work, args=(run, number)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    expected = [1000 * number + epoch for number in range(8) for epoch in range(100)]
    assert sorted(tracker.steps) == expected
    assert sorted(int(row["epoch"]) for row in rows(where)) == expected
    assert all([s for s in tracker.steps if s // 1000 == n] == expected[100 * n : 100 * n + 100] for n in range(8))


# Params, tags, artifacts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [{"lr": 0.1, "net": {"depth": 3}}, argparse.Namespace(lr=0.1, net={"depth": 3})],
    ids=["dict", "Namespace"],
)
def test_params_are_kept_nested(where: Path, begin: Callable[..., Trackers], params: Any) -> None:
    begin().log_params(params)
    assert records(where, Params)[0].params == {"lr": 0.1, "net": {"depth": 3}}


def test_a_dataclass_holds_params_and_its_secret_is_masked(where: Path, begin: Callable[..., Trackers]) -> None:
    @dataclasses.dataclass
    class Settings:
        lr: float
        api_key: str

    begin().log_params(Settings(0.1, "abcdef"))
    assert records(where, Params)[0].params == {"lr": 0.1, "api_key": "***"}
    assert "abcdef" not in (where / "journal.jsonl").read_text()


@pytest.mark.parametrize("wrong", [5, "lr=0.1", [1], None, Metrics], ids=repr)
def test_params_that_are_no_mapping_are_a_type_error(begin: Callable[..., Trackers], wrong: Any) -> None:
    with pytest.raises(TypeError, match="params must map names to values"):
        begin().log_params(wrong)


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        (["baseline", "v2"], {"baseline": "", "v2": ""}),
        ({"baseline"}, {"baseline": ""}),
        ((word for word in ["a"]), {"a": ""}),
        ({"stage": "dev", "fold": 3, "best": None}, {"stage": "dev", "fold": "3", "best": "None"}),
        ([1, 2.5], {"1": "", "2.5": ""}),
        ([], {}),
    ],
    ids=["list", "set", "generator", "mapping", "numbers", "none"],
)
def test_tags_are_words_or_a_mapping(where: Path, begin: Callable[..., Trackers], tags: Any, kept: Any) -> None:
    begin().log_tags(tags)
    assert records(where, Tags)[0].tags == kept


@pytest.mark.parametrize("wrong", ["baseline", b"baseline", 5, None], ids=repr)
def test_one_bare_word_is_no_list_of_words(begin: Callable[..., Trackers], wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"tags must be a mapping or a list of words, as \['baseline'\]"):
        begin().log_tags(wrong)


def test_params_and_tags_of_the_run_itself_come_first(where: Path) -> None:
    tracker = Scripted()
    with Trackers([tracker], where, params={"lr": 0.1}, tags=["baseline"]) as run:
        run.log(1, {"a": 1.0})
    assert [call for call, _ in tracker.calls] == ["init", "log_params", "log_tags", "log", "finish"]


def test_a_file_is_copied_at_the_call_and_delivered_from_the_copy(where: Path, tmp_path: Path) -> None:
    tracker, source = Scripted(), tmp_path / "model.pt"
    source.write_text("weights")
    with Trackers([tracker], where) as run:
        run.log_artifact(source)
        source.unlink()
    assert tracker.of("log_artifact") == [("model.pt", str(where / "artifacts/model.pt"))]
    assert (where / "artifacts/model.pt").read_text() == "weights"
    assert stat.S_IMODE((where / "artifacts").stat().st_mode) == 0o700


def test_a_folder_is_copied_whole_under_the_name_it_is_given(where: Path, tmp_path: Path) -> None:
    (tmp_path / "plots/deep").mkdir(parents=True)
    (tmp_path / "plots/deep/a.txt").write_text("a")
    with Trackers(output_run=where) as run:
        run.log_artifact(tmp_path / "plots", name="figures")
    assert (where / "artifacts/figures/deep/a.txt").read_text() == "a"
    assert [record.name for record in records(where, Artifact)] == ["figures"]


def test_a_missing_file_is_an_os_error_and_no_record(where: Path, begin: Callable[..., Trackers]) -> None:
    with pytest.raises(FileNotFoundError, match="no_such_file"):
        begin().log_artifact("no_such_file")
    assert records(where, Artifact) == []


@pytest.mark.parametrize("name", ["a/b", "../x", "/etc/x", ".", ".."])
def test_an_artifacts_name_does_not_leave_its_folder(begin: Callable[..., Trackers], name: str) -> None:
    with pytest.raises(ValueError, match="must be a file's name without a folder"):
        begin().log_artifact(__file__, name=name)


def test_the_root_has_no_name_to_be_kept_under(begin: Callable[..., Trackers]) -> None:
    with pytest.raises(ValueError, match="without a folder"):
        begin().log_artifact("/")


def test_a_folder_around_the_run_itself_is_refused_as_its_copy_would_have_no_end(
    where: Path, begin: Callable[..., Trackers]
) -> None:
    run = begin()
    for folder in (where.parent, where):
        with pytest.raises(ValueError, match="holds the run's own directory"):
            run.log_artifact(folder)
    assert not (where / "artifacts").exists()


# Looking at it ----------------------------------------------------------------------------------------


def test_a_tracker_is_found_by_its_class_and_its_number(begin: Callable[..., Trackers]) -> None:
    first, second, other = Scripted(), Scripted(), Other()
    run = begin(first, second, other)
    assert (run["Scripted"], run["Scripted-2"], run["Other"]) == (first, second, other)
    assert isinstance(run["CsvLogger"], CsvLogger)


def test_two_mlflows_are_mlflow_and_mlflow_2(where: Path) -> None:
    run = Trackers([{"type": "Mlflow"}, {"type": "Mlflow", "experiment_name": "b"}], where)
    assert run["Mlflow"] is run.loggers[0]
    assert run["Mlflow-2"] is run.loggers[1]


def test_an_unknown_tracker_is_a_key_error_that_lists_the_known(where: Path) -> None:
    with pytest.raises(KeyError, match="no tracker 'Mlfow' in this run; it has Scripted, CsvLogger"):
        Trackers([Scripted()], where)["Mlfow"]


def test_two_csv_loggers_write_two_files(where: Path) -> None:
    with Trackers([CsvLogger(), CsvLogger(csv_filename="b.csv")], where) as run:
        run.log(1, {"a": 1.0})
    assert (where / "metrics.csv").read_text() == (where / "b.csv").read_text() == "epoch,a\n1,1.0\n"


def test_two_csv_loggers_on_one_file_are_a_config_error(where: Path) -> None:
    with pytest.raises(ConfigError, match=r"two CsvLoggers write 'metrics.csv'.*another csv_filename"):
        Trackers([CsvLogger(), CsvLogger()], where)


def test_flush_returns_when_every_tracker_has_all(begin: Callable[..., Trackers]) -> None:
    tracker, gate = Scripted(script={"log": (gates := itertools.repeat(threading.Semaphore(0)))}), next(gates)
    run = begin(tracker)
    run.log(1, {"a": 1.0})
    assert run.flush(0.0) is False
    gate.release()
    assert run.flush() is True
    assert tracker.steps == [1]


def test_wait_ready_returns_when_every_tracker_is_connected(begin: Callable[..., Trackers]) -> None:
    tracker = Scripted(script={"init": [free := threading.Event()]})
    run = begin(tracker)
    assert run.wait_ready(timeout=0.01) is False
    free.set()
    assert run.wait_ready() is True


@pytest.mark.parametrize("call", ["flush", "wait_ready"])
def test_a_tracker_that_a_person_must_mend_is_not_waited_for(begin: Callable[..., Trackers], call: str) -> None:
    tracker = Scripted(script={"init": itertools.repeat(TrackerBlocked("no key"))})
    run = begin(tracker)
    run.log(1, {"a": 1.0})
    assert getattr(run, call)() is False


def test_a_wait_does_not_hammer_a_server_that_is_down(
    begin: Callable[..., Trackers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "delays", lambda: itertools.repeat(1e6))
    tracker = Scripted(script={"init": itertools.repeat(ConnectionError())})
    run = begin(tracker)
    tracker.until(lambda: tracker.calls)
    assert run.wait_ready(timeout=0.5) is False
    assert len(tracker.calls) <= 2  # the first, and the one for which the call wakes it up


def test_a_wait_has_a_tracker_try_again_at_once(
    begin: Callable[..., Trackers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "delays", lambda: itertools.repeat(1e6))
    tracker = Scripted(script={"init": [ConnectionError()]})
    assert begin(tracker).wait_ready(PATIENT) is True
    assert len(tracker.of("init")) == 2


@pytest.mark.slow
def test_flush_and_leave_bear_that_the_directory_is_gone(where: Path, begin: Callable[..., Trackers]) -> None:
    tracker = Scripted(script={"log": [free := threading.Event()]})
    run = begin(tracker)
    assert run.wait_ready()
    run.log(1, {"a": 1.0})
    tracker.until(lambda: tracker.of("log"))
    os.rename(where, where.with_name("away"))  # in one step, as the trackers' threads write there
    assert run.flush(5.0) is False
    run._attempt.end(Status.FINISHED)
    run._attempt.leave(0.1)
    assert "Scripted" in run._attempt.undelivered
    free.set()


# Trackers that fail -----------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["init", "log", "log_params", "finish"])
@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), TrackerBlocked("x")], ids=repr)
def test_a_tracker_that_raises_disturbs_neither_the_run_nor_another_tracker(
    where: Path, call: str, error: BaseException
) -> None:
    broken, sound = Scripted(script={call: itertools.repeat(error)}), Other()
    run = Trackers([broken, sound], where, params={"lr": 0.1})
    run.init()
    for epoch in range(5):
        run.log(epoch, {"a": 1.0})
    run._attempt.end(Status.FINISHED)
    run._attempt.leave(10.0)
    assert sound.steps == list(range(5))
    assert sound.of("finish") == [Status.FINISHED]
    assert len(rows(where)) == 5
    assert "Scripted" in run._attempt.undelivered
    assert "Other" not in run._attempt.undelivered


@pytest.mark.slow
@pytest.mark.parametrize("call", ["init", "log", "finish"])
def test_a_tracker_that_hangs_for_ever_delays_neither_the_loop_nor_another_tracker_nor_the_end(
    where: Path, call: str
) -> None:
    hung, free = hanging_for_ever(call)
    sound = Other()
    run = Trackers([hung, sound], where)
    run.init()
    for epoch in range(5):
        run.log(epoch, {"a": 1.0})
    hung.until(lambda: call == "finish" or hung.of(call))
    run._attempt.end(Status.FINISHED)
    joined(run._attempt.deliveries[1:])
    run._attempt.leave(patience=0.05)
    assert run._attempt.undelivered.startswith("Scripted: ")
    assert sound.of("finish") == [Status.FINISHED]
    assert len(rows(where)) == 5
    hung.until(lambda: hung.of(call))
    taken = list(hung.calls)
    free.set()
    joined(run._attempt.deliveries)
    assert hung.calls == taken


def test_a_slow_tracker_that_gets_on_gets_all(where: Path) -> None:
    gate = threading.Semaphore(0)
    tracker = Scripted(script={"log": itertools.repeat(gate)})
    run = Trackers([tracker], where)
    run.init()
    for epoch in range(5):
        run.log(epoch, {"a": 1.0})
    assert tracker.steps == []
    gate.release(5)
    run.finish()
    assert tracker.steps == list(range(5))
    assert run._attempt.undelivered == ""


def test_what_is_left_names_tracker_count_cause_and_the_command_that_delivers_it(tmp_path: Path) -> None:
    where = tmp_path / "my run"
    tracker = Scripted(script={"log": itertools.repeat(TrackerBlocked("no key"))})
    run = Trackers([tracker], where)
    run.init()
    for epoch in range(3):
        run.log(epoch, {"a": 1.0})
    with pytest.warns(TrackerWarning) as caught:
        run.finish()
    assert [str(warning.message) for warning in caught] == [
        "Scripted: 3 records not delivered (no key).\n"
        f"Everything is kept in {where}/journal.jsonl; deliver what is left with: tracklib sync '{where}'"
    ]
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("call", "said"), [("init", "no answer while connecting"), ("log", "no answer in time")])
def test_a_tracker_that_says_nothing_is_told_to_have_given_no_answer(where: Path, call: str, said: str) -> None:
    hung, free = hanging_for_ever(call)
    run = Trackers([hung], where)
    run.init()
    run.log(1, {"a": 1.0})
    hung.until(lambda: hung.of(call))
    run._attempt.end(Status.FINISHED)
    run._attempt.leave(0.0)
    free.set()
    assert run._attempt.undelivered.startswith(f"Scripted: 1 record not delivered ({said}).")


def test_an_end_that_did_not_arrive_is_said(where: Path) -> None:
    run = Trackers([Scripted(script={"finish": itertools.repeat(TrackerBlocked("no"))})], where)
    run.init()
    run.log(1, {"a": 1.0})
    run._attempt.end(Status.FINISHED)
    run._attempt.leave(10.0)
    assert run._attempt.undelivered.startswith("Scripted: the run's end is not told (no).")


def test_what_was_refused_is_counted_with_the_reason_and_the_file(where: Path) -> None:
    run = Trackers([Scripted(script={"log": [ValueError("bad step")]})], where)
    run.init()
    run.log(1, {"a": 1.0})
    with pytest.warns(TrackerWarning, match=r"refused 1 record \(ValueError: bad step\): see rejected.jsonl in"):
        run.finish()
    assert "tracklib sync" not in run._attempt.undelivered


def test_what_is_left_after_an_exception_is_a_note_on_it(where: Path) -> None:
    error = RuntimeError("mine")
    broken = Scripted(script={"init": itertools.repeat(TrackerBlocked("no key"))})
    with pytest.raises(RuntimeError) as caught, Trackers([broken], where) as run:
        run.log(1, {"a": 1.0})
        raise error
    assert caught.value is error
    assert len(error.__notes__) == 1
    assert "Scripted: 1 record not delivered (no key)" in error.__notes__[0]


def test_after_a_good_run_nothing_is_left_and_nothing_is_said(where: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "tracklib"), Trackers([Scripted()], where) as run:
        run.log(1, {"a": 1.0})
    assert run._attempt.undelivered == ""
    assert caplog.messages == []


def test_records_that_the_disk_did_not_take_are_spilled_and_named(
    where: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = Trackers(output_run=where)
    run.init()
    assert run.wait_ready()
    monkeypatch.setattr(run._attempt.journal, "_write", lambda line: "No space left on device")
    run.log(1, {"a": 1.0})
    run._attempt.end(Status.FINISHED)
    run._attempt.leave(0.0)
    spilled = tmp_path / f"tracklib-{run.uid}.jsonl"
    assert f"The disk did not take 2 records, kept in {spilled}" in run._attempt.undelivered
    assert '"metrics":{"a":1.0}' in spilled.read_text()


def test_a_spill_that_fails_is_said_and_does_not_raise(
    where: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    run = Trackers(output_run=where)
    run.init()
    assert run.wait_ready()
    monkeypatch.setattr(run._attempt.journal, "_write", lambda line: "No space left on device")
    run._attempt.end(Status.FINISHED)
    run._attempt.leave(0.0)
    assert "no other place did" in run._attempt.undelivered


# The process ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_second_run_does_not_take_a_live_runs_directory(where: Path, begin: Callable[..., Trackers]) -> None:
    begin()
    second = Trackers(output_run=where)
    with pytest.raises(RunDirectoryError, match="still going on: choose another output_run"):
        second.init()
    assert second.is_init is False


@pytest.mark.slow
def test_a_tracker_object_serves_one_run_at_a_time(where: Path, tmp_path: Path, begin: Callable[..., Trackers]) -> None:
    tracker = Scripted()
    begin(tracker)
    with pytest.raises(LifecycleError, match="Scripted object belongs to the run in .*make a second one"):
        Trackers([tracker], tmp_path / "second").init()
    assert not (tmp_path / "second").exists()


def test_a_tracker_object_may_serve_the_next_run(tmp_path: Path) -> None:
    tracker = Scripted()
    for name in ("one", "two"):
        with Trackers([tracker], tmp_path / name) as run:
            run.log(1, {"a": 1.0})
    assert tracker.steps == [1, 1]


def test_a_beginning_that_fails_gives_the_directory_back(where: Path) -> None:
    class Broken(Scripted):
        @property
        def files(self) -> tuple[str, ...]:
            raise RuntimeError("broken files")

    run = Trackers([Broken()], where)
    with pytest.raises(RuntimeError, match="broken files"):
        run.init()
    assert run.is_init is False
    with Trackers(output_run=where):
        pass


def test_a_forked_child_logs_into_the_run_and_never_ends_it(where: Path) -> None:
    script = f"""
        import os
        from tracklib import Trackers
        with Trackers(output_run={str(where)!r}) as run:
            run.wait_ready()
            run.log(1, {{"a": 1.0}})
            child = os.fork()
            if not child:
                run.log(2, {{"a": 2.0}})
                assert run.flush() is False
                run.finish()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            run.log(3, {{"a": 3.0}})
    """
    run_script(script)
    assert [row["epoch"] for row in rows(where)] == ["1", "2", "3"]
    assert len(records(where, End)) == 1


def run_script(script: str, code: int = 0, **options: Any) -> str:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENT, **options)
    assert done.returncode == code, done.stderr
    return str(done.stderr)


@pytest.mark.parametrize(("last", "status", "code"), [("", "killed", 0), ("raise ValueError('mine')", "failed", 1)])
def test_a_run_that_nobody_finished_is_ended_with_the_interpreter(
    where: Path, last: str, status: str, code: int
) -> None:
    script = f"""
        from tracklib import Trackers
        run = Trackers(output_run={str(where)!r})
        run.init()
        run.log(1, {{"a": 1.0}})
        {last}
    """
    run_script(script, code)
    assert [record.status for record in records(where, End)] == [status]
    assert len(rows(where)) == 1


def test_sigterm_by_hand_is_left_to_the_program(where: Path) -> None:
    run_script(
        f"""
        import os, signal
        from tracklib import Trackers
        Trackers(output_run={str(where)!r}).init()
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        code=-signal.SIGTERM,
    )
    assert records(where, End) == []


# A silent run -----------------------------------------------------------------------------------------


def test_a_silent_run_takes_the_same_words_and_keeps_nothing(where: Path) -> None:
    tracker = Scripted()
    with Trackers([tracker], where, params={"a": 1}, tags=["b"], rank=1) as run:
        assert run.is_init
        run.log(1, {"a": object()})
        run.log_params({"a": 1})
        run.log_tags(["a"])
        run.log_artifact(__file__)
        assert run.flush() is True
        assert run.wait_ready() is True
        assert run["Scripted"] is tracker
    assert run.is_init is False
    assert run._attempt.undelivered == ""
    assert tracker.calls == []
    assert not where.exists()


def test_a_silent_run_checks_its_configs_the_same_way() -> None:
    with pytest.raises(ConfigError, match="unknown type"):
        Trackers([{"type": "Nope"}], rank=1)


def test_the_state_of_each_tracker_has_a_file_of_its_own(where: Path) -> None:
    with Trackers([Scripted(), Scripted()], where):
        pass
    names = sorted(path.name for path in (where / "state").glob("*.json"))
    assert names == ["CsvLogger.json", "Scripted-2.json", "Scripted.json", "begin.json"]
    assert json.loads((where / "state/Scripted-2.json").read_text())["offset"] == os.path.getsize(
        where / "journal.jsonl"
    )


def test_nothing_warns_in_a_run_under_warnings_as_errors(where: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Trackers([Scripted()], where, params={"a": 1}) as run:
            run.log(1, {"a": 1})


def test_what_finish_told_is_not_told_again_where_the_block_is_left(tmp_path: Path) -> None:
    blocked = Scripted(script={"init": [TrackerBlocked("no key")] * 9})
    with tracking([blocked], output_run=tmp_path / "run") as run:
        run.log(1, {"loss": 0.1})
        with pytest.warns(TrackerWarning, match="no key"):
            run.finish()


def test_a_record_that_another_process_logged_behind_the_end_is_said_to_be_late(tmp_path: Path) -> None:
    trackers = Trackers(output_run=tmp_path)
    trackers.init()
    trackers.finish()
    journal = Journal(str(tmp_path / "journal.jsonl"), pytest.fail)
    journal.append(Log(time=journal.now(), axis="epoch", step=0, metrics={"loss": 0.5}))
    left = what_is_left(trackers._attempt.deliveries, journal, trackers.uid).splitlines()[0]
    assert left == "CsvLogger: 1 record not delivered (logged by another process when this one had ended the run)."
