"""Arbitrary bytes where files of ours are read: never another error than the documented one, never a wrong record."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fuzz import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lines import checked, line_of
from scripted import Scripted

from tracklib import ConfigError, RunDirectoryError, Trackers
from tracklib._delivery.sync import sync
from tracklib._journal.encoding import decode, encode
from tracklib._journal.journal import Journal
from tracklib._journal.last_attempt import earlier_run
from tracklib._journal.reader import Reader
from tracklib._journal.records import Artifact, Begin, End, Log, Params, Record, Status, Tags
from tracklib._journal.state import Saved, load
from tracklib.trackers._configs import build

pytestmark = pytest.mark.slow

# Records, lines and damage ----------------------------------------------------------------------------------

times = st.integers(0, 2**53)
texts = st.text(max_size=20)
values = st.floats() | st.integers(-(2**53), 2**53).map(float)
finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | finite | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
configs = st.dictionaries(texts, plain, max_size=3).map(lambda config: {"type": "CsvLogger"} | config)
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Begin, time=times, format=st.just(1), uid=texts, attempt=st.integers(1, 9), name=texts, pid=times, host=texts,
        configs=st.lists(configs, max_size=2), files=st.lists(texts, max_size=3),
    ),
    st.builds(Log, time=times, axis=texts, step=st.integers(-(2**63), 2**63 - 1),
              metrics=st.dictionaries(texts, values, max_size=4)),
    st.builds(Params, time=times, params=st.dictionaries(texts, plain, max_size=4)),
    st.builds(Tags, time=times, tags=st.dictionaries(texts, texts, max_size=4)),
    st.builds(Artifact, time=times, name=texts),
    st.builds(End, time=times, status=st.sampled_from(Status), error=texts, message=texts),
)  # fmt: skip


whole_lines = records.map(lambda record: line_of(encode(record)))
json_bodies = plain.map(lambda value: json.dumps(value).encode())
MEMBERS = "type time axis step metrics params tags name status format uid".split()
tagged = st.dictionaries(st.sampled_from(MEMBERS), plain)
odd_bodies = st.one_of(
    st.binary(max_size=60).filter(lambda body: b"\n" not in body),
    json_bodies,
    st.tuples(tagged, st.sampled_from("begin log params tags artifact end".split())).map(
        lambda drawn: json.dumps({"type": drawn[1]} | drawn[0]).encode()
    ),
)
odd_lines = odd_bodies.map(line_of)
damage = st.binary(max_size=60) | whole_lines.map(lambda line: line[: len(line) // 2]) | st.just(b"\n")
files = st.lists(whole_lines | odd_lines | damage, max_size=8).map(b"".join) | st.binary(max_size=400)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def read(content: bytes) -> list[tuple[Record, int, int]]:
    with folder() as path:
        (path / "j").write_bytes(content)
        with contextlib.closing(Reader(str(path / "j"))) as reader:
            return [(entry.record, entry.ordinal, entry.end) for entry in reader.records()]


def comparable(record: Record) -> Any:
    """What is written, as NaN is not equal to itself; without the ordinal, which never is."""
    return encode(msgspec.structs.replace(record, ordinal=-1) if isinstance(record, Log) else record)


# The journal ------------------------------------------------------------------------------------------------


@given(files)
@settings(max_examples=examples(250), deadline=None)
@example(line_of(b'{"type":"params","params":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001))
@example(line_of(b'{"type":"log"' + b"[" * 100_000))
@example(line_of(b'{"type":"log","time":1,"axis":"epoch","step":1,"metrics":{"a":"nan","b":"x"}}'))
@example(line_of(b'{"type":"log","time":1,"axis":"epoch","step":1,"metrics":{"a":1e999}}'))
@example(b"\xff" * 100 + b"\n")
def test_whatever_is_in_the_file_each_record_is_a_line_with_its_checksum(content: bytes) -> None:
    found = read(content)

    ordinals = [ordinal for _, ordinal, _ in found]
    assert ordinals == sorted(set(ordinals))
    ends = [end for _, _, end in found]
    assert ends == sorted(set(ends))  # in the file's order, none twice
    for record, _, end in found:
        line = content[content.rfind(b"\n", 0, end - 1) + 1 : end - 1]
        starts = [at for at in range(len(line)) if line.startswith(b'{"crc":"', at)]  # behind a torn one, too
        body = next(b"{" + line[at + 18 :] for at in starts if line[at:] == checked(b"{" + line[at + 18 :]))
        assert comparable(record) == comparable(decode(body, ordinal=-1))


@given(st.lists(st.tuples(records, damage.filter(lambda bits: b"\n" not in bits)), max_size=6))
@settings(max_examples=examples(200), deadline=None)
def test_between_damaged_lines_every_whole_one_is_read_and_no_other(drawn: list[tuple[Record, bytes]]) -> None:
    content = b"".join(bits + b" \n" + line_of(encode(record)) for record, bits in drawn)
    assert [comparable(record) for record, _, _ in read(content)] == [comparable(record) for record, _ in drawn]


@given(records)
@settings(max_examples=examples(250), deadline=None)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    (again,) = [found for found, _, _ in read(line_of(encode(record)))]
    assert comparable(again) == comparable(record)
    assert type(again) is type(record)


@given(odd_bodies)
@settings(max_examples=examples(250), deadline=None)
def test_a_line_that_we_did_not_write_is_a_record_of_the_format_or_none(body: bytes) -> None:
    for record, _, _ in read(line_of(body)):
        assert comparable(decode(encode(record), 0)) == comparable(record)


@given(files, records)
@settings(max_examples=examples(100), deadline=None)
def test_a_writer_goes_on_behind_whatever_is_there(content: bytes, record: Record) -> None:
    before = read(content)
    with folder() as path:
        (path / "j").write_bytes(content)
        Journal(str(path / "j"), pytest.fail).append(record)
        with contextlib.closing(Reader(str(path / "j"))) as reader:
            after = [entry.record for entry in reader.records()]
    assert list(map(comparable, after)) == [comparable(found) for found, _, _ in before] + [comparable(record)]


@given(files, st.integers(0, 500), st.integers(0, 50))
@settings(max_examples=examples(200), deadline=None)
def test_a_reader_may_begin_anywhere(content: bytes, offset: int, ordinal: int) -> None:
    with folder() as path:
        (path / "j").write_bytes(content)
        with contextlib.closing(Reader(str(path / "j"), offset, ordinal)) as reader:
            list(reader.records())
            assert reader.offset >= offset


# What stands on the journal ---------------------------------------------------------------------------------


@given(files)
@settings(max_examples=examples(25, cost=20), deadline=None)
@example(line_of(encode(Begin(time=1, format=1, uid="..", attempt=1, name="n", pid=1, host="h", configs=[]))))
@example(line_of(encode(Begin(time=1, format=1, uid="../../x", attempt=1, name="", pid=1, host="", configs=[]))))
@example(
    line_of(encode(Begin(time=1, format=1, uid="u", attempt=1, name="", pid=1, host="", configs=[], files=["..", ""])))
)
@example(line_of(encode(Begin(time=1, format=1, uid="a\x00b", attempt=1, name="", pid=1, host="", configs=[]))))
@example(line_of(encode(Begin(time=1, format=1, uid="x" * 5000, attempt=1, name="", pid=1, host="", configs=[]))))
def test_a_run_begins_beside_whatever_journal_is_there(content: bytes) -> None:
    with folder() as path:
        run = path / "run"
        run.mkdir()
        (run / "journal.jsonl").write_bytes(content)
        trackers = Trackers(output_run=run)
        trackers.init()
        trackers.log(0, {"loss": 0.5})
        trackers.finish()

        assert (run / "metrics.csv").read_text() == "epoch,loss\n0,0.5\n"
        kept = [file.read_bytes() for file in run.glob("previous/*/journal.jsonl")]
        assert kept == ([content] if b"\n" in content else [])  # without a whole line there was no run
        assert [one.name for one in path.iterdir()] == ["run"]


@given(files)
@settings(max_examples=examples(25, cost=20), deadline=None)
def test_syncing_whatever_is_there_works_or_says_that_there_is_no_run(content: bytes) -> None:
    with folder() as path:
        (path / "journal.jsonl").write_bytes(content)
        with contextlib.suppress(RunDirectoryError):
            earlier_run(str(path))
            sync(str(path), patience=0.2)


odd_states = st.dictionaries(
    st.sampled_from(Saved.__struct_fields__), plain | st.integers() | st.just("u") | st.dictionaries(texts, texts)
).map(lambda state: json.dumps(state | {"format": 1}).encode())


@given(st.binary(max_size=60) | odd_states | odd_states.map(checked))
@settings(max_examples=examples(300), deadline=None)
@example(checked(b'{"format":1,"uid":"u","offset":100000000000000000000000000}'))
@example(checked(b'{"format":1,"uid":"u","offset":-1}'))
@example(checked(b'{"format":1,"uid":"u","offset":3}'))
@example(checked(b'{"format":1,"uid":"u","offset":4}'))
@example(checked(b'{"format":1,"uid":"v","offset":2}'))
@example(checked(b'{"format":1,"uid":"u","tracker":{"a":1}}'))
@example(checked(b'{"format":1,"uid":"u","tracker":{"a":"b"}}'))
@example(b'{"uid":"u","offset":2}')
def test_a_state_that_is_damaged_or_anothers_is_a_fresh_start(content: bytes) -> None:
    with folder() as path:
        (path / "s.json").write_bytes(content)
        (path / "j").write_bytes(b"a\nb\n")
        saved = load(str(path / "s.json"), str(path / "j"), "u")
        assert (saved.uid, saved.config) == ("u", "")
        assert saved.offset in (0, 2, 4)
        assert all(isinstance(value, str) for value in saved.tracker.values())
        if saved != Saved("u"):
            assert content == checked(b"{" + content[18:])


# Configs ----------------------------------------------------------------------------------------------------

ENDINGS = [".toml", ".json", ".yaml", ".yml"]
WORDS = (
    "type trackers Mlflow Wandb CsvLogger Scripted tracking_uri csv_filename project tags params config settings "
    "mode script batch_size timeout x"
).split()
words = st.sampled_from(WORDS) | texts
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
YAML = """
!!bool x|!!int ''|!!float ''|!!timestamp x|!!binary x|!!set {a}|!!omap [a]|!!pairs [a]|*a|&a [*a]|<<: 1|? {}|- |...|
!!python/object/apply:os.system ['true']|%YAML 9|---|{|[|2024-99-99|1:99:99|0o9|'|"\\x|>9|type: Mlflow|- type: CsvLogger
"""
yaml_pieces = st.sampled_from([*YAML.replace("\n", "").split("|"), "\t", "\x00", "|"])


def build_from(content: bytes, ending: str) -> None:
    """Trackers, or the one documented error."""
    assert Scripted is not None  # a class of ours that "type" may name
    with folder() as path:
        file = path / f"configs{ending}"
        file.write_bytes(content)
        with contextlib.suppress(ConfigError):
            assert isinstance(build(file), list)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()), st.sampled_from(ENDINGS))
@settings(max_examples=examples(250), deadline=None)
@example(b"[" * 100_000, ".json")
@example(b"x = " + b"[" * 100_000, ".toml")
@example(b"[" * 3_000, ".yaml")
@example(b"9" * 5_000, ".json")
@example(b"9" * 5_000, ".yaml")
@example(b"\xff\xfe\x00", ".yaml")
@example(b"\xef\xbb\xbf[]", ".json")
def test_a_config_file_of_any_bytes_is_read_or_refused(content: bytes, ending: str) -> None:
    build_from(content, ending)


@given(st.lists(yaml_pieces | texts, max_size=5), st.sampled_from([" ", "\n", "\n  "]))
@settings(max_examples=examples(250), deadline=None)
def test_a_yaml_file_of_any_pieces_is_read_or_refused(pieces: list[str], between: str) -> None:
    build_from(between.join(pieces).encode("utf-8", "replace"), ".yaml")


@given(documents)
@settings(max_examples=examples(250), deadline=None)
@example([{"type": 5}])
@example({"trackers": {"type": "CsvLogger"}})
@example([{"type": "Wandb", "tags": [1]}])
@example([{"type": "x" * 10_000}])
@example([{"type": "a.b:c.d"}, {"type": ":"}, {"type": "..x:y"}, {"type": "a\x00:b"}])
def test_a_config_of_any_content_is_built_or_refused(document: Any) -> None:
    build_from(json.dumps(document).encode(), ".json")
    with contextlib.suppress(ConfigError):
        build(document)


def test_yaml_never_makes_an_object_or_runs_a_command(tmp_path: Path) -> None:
    for tag in ("!!python/object/apply:os.system", "!!python/object/new:os.system", "!!python/name:os.system"):
        file = tmp_path / "configs.yaml"
        file.write_text(f"{tag} ['touch {tmp_path}/made']\n")
        with pytest.raises(ConfigError, match="it is no YAML"):
            build(file)
    assert [path.name for path in tmp_path.iterdir()] == ["configs.yaml"]


@pytest.mark.parametrize("wrapped", ["{}", "- {}", "trackers: [{{type: Wandb, tags: {}}}]", "trackers: [{{type: {}}}]"])
def test_a_yaml_file_that_grows_without_bound_is_refused_at_once(wrapped: str, tmp_path: Path) -> None:
    """A billion laughs: a list of ten lists of ten lists ..., each one object in memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    file = tmp_path / "configs.yaml"
    file.write_text("\n".join([*lines, "trackers:", "  - " + wrapped.removeprefix("trackers: ").format("*a11")]))
    with pytest.raises(ConfigError), pytest.warns() as warned:
        build(file)
        pytest.fail("it was taken")
    assert len(warned) <= 2


def test_msgspec_says_what_is_nested_too_deeply() -> None:
    with pytest.raises(msgspec.DecodeError, match="nested too deeply"):
        decode(b'{"type":"params","params":' + b'{"a":' * 100_000, 0)
