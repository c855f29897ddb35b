"""Alerts: each event told once, whoever delivers and whoever dies; real servers, programs and W&B files."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from click.testing import CliRunner
from kept import records
from patience import PATIENT
from wandb_file import WandbFile

from tracklib import Alert, ConfigError, TrackerWarning, load, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.alerts import alerts_in
from tracklib._journal.records import Begin
from tracklib.cli.commands import main
from tracklib.reading.report import report


class Hook:
    """A server that takes webhooks, and gives the answers of a script, then 200."""

    def __init__(self, answers: list[int | str]) -> None:
        self.told: list[Any] = []
        self.news = threading.Condition()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = answers.pop(0) if answers else 200
                with hook.news:
                    hook.told.append(said)
                    hook.news.notify_all()
                if answer == "hang up":
                    return
                self.send_response(int(answer))
                if int(answer) in (301, 302):
                    self.send_header("Location", hook.url)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/very-secret-path"

    def until(self, number: int) -> list[Any]:
        with self.news:
            assert self.news.wait_for(lambda: len(self.told) >= number, PATIENT)
            return self.told

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hook() -> Iterator[Callable[..., Hook]]:
    with contextlib.ExitStack() as stack:

        def make(*answers: int | str) -> Hook:
            made = Hook(list(answers))
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """In threads of this process, but where the companion is what is tested."""
    monkeypatch.setenv("TRACKLIB_COMPANION", "0")


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "run"


def events(told: list[Any]) -> list[str]:
    return [each["event"] for each in told]


def test_a_failure_is_told_with_its_words_and_no_secret(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with (
        pytest.raises(ValueError, match="no loss"),
        tracking(output_run=where, name="digits", alerts=[{"on": "failed", "webhook": server.url}]) as t,
    ):
        t.log(3, {"loss": 0.5})
        raise ValueError("no loss with api_key=abcdef123456")
    [told] = server.told
    assert told["event"] == told["status"] == "failed"
    assert re.match(r"digits: failed: ValueError: no loss with api_key=\*\*\* \(epoch 3, after .* s\); /", told["text"])
    assert (told["run"], told["attempt"], told["directory"]) == ("digits", 1, str(where))
    assert told["uid"] == load(where).uid


def test_what_is_not_asked_for_is_not_told(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with tracking(output_run=where, alerts=[{"on": ["failed", "killed"], "nan": "loss", "webhook": server.url}]) as t:
        t.log(0, {"loss": 0.5, "other": math.nan})
    assert server.told == []


def test_the_first_nan_of_a_metric_is_told_and_no_second_one(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with tracking(output_run=where, alerts={"nan": "*loss", "webhook": server.url}) as t:
        for step in range(5):
            t.log(step, {"train/loss": math.nan if step else 1.0, "val": math.inf})
    [told] = server.told
    assert (told["event"], told["metric"], told["value"], told["step"]) == ("nan", "train/loss", "nan", 1)


def test_each_best_value_is_told(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with tracking(output_run=where, best={"acc": "max"}, alerts=[{"best": "acc", "webhook": server.url}]) as t:
        for step, value in enumerate([0.1, 0.3, 0.2, 0.4]):
            t.log(step, {"acc": value})
    assert [(told["value"], told["step"]) for told in server.told] == [(0.1, 0), (0.3, 1), (0.4, 3)]


@pytest.mark.slow
def test_a_silence_is_told_once_and_once_more_after_a_further_record(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with tracking(output_run=where, alerts=[{"quiet": 0.2, "webhook": server.url}]) as t:
        t.log(0, {"loss": 1.0})
        server.until(1)
        t.log(1, {"loss": 1.0})
        told = server.until(2)
        for _ in range(3):  # it looks on in the meantime
            assert t.flush(PATIENT)
    assert events(told) == ["quiet", "quiet"]
    assert len({each["id"] for each in told}) == 2


def test_slack_and_discord_have_their_own_form(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    alerts = [{"on": "finished", "webhook": server.url, "format": form} for form in ("slack", "discord")]
    with tracking(output_run=where, name="<!channel> & co", alerts=alerts):
        pass
    slack, discord = sorted(server.told, key=lambda told: "content" in told)
    assert slack["text"].startswith("&lt;!channel&gt; &amp; co: finished")
    assert discord["content"].startswith("<!channel> & co: finished")
    assert discord["allowed_mentions"] == {"parse": []}


def test_a_command_gets_it_as_json_and_its_text_in_a_variable(where: Path, tmp_path: Path) -> None:
    program = (
        "import json,os,sys; json.dump([json.load(sys.stdin), os.environ['TRACKLIB_ALERT']], open(sys.argv[1],'w'))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "told.json")]
    with tracking(output_run=where, alerts=[{"on": "finished", "command": command}]):
        pass
    told, text = json.loads((tmp_path / "told.json").read_text())
    assert told["event"] == "finished"
    assert told["text"] == text


def test_a_command_that_fails_is_not_run_again_and_said(where: Path, caplog: pytest.LogCaptureFixture) -> None:
    with tracking(output_run=where, alerts=[{"on": "finished", "command": ["false"]}]):
        pass
    [told] = load(where).alerts
    assert (told.how, told.why) == ("unknown", "false ended with 1")
    assert "alert finished: false ended with 1; it is not told again" in caplog.text


def test_a_command_that_does_not_exist_is_said_to_be_none(where: Path) -> None:
    with tracking(output_run=where, alerts=[{"on": "finished", "command": ["no-such-program"]}]):
        pass
    [told] = load(where).alerts
    assert told.why == "there is no program no-such-program: name one that can be run, best by its whole path"


def test_a_webhook_whose_variable_is_not_set_is_said_when_the_run_begins(
    where: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_HOOK", raising=False)
    with tracking(output_run=where, alerts=[{"on": "failed", "webhook": "$NO_SUCH_HOOK"}]):
        pass
    assert "alert to $NO_SUCH_HOOK: the variable NO_SUCH_HOOK is not set" in caplog.text


# Once --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("answers", [(500, 503), (429,)])
def test_what_a_server_did_not_take_is_told_again(hook: Callable[..., Hook], where: Path, answers: Any) -> None:
    server = hook(*answers)
    with tracking(output_run=where, alerts=[{"on": "finished", "webhook": server.url}]):
        pass
    assert len(server.told) == len(answers) + 1
    assert [each.how for each in alerts_in(str(where))] == ["sent"]


@pytest.mark.parametrize("answer", ["hang up", 504])
def test_what_a_server_may_have_taken_is_not_told_again(hook: Callable[..., Hook], where: Path, answer: Any) -> None:
    server = hook(answer)
    with tracking(output_run=where, alerts=[{"on": "finished", "webhook": server.url}]):
        pass
    sync(str(where))
    assert len(server.told) == 1
    assert [each.how for each in alerts_in(str(where))] == ["unknown"]


@pytest.mark.parametrize("answer", [404, 302])
def test_a_wrong_address_is_said_without_it_and_goes_to_no_other(
    hook: Callable[..., Hook], where: Path, answer: Any
) -> None:
    server = hook(answer, answer)
    with (
        pytest.warns(TrackerWarning, match=f"answers {answer}.*is the address still right"),
        tracking(output_run=where, alerts=[{"on": "finished", "webhook": server.url}]),
    ):
        pass
    kept = "".join(path.read_text() for path in where.rglob("*") if path.is_file() and path.suffix != "")
    assert "very-secret-path" not in kept
    deadline = time.monotonic() + PATIENT
    while [each.how for each in alerts_in(str(where))] != ["failed"]:  # a last try may still be under way
        assert time.monotonic() < deadline


@pytest.mark.parametrize(("lines", "told"), [(2, 1), (1, 1), (0, 2)])
def test_what_a_process_that_died_told_or_was_telling_is_not_told_again(
    hook: Callable[..., Hook], where: Path, monkeypatch: pytest.MonkeyPatch, lines: int, told: int
) -> None:
    server = hook()
    monkeypatch.setenv("HOOK", server.url)
    with tracking(output_run=where, alerts=[{"nan": "loss", "webhook": "$HOOK"}]) as t:
        t.log(0, {"loss": math.nan})
    path = where / "alerts.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))  # it was noted as far as that
    for state in (where / "state").glob("Alert*.json"):
        state.unlink()  # and nobody knows how far it was
    sync(str(where))
    assert len(server.told) == told


def test_a_run_that_goes_on_does_not_tell_what_earlier_attempts_said(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with tracking(output_run=where) as t:
        t.log(0, {"loss": math.nan})
    with tracking(output_run=where, alerts=[{"nan": "loss", "webhook": server.url}], resume=True) as t:
        t.log(1, {"loss": 1.0})
    assert server.told == []


def test_a_child_run_has_alerts_of_its_own_only(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with tracking(output_run=where, alerts=[{"on": "finished", "webhook": server.url}]) as t:
        with t.child("a"):
            pass
        with t.child("b", alerts=[{"on": "finished", "webhook": server.url}]):
            pass
    assert [told["run"] for told in server.told] == ["b", "run"]


def test_a_further_attempt_of_the_same_run_has_them_once(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with tracking(output_run=where, alerts=[{"on": "finished", "webhook": server.url}]) as t:
        pass
    with t.again():
        pass
    assert [told["attempt"] for told in server.told] == [1, 2]


# In the companion --------------------------------------------------------------------------------------------


KILLED = """
import os, signal
from tracklib import tracking

alerts = [{"on": ["failed", "killed"], "webhook": "$HOOK"}]
with tracking(output_run="run", environment=False, alerts=alerts) as t:
    t.log(0, {"loss": 1.0})
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow  # a companion process of its own
def test_a_killed_run_tells_it_though_nobody_syncs(
    hook: Callable[..., Hook], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = hook()
    monkeypatch.setenv("HOOK", server.url)
    monkeypatch.delenv("TRACKLIB_COMPANION")
    run_bare(tmp_path, KILLED, code=-signal.SIGKILL)
    [told] = server.until(1)
    assert (told["event"], told["directory"]) == ("killed", str(tmp_path / "run"))
    assert records(tmp_path / "run", Begin)[0].configs[0]["webhook"] == "$HOOK"


WANDB = """
from tracklib import tracking

alerts = [{"on": "finished", "nan": "loss", "wandb": True}]
with tracking([{"type": "Wandb", "mode": "offline"}], output_run="run", environment=False, alerts=alerts) as t:
    t.log(0, {"loss": float("nan")})
    t.log(1, {"loss": float("nan")})
"""


@pytest.mark.slow  # W&B in a companion process of its own
def test_wandbs_own_alert_is_in_its_run(tmp_path: Path) -> None:
    run_bare(tmp_path, WANDB)
    told = WandbFile(tmp_path / "run").of("alert")
    assert [(each.title, each.level) for each in told] == [("run: nan", "WARN"), ("run: finished", "INFO")]
    assert told[0].text.startswith("run: loss is nan at epoch 0; /")
    assert [(each.event, each.to, each.how) for each in load(tmp_path / "run").alerts] == [
        ("nan", "W&B", "sent"),
        ("finished", "W&B", "sent"),
    ]


# What is shown, and wrong use ---------------------------------------------------------------------------------


def test_show_and_the_page_have_what_was_told(hook: Callable[..., Hook], where: Path, tmp_path: Path) -> None:
    server = hook()
    with tracking(output_run=where, alerts=[{"on": "finished", "webhook": server.url}]):
        pass
    shown = CliRunner().invoke(main, ["show", str(where)]).output
    assert re.search(r"alerts +finished sent to http://127.0.0.1:\d+/\*\*\*", shown)
    told = json.loads(CliRunner().invoke(main, ["show", "--json", str(where)]).output)
    assert told["alerts"][0]["how"] == "sent"
    page = Path(report([load(where)], tmp_path / "page.html")).read_text()
    assert '"alerts":[{' in page
    assert "very-secret-path" not in page + json.dumps(told)


@pytest.mark.parametrize(
    ("alert", "problem"),
    [
        ({"on": "failed"}, "alerts[0]: Alert refused its config: nothing says to whom"),
        ({"webhook": "$HOOK"}, "nothing says when: give it 'on', 'nan', 'quiet' or 'best'"),
        (
            {"on": "crashed", "webhook": "$HOOK"},
            "'on' must be among finished, failed, killed, preempted; got 'crashed'",
        ),
        ({"quiet": -1, "webhook": "$HOOK"}, "'quiet' must be seconds above 0; got -1"),
        ({"on": "failed", "webhook": "slack"}, "'webhook' must be an address such as https://hooks.slack.com/..."),
        ({"on": "failed", "webhook": "$"}, "'webhook' names no environment variable"),
        ({"on": "failed", "command": []}, "'command' must be a program and its arguments"),
        ({"on": "failed", "webhok": "x"}, "Alert has no option 'webhok' (did you mean 'webhook'?)"),
        ({"on": "failed", "wandb": True}, "alerts: 'wandb' needs a Wandb tracker among the configs"),
        ({"best": "acc", "webhook": "$HOOK"}, "name it in best={'acc': 'max'}"),
        ({"type": "CsvLogger"}, "alerts: CsvLogger is a tracker: put it into the configs"),
    ],
)
def test_what_is_wrong_is_said_before_training(where: Path, alert: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as caught, tracking(output_run=where, alerts=[alert]):
        pass
    assert problem in str(caught.value)
    assert not where.exists()


def test_alerts_that_are_no_list_are_refused(where: Path) -> None:
    with (
        pytest.raises(ConfigError, match="alerts must be a list of dicts"),
        tracking(output_run=where, alerts="failed"),  # type: ignore[arg-type]
    ):
        pass


def test_a_sync_that_does_not_know_a_secret_address_says_how_to_keep_it(where: Path) -> None:
    program = f"""
    import os
    from tracklib import tracking
    with tracking(output_run={str(where)!r}, alerts=[{{"on": "killed", "webhook": "https://example.invalid/secret"}}]):
        os._exit(1)
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=environment, check=False, timeout=PATIENT)
    [outcome] = [each for each in sync(str(where), patience=1).outcomes if each.tracker == "Alert"]
    assert outcome.left is not None
    assert "put it into an environment variable, and write webhook='$SLACK_WEBHOOK'" in outcome.left


def test_an_object_is_an_alert_as_well(hook: Callable[..., Hook], where: Path) -> None:
    server = hook()
    with tracking(output_run=where, alerts=[Alert(on="finished", webhook=server.url)]):
        pass
    assert events(server.told) == ["finished"]
