"""Canaries: secrets of many kinds are put wherever a user or a backend might, and afterwards every byte is searched.

One run in a process of its own, with MLflow in a database, W&B offline, the CSV, and a tracker whose every error
tells a secret. Then no file below the run's directory, not MLflow's database, not a ``.wandb`` file, and neither
stdout nor stderr holds any of them; and what only looks like a secret is everywhere as it was.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mlflow import MlflowClient
from patience import PATIENT
from wandb_file import WandbFile

from tracklib._journal.reader import Reader
from tracklib._journal.records import Log, Params

pytestmark = pytest.mark.slow


def made(prefix: str, length: int, alphabet: str = "aB3dE5gH1jK7mN9pQ2rS4tU6", ending: str = "") -> str:
    """A key of the well-known shape ``prefix`` + ``length`` characters; put together here, so that no scanner calls."""
    return prefix + (alphabet * length)[:length] + ending


HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
UPPER = "QWERTZUIOPASDFGHJKLYXCVBNM234567"


class Canary(NamedTuple):
    """``text`` holds a secret of this kind; ``core`` is the part that must be nowhere."""

    kind: str
    text: str
    core: str = ""


# Told by their shape or by the name beside them, in any text.
IN_TEXT = [
    Canary("OpenAI", made("sk-", 48)),
    Canary("OpenAI, of a project", made("sk-proj-", 60)),
    Canary("Anthropic", made("sk-ant-api03-", 60)),
    Canary("Stripe", made("sk_live_", 24)),
    Canary("Stripe's webhook", made("whsec_", 32)),
    Canary("GitHub", made("ghp_", 36)),
    Canary("GitHub, fine-grained", made("github_pat_", 60)),
    Canary("GitLab", made("glpat-", 20)),
    Canary("Hugging Face", made("hf_", 34)),
    Canary("Slack's bot", made("xoxb-", 40)),
    Canary("Slack's webhook", made("https://hooks.slack.com/services/T0001/B0001/", 24), made("B0001/", 24)),
    Canary("Discord's webhook", made("https://discord.com/api/webhooks/1234/", 40), made("1234/", 40)),
    Canary("AWS, the key's id", made("AKIA", 16, UPPER)),
    Canary("Google", made("AIza", 35)),
    Canary("Google's OAuth", made("ya29.", 60)),
    Canary("Databricks", made("dapi", 32, HEX)),
    Canary("npm", made("npm_", 36)),
    Canary("PyPI", made("pypi-", 60)),
    Canary("SendGrid", made("SG.", 22) + made(".", 43)),
    Canary("Telegram's bot", made("123456789:AA", 33)),
    Canary("Groq", made("gsk_", 52)),
    Canary("NVIDIA", made("nvapi-", 64)),
    Canary("Replicate", made("r8_", 37)),
    Canary("DigitalOcean", made("dop_v1_", 64, HEX)),
    Canary("Shopify", made("shpat_", 32, HEX)),
    Canary("Grafana", made("glsa_", 41)),
    Canary("Docker", made("dckr_pat_", 27)),
    Canary("Atlassian", made("ATATT3", 60)),
    Canary("age", made("AGE-SECRET-KEY-1", 58, UPPER)),
    Canary("W&B", made("wandb_v1_", 40)),
    Canary("a JWT", made("eyJ", 20) + made(".eyJ", 30) + made(".", 40)),
    Canary(
        "a PEM", "-----BEGIN RSA PRIVATE KEY-----\nMIIBpemCanary\nfoo\n-----END RSA PRIVATE KEY-----", "MIIBpemCanary"
    ),
    Canary("a URL with a password", "http://me:urlPassCanary@host:5000/x", "urlPassCanary"),
    Canary("a database's URL", "postgresql+psycopg2://me:dbPassCanary@db/mlflow", "dbPassCanary"),
    Canary("a token as a URL's user", "https://urlUserCanary@github.com/a/b", "urlUserCanary"),
    Canary("a query", "https://host/x?token=queryCanary&page=2", "queryCanary"),
    Canary("Azure's signature", "https://host/x?sv=1&sig=azureSigCanary%3D", "azureSigCanary"),
    Canary("Azure's account", "AccountName=a;AccountKey=azureKeyCanary==;Suffix=b", "azureKeyCanary"),
    Canary("a bearer", "Authorization: Bearer bearerCanary0123", "bearerCanary0123"),
    Canary("a basic login", "-H 'Authorization: Basic YmFzaWNDYW5hcnk6eA=='", "YmFzaWNDYW5hcnk6eA"),
    Canary("a header of one's own", "X-Api-Key: headerCanary", "headerCanary"),
    Canary("a cookie", "Cookie: sessionCookieCanary", "sessionCookieCanary"),
    Canary("an option with =", "train.py --api-key=optionCanary1 --lr 0.1", "optionCanary1"),
    Canary("an option without =", "train.py --token optionCanary2 --lr 0.1", "optionCanary2"),
    Canary("a command as a list", "['curl', '--password', 'optionCanary3']", "optionCanary3"),
    Canary("JSON", '{"lr": 0.1, "client_secret": "json canary"}', "json canary"),
    Canary("an export", "export DB_PASSWD=exportCanary", "exportCanary"),
    Canary("a variable's value", "the value is environmentCanary0", "environmentCanary0"),
    Canary("a variable's value in a URL", "https://host/?q=environment%20Canary%2F1", "environment%20Canary%2F1"),
]

# Told by the key alone.
BY_KEY = {
    "api_key": "keyCanary01",
    "HF_TOKEN": "keyCanary02",
    "authToken": "keyCanary03",
    "db": {"password": "keyCanary04", "user": "me"},
    "aws_secret_access_key": "keyCanary05",
    "api_keys": ["keyCanary06", "keyCanary07"],
    "credentials": {"user": "keyCanary08", "inner": {"x": "keyCanary09"}},
    "passphrase": "key canary 10",
    "pin_password": 918273645,
    "argv": ["--lr", "0.1", "--secret", "keyCanary11", "x.py"],
    "auth_cookie": b"keyCanary12",
    "session": [{"jwt": "keyCanary13"}, ("x", {"PGPASSWORD": "keyCanary14"})],
    "access_tokens": {"keyCanary15", "keyCanary16"},
}
KEY_CORES = [*(f"keyCanary{number:02}" for number in range(1, 17) if number != 10), "key canary 10", "918273645"]

# Put in where only one place is.
ELSEWHERE = {
    "the command line": "argvCanary",
    "an error's text that a metric raises": "floatCanary",
    "a step": "stepCanary",
    "a metric's name": "nameCanary",
    "the exception that leaves the block": "leavingCanary",
    "what a tracked function raises in its result": "resultCanary",
    "the git remote": "gitCanary",
    "a change that is not committed": "patchCanary",
    "W&B's group": "groupCanary",
    "W&B's key": made("a", 39, HEX),
    "MLflow's context": "contextCanary",
    "a tracker's option": "configCanary",
    "a run's name": "runCanary",
}

INNOCENT: dict[str, Any] = {
    "num_tokens": 5, "max_tokens": 4096, "tokens": 1000, "tokens_per_second": 12.5, "n_token": 3, "tokenizer": "bpe",
    "tokenizer_path": "tok/model", "token_accuracy": 0.93, "token_type_ids": [0, 1], "eos_token": "</s>",
    "pad_token_id": 0, "author": "Ada", "authors": ["Ada", "Bo"], "authority": "x", "passed": True, "bypass": "no",
    "compass": "north", "passes": 3, "key": "C major", "keyboard": "qwertz", "monkey": "see", "primary_key": "id",
    "sort_key": "name", "secretary": "bird", "cookbook": "recipes", "signature": "f(x)", "design": "d", "sigma": 0.5,
    "bear": "brown", "use_auth": False, "password_file": "none-given", "auth_type": "oauth", "hash": "0f1e2d3c4b5a6978",
    "sha": HEX, "uuid": "123e4567-e89b-12d3-a456-426614174000", "model": "meta-llama/Llama-2-7b-hf", "lib": "sk-learn",
    "url": "https://example.org:8080/a?b=c", "email": "user@example.org", "bucket": "s3://bucket/key",
    "text": "basic training, bearer of news: 100 tokens", "path": "runs/2024-01-01T00:00:00",
    "marker": "innocentMarker42",
}  # fmt: skip

SCRIPT = """
import json, os, sys, logging, warnings
from tracklib import BaseTracker, tracked, tracking

logging.basicConfig(level=logging.INFO)
warnings.simplefilter("always")
given = json.load(sys.stdin)
texts, by_key, innocent, place = given["texts"], given["by_key"], given["innocent"], given["place"]
by_key["auth_cookie"] = by_key["auth_cookie"].encode()
by_key["access_tokens"] = set(by_key["access_tokens"])


class Telling(BaseTracker):
    # Each error tells a secret; in the end it works.
    batch_size = 1

    def __init__(self, *, address="", output_run=None):
        super().__init__(output_run=output_run)
        self.address = address
        self.location = address
        self.connected = 0

    def init(self):
        self.connected += 1
        if self.connected < 2:
            raise ConnectionError("innocentMarker42 " + texts[0] + " " + place["a tracker's option"] and texts[1])

    def log(self, epoch, log_dict):
        if epoch < len(texts):
            raise ValueError("innocentMarker42 refused: " + texts[epoch])

    def log_params(self, params):
        raise ValueError("innocentMarker42 " + repr(texts))

    def finish(self, status):
        raise RuntimeError("innocentMarker42 at the end: " + texts[3])


class Evil:
    def __float__(self):
        raise ValueError("innocentMarker42 password=" + place["an error's text that a metric raises"])


@tracked
def train(epoch):
    return {"loss": Evil(), "accuracy": 0.5}


configs = [
    {"type": "Mlflow", "tracking_uri": "sqlite:///../mlflow.db", "experiment_name": "canaries",
     "params": {"note": texts, **by_key}, "tags": {"note": texts[5], "api_key": place["a tracker's option"]}},
    {"type": "Wandb", "project": "canaries", "mode": "offline", "config": {"note": texts, **by_key},
     "notes": " ".join(texts), "tags": [text[:300] for text in texts], "group": "token=" + place["W&B's group"],
     "job_type": texts[2], "settings": {"api_key": place["W&B's key"]}},
    {"type": "Telling", "address": "http://me:" + place["a tracker's option"] + "@host"},
]
marked = {"innocent": innocent}
try:
    with tracking(configs, output_run="run", name="password=" + place["a run's name"],
                  params={**innocent, "texts": dict(enumerate(texts)), **by_key},
                  tags={"marker": "innocentMarker42", **{str(n): text for n, text in enumerate(texts)}}) as run:
        for epoch in range(len(texts) + 3):
            train(epoch)
        run.log_params({"again": by_key, **{text: 1 for text in texts}})
        run.log_tags(texts)
        run.log_tags({text: "" for text in texts})
        run.log("innocentMarker42 password=" + place["a step"], {"loss": 1.0})
        run.log(1, {"loss@https://me:" + place["a metric's name"] + "@host": 1.0, texts[0]: 2.0, texts[9]: "text"})
        (lambda: tracked(lambda: place)())()
        run.flush(20)
        raise RuntimeError("innocentMarker42: token=" + place["the exception that leaves the block"])
except RuntimeError as error:
    print("left with", type(error).__name__)
    print(*getattr(error, "__notes__", ()), sep="\\n")
"""


class Place(NamedTuple):
    """One place that was searched."""

    name: str
    content: bytes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("canaries")
    work = home / "work"
    work.mkdir()
    git = ["git", "-C", str(work)]
    subprocess.run([*git, "init", "-q"], check=True)
    remote = f"https://{ELSEWHERE['the git remote']}@github.com/a/b.git"
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)
    (work / "train.py").write_text("")
    subprocess.run([*git, "add", "train.py"], check=True)
    subprocess.run([*git, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "begin"], check=True)
    (work / "train.py").write_text(f"api_key = '{ELSEWHERE['a change that is not committed']}'\nimport numpy\n")
    return home


@pytest.fixture(scope="module")
def searched(home: Path) -> list[Place]:
    """Every file of the run, the database, and what was printed."""
    given = {
        "texts": [canary.text for canary in IN_TEXT],
        "by_key": BY_KEY | {"auth_cookie": "keyCanary12", "access_tokens": ["keyCanary15", "keyCanary16"]},
        "innocent": INNOCENT,
        "place": ELSEWHERE,
    }
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "MLFLOW_", "TRACKLIB_"))
    }
    environment |= {
        "MY_TOKEN": "environmentCanary0",
        "MY_OTHER_TOKEN": "environment Canary/1",
        "HOME": str(home),
        "WANDB_ERROR_REPORTING": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_RUN_CONTEXT": json.dumps({"context_token": ELSEWHERE["MLflow's context"]}),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), "--token", ELSEWHERE["the command line"]],
        input=json.dumps(given).encode(),
        cwd=home / "work",
        env=environment,
        capture_output=True,
        timeout=3 * PATIENT,
    )
    assert done.returncode == 0, done.stderr.decode()
    files = [
        path
        for path in home.rglob("*")
        if path.is_file() and ".git/" not in str(path) and not str(path).endswith("work/train.py")
    ]
    places = [Place(str(path.relative_to(home)), path.read_bytes()) for path in files]
    return [*places, Place("stdout", done.stdout), Place("stderr", done.stderr)]


def places_with(searched: list[Place], text: str) -> list[str]:
    """Where ``text`` is, also as JSON spells it."""
    spelt = {text.encode(), json.dumps(text)[1:-1].encode()}
    return [place.name for place in searched if any(one in place.content for one in spelt)]


def test_there_are_canaries_of_many_kinds() -> None:
    assert len({canary.kind for canary in IN_TEXT}) + len(BY_KEY) + len(ELSEWHERE) >= 30
    assert len({canary.core or canary.text for canary in IN_TEXT}) == len(IN_TEXT)


@pytest.mark.parametrize("canary", IN_TEXT, ids=lambda canary: canary.kind)
def test_a_secret_in_a_text_is_nowhere(canary: Canary, searched: list[Place]) -> None:
    assert places_with(searched, canary.core or canary.text) == []


@pytest.mark.parametrize("core", KEY_CORES)
def test_a_secret_under_a_secret_key_is_nowhere(core: str, searched: list[Place]) -> None:
    assert places_with(searched, core) == []


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_secret_from_elsewhere_is_nowhere(place: str, searched: list[Place]) -> None:
    assert places_with(searched, ELSEWHERE[place]) == []


@pytest.mark.parametrize(
    "name", [r"work/run/journal\.jsonl", r".*\.wandb", r"mlflow\.db", r"work/run/rejected\.jsonl", "stderr", "stdout"]
)
def test_what_is_no_secret_is_found_there_so_the_search_sees(name: str, searched: list[Place]) -> None:
    assert [found for found in places_with(searched, "innocentMarker42") if re.fullmatch(name, found)]


@pytest.mark.parametrize("name", ["MY_TOKEN", "keyCanary"])
def test_the_search_would_find_a_name(name: str) -> None:
    assert places_with([Place("here", f'{{"x": "{name}"}}'.encode())], name) == ["here"]


# What only looks like a secret ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def records(home: Path, searched: list[Place]) -> list[Any]:
    return [entry.record for entry in Reader(str(home / "work/run/journal.jsonl")).records()]


@pytest.fixture(scope="module")
def wandb_config(home: Path, searched: list[Place]) -> dict[str, Any]:
    return WandbFile(home / "work/run").config


@pytest.fixture(scope="module")
def mlflow_run(home: Path, searched: list[Place]) -> Any:
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("canaries").experiment_id])
    return run


def test_there_are_many_innocent_look_alikes() -> None:
    assert len(INNOCENT) >= 30


@pytest.mark.parametrize("name", INNOCENT)
def test_what_only_looks_secret_is_everywhere_as_it_was(
    name: str, records: list[Any], wandb_config: dict[str, Any], mlflow_run: Any
) -> None:
    value = INNOCENT[name]
    assert next(record for record in records if isinstance(record, Params)).params[name] == value
    assert wandb_config[name] == value
    assert mlflow_run.data.params[name] == (value if isinstance(value, str) else json.dumps(value))


def test_beside_a_secret_in_a_text_the_rest_stays(wandb_config: dict[str, Any]) -> None:
    texts = {canary.kind: text for canary, text in zip(IN_TEXT, wandb_config["note"], strict=True)}
    assert texts["a URL with a password"] == "http://***@host:5000/x"
    assert texts["an option without ="] == "train.py --token *** --lr 0.1"
    assert texts["a command as a list"] == "['curl', '--password', '***']"
    assert texts["a query"] == "https://host/x?token=***&page=2"
    assert texts["JSON"] == '{"lr": 0.1, "client_secret": "***"}'


def test_of_many_params_whose_names_are_masked_each_is_kept(records: list[Any]) -> None:
    again = [record.params for record in records if isinstance(record, Params)][-1]
    assert len(again) == 1 + len(IN_TEXT)


def test_every_metric_beside_the_secrets_arrived(records: list[Any], mlflow_run: Any) -> None:
    logs = [record for record in records if isinstance(record, Log) and "accuracy" in record.metrics]
    assert len(logs) == len(IN_TEXT) + 3
    assert mlflow_run.data.metrics["accuracy"] == 0.5
    assert mlflow_run.info.status == "FAILED"


# Files ------------------------------------------------------------------------------------------------------


def test_what_the_run_wrote_is_its_owners_alone(home: Path, searched: list[Place]) -> None:
    """W&B lets all read what it writes, so its folder keeps others out."""
    run = home / "work/run"
    ours = [path for path in run.rglob("*") if "wandb/" not in str(path.relative_to(run))]
    modes = {str(path.relative_to(run)): oct(path.stat().st_mode & 0o777) for path in [run, *ours]}
    assert {name: mode for name, mode in modes.items() if mode not in ("0o600", "0o700")} == {}
    assert {"journal.jsonl", "journal.lock", "metrics.csv", "rejected.jsonl", "state", "wandb"} <= set(modes)
    assert modes["wandb"] == "0o700"
