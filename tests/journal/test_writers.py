"""Writers: each has a file of its own, which the run's owner copies into the journal, every record once."""

from __future__ import annotations

import contextlib
import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from kept import records
from msgspec.structs import replace

from tracklib._common.warn import tell
from tracklib._journal import layout, reader, writers
from tracklib._journal.copied import _Copied, copied_in
from tracklib._journal.journal import Journal
from tracklib._journal.records import Artifact, Begin, End, Epoch, Log, Params, Status, Tags
from tracklib._journal.state import write_line
from tracklib._journal.writers import Copying, Writer

BEGIN = Begin(time=1000, format=1, uid="u1", attempt=1, name="run", pid=1, host="h", configs=[])


@pytest.fixture
def run(tmp_path: Path) -> Journal:
    """The journal of a run that has begun."""
    journal = Journal(str(tmp_path / "journal.jsonl"), tell)
    journal.append(BEGIN)
    return journal


def say(writer: Journal, step: int, **metrics: float) -> None:
    writer.append(Log(time=writer.now(), axis="epoch", step=step, metrics=metrics or {"loss": 0.5}))


def steps(folder: Path) -> list[int]:
    return [log.step for log in records(folder, Log)]


def copy_in(folder: Path, journal: Journal) -> None:
    """As a process does that has just taken the run up."""
    Copying(str(folder), journal, "u1").copy_all()


def test_what_a_writer_says_is_copied_with_its_name_and_its_number_there(tmp_path: Path, run: Journal) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    say(writer, 3, loss=float("nan"))
    writer.append(Params(time=writer.now(), params={"lr": 0.1}))
    writer.append(Tags(time=writer.now(), tags={"a": "b"}))
    writer.append(Artifact(time=writer.now(), name="x.txt"))

    copy_in(tmp_path, run)

    copied = records(tmp_path)[1:]
    assert [type(record) for record in copied] == [Log, Params, Tags, Artifact]
    assert [(record.writer, record.nth) for record in copied] == [(writer.name, nth) for nth in range(1, 5)]
    assert copied[0].metrics["loss"] != copied[0].metrics["loss"]


def test_what_only_the_owner_may_say_is_not_copied(tmp_path: Path, run: Journal) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    writer.append(Epoch(time=writer.now(), number=7))
    writer.append(End(time=writer.now(), status=Status.FAILED))
    say(writer, 0)

    copy_in(tmp_path, run)

    assert [type(record) for record in records(tmp_path)] == [Begin, Log]


def test_each_record_is_copied_once_whoever_copies_and_wherever_he_stops(tmp_path: Path, run: Journal) -> None:
    chance = random.Random(5)
    several = [Writer(str(tmp_path), BEGIN) for _ in range(3)]
    numbers = iter(range(10_000))
    for _ in range(30):
        for _ in range(chance.randrange(20)):
            say(chance.choice(several), next(numbers))
        copying = Copying(str(tmp_path), run, "u1")
        for _ in range(chance.randrange(3)):
            copying.copy_all()
            say(chance.choice(several), next(numbers))
        if chance.random() < 0.3:  # a copied line that is cut off, as where the owner dies in a write
            _cut_the_last_line(tmp_path / "journal.jsonl", chance)
            run = Journal(run.path, tell)
    copy_in(tmp_path, run)

    assert sorted(steps(tmp_path)) == list(range(next(numbers)))


def _cut_the_last_line(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    start = content.rfind(b"\n", 0, -1) + 1
    if b'"writer":' in content[start:]:
        os.truncate(path, chance.randrange(start, len(content)))


def test_what_one_writer_said_stays_in_its_order(tmp_path: Path, run: Journal) -> None:
    one, other = Writer(str(tmp_path), BEGIN), Writer(str(tmp_path), BEGIN)
    copying = Copying(str(tmp_path), run, "u1", is_new=True)
    for step in range(50):
        say(one, step)
        say(other, 100 + step)
        if step % 7 == 0:
            copying.copy_all()
    copying.copy_all()
    assert [step for step in steps(tmp_path) if step < 100] == list(range(50))
    assert [step for step in steps(tmp_path) if step >= 100] == list(range(100, 150))


def test_names_of_the_users_that_look_like_a_copied_record_are_none(tmp_path: Path, run: Journal) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    run.append(Params(time=run.now(), params={"a": {"writer": writer.name, "nth": 9}}))
    say(writer, 0)

    copy_in(tmp_path, run)

    assert steps(tmp_path) == [0]


def test_another_runs_writer_is_left_alone(tmp_path: Path, run: Journal) -> None:
    stray = Writer(str(tmp_path), replace(BEGIN, uid="u2"))
    say(stray, 0)
    copy_in(tmp_path, run)
    assert steps(tmp_path) == []


def test_what_a_newer_version_wrote_is_left_alone_and_costs_the_others_nothing(tmp_path: Path, run: Journal) -> None:
    newer, writer = Writer(str(tmp_path), replace(BEGIN, format=99)), Writer(str(tmp_path), BEGIN)
    copying = Copying(str(tmp_path), run, "u1", is_new=True)
    for step in range(2):
        say(newer, 100 + step)
        say(writer, step)
        copying.copy_all()
    assert steps(tmp_path) == [0, 1]


def test_a_writers_file_that_is_gone_as_it_is_looked_at_costs_the_others_nothing(tmp_path: Path, run: Journal) -> None:
    say(Writer(str(tmp_path), BEGIN), 0)
    (tmp_path / "writers/a-1-x.jsonl").symlink_to("gone")
    copy_in(tmp_path, run)
    assert steps(tmp_path) == [0]


def test_a_long_file_is_copied_whole_though_in_pieces(
    tmp_path: Path, run: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "_PIECES", 1)
    monkeypatch.setattr(reader, "_PIECE", 256)
    writer = Writer(str(tmp_path), BEGIN)
    for step in range(20):
        say(writer, step)
    copy_in(tmp_path, run)
    assert steps(tmp_path) == list(range(20))


def test_how_far_was_copied_is_kept_while_a_run_goes_on(
    tmp_path: Path, run: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "COPY_SECONDS", 0.0)
    monkeypatch.setattr(writers, "_KEEP_BYTES", 2_000)
    writer = Writer(str(tmp_path), BEGIN)
    copying = Copying(str(tmp_path), run, "u1", is_new=True)
    say(writer, 0)
    copying.tick()
    assert not (tmp_path / "state/copied").exists()
    for step in range(1, 50):
        say(writer, step)
    copying.tick()
    assert copied_in(str(tmp_path), "u1")[writer.name].nth == 50
    assert (tmp_path / "state/copied").exists()


def test_a_writer_whose_first_line_is_damaged_is_copied_still(tmp_path: Path, run: Journal) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    say(writer, 0)
    path = Path(layout.writer_path(str(tmp_path), writer.name))
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    copy_in(tmp_path, run)
    assert steps(tmp_path) == [0]


def test_while_the_owners_disk_is_full_nothing_is_copied_and_then_all_is(
    tmp_path: Path, run: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    say(writer, 0)
    say(writer, 1)
    copying = Copying(str(tmp_path), run, "u1", is_new=True)
    monkeypatch.setattr(run, "_write", lambda line: "no space left")
    for _ in range(2):
        copying.copy_all()
        assert run.waiting == 1
    monkeypatch.undo()

    copy_in(tmp_path, Journal(run.path, tell))  # the owner died with what waited

    assert steps(tmp_path) == [0, 1]


def test_ctrl_c_while_copying_doubles_nothing(tmp_path: Path, run: Journal) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    for step in range(4):
        say(writer, step)
    interrupted = iter([False, True, False, False, False])

    def hear(record: Any) -> None:
        if next(interrupted):
            raise KeyboardInterrupt

    copying = Copying(str(tmp_path), run, "u1", is_new=True, heard=hear)
    with pytest.raises(KeyboardInterrupt):
        copying.copy_all()
    copying.copy_all()

    assert steps(tmp_path) == [0, 1, 2, 3]


def test_a_writers_clock_that_is_ahead_dates_nothing_in_the_future(tmp_path: Path, run: Journal) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    ahead = run.now() + 3_600_000
    writer.append(Log(time=ahead, axis="epoch", step=0, metrics={"loss": 1.0}))
    copy_in(tmp_path, run)
    (log,) = records(tmp_path, Log)
    assert log.time < ahead
    assert run.now() < ahead


def test_the_same_value_of_two_writers_in_one_moment_stays_two(tmp_path: Path, run: Journal) -> None:
    same = Log(time=run.now(), axis="epoch", step=0, metrics={"loss": 1.0})
    for _ in range(3):
        Writer(str(tmp_path), BEGIN).append(same)
    copy_in(tmp_path, run)
    assert len({(log.time, log.step) for log in records(tmp_path, Log)}) == 3


def test_a_journal_is_not_read_for_a_run_that_nobody_copied_into(
    tmp_path: Path, run: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "copied_in", lambda directory, uid: pytest.fail("read"))
    say(Writer(str(tmp_path), BEGIN), 0)
    Copying(str(tmp_path), run, "u1", is_new=True).copy_all()
    assert steps(tmp_path) == [0]


def test_what_was_copied_before_is_not_read_again(
    tmp_path: Path, run: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, gone = Writer(str(tmp_path), BEGIN), Writer(str(tmp_path), BEGIN)
    for step in range(100):
        say(writer, step)
        say(gone, 1000 + step)
    copy_in(tmp_path, run)
    for path in (run.path, gone.path, writer.path):  # what was read once is damaged since
        content = Path(path).read_bytes()
        Path(path).write_bytes(b"\n".rjust(len(content), b"x"))
    say(writer, 100)
    copy_in(tmp_path, run)
    assert steps(tmp_path) == [100]


@pytest.mark.parametrize("lost", ["the state", "the journal's end", "a newer version's"])
def test_where_it_is_not_known_how_far_was_copied_the_journal_tells(tmp_path: Path, run: Journal, lost: str) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    for step in range(10):
        say(writer, step)
    copy_in(tmp_path, run)
    if lost == "the state":
        os.unlink(tmp_path / "state/copied")
    elif lost == "a newer version's":
        write_line(str(tmp_path / "state/copied"), _Copied("u1", 0, {}, format=99))
    else:
        lines = Path(run.path).read_bytes().splitlines(keepends=True)
        os.truncate(run.path, len(b"".join(lines[:-3])) + 5)
    say(writer, 10)
    copy_in(tmp_path, run)
    assert steps(tmp_path) == list(range(11))


def test_a_file_that_cannot_be_read_costs_the_others_nothing(tmp_path: Path, run: Journal) -> None:
    (tmp_path / "writers").mkdir()
    (tmp_path / "writers" / "a-1-x.jsonl").mkdir()
    (tmp_path / "writers" / "notes.txt").write_text("mine")
    say(Writer(str(tmp_path), BEGIN), 0)
    copy_in(tmp_path, run)
    assert steps(tmp_path) == [0]


def test_a_record_that_is_half_written_is_copied_once_it_is_whole(tmp_path: Path, run: Journal) -> None:
    writer = Writer(str(tmp_path), BEGIN)
    say(writer, 0)
    path = Path(layout.writer_path(str(tmp_path), writer.name))
    whole = path.read_bytes()
    os.truncate(path, len(whole) - 5)
    copying = Copying(str(tmp_path), run, "u1", is_new=True)
    copying.copy_all()
    assert steps(tmp_path) == []
    path.write_bytes(whole)
    copying.copy_all()
    assert steps(tmp_path) == [0]


def test_only_one_thread_copies_at_a_time(tmp_path: Path, run: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "COPY_SECONDS", 0.0)
    several = [Writer(str(tmp_path), BEGIN) for _ in range(2)]
    copying = Copying(str(tmp_path), run, "u1", is_new=True)
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            copying.tick()

    threads = [threading.Thread(target=tick) for _ in range(3)]
    with contextlib.ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(over.set)
        for step in range(400):
            say(several[step % 2], step)
    copying.copy_all()
    assert sorted(steps(tmp_path)) == list(range(400))
