"""``Mlflow`` against real stores: an ``mlflow server`` process and a SQLite file, read back with ``MlflowClient``.

Answers that a real server does not give on demand (401, 503, a hang ...) come from a tiny HTTP server
that follows a script.
"""

from __future__ import annotations

import datetime
import email.utils
import json
import math
import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from conftest import ScriptedServer
from mlflow_server import MlflowServer, free_port

from tracklib import tracking
from tracklib._journal.records import Begin, Best, Checkpoint, Log, Note, Parent, Status
from tracklib._run import ending
from tracklib.errors import ConfigError, TrackerBlocked, TrackerLost, TrackerUnavailable, TrackerWarning
from tracklib.trackers import Mlflow
from tracklib.trackers._mlflow_experiment import experiment_id

# The stores ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sqlite_uri(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> str:
    path = tmp_path_factory.mktemp("mlflow-sqlite") / "mlflow.db"
    shutil.copy(mlflow_database, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=[pytest.param("server", marks=pytest.mark.server), "sqlite"])
def uri(request: pytest.FixtureRequest) -> str:
    """Each kind of store in turn."""
    if request.param == "server":
        return str(request.getfixturevalue("mlflow_server").uri)
    return str(request.getfixturevalue("sqlite_uri"))


@pytest.fixture
def experiment() -> str:
    return f"experiment-{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow puts a SQLite store's artifacts into the working directory."""
    monkeypatch.chdir(tmp_path)


def client(uri: str | None) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(uri)


def stored(tracker: Mlflow) -> Any:
    """The tracker's run as MLflow has it now."""
    return client(tracker._client.tracking_uri).get_run(tracker.run_id)


def history(tracker: Mlflow, metric: str) -> list[tuple[int, int, float]]:
    """Step, timestamp and value of each point of a metric."""
    points = client(tracker._client.tracking_uri).get_metric_history(tracker.run_id, metric)
    return [(point.step, point.timestamp, point.value) for point in points]


def begin(uid: str | None = None, **changes: Any) -> Begin:
    values: dict[str, Any] = {"time": 1_700_000_000_000, "attempt": 1, "name": "the run's name"}
    return Begin(format=1, uid=uid or uuid.uuid4().hex, pid=1, host="host", configs=[], **values | changes)


def row(step: int, odd: Mapping[str, float] = MappingProxyType({}), **metrics: float) -> Log:
    return Log(time=1_700_000_000_000 + step, axis="epoch", step=step, metrics=metrics | dict(odd), ordinal=step)


def artifact(tracker: Mlflow, name: str) -> str:
    return Path(client(tracker._client.tracking_uri).download_artifacts(tracker.run_id, name)).read_text()


@pytest.fixture
def tracker(uri: str, experiment: str) -> Mlflow:
    """By hand, connected."""
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment)
    tracker.init()
    return tracker


@pytest.fixture
def on_server(mlflow_server: MlflowServer, experiment: str) -> Mlflow:
    """Connected to the real server."""
    tracker = Mlflow(tracking_uri=mlflow_server.uri, experiment_name=experiment)
    tracker.init()
    return tracker


# Metrics ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_by_hand_a_run_is_created_logged_into_and_finished(tracker: Mlflow) -> None:
    tracker.log(epoch=1, log_dict={"loss": 0.1, "accuracy": 0.9})
    tracker.close()

    assert stored(tracker).data.metrics == {"loss": 0.1, "accuracy": 0.9}
    assert stored(tracker).info.status == "FINISHED"


def test_a_metric_has_its_step_its_time_and_its_value(tracker: Mlflow) -> None:
    tracker.log_batch([row(0, loss=0.5), row(7, loss=0.25)])

    assert history(tracker, "loss") == [(0, 1_700_000_000_000, 0.5), (7, 1_700_000_000_007, 0.25)]


def test_a_batch_that_is_sent_twice_is_stored_once(tracker: Mlflow) -> None:
    batch = [row(step, loss=step / 2) for step in range(5)]
    tracker.log_batch(batch)
    tracker.log_batch(batch)

    assert [step for step, _, _ in history(tracker, "loss")] == [0, 1, 2, 3, 4]


def test_nan_arrives_as_nan_and_infinities_as_the_largest_floats(tracker: Mlflow) -> None:
    tracker.log_batch([row(1, nan=math.nan, inf=math.inf, minus=-math.inf, fine=1.0)])

    metrics = stored(tracker).data.metrics
    assert math.isnan(metrics["nan"])
    assert (metrics["inf"], metrics["minus"]) == pytest.approx((1.797e308, -1.797e308), rel=1e-3)
    assert metrics["fine"] == 1.0


def test_nan_that_is_sent_twice_is_stored_once(tracker: Mlflow) -> None:
    tracker.log_batch([row(1, loss=math.nan)])
    tracker.log_batch([row(1, loss=math.nan)])

    assert len(history(tracker, "loss")) == 1


def test_more_metrics_than_one_request_takes_all_arrive(tracker: Mlflow) -> None:
    tracker.log_batch([row(step, {f"m{number}": float(step) for number in range(50)}) for step in range(45)])

    assert [step for step, _, _ in history(tracker, "m0")] == list(range(45))
    assert [step for step, _, _ in history(tracker, "m49")] == list(range(45))


@pytest.mark.parametrize("name", ["f1@0.5", "/lead", "trail/", "a//b", "../up", "", "ünï", "l" * 300, ".", "😀"])
def test_a_metric_with_an_odd_name_arrives(on_server: Mlflow, name: str) -> None:
    on_server.log_batch([row(1, {name: 3.0})])

    assert list(stored(on_server).data.metrics.values()) == [3.0]


def test_metrics_whose_names_mlflow_cannot_tell_apart_are_both_kept(on_server: Mlflow) -> None:
    with pytest.warns(TrackerWarning, match="MLflow has 'a_b' for 'a\\?b' already"):
        on_server.log_batch([row(1, {"a?b": 1.0, "a!b": 2.0})])

    assert sorted(stored(on_server).data.metrics.values()) == [1.0, 2.0]


# Where: the uri and the experiment ---------------------------------------------------------------


def test_an_experiment_is_created_once(uri: str, experiment: str) -> None:
    trackers = [Mlflow(tracking_uri=uri, experiment_name=experiment) for _ in range(2)]
    for tracker in trackers:
        tracker.init()

    assert len({stored(tracker).info.experiment_id for tracker in trackers}) == 1


def test_trackers_that_create_one_experiment_at_the_same_time_all_succeed(uri: str, experiment: str) -> None:
    Mlflow(tracking_uri=uri).init()  # the database's tables
    barrier, trackers = threading.Barrier(4), [Mlflow(tracking_uri=uri, experiment_name=experiment) for _ in range(4)]
    failed: list[BaseException] = []

    def start(tracker: Mlflow) -> None:
        barrier.wait()
        try:
            tracker.init()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=start, args=[tracker]) for tracker in trackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len({stored(tracker).info.experiment_id for tracker in trackers}) == 1


def test_an_experiment_that_another_created_in_the_meantime_is_taken(
    on_server: Mlflow, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, answers = on_server._client.get_experiment_by_name, [None]
    monkeypatch.setattr(
        on_server._client, "get_experiment_by_name", lambda name: answers.pop() if answers else find(name)
    )

    assert experiment_id(on_server._client, experiment) == stored(on_server).info.experiment_id


def test_a_name_that_no_experiment_may_have_is_refused(uri: str) -> None:
    from mlflow.exceptions import MlflowException

    tracker = Mlflow(tracking_uri=uri, experiment_name="e" * 501)
    with pytest.raises(MlflowException, match="exceeds the maximum length") as caught:
        tracker.init()

    assert not tracker.is_transient(caught.value)


def test_a_deleted_experiment_blocks_and_the_message_says_how_to_restore_it(uri: str, experiment: str) -> None:
    experiment_id = client(uri).create_experiment(experiment)
    client(uri).delete_experiment(experiment_id)

    with pytest.raises(TrackerBlocked, match=f"is deleted: .*restore it .*--experiment-id {experiment_id}"):
        Mlflow(tracking_uri=uri, experiment_name=experiment).init()


def test_without_an_experiment_it_is_mlflows_default(uri: str) -> None:
    tracker = Mlflow(tracking_uri=uri)
    tracker.init()

    assert stored(tracker).info.experiment_id == "0"


@pytest.mark.slow
def test_without_a_uri_it_is_mlflows_own_default(tmp_path: Path) -> None:
    tracker = Mlflow()
    tracker.init()

    assert tracker._client.tracking_uri == client(None).tracking_uri
    assert list(tmp_path.iterdir()) != []


def test_without_a_uri_the_environments_counts(mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    tracker = Mlflow()
    tracker.init()

    assert client(mlflow_server.uri).get_run(tracker.run_id).info.status == "RUNNING"


def test_without_an_experiment_the_environments_counts_at_the_uri_of_the_config(
    uri: str, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", experiment)
    tracker = Mlflow(tracking_uri=uri)
    tracker.init()

    assert stored(tracker).info.experiment_id == client(uri).get_experiment_by_name(experiment).experiment_id


def test_the_environment_may_name_the_experiment_by_its_id(
    uri: str, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = client(uri).create_experiment(experiment)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)
    tracker = Mlflow(tracking_uri=uri)
    tracker.init()

    assert stored(tracker).info.experiment_id == experiment_id


@pytest.fixture
def fluent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The user's own ``mlflow``, whose choices are forgotten after the test."""
    import mlflow

    before = mlflow.get_tracking_uri()
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "")  # so that it is put back
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    yield mlflow
    mlflow.set_tracking_uri(before)


def test_without_uri_and_experiment_those_of_the_users_own_mlflow_count(
    mlflow_server: MlflowServer, experiment: str, fluent: Any
) -> None:
    fluent.set_tracking_uri(mlflow_server.uri)
    chosen = fluent.set_experiment(experiment)
    tracker = Mlflow()
    tracker.init()

    assert stored(tracker).info.experiment_id == chosen.experiment_id
    assert tracker._client.tracking_uri == mlflow_server.uri


def test_the_experiment_of_the_users_own_mlflow_does_not_count_at_another_uri(
    mlflow_server: MlflowServer, sqlite_uri: str, experiment: str, fluent: Any
) -> None:
    fluent.set_tracking_uri(mlflow_server.uri)
    fluent.set_experiment(experiment)
    tracker = Mlflow(tracking_uri=sqlite_uri)
    tracker.init()

    assert stored(tracker).info.experiment_id == "0"


def test_the_location_of_a_run_at_a_server_is_its_page(on_server: Mlflow, mlflow_server: MlflowServer) -> None:
    info = stored(on_server).info

    assert on_server.location == f"{mlflow_server.uri}/#/experiments/{info.experiment_id}/runs/{info.run_id}"


def test_the_location_of_a_run_in_a_database_names_all_three(sqlite_uri: str) -> None:
    tracker = Mlflow(tracking_uri=sqlite_uri)
    tracker.init()

    assert tracker.location == f"{sqlite_uri}, experiment 0, run {tracker.run_id}"


def test_a_password_in_the_uri_is_neither_in_the_location_nor_in_the_state(
    mlflow_server: MlflowServer, experiment: str
) -> None:
    uri = mlflow_server.uri.replace("://", "://someone:hunter2hunter2@")
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment)
    tracker.init()

    assert "hunter2hunter2" not in f"{tracker.location} {tracker.state}"


# Names, params, tags, artifacts ------------------------------------------------------------------


def test_the_run_has_the_name_of_the_config(uri: str, experiment: str) -> None:
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment, run_name="mine")
    tracker.begin = begin()
    tracker.init()

    assert stored(tracker).info.run_name == "mine"


def test_without_a_name_in_the_config_the_run_has_tracklibs_name_and_begins_with_it(uri: str, experiment: str) -> None:
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment)
    tracker.begin = begin()
    tracker.init()

    assert stored(tracker).info.run_name == "the run's name"
    assert stored(tracker).info.start_time == 1_700_000_000_000


def test_params_and_tags_of_the_config_are_there_from_the_start(uri: str, experiment: str) -> None:
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment, params={"lr": 0.1}, tags={"team": "vision"})
    tracker.init()

    assert stored(tracker).data.params == {"lr": "0.1"}
    assert stored(tracker).data.tags["team"] == "vision"
    assert "mlflow.source.name" in stored(tracker).data.tags  # MLflow's own context


def test_nested_params_are_flat_and_every_value_is_text(tracker: Mlflow) -> None:
    tracker.log_params({"model": {"layers": [1, 2], "opt": {"name": "adam"}}, "n": 3, "none": None, "empty": {}})

    assert stored(tracker).data.params == {
        "model/layers": "[1, 2]",
        "model/opt/name": "adam",
        "n": "3",
        "none": "null",
        "empty": "{}",
    }


def test_a_param_too_long_for_mlflow_is_kept_whole_as_an_artifact(tracker: Mlflow) -> None:
    text = "ü" * 6001
    tracker.log_params({"long": text})

    assert stored(tracker).data.params["long"] == "ü" * 6000
    assert artifact(tracker, "params/long.txt") == text


def test_a_tag_too_long_for_mlflow_is_kept_whole_as_an_artifact(tracker: Mlflow) -> None:
    tracker.log_tags({"long": "t" * 8001})

    assert stored(tracker).data.tags["long"] == "t" * 8000
    assert artifact(tracker, "tags/long.txt") == "t" * 8001


@pytest.fixture
def older_store(monkeypatch: pytest.MonkeyPatch, sqlite_uri: str, experiment: str) -> Mlflow:
    """Connected to a store whose limits are those of MLflow 2.0."""
    tracker = Mlflow(tracking_uri=sqlite_uri, experiment_name=experiment)
    tracker.init()
    monkeypatch.setattr("mlflow.utils.validation.MAX_PARAM_VAL_LENGTH", 500)
    monkeypatch.setattr("mlflow.utils.validation.MAX_TAG_VAL_LENGTH", 5000)
    monkeypatch.setenv("MLFLOW_TRUNCATE_LONG_VALUES", "false")
    return tracker


def test_an_older_server_has_all_params_and_of_a_long_one_the_beginning(older_store: Mlflow) -> None:
    older_store.log_params({"a": 1, "long": "p" * 3000, "b": 2})

    assert stored(older_store).data.params == {"a": "1", "long": "p" * 500, "b": "2"}
    assert artifact(older_store, "params/long.txt") == "p" * 3000
    older_store.log_params({"long": "p" * 3000})  # as on a resume
    assert "long.v2" not in stored(older_store).data.params


def test_an_older_server_has_all_tags_and_of_a_long_one_the_beginning(older_store: Mlflow) -> None:
    older_store.log_tags({"a": 1, "long": "t" * 7000, "b": 2})

    tags = stored(older_store).data.tags
    assert (tags["a"], tags["long"], tags["b"]) == ("1", "t" * 5000, "2")
    assert artifact(older_store, "tags/long.txt") == "t" * 7000


@pytest.mark.parametrize(("kind", "kept"), [("params", 500), ("tags", 5000)])
def test_what_an_older_server_cuts_without_a_word_is_kept_whole(
    older_store: Mlflow, monkeypatch: pytest.MonkeyPatch, kind: str, kept: int
) -> None:
    monkeypatch.setenv("MLFLOW_TRUNCATE_LONG_VALUES", "true")
    getattr(older_store, f"log_{kind}")({"long": "x" * 5500, "short": "x"})

    assert getattr(stored(older_store).data, kind)["long"] == "x" * kept
    assert artifact(older_store, f"{kind}/long.txt") == "x" * 5500


def test_a_param_that_is_refused_however_short_costs_itself_only(
    tracker: Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    send = tracker._client.log_batch

    def log_batch(run_id: str, **entities: Any) -> Any:
        if any(param.key == "bad" for param in entities["params"]):
            raise MlflowException("not this one", error_code=INVALID_PARAMETER_VALUE)
        return send(run_id, **entities)

    monkeypatch.setattr(tracker._client, "log_batch", log_batch)
    with pytest.raises(MlflowException, match="not this one"):
        tracker.log_params({"a": 1, "bad": "p" * 3000, "b": 2})
    assert stored(tracker).data.params == {"a": "1", "b": "2"}


@pytest.mark.slow
def test_processes_that_begin_at_once_on_a_new_database_file_all_have_their_run(tmp_path: Path) -> None:
    script = """
        import os
        import mlflow.store.tracking.sqlalchemy_store
        from tracklib.trackers import Mlflow, _mlflow_client

        begun, begin = os.pipe()
        children = []
        for _ in range(3):
            if not (child := os.fork()):
                os.close(begin)
                os.read(begun, 1)
                tracker = Mlflow(tracking_uri="sqlite:///new.db", experiment_name="e")
                tracker.init()
                tracker.log(epoch=1, log_dict={"loss": 0.5})
                tracker.close()
                os._exit(0)
            children.append(child)
        os.close(begin)  # now
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    subprocess.run(command, cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    store = client(f"sqlite:///{tmp_path}/new.db")
    found = store.search_runs([store.get_experiment_by_name("e").experiment_id])
    assert [run.data.metrics for run in found] == [{"loss": 0.5}] * 3
    assert [name for name in os.listdir(tmp_path) if "lock" in name] == []


# Addresses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("localhost:5000", "has no scheme: write 'http://localhost:5000'"),
        ("10.0.0.1:5000/prefix", "write 'http://10.0.0.1:5000/prefix'"),
        ("htpp://host:5000", "MLflow has no store for 'htpp', but for http, https"),
        ("http:///x", "names no host"),
        ("http://host:port", "is no URL: Port could not be cast"),
        ("https://user:hunter2hunter2@:1", "names no host"),
    ],
)
def test_an_address_that_can_be_none_is_told_before_the_run_begins(uri: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        Mlflow(tracking_uri=uri)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [None, "http://host", "https://u:p@host:5000/x", "sqlite:///a.db", "postgresql+psycopg2://h/db", "databricks"]
    + ["databricks://profile", "file:///tmp/x", "mlruns", "./mlruns", "/abs/mlruns", "C:\\mlruns", ""],
)
def test_an_address_that_mlflow_may_know_is_taken(uri: str | None) -> None:
    Mlflow(tracking_uri=uri)


def test_an_address_in_the_environment_is_looked_at_on_entering_where_none_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "localhost:5000")
    said = re.escape("MLFLOW_TRACKING_URI='localhost:5000' has no scheme: write 'http://localhost:5000'")
    with pytest.raises(ConfigError, match=said), tracking([{"type": "Mlflow"}], output_run=tmp_path / "run"):
        pass
    assert not (tmp_path / "run").exists()
    Mlflow(tracking_uri="http://localhost:5000")


def test_where_a_server_was_never_reached_the_advice_is_to_send_the_run_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "PATIENCE_AFTER_ERROR", 0.1)
    config = {"type": "Mlflow", "tracking_uri": "http://127.0.0.1:9"}
    with pytest.raises(RuntimeError) as caught, tracking([config], output_run=tmp_path / "run"):
        raise RuntimeError
    assert f"tracklib sync {tmp_path / 'run'} --to CONFIG" in "".join(caught.value.__notes__)


@pytest.mark.slow
def test_databricks_without_credentials_blocks_and_is_told_how_to_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TrackerBlocked, match="no credentials for Databricks .*databricks auth login"):
        Mlflow(tracking_uri="databricks", experiment_name="/Users/me/e").init()


def test_a_server_with_and_without_its_password_is_one_target(mlflow_server: MlflowServer, experiment: str) -> None:
    with_password = mlflow_server.uri.replace("://", "://user:hunter2hunter2@")
    first = Mlflow(tracking_uri=with_password, experiment_name=experiment)
    first.init()
    again = Mlflow(tracking_uri=mlflow_server.uri, experiment_name=experiment)
    again.attach(first.begin, ".", first.state)
    again.init()  # as `tracklib sync` does, which has no password of the journal
    assert again.run_id == first.run_id


# What somebody deleted ---------------------------------------------------------------------------


CALLS: dict[str, Callable[[Mlflow, str], None]] = {
    "init": lambda tracker, path: tracker.init(),
    "log_batch": lambda tracker, path: tracker.log_batch([row(1, loss=1.0)]),
    "log_params": lambda tracker, path: tracker.log_params({"lr": 0.1}),
    "log_tags": lambda tracker, path: tracker.log_tags({"t": "x"}),
    "log_best": lambda tracker, path: tracker.log_best(
        Best(time=2, name="loss", mode="min", value=0.5, axis="epoch", step=3)
    ),
    "log_artifact": lambda tracker, path: tracker.log_artifact("file.txt", path),
    "finish": lambda tracker, path: tracker.finish(Status.FAILED),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_deleted_run_blocks_until_the_command_that_is_said_restores_it(
    tracker: Mlflow, tmp_path: Path, call: str
) -> None:
    (tmp_path / "file.txt").write_text("hi")
    client(tracker._client.tracking_uri).delete_run(tracker.run_id)

    with pytest.raises(TrackerBlocked, match="is deleted: restore it") as caught:
        CALLS[call](tracker, str(tmp_path / "file.txt"))
    assert f"mlflow runs restore --run-id {tracker.run_id}" in str(caught.value)
    client(tracker._client.tracking_uri).restore_run(tracker.run_id)
    CALLS[call](tracker, str(tmp_path / "file.txt"))


def test_a_run_whose_experiment_is_deleted_is_told_how_to_restore_that(tracker: Mlflow) -> None:
    deleted = stored(tracker).info.experiment_id
    client(tracker._client.tracking_uri).delete_experiment(deleted)

    with pytest.raises(TrackerBlocked, match=f"mlflow experiments restore --experiment-id {deleted}"):
        tracker.log_batch([row(1, loss=1.0)])


def test_no_run_is_created_that_nobody_would_end(sqlite_uri: str, experiment: str) -> None:
    tracker = Mlflow(tracking_uri=sqlite_uri, experiment_name=experiment)
    tracker.is_abandoned = True  # as by leaving the block while the database is set up
    with pytest.raises(TrackerLost):
        tracker.init()
    assert not client(sqlite_uri).search_experiments(filter_string=f"name = '{experiment}'")


@pytest.mark.slow
def test_the_command_that_restores_a_deleted_run_is_one_that_works(sqlite_uri: str, experiment: str) -> None:
    tracker = Mlflow(tracking_uri=sqlite_uri, experiment_name=experiment)
    tracker.init()
    client(sqlite_uri).delete_run(tracker.run_id)
    with pytest.raises(TrackerBlocked) as caught:
        tracker.log_batch([row(1, loss=1.0)])
    command = str(caught.value).partition("restore it (")[2].removesuffix(")")
    command = command.replace(" mlflow ", f" {sys.executable} -m mlflow ")

    assert subprocess.run(command, shell=True, capture_output=True).returncode == 0
    tracker.log_batch([row(1, loss=1.0)])
    assert history(tracker, "loss") != []


# Settings of the environment ---------------------------------------------------------------------


@pytest.mark.parametrize("call", ["log_batch", "log_params", "log_tags", "log_best"])
def test_a_call_returns_when_mlflow_has_it_though_its_async_logging_is_on(
    tracker: Mlflow, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")
    waited_for: list[bool] = []
    service = tracker._client._tracking_client
    send = service.log_batch

    def log_batch(*args: Any, synchronous: bool, **entities: Any) -> Any:
        waited_for.append(synchronous)
        return send(*args, synchronous=synchronous, **entities)

    monkeypatch.setattr(service, "log_batch", log_batch)
    CALLS[call](tracker, "")
    assert waited_for == [True]


def test_mlflows_own_settings_of_a_run_are_not_for_ours(
    tracker: Mlflow, sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", tracker.run_id)
    another = Mlflow(tracking_uri=tracker.tracking_uri, experiment_name=tracker.experiment_name)
    another.init()
    assert another.run_id != tracker.run_id


def test_more_params_and_tags_than_one_request_takes_all_arrive(tracker: Mlflow) -> None:
    many = {f"p{number}": str(number) for number in range(250)}
    tracker.log_params(many)
    tracker.log_tags(many)

    assert stored(tracker).data.params == many
    assert many.items() <= stored(tracker).data.tags.items()


def test_params_whose_names_mlflow_cannot_tell_apart_are_both_kept(on_server: Mlflow) -> None:
    with pytest.warns(TrackerWarning, match="MLflow has 'a_b'"):
        on_server.log_params({"a?b": 1, "a!b": 2})

    assert sorted(stored(on_server).data.params.values()) == ["1", "2"]


def test_a_param_and_a_tag_and_a_metric_may_have_one_name(on_server: Mlflow) -> None:
    on_server.log_params({"x": 1})
    on_server.log_tags({"x": "tag"})
    on_server.log(epoch=1, log_dict={"x": 2.0})

    run = stored(on_server).data
    assert (run.params["x"], run.tags["x"], run.metrics["x"]) == ("1", "tag", 2.0)


def test_params_that_are_sent_twice_are_no_error(tracker: Mlflow) -> None:
    tracker.log_params({"lr": 0.1})
    tracker.log_params({"lr": 0.1, "more": 1})

    assert stored(tracker).data.params == {"lr": "0.1", "more": "1"}


def test_a_param_that_changed_keeps_its_first_value_and_its_neighbours_arrive(tracker: Mlflow) -> None:
    tracker.log_params({"lr": 0.1})
    with pytest.warns(TrackerWarning, match="the new one of lr is lr.v2 there"):
        tracker.log_params({"lr": 0.2, "more": 1})
    with pytest.warns(TrackerWarning, match="the new one of lr is lr.v3 there"):
        tracker.log_params({"lr": 0.3})
    tracker.log_params({"lr": 0.2})  # sent again, as after a reply that was lost

    assert stored(tracker).data.params == {"lr": "0.1", "lr.v2": "0.2", "lr.v3": "0.3", "more": "1"}


def test_a_secret_among_params_and_tags_is_masked(tracker: Mlflow) -> None:
    tracker.log_params({"api_key": "hunter2hunter2", "model": {"password": "hunter2hunter2"}, "num_tokens": 5})
    tracker.log_tags({"token": "hunter2hunter2", "url": "https://me:hunter2hunter2@host"})

    run = stored(tracker).data
    assert "hunter2" not in f"{run.params} {run.tags}"
    assert run.params == {"api_key": "***", "model/password": "***", "num_tokens": "5"}


def test_a_file_is_an_artifact_under_its_name(tracker: Mlflow, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("hello")
    tracker.log_artifact("file.txt", str(tmp_path / "file.txt"))
    tracker.log_artifact("plots/other.txt", str(tmp_path / "file.txt"))

    assert artifact(tracker, "file.txt") == "hello"
    assert artifact(tracker, "plots/other.txt") == "hello"


def test_a_note_stands_once_behind_what_the_description_says(tracker: Mlflow) -> None:
    client(tracker._client.tracking_uri).set_tag(tracker.run_id, "mlflow.note.content", "by hand")
    for text in ("one", "two", "two"):
        tracker.log_note(Note(time=0, text=text, step=3))

    said = "by hand\n\n1970-01-01 00:00:00, epoch 3: one\n\n1970-01-01 00:00:00, epoch 3: two"
    assert stored(tracker).data.tags["mlflow.note.content"] == said


def test_a_checkpoint_is_an_artifact_and_tags_say_which_is_the_latest_and_the_best(
    tracker: Mlflow, tmp_path: Path
) -> None:
    (tmp_path / "model.pt").write_text("weights")
    for epoch, aliases in ((1, ["latest", "best"]), (2, ["latest"])):
        said = Checkpoint(time=1, name=f"epoch-{epoch}#.pt", epoch=epoch, metrics={"acc": 0.5}, aliases=aliases)
        tracker.log_checkpoint(said, str(tmp_path / "model.pt"))

    assert artifact(tracker, "checkpoints/epoch-1_.pt") == "weights"
    tags = stored(tracker).data.tags
    assert tags["tracklib.checkpoint.latest"] == "checkpoints/epoch-2_.pt"
    assert tags["tracklib.checkpoint.best"] == "checkpoints/epoch-1_.pt"


def test_a_folder_is_an_artifact_with_all_its_files(tracker: Mlflow, tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "file.txt").write_text("hello")
    tracker.log_artifact("model", str(tmp_path / "folder"))

    assert artifact(tracker, "model/deep/file.txt") == "hello"


def test_a_file_that_is_not_there_is_not_tried_again(tracker: Mlflow, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        tracker.log_artifact("gone.txt", str(tmp_path / "gone.txt"))

    assert not tracker.is_transient(caught.value)


# The run's life ------------------------------------------------------------------------------------


def test_a_run_whose_creation_was_not_answered_is_found_by_its_uid(uri: str, experiment: str) -> None:
    first, second = (Mlflow(tracking_uri=uri, experiment_name=experiment) for _ in range(2))
    first.begin = second.begin = begin()
    first.init()
    second.init()

    assert first.run_id == second.run_id
    assert len(client(uri).search_runs([stored(first).info.experiment_id])) == 1


@pytest.mark.parametrize("known_by", ["state", "uid"])
def test_a_run_that_is_taken_up_again_is_running_and_not_ended(uri: str, experiment: str, known_by: str) -> None:
    first, second = (Mlflow(tracking_uri=uri, experiment_name=experiment) for _ in range(2))
    first.begin = second.begin = begin()
    first.init()
    first.ended_at = 1_700_000_005_000
    first.finish(Status.KILLED)
    if known_by == "state":
        second.state = dict(first.state)
    second.init()

    assert second.run is not None
    assert (second.run.info.run_id, second.run.info.status) == (first.run_id, "RUNNING")
    assert stored(second).info.end_time == 1_700_000_005_000  # as mlflow.start_run(run_id=...) leaves it
    second.ended_at = 1_700_000_009_000
    second.finish(Status.FINISHED)
    assert (stored(second).info.status, stored(second).info.end_time) == ("FINISHED", 1_700_000_009_000)


def test_a_run_that_is_taken_up_again_with_other_params_connects(uri: str, experiment: str) -> None:
    first = Mlflow(tracking_uri=uri, experiment_name=experiment, params={"lr": 0.1})
    second = Mlflow(tracking_uri=uri, experiment_name=experiment, params={"lr": 0.2})
    first.init()
    second.state = dict(first.state)
    with pytest.warns(TrackerWarning, match="the new one of lr is lr.v2"):
        second.init()

    assert stored(second).data.params == {"lr": "0.1", "lr.v2": "0.2"}


def test_a_run_that_goes_on_elsewhere_comes_there_from_its_first_record(
    experiment: str, tmp_path: Path, mlflow_server: Any
) -> None:
    where = tmp_path / "run"
    first, second = f"sqlite:///{tmp_path}/first.db", mlflow_server.uri
    for attempt, uri in enumerate([first, second]):
        config = {"type": "Mlflow", "tracking_uri": uri, "experiment_name": experiment}
        with tracking([config], output_run=where, resume=True) as run:
            run.log(attempt, {"loss": 0.5})

    for uri, steps in ((first, [0]), (second, [0, 1])):
        found = client(uri).get_experiment_by_name(experiment)
        assert found is not None
        (there,) = client(uri).search_runs([found.experiment_id])
        assert [metric.step for metric in client(uri).get_metric_history(there.info.run_id, "loss")] == steps
        assert there.info.status == "FINISHED"


@pytest.mark.parametrize(
    ("status", "at_mlflow"),
    [
        (Status.FINISHED, "FINISHED"),
        (Status.FAILED, "FAILED"),
        (Status.KILLED, "KILLED"),
        (Status.PREEMPTED, "KILLED"),
    ],
)
def test_a_run_ends_with_its_status_at_its_time(tracker: Mlflow, status: Status, at_mlflow: str) -> None:
    tracker.ended_at = 1_800_000_000_000
    tracker.finish(status)

    assert (stored(tracker).info.status, stored(tracker).info.end_time) == (at_mlflow, 1_800_000_000_000)


def test_closing_a_tracker_that_never_began_does_nothing(uri: str) -> None:
    Mlflow(tracking_uri=uri).close()


def test_a_run_inside_another_is_its_child(uri: str, experiment: str) -> None:
    outer = Mlflow(tracking_uri=uri, experiment_name=experiment)
    inner = Mlflow(tracking_uri=uri, experiment_name=f"{experiment}-inner")
    outer.begin = begin()
    inner.begin = begin(parent=Parent(uid=outer.begin.uid, output_run="outer"))
    outer.init()
    inner.init()

    assert stored(inner).data.tags["mlflow.parentRunId"] == outer.run_id


def test_a_parent_that_comes_later_is_linked_when_the_child_ends(uri: str, experiment: str) -> None:
    outer, inner = (Mlflow(tracking_uri=uri, experiment_name=experiment) for _ in range(2))
    outer.begin = begin()
    inner.begin = begin(parent=Parent(uid=outer.begin.uid, output_run="outer"))
    inner.init()
    assert "mlflow.parentRunId" not in stored(inner).data.tags
    outer.init()
    inner.finish(Status.FINISHED)

    assert stored(inner).data.tags["mlflow.parentRunId"] == outer.run_id


def test_nothing_is_printed(uri: str, experiment: str, capfd: pytest.CaptureFixture[str]) -> None:
    client(uri).search_experiments()  # a new database's tables are MLflow's to announce
    capfd.readouterr()
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment)
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 0.1})
    tracker.close()

    assert capfd.readouterr() == ("", "")


# The user's own MLflow -------------------------------------------------------------------------------


def test_the_users_own_mlflow_is_untouched(
    mlflow_server: MlflowServer, sqlite_uri: str, experiment: str, fluent: Any
) -> None:
    from mlflow.store.tracking.rest_store import RestStore

    fluent.set_tracking_uri(mlflow_server.uri)
    environment = dict(os.environ)
    for uri in (mlflow_server.uri, sqlite_uri):
        tracker = Mlflow(tracking_uri=uri, experiment_name=experiment)
        tracker.init()
        tracker.log(epoch=1, log_dict={"loss": 0.1})
        tracker.close()

    assert fluent.active_run() is None
    assert fluent.last_active_run() is None
    assert fluent.get_tracking_uri() == mlflow_server.uri
    assert type(client(mlflow_server.uri)._tracking_client.store) is RestStore
    assert dict(os.environ) == environment


def test_the_users_own_active_run_stays_active_and_gets_nothing(
    mlflow_server: MlflowServer, experiment: str, fluent: Any
) -> None:
    fluent.set_tracking_uri(mlflow_server.uri)
    with fluent.start_run() as mine:
        tracker = Mlflow(tracking_uri=mlflow_server.uri, experiment_name=experiment)
        tracker.init()
        tracker.log(epoch=1, log_dict={"loss": 0.1})
        tracker.close()
        assert fluent.active_run().info.run_id == mine.info.run_id

    assert client(mlflow_server.uri).get_run(mine.info.run_id).data.metrics == {}


# Trouble ---------------------------------------------------------------------------------------------


def trouble_at(uri: str, **config: Any) -> tuple[Mlflow, BaseException]:
    """What connecting to ``uri`` raises."""
    tracker = Mlflow(tracking_uri=uri, experiment_name="any", **config)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which one is the test's matter
        tracker.init()
    return tracker, caught.value


@pytest.mark.parametrize(
    ("status", "body", "page"),
    [
        (404, "<!doctype html><title>Not here</title>", "(404 Not Found, with a page called 'Not here')"),
        (404, "no JSON", "(404 Not Found)"),
        (405, '{"detail": "no"}', "(405 Method Not Allowed)"),
        (200, " <html><title>Grafana</title>", "(200 OK, with a page called 'Grafana')"),
    ],
)
def test_at_a_wrong_path_it_says_what_answered_and_what_the_address_is(
    scripted: Callable[..., ScriptedServer], status: int, body: str, page: str
) -> None:
    server = scripted(status, body)
    tracker, error = trouble_at(f"{server.uri}/wrong")

    assert isinstance(error, TrackerBlocked)
    assert not tracker.is_transient(error)
    assert str(error).startswith(f"at {server.uri}/wrong something answers that is not MLflow {page}: tracking_uri is ")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, "no JSON"),
        (403, "no JSON"),
        *((status, '{"error_code": "SOMETHING_NEW", "message": "because"}') for status in (401, 403, 404)),
    ],
)
def test_an_answer_that_only_a_person_can_mend_blocks(
    scripted: Callable[..., ScriptedServer], status: int, body: str
) -> None:
    server = scripted(status, body)
    tracker, error = trouble_at(server.uri)

    assert isinstance(error, TrackerBlocked)
    assert str(error).startswith(f"MLflow answered {status} ")
    assert not tracker.is_transient(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [({"Retry-After": "7"}, 7.0), ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None), ({}, None)],
)
def test_a_busy_server_is_unavailable_for_as_long_as_it_says(
    scripted: Callable[..., ScriptedServer], status: int, header: dict[str, str], seconds: float | None
) -> None:
    server = scripted(status, headers=header)
    tracker, error = trouble_at(server.uri)

    assert isinstance(error, TrackerUnavailable)
    assert error.retry_after == seconds
    assert tracker.is_transient(error)
    assert len(server.requests) == 1


def test_a_busy_server_may_say_until_when(scripted: Callable[..., ScriptedServer]) -> None:
    until = email.utils.format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), usegmt=True)
    _, error = trouble_at(scripted(503, headers={"Retry-After": until}).uri)

    assert isinstance(error, TrackerUnavailable)
    assert error.retry_after is not None
    assert 3000 < error.retry_after <= 3600


@pytest.mark.parametrize("status", [413, 422, 431])
def test_a_batch_that_is_too_much_for_a_proxy_is_the_records_matter(
    scripted: Callable[..., ScriptedServer], status: int
) -> None:
    tracker, error = trouble_at(scripted(status, "<html>too large</html>").uri)

    assert not tracker.is_transient(error)
    assert not isinstance(error, TrackerBlocked)


@pytest.mark.parametrize("status", [405, 407, 410, 451])
def test_an_answer_that_says_that_this_is_no_place_for_it_blocks(
    scripted: Callable[..., ScriptedServer], status: int
) -> None:
    _, error = trouble_at(scripted(status, "no").uri)

    assert isinstance(error, TrackerBlocked)


def test_what_mlflow_refuses_of_a_config_is_said_and_keeps_no_record_from_coming(
    uri: str, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment, params={"poison": 1})
    monkeypatch.setattr(tracker, "log_params", lambda params: (_ for _ in ()).throw(ValueError("no such param")))
    with pytest.warns(TrackerWarning, match="MLflow refused what its config says .no such param.: poison"):
        tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 0.5})

    assert stored(tracker).data.metrics == {"loss": 0.5}


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_with_an_error_of_its_own_is_tried_once_and_may_work_later(
    scripted: Callable[..., ScriptedServer], status: int
) -> None:
    server = scripted(status, "<html>oops</html>")
    tracker, error = trouble_at(server.uri)

    assert tracker.is_transient(error)
    assert not isinstance(error, TrackerBlocked)
    assert len(server.requests) == 1


def test_a_server_that_hangs_is_given_up_after_the_timeout_and_may_work_later(
    scripted: Callable[..., ScriptedServer],
) -> None:
    server = scripted(200)
    server.hang.clear()
    tracker, error = trouble_at(server.uri, timeout=0.2)

    assert str(error) == f"{server.uri} cannot be reached: timed out"
    assert "read timeout=0.2" in str(error.__cause__)
    assert tracker.is_transient(error)
    assert len(server.requests) == 1


def test_a_page_that_answers_in_mlflows_place_blocks(scripted: Callable[..., ScriptedServer]) -> None:
    tracker, error = trouble_at(scripted(200, "<html>welcome</html>").uri)

    assert "something answers that is not MLflow" in str(error)
    assert isinstance(error, TrackerBlocked)
    assert not tracker.is_transient(error)


def test_a_refused_connection_may_work_later() -> None:
    tracker, error = trouble_at(f"http://127.0.0.1:{free_port()}")

    assert tracker.is_transient(error)
    assert not isinstance(error, TrackerBlocked)


def test_a_uri_that_is_no_url_blocks() -> None:
    tracker, error = trouble_at("http://*.internal:5000/")

    assert isinstance(error, TrackerBlocked)
    assert not tracker.is_transient(error)


def test_an_answer_without_content_is_an_answer(scripted: Callable[..., ScriptedServer]) -> None:
    from mlflow.protos.service_pb2 import LogBatch

    from tracklib.trackers._mlflow_client import bounded_client

    store = bounded_client(scripted(204, "").uri, 5.0, lambda: False)._tracking_client.store

    assert store._call_endpoint(LogBatch, "{}") == LogBatch.Response()


def test_the_rest_of_mlflows_store_works_through_the_bounded_client(
    mlflow_server: MlflowServer, experiment: str
) -> None:
    from tracklib.trackers._mlflow_client import bounded_client

    bounded = bounded_client(mlflow_server.uri, 30.0, lambda: False)
    experiment_id = bounded.create_experiment(experiment, tags={"kind": "test"})
    run = bounded.create_run(experiment_id)
    bounded.rename_experiment(experiment_id, f"{experiment}-new")
    bounded.log_text(run.info.run_id, "text", "a/b.txt")
    bounded.delete_run(run.info.run_id)
    bounded.restore_run(run.info.run_id)

    assert bounded.get_experiment(experiment_id).tags["kind"] == "test"
    assert [found.info.run_id for found in bounded.search_runs([experiment_id])] == [run.info.run_id]
    assert [file.path for file in bounded.list_artifacts(run.info.run_id, "a")] == ["a/b.txt"]
    assert bounded._tracking_client.store.list_secret_infos() == []  # an API of version 3


def test_a_record_that_mlflow_refuses_is_neither_tried_again_nor_blocks(tracker: Mlflow) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as caught:
        tracker.log_batch([Log(time=-1, axis="epoch", step=1, metrics={"loss": 0.1})])

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert not isinstance(caught.value, TrackerBlocked)
    assert not tracker.is_transient(caught.value)


def test_a_run_that_is_not_there_any_more_is_no_outage(uri: str, experiment: str) -> None:
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment)
    tracker.state["run_id"] = "0" * 32
    with pytest.raises(Exception, match="not found") as caught:
        tracker.init()

    assert not tracker.is_transient(caught.value)


def test_a_server_that_dies_and_comes_back_gets_each_point_once(
    own_mlflow_server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.artifact import http_artifact_repo

    tracker = Mlflow(tracking_uri=own_mlflow_server.uri, experiment_name="e")
    (tmp_path / "file.txt").write_text("hello")
    tracker.init()
    tracker.log_batch([row(1, loss=1.0)])
    tracker.log_artifact("first.txt", str(tmp_path / "file.txt"))
    own_mlflow_server.stop()
    uploads: list[Any] = []  # each would be tried again for minutes
    monkeypatch.setattr(http_artifact_repo, "http_request", lambda *args, **options: uploads.append(args))
    calls: list[Callable[[], None]] = [
        lambda: tracker.log_batch([row(1, loss=1.0), row(2, loss=2.0)]),
        lambda: tracker.log_params({"long": "p" * 7000}),
        lambda: tracker.log_artifact("file.txt", str(tmp_path / "file.txt")),
        lambda: tracker.finish(Status.FINISHED),
    ]
    for call in calls:
        with pytest.raises(Exception) as caught:  # noqa: PT011  # MLflow has no class for it
            call()
        assert tracker.is_transient(caught.value)
    assert uploads == []
    own_mlflow_server.start()
    tracker.log_batch([row(1, loss=1.0), row(2, loss=2.0)])
    tracker.finish(Status.FINISHED)

    assert [(step, value) for step, _, value in history(tracker, "loss")] == [(1, 1.0), (2, 2.0)]
    assert stored(tracker).info.status == "FINISHED"


def http_error(status: int) -> Exception:
    import requests

    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


def mlflow_error(code: str, message: str = "because") -> Exception:
    from mlflow.exceptions import RestException

    error: Exception = RestException({"error_code": code, "message": message})
    return error


def pool_timeout() -> str:
    """What SQLAlchemy says where its pool has no connection left, as MLflow's server hands it on."""
    import sqlalchemy

    pool = sqlalchemy.pool.QueuePool
    engine = sqlalchemy.create_engine("sqlite://", poolclass=pool, pool_size=1, max_overflow=0, pool_timeout=0.01)
    with engine.connect(), pytest.raises(sqlalchemy.exc.TimeoutError) as caught:
        engine.connect()
    return str(caught.value)


def too_long_for_a_column() -> str:
    from sqlalchemy.exc import DataError

    return str(DataError("INSERT INTO params ...", {}, Exception("value too long for type character varying(250)")))


@pytest.mark.parametrize(
    ("make", "transient"),
    [
        (lambda: mlflow_error("INTERNAL_ERROR"), True),
        (lambda: mlflow_error("TEMPORARILY_UNAVAILABLE"), True),
        (lambda: mlflow_error("INVALID_PARAMETER_VALUE"), False),
        (lambda: mlflow_error("BAD_REQUEST"), False),
        (lambda: mlflow_error("PERMISSION_DENIED"), False),
        (lambda: mlflow_error("RESOURCE_DOES_NOT_EXIST"), False),
        (lambda: mlflow_error("BAD_REQUEST", pool_timeout()), True),
        (lambda: mlflow_error("INVALID_PARAMETER_VALUE", pool_timeout()), True),
        (lambda: mlflow_error("BAD_REQUEST", too_long_for_a_column()), False),
        (lambda: http_error(403), False),
        (lambda: http_error(413), False),
        (lambda: http_error(429), True),
        (lambda: http_error(500), True),
    ],
)
def test_which_of_its_errors_may_pass_by_themselves(make: Callable[[], BaseException], transient: bool) -> None:
    assert Mlflow().is_transient(make()) is transient


def test_what_a_config_may_hold_is_read_off_the_constructor() -> None:
    assert json.dumps(Mlflow.config_schema)
    assert {"tracking_uri", "experiment_name", "run_name", "params", "tags", "timeout"} <= Mlflow.config_schema.keys()


# Whatever the names and however much ----------------------------------------------------------------


def requests_of(tracker: Mlflow, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each of the tracker's batches brings; they are sent as well."""
    sent: list[dict[str, Any]] = []
    send = tracker._client.log_batch

    def log_batch(run_id: str, **entities: Any) -> Any:
        sent.append({kind: batch for kind, batch in entities.items() if kind != "synchronous"})
        return send(run_id, **entities)

    monkeypatch.setattr(tracker._client, "log_batch", log_batch)
    return sent


def json_size(entities: dict[str, Any]) -> int:
    return len(json.dumps([dict(entity) for batch in entities.values() for entity in batch]))


@pytest.mark.parametrize("sign", ["a", "é", "😀", '"'])
def test_a_request_has_no_more_bytes_than_mlflow_takes(
    tracker: Mlflow, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    sent = requests_of(tracker, monkeypatch)

    tracker.log_tags({f"t{number}": sign * 8000 for number in range(120)})

    assert len(sent) > 1
    assert max(map(json_size, sent)) < 1_000_000
    assert {name for name in stored(tracker).data.tags if name.startswith("t")} >= {f"t{n}" for n in range(120)}


@pytest.mark.slow
def test_many_metrics_with_long_names_are_split_by_bytes_too(tracker: Mlflow, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = requests_of(tracker, monkeypatch)

    tracker.log_batch([row(0, {f"{number}{'損' * 240}": 1.0 for number in range(1_000)})])

    assert max(map(json_size, sent)) < 1_000_000
    assert sum(len(entities["metrics"]) for entities in sent) == 1_000


def test_one_entity_that_is_large_goes_alone(tracker: Mlflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracklib.trackers._mlflow_limits._REQUEST_BYTES", 10)
    sent = requests_of(tracker, monkeypatch)

    tracker.log_params({"a": "x" * 100, "b": "x" * 100})

    assert [len(entities["params"]) for entities in sent] == [1, 1]


def test_params_that_are_one_when_they_are_flat_are_both_kept(tracker: Mlflow) -> None:
    tracker.log_params({"a": {"b": 1}, "a/b": 2})

    assert stored(tracker).data.params == {"a/b": "1", "a/b-2": "2"}


def test_a_nul_that_not_every_database_takes_is_spelled_out(tracker: Mlflow) -> None:
    tracker.log_params({"p": "a\0b"})
    tracker.log_tags({"t": "a\0b"})

    assert stored(tracker).data.params == {"p": "a\\x00b"}
    assert stored(tracker).data.tags["t"] == "a\\x00b"


def test_the_tag_that_the_run_is_found_by_cannot_be_set(uri: str, experiment: str) -> None:
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment)
    tracker.begin = begin("u1")
    tracker.init()
    with pytest.warns(TrackerWarning, match="MLflow has 'tracklib.uid'"):
        tracker.log_tags({"tracklib.uid": "another", "stage": "test"})

    tags = stored(tracker).data.tags
    assert (tags["tracklib.uid"], tags["stage"]) == ("u1", "test")
    assert "another" in tags.values()


def test_a_long_param_with_a_long_name_in_another_script_is_kept_whole(on_server: Mlflow) -> None:
    on_server.log_params({"損" * 250: "x" * 7000})

    (folder,) = on_server._client.list_artifacts(on_server.run_id)
    (file,) = on_server._client.list_artifacts(on_server.run_id, folder.path)
    assert artifact(on_server, file.path) == "x" * 7000


def test_a_tracker_that_takes_a_run_up_again_has_the_same_names(uri: str, experiment: str) -> None:
    first = Mlflow(tracking_uri=uri, experiment_name=experiment)
    first.init()
    with pytest.warns(TrackerWarning):
        first.log_batch([row(1, {"a@b": 1.0, "a#b": 2.0})])
        first.log_params({"p@q": 1, "p#q": 2})
        first.log_tags({"s@t": 1, "s#t": 2})
    second = Mlflow(tracking_uri=uri, experiment_name=experiment)
    second.state = dict(first.state)
    second.init()
    second.log_batch([row(2, {"a#b": 2.0}), row(3, {"a@b": 1.0})])
    second.log_params({"p#q": 2})
    second.log_tags({"s#t": 3})

    metrics = {name: {value for _, _, value in history(second, name)} for name in stored(second).data.metrics}
    assert sorted(metrics.values(), key=min) == [{1.0}, {2.0}]
    assert sorted(stored(second).data.params.values()) == ["1", "2"]
    assert sorted(value for name, value in stored(second).data.tags.items() if name.startswith("s_t")) == ["1", "3"]


@pytest.mark.parametrize("name", ["x" * 10_000, "a\nb\0"])
def test_a_run_has_a_name_in_one_line_of_at_most_250_characters(uri: str, experiment: str, name: str) -> None:
    tracker = Mlflow(tracking_uri=uri, experiment_name=experiment, run_name=name)
    tracker.init()

    assert re.fullmatch(r"x{243}-[0-9a-f]{6}|a_b_", stored(tracker).info.run_name)


@pytest.mark.parametrize("first", ["best", "metric"])
def test_a_best_value_never_merges_with_a_metric_that_is_called_so(tracker: Mlflow, first: str) -> None:
    says = {
        "best": lambda: tracker.log_best(Best(time=2, name="loss", mode="min", value=0.5, axis="epoch", step=3)),
        "metric": lambda: tracker.log_batch([row(0, {"best/loss": 7.0})]),
    }
    says.pop(first)()
    with pytest.warns(TrackerWarning, match="has 'best/loss' already, .*: the second is called"):
        says.popitem()[1]()

    assert sorted(stored(tracker).data.metrics.values()) == [0.5, 7.0]


@pytest.mark.parametrize("kind", ["params", "tags"])
def test_each_request_of_many_params_or_tags_is_progress(sqlite_uri: str, experiment: str, kind: str) -> None:
    """Who waits at the run's end would else give up after ten seconds, however many were answered."""
    tracker = Mlflow(tracking_uri=sqlite_uri, experiment_name=experiment)
    tracker.init()
    told: list[int] = []
    tracker.acknowledge = lambda records=0: told.append(records)  # type: ignore[method-assign]  # as a delivery does
    getattr(tracker, f"log_{kind}")({f"name-{number}": "x" for number in range(350)})
    assert told == [0] * 4
    tracker.close()


def test_each_step_of_connecting_is_progress_once(sqlite_uri: str, experiment: str) -> None:
    tracker = Mlflow(tracking_uri=sqlite_uri, experiment_name=experiment)
    told: list[int] = []
    tracker.acknowledge = lambda records=0: told.append(records)  # type: ignore[method-assign]  # as a delivery does
    tracker.init()
    assert told == [0] * 4  # its experiment was asked for and made, no run has the uid, the run was created
    for _ in range(3):
        tracker.init()
    assert told == [0] * 5  # the run that was there: to connect again is no progress
    tracker.close()
