"""The records: what is encoded comes back, and nothing else does."""

import math
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib import TrackerWarning, tracking
from tracklib._delivery.sync import Outcome, sync
from tracklib._journal.encoding import SILENT, decode, encode
from tracklib._journal.records import (
    Artifact,
    Begin,
    Contribution,
    End,
    Epoch,
    Log,
    Params,
    Parent,
    Record,
    Status,
    Superseded,
    Tags,
)

names = st.text(st.characters(exclude_categories=["Cs"]))
floats = st.floats()


def decoded(body: bytes, ordinal: int) -> Any:
    """The record, of the kind that the test knows it to have."""
    return decode(body, ordinal)


def log(metrics: Any, *, axis: str = "epoch", step: int = 1, ordinal: int = -1) -> Any:
    return Log(time=7, axis=axis, step=step, metrics=metrics, ordinal=ordinal)


def same(left: Any, right: Any) -> Any:
    """Equal, and NaN equals NaN, and -0.0 is not 0.0."""
    return list(left) == list(right) and all(repr(value) == repr(right[name]) for name, value in left.items())


@pytest.mark.parametrize(
    "record",
    [
        Begin(time=1, format=1, uid="u", attempt=1, name="n", pid=2, host="h", configs=[{"type": "Mlflow"}]),
        Begin(time=1, format=1, uid="u", attempt=2, name="n", pid=2, host="h", configs=[], files=["metrics.csv"],
              parent=Parent(uid="p", output_run="runs/p")),
        Params(time=1, params={"lr": 0.1, "nested": {"layers": [1, 2]}, "none": None}),
        Tags(time=1, tags={"baseline": "", "team": "vision"}),
        Artifact(time=1, name="model.pt"),
        End(time=1, status=Status.FINISHED),
        End(time=1, status=Status.FAILED, error="ValueError", message="no such file"),
    ],
    ids=lambda record: type(record).__name__,
)  # fmt: skip
def test_each_record_comes_back_as_it_was(record: Any) -> None:
    assert decoded(encode(record), 0) == record


@given(st.dictionaries(names, floats), names, st.integers(-(2**63), 2**63 - 1))
def test_any_log_comes_back_as_it_was(metrics: Any, axis: Any, step: Any) -> None:
    back = decoded(encode(log(metrics, axis=axis, step=step)), 4)
    assert (back.time, back.axis, back.step, back.ordinal) == (7, axis, step, 4)
    assert same(back.metrics, metrics)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1])
@pytest.mark.parametrize(
    "name", ["loss", "", "nan", '"nan"', "-inf", ":null", 'a":null', '{"type":"end"}', "a\nb", "é", "\x00"]
)
def test_no_name_and_no_number_confuses_the_two(name: str, number: Any) -> None:
    metrics = {name: number, "other": 0.5}
    assert same(decoded(encode(log(metrics)), 0).metrics, metrics)


def test_the_non_finite_floats_are_the_strings_that_the_format_names() -> None:
    body = encode(log({"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.5}))
    assert msgspec.json.decode(body)["metrics"] == {"a": "nan", "b": "inf", "c": "-inf", "d": 1.5}


def test_the_body_is_one_line() -> None:
    assert b"\n" not in encode(log({"a\nb\r": 1.0}))


def test_the_first_key_is_the_type() -> None:
    assert encode(log({"loss": 0.5})).startswith(b'{"type":"log",')
    assert encode(log({"loss": math.nan})).startswith(b'{"type":"log",')


def test_an_ordinal_is_never_stored() -> None:
    for metrics in ({"loss": 0.5}, {"loss": math.nan}):
        assert b"ordinal" not in encode(log(metrics))


@pytest.mark.parametrize("text", ["\ud800", "caf\udce9"])
def test_a_lone_surrogate_is_spelled_out_where_utf_8_has_no_bytes_for_it(text: str) -> None:
    spelled = text.encode("utf-8", "backslashreplace").decode()
    assert decoded(encode(End(time=1, status=Status.FAILED, message=text)), 0).message == spelled
    params = {text: [text, 1, None, {"x": True}]}
    assert decoded(encode(Params(time=1, params=params)), 0).params == {spelled: [spelled, 1, None, {"x": True}]}
    back = decoded(encode(log({text: math.inf, "loss": 0.5}, axis=text)), 0)
    assert (back.axis, back.metrics) == (spelled, {spelled: math.inf, "loss": 0.5})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"type":"log"}',
        b'{"type":"lag","time":1}',
        b'{"type":"log","time":1,"axis":"epoch","step":1.5,"metrics":{}}',
        b'{"type":"log","time":1,"axis":"epoch","step":1,"metrics":{"a":"high"}}',
        b'{"type":"log","time":1,"axis":"epoch","step":1,"metrics":{"a":"nan","b":"high"}}',
        b'{"type":"log","time":1,"axis":"epoch","step":1,"metrics":{"a":null}}',
        b'{"type":"end","time":1,"status":"exploded"}',
        b'{"type":"log","time":1,"axis":"\xff","step":1,"metrics":{}}',
    ],
)
def test_what_is_no_record_of_this_format_is_refused(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        decoded(body, 0)


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert decoded(b'{"type":"end","time":1,"status":"killed","mood":"sad"}', 0) == End(time=1, status=Status.KILLED)


def test_an_integer_metric_of_another_writer_is_a_float() -> None:
    metrics = decoded(b'{"type":"log","time":1,"axis":"e","step":1,"metrics":{"a":1,"b":"nan"}}', 0).metrics
    assert type(metrics["a"]) is float


@pytest.mark.parametrize(
    ("metrics", "columns"),
    [
        ({"loss": 0.5}, {"loss": 0.5}),
        ({"epoch": 3.0, "loss": 0.5}, {"loss": 0.5}),
        ({"epoch": 4.0, "loss": 0.5}, {"epoch": 4.0, "loss": 0.5}),
    ],
)
def test_a_metric_that_only_repeats_the_step_is_no_column_beside_it(
    metrics: dict[str, float], columns: dict[str, float]
) -> None:
    assert Log(time=0, axis="epoch", step=3, metrics=metrics).columns() == columns


# What a record means


def test_each_kind_of_record_says_something_or_says_why_not() -> None:
    silent = {Begin, Epoch, Contribution, End}  # a tracker marks Superseded
    assert {kind for kind in get_args(Record) if not kind.says} == silent
    assert tuple(b'","type":"%b"' % name for name in (b"begin", b"epoch", b"share", b"end")) == SILENT


def test_what_is_told_to_be_missing_is_what_a_sync_then_delivers(tmp_path: Path) -> None:
    config = {"type": "scripted:Closed", "path": str(tmp_path / "there")}
    with pytest.warns(TrackerWarning) as warned:
        with tracking(config, output_run=tmp_path / "run", params={"lr": 0.1}, best={"loss": "min"}) as run:
            for epoch in run.epochs(5):
                run.log(epoch, {"loss": 1.0 - epoch / 10})
            run.log_artifact(__file__)
    (tmp_path / "there.mended").touch()

    (closed, _) = sync(str(tmp_path / "run")).outcomes

    missing = re.search(r"Closed: (\d+) records not delivered", str(warned[0].message))
    assert missing is not None
    assert closed == Outcome("Closed", int(missing[1]), 0, None)
    assert int(missing[1]) >= 1 + 5 + 5 + 1  # params, logs, best values, the artifact; and what is told of the machine


def test_what_counts_no_more_is_told_once_in_words() -> None:
    since, until = 1_700_000_000_000, 1_700_000_060_000
    again = Superseded(time=until, since=since, epoch=3)
    told = again.told_after("")
    assert told == "epochs from 3 on, as logged from 2023-11-14 22:13:20+00:00 to 2023-11-14 22:14:20+00:00"
    assert again.told_after(told) == told
    assert Superseded(time=until, since=since, epoch=2).told_after(told).startswith(f"{told}; epochs from 2 on")
