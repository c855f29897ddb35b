"""How much one call may bring: 10,000 keys and a text of 100 MB are nothing; what is beyond a limit is said."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from everywhere import BACKENDS, Everywhere
from mlflow_server import MlflowServer
from patience import PATIENT

from tracklib import TrackerWarning, limits, tracking
from tracklib._common.distinct import apart
from tracklib._values.flat import clean
from tracklib._values.plain import MORE, plain

HUGE = "x" * 100_000_000
FEWER = {f"p{number}": float(number) for number in range(1_000)}
MANY = {f"m{number}": float(number) for number in range(10_000)}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test reaches at once, set as a user sets them."""
    monkeypatch.setattr(limits, "KEYS", 10)
    monkeypatch.setattr(limits, "NAME", 200)
    monkeypatch.setattr(limits, "TEXT", 400)
    monkeypatch.setattr(limits, "CALL", 2_000)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What is warned of, in order."""
    messages: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: messages.append(str(message))
        yield messages


# Everywhere -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory, mlflow_server: MlflowServer) -> Everywhere:
    """10,000 metrics, a thousand params, and 100 MB as a value, a name, a param, its name, a tag, a word and a step."""
    everywhere = Everywhere(tmp_path_factory.mktemp("limits") / "run", mlflow_server.uri)
    with everywhere.run() as run, warnings.catch_warnings():
        warnings.simplefilter("ignore", TrackerWarning)
        run.log(0, MANY)
        run.log(1, {"text": HUGE, "loss": 1.5})
        run.log(2, {HUGE: 2.0, "loss": 2.5})
        run.log(HUGE, {"loss": 3.5})
        run.log(4, {"loss": 4.5}, axis=HUGE)
        run.log_params(FEWER)
        run.log_params({"text": HUGE, HUGE: 1, "bytes": HUGE.encode(), "floats": [0.5] * 1_000_000, "lr": 0.5})
        run.log_tags(dict.fromkeys(list(MANY)[:500], "tag"))
        run.log_tags({"text": HUGE, HUGE: "1", "stage": "test"})
        run.log_tags([HUGE, "word"])
        run.flush(PATIENT)  # a server under load takes more than leaving waits
    return everywhere


@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_thousand_metrics_of_one_call_arrive(backend: str, everywhere: Everywhere) -> None:
    read: dict[str, Callable[[], Any]] = {
        "csv": lambda: everywhere.csv.iloc[0].to_dict(),
        "wandb": lambda: everywhere.wandb.rows[0],
        "mlflow": lambda: everywhere.mlflow.data.metrics,
    }
    rows = read[backend]()
    assert {name: rows[name] for name in MANY} == MANY


@pytest.mark.parametrize("backend", BACKENDS)
def test_beside_100_mb_the_neighbours_arrive(backend: str, everywhere: Everywhere) -> None:
    assert [value for _, value in everywhere.values(backend, "loss")] == [1.5, 2.5, 3.5, 4.5]


def test_a_thousand_params_arrive(everywhere: Everywhere) -> None:
    at_mlflow = everywhere.mlflow.data.params
    assert {name: float(at_mlflow[name]) for name in FEWER} == FEWER
    assert {name: everywhere.wandb.config[name] for name in FEWER} == FEWER


def test_a_huge_param_is_its_beginning_with_its_length_and_its_neighbours_arrive(everywhere: Everywhere) -> None:
    at_mlflow, at_wandb = everywhere.mlflow.data.params, everywhere.wandb.config
    assert (at_mlflow["lr"], at_wandb["lr"]) == ("0.5", 0.5)
    assert at_mlflow["text"] == "x" * 6000
    assert at_wandb["text"].endswith("characters, whole in params/text.txt)")
    whole = Path(everywhere.client.download_artifacts(everywhere.mlflow.info.run_id, "params/text.txt")).read_text()
    assert len(whole) == limits.TEXT
    assert whole.endswith("x... (100000000 characters)")
    (beside,) = everywhere.where.glob("wandb/offline-run*/files/params/text.txt")
    assert beside.read_text() == whole


def test_huge_tags_leave_their_neighbours_alone(everywhere: Everywhere) -> None:
    at_mlflow = everywhere.mlflow.data.tags
    assert (at_mlflow["stage"], at_mlflow["m499"], at_mlflow["word"]) == ("test", "tag", "")
    assert len(at_mlflow["text"]) == 8000
    assert {"stage:test", "m499:tag", "word"} <= set(everywhere.wandb.tags)


def test_the_journal_stays_small(everywhere: Everywhere) -> None:
    lines = (everywhere.where / "journal.jsonl").read_bytes().split(b"\n")
    assert max(map(len, lines)) < 2_500_000


@pytest.mark.slow
def test_what_a_huge_text_is_cut_to_is_said(tmp_path: Path, said: list[str]) -> None:
    with tracking(output_run=tmp_path / "run") as run:
        run.log(0, {HUGE: 1.0, "text": HUGE})
        run.log_params({"a": {"b": HUGE}, HUGE: 1})
    assert said == [
        "metric 'text' is not logged: str is no number",
        f"too long to be kept whole, see tracklib.limits: a/b (100000000 characters), the name {'x' * 20}... "
        "(100000000 characters)",
    ]


# A limit is reached ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_more_names_than_a_call_takes_are_said_and_the_first_are_kept() -> None:
    flat, skipped = clean({f"m{number}": number for number in range(15)})
    assert flat == {f"m{number}": number for number in range(10)}
    assert skipped == [("m10", "nor is any behind it, as one call takes 10 (tracklib.limits.KEYS)")]


@pytest.mark.usefixtures("small")
def test_a_long_container_leaves_its_neighbours_their_place(said: list[str]) -> None:
    flat, skipped = clean({"a": 1.0, "b": {f"m{number}": number for number in range(99)}, "c": {"d": 3.0}, "e": 4.0})
    assert flat.keys() - {f"b/m{number}" for number in range(99)} == {"a", "e"}
    assert [name for name, _ in skipped] == ["b/m6", "c/d"]
    made = plain({"a": 1, "b": list(range(99)), "c": 3})
    assert (made["a"], made["c"]) == (1, 3)
    assert said == ["too long to be kept whole, see tracklib.limits: b (a call takes 10 items)"]


@pytest.mark.usefixtures("small")
def test_very_many_that_are_no_numbers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEYS", 1_000)
    flat, skipped = clean({"loss": 0.5} | {f"t{number}": "text" for number in range(500)})
    assert flat == {"loss": 0.5}
    assert len(skipped) == 100
    assert skipped[98] == ("t98", "str is no number")
    assert skipped[99] == ("t499", "nor are others, 401 in all with this one, for such reasons")


@pytest.mark.usefixtures("small")
def test_names_too_long_for_a_call_cost_their_own_key_only() -> None:
    limits.CALL = 500
    flat, skipped = clean({"a" * 150 + str(number): 1.0 for number in range(9)} | {"m": 0.5})
    assert len(flat) == 4
    assert flat["m"] == 0.5
    assert {why for _, why in skipped} == {"the names of one call have 500 characters at most (tracklib.limits.CALL)"}


@pytest.mark.usefixtures("small")
def test_a_long_name_is_cut_to_its_beginning_and_a_hash() -> None:
    flat, skipped = clean({"a" * 300: 1.0, "a" * 299 + "b": 2.0})
    assert skipped == []
    assert [len(name) for name in flat] == [200, 200]
    assert list(flat.values()) == [1.0, 2.0]


@pytest.mark.usefixtures("small")
def test_texts_are_cut_and_a_call_too_long_in_all_cuts_them_shorter(said: list[str]) -> None:
    made = plain({str(number): "x" * 390 for number in range(7)} | {"short": "y" * 100})
    assert [len(made[str(number)]) for number in range(7)] == [390, 390, 390, 390, 390, 100, 100]
    assert made["6"].endswith("... (390 characters)")
    assert made["short"] == "y" * 100
    assert said == ["too long to be kept whole, see tracklib.limits: 5 (390 characters), 6 (390 characters)"]


@pytest.mark.usefixtures("small")
def test_what_is_plain_stays_so(said: list[str]) -> None:
    """A tracker makes plain again what the journal has."""
    for value in ({"a": "x" * 5_000}, {str(n): "x" * 390 for n in range(7)}, {"n" * 500: 1}):
        once = plain(value)
        said.clear()
        assert plain(once) == once
        assert said == []


@pytest.mark.usefixtures("small")
def test_a_list_without_an_end_has_one(said: list[str]) -> None:
    class Endless(list):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[int]:
            return iter(int, 1)

    made = plain({"a": 1, "endless": Endless()})
    assert made["endless"][-1] == MORE
    assert len(made["endless"]) == 9
    assert said == ["too long to be kept whole, see tracklib.limits: endless (a call takes 10 items)"]


@pytest.mark.slow
@pytest.mark.parametrize("leaf", [{"x": 1.0}, {}], ids=["of numbers", "of nothing"])
def test_ten_to_the_fifteenth_in_one_object_is_not_followed(leaf: dict[str, Any], said: list[str]) -> None:
    dag = leaf
    for _ in range(15):
        dag = {str(number): dag for number in range(10)}
    flat, skipped = clean({"dag": dag, "loss": 0.5})
    assert flat["loss"] == 0.5
    assert len(flat) <= limits.KEYS
    assert skipped
    assert plain({"dag": dag, "lr": 0.1})["lr"] == 0.1


def test_a_limit_may_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TEXT", 400_000)
    assert plain("x" * 300_000) == "x" * 300_000


def test_no_secret_is_cut_in_two(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    key = "ghp_" + "aB3dE5gH1jK7" * 3
    for length in range(150, 400, 3):
        monkeypatch.setattr(limits, "TEXT", 300)
        made = plain("x" * length + " " + key + " " + "y" * 20_000)
        assert "ghp" not in made
        assert len(made) <= 300


# Names that fall together -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "kept"),
    [
        ([], {}),
        ([("a", 1), ("b", 2)], {"a": 1, "b": 2}),
        ([("a", 1), ("a", 2), ("a", 3)], {"a": 1, "a-2": 2, "a-3": 3}),
        ([("a", 1), ("a-2", 2), ("a", 3)], {"a": 1, "a-2": 2, "a-3": 3}),
        ([(1, 1), ("1", 2)], {1: 1, "1": 2}),
    ],
)
def test_every_value_is_kept_under_a_name_of_its_own(pairs: Any, kept: Any) -> None:
    assert apart(pairs) == kept


def test_params_whose_names_are_one_as_text_are_all_kept() -> None:
    assert plain({1: "a", "1": "b", None: "c", "None": "d"}) == {"1": "a", "1-2": "b", "None": "c", "None-2": "d"}


def test_tens_of_thousands_of_one_name_are_kept_at_once() -> None:
    assert len(apart(("***", number) for number in range(50_000))) == 50_000


def test_two_names_that_utf_8_spells_alike_are_both_in_the_journal(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as run:
        run.log_params({"caf\udce9": 1, "caf\\udce9": 2})
    line = next(line for line in (tmp_path / "run/journal.jsonl").read_text().splitlines() if '"params"' in line)
    assert json.loads(line)["params"] == {"caf\\udce9": 1, "caf\\udce9-2": 2}


def test_limits_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/values.rst").read_text()
    names = [name for name in vars(limits) if name.isupper()]
    assert [name for name in names if f"``{name}``" not in page] == []
    assert [name for name in names if f"{getattr(limits, name):,}" not in page] == []
    assert os.path.basename(str(limits.__file__)) == "limits.py"
