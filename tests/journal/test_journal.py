"""The journal: what was appended is read back, whatever happened to the disk, the file or the process."""

import contextlib
import errno
import json
import math
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lines
import msgspec
import pytest
from forked import in_child
from patience import PATIENT

from tracklib._common import clock
from tracklib._journal import journal as _journal
from tracklib._journal import reader as _reader
from tracklib._journal import tail as _tail
from tracklib._journal.encoding import encode, marker
from tracklib._journal.journal import Journal
from tracklib._journal.reader import Entry, Reader, count_said
from tracklib._journal.records import Begin, End, Log, Params, Status, Tags
from tracklib._journal.tail import last_record

BEGIN = Begin(time=1, format=1, uid="u", attempt=1, name="n", pid=2, host="h", configs=[])


def log(step: Any, **metrics: Any) -> Any:
    return Log(time=7, axis="epoch", step=step, metrics=metrics or {"loss": 0.25 + step})


def line_of(record: Any) -> bytes:
    return lines.line_of(encode(record))


def read(path: str | Path, **start: Any) -> Any:
    reader = Reader(str(path), **start)
    try:
        return [entry.record for entry in reader.records()], reader.damaged
    finally:
        reader.close()


def logged(entries: list[Entry]) -> list[int]:
    return [entry.record.step for entry in entries if isinstance(entry.record, Log)]


def steps(path: str | Path) -> Any:
    return [record.step for record in read(path)[0]]


@pytest.fixture
def path(tmp_path: Path) -> Any:
    return str(tmp_path / "journal.jsonl")


@pytest.fixture
def told() -> Any:
    return []


@pytest.fixture
def journal(path: str, told: list[str]) -> Any:
    return Journal(path, told.append)


# What is written


def test_records_come_back_in_order_with_their_ordinals(journal: Any, path: str) -> None:
    end = End(time=9, status=Status.FINISHED)
    for record in (BEGIN, log(1), Params(time=1, params={"lr": 0.1}), log(2, loss=math.inf), end):
        journal.append(record)
    reader = Reader(path)
    entries = list(reader.records())
    reader.close()
    assert [entry.ordinal for entry in entries] == [0, 1, 2, 3, 4]
    assert [entry.record.ordinal for entry in entries if isinstance(entry.record, Log)] == [1, 3]
    assert entries[0].record == BEGIN
    assert entries[3].record == msgspec.structs.replace(log(2, loss=math.inf), ordinal=3)
    assert entries[4] == Entry(end, 4, os.path.getsize(path))


def test_a_line_is_a_json_object_whose_first_member_is_the_checksum_of_the_rest(journal: Any, path: str) -> None:
    journal.append(log(1))
    with open(path, "rb") as file:
        line = file.read()
    rest = b'"type":"log","axis":"epoch","step":1,"metrics":{"loss":1.25},"time":7}'
    assert line == b'{"crc":"%08x",%b\n' % (zlib.crc32(rest), rest)
    assert json.loads(line)["metrics"] == {"loss": 1.25}


def test_a_record_is_one_write(journal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    real = os.write

    def noted(fd: int, line: bytes) -> int:
        written.append(line)
        return real(fd, line)

    monkeypatch.setattr(os, "write", noted)
    journal.append(log(1))
    journal.append(log(2))
    assert written == [line_of(log(1)), line_of(log(2))]


def test_the_file_is_for_its_owner_alone(journal: Any, path: str) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_symlink_is_not_followed(path: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    os.symlink(tmp_path / "elsewhere", path)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        Journal(path, print)


def test_a_second_writer_goes_on_behind_the_first(path: str, journal: Any) -> None:
    journal.append(log(1))
    second = Journal(path, print)
    second.append(log(2))
    journal.append(log(3))
    assert steps(path) == [1, 2, 3]


def test_time_never_falls(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = iter([5, 5, 3, 6])
    monkeypatch.setattr(clock, "wall", lambda: next(wall))
    journal = Journal(path, print)
    assert [journal.now(), journal.now(), journal.now()] == [5, 5, 6]


# Damage


@pytest.fixture
def small(path: str) -> Any:
    """A small journal's bytes, with carriage returns and a NaN in it, and its records."""
    records = [BEGIN, log(1), log(2, **{"a\r\nb": math.nan}), log(3), End(time=9, status=Status.FAILED, message="\r")]
    journal = Journal(path, print)
    for record in records:
        journal.append(record)
    with open(path, "rb") as file:
        return file.read(), [repr(record) for record in records]


def reprs(path: str) -> Any:
    records, damaged = read(path)
    return [repr(record).replace(f"ordinal={record.ordinal}", "ordinal=-1") if isinstance(record, Log) else repr(record)
            for record in records], damaged  # fmt: skip


def put(path: str, content: Any) -> None:
    with open(path, "wb") as file:
        file.write(content)


def test_every_prefix_recovers_exactly(path: str, small: Any) -> None:
    content, records = small
    for length in range(len(content) + 1):
        put(path, content[:length])
        assert reprs(path) == (records[: content[:length].count(b"\n")], 0)


def test_every_prefix_is_taken_up_by_the_next_writer(path: str, small: Any) -> None:
    content, records = small
    for length in range(len(content) + 1):
        put(path, content[:length])
        journal = Journal(path, print)
        journal.append(log(9))
        whole = content[:length].count(b"\n")
        is_torn = not content[:length].endswith(b"\n") and length > 0
        assert reprs(path) == ([*records[:whole], repr(log(9))], int(is_torn))


@pytest.mark.slow
def test_every_flipped_bit_costs_the_record_whose_line_it_is_in_and_no_other(path: str, small: Any) -> None:
    content, records = small
    for position in range(len(content)):
        own = content[:position].count(b"\n")
        others = records[:own] + records[own + 1 :]
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            put(path, flipped)
            assert reprs(path) == (others, spoiled_lines(bytes(flipped), content)), (position, bit)


def spoiled_lines(flipped: Any, content: Any) -> Any:
    """How many lines are no records: two where the bit made a newline, none where the last one lost its own."""
    return len(set(flipped.split(b"\n")[:-1]) - set(content.split(b"\n")) - {b""})


def test_the_ordinals_count_the_valid_eachwhatever_is_damaged(path: str, small: Any) -> None:
    content, records = small
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1
        put(path, flipped)
        reader = Reader(path)
        entries = list(reader.records())
        reader.close()
        assert [entry.ordinal for entry in entries] == list(range(len(records) - 1))
        assert all(entry.record.ordinal == entry.ordinal for entry in entries if isinstance(entry.record, Log))
        assert reader.offset == flipped.rfind(b"\n") + 1


def test_two_flipped_bits_cost_two_records_at_most_and_never_yield_a_wrong_one(path: str, small: Any) -> None:
    content, records = small
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << (position % 8)
        flipped[position * 7 % len(content)] ^= 1 << (position % 5)
        put(path, flipped)
        kept, _ = reprs(path)
        assert len(kept) >= len(records) - 2
        assert kept == [record for record in records if record in kept]


def test_damaged_eachare_counted_and_blank_ones_are_not(path: str) -> None:
    damage = [b"nonsense\n", b'{"crc":"00000000",\n', line_of(log(2))[:-1] + b" \n"]
    put(path, b"\n\n" + damage[0] + line_of(log(1)) + damage[1] + damage[2] + line_of(log(3)))
    records, damaged = read(path)
    assert ([record.step for record in records], damaged) == ([1, 3], 3)


@pytest.mark.parametrize("body", [b"", b"{}", b"no json", b'{"a":1}'])
def test_a_line_that_is_whole_but_no_record_is_damage(path: str, body: bytes) -> None:
    put(path, lines.line_of(body) + line_of(log(1)))
    records, damaged = read(path)
    assert ([record.ordinal for record in records], damaged) == ([0], 1)


@pytest.mark.parametrize("body", [b'{"type":"of tomorrow"}', b'{"type":"end","time":1,"message":"\xff"}'])
def test_a_whole_line_of_an_unknown_kind_is_passed_over_and_has_its_ordinal(path: str, body: bytes) -> None:
    put(path, lines.line_of(body) + line_of(log(1)))
    records, damaged = read(path)
    assert ([record.ordinal for record in records], damaged) == ([1], 0)


@pytest.mark.parametrize("body", [b'{"type":"log","time":1}', b'{"type":"log",}', b'{"type":"log","time":"\xff"}'])
def test_logs_that_are_read_together_lose_none_to_a_whole_line_that_is_none(path: str, body: bytes) -> None:
    put(path, line_of(log(1)) + lines.line_of(body) + line_of(log(2)))
    with contextlib.closing(Reader(path)) as reader:
        logs, others = reader.read_apart()
    assert ([each.step for each in logs], others) == ([1, 2], [])
    assert (reader.ordinal, reader.damaged) == (3, 0)


@pytest.mark.parametrize("cut", range(1, len(line_of(log(1))) - 1))
def test_a_line_right_behind_one_that_was_cut_off_counts(path: str, cut: Any) -> None:
    put(path, line_of(log(1))[:cut] + line_of(log(2)) + line_of(log(3)))
    records, damaged = read(path)
    assert ([record.step for record in records], damaged) == ([2, 3], 1)


def test_a_text_that_looks_like_a_line_is_none(path: str) -> None:
    inner = line_of(log(7))[:-1].decode()
    put(path, line_of(Tags(time=1, tags={"t": "x" + inner}))[1:] + line_of(log(1)))
    records, damaged = read(path)
    assert ([record.step for record in records], damaged) == ([1], 1)


LOOKS_LIKE_LINES = {"a": {"crc": "00000000", "type": "log"}, "b": [{"crc": "00000000", "type": "end"}], "type": "end"}


def test_a_users_own_names_that_look_like_a_line_hide_none_behind_a_tear(path: str) -> None:
    looks_like_lines = Params(time=1, params=LOOKS_LIKE_LINES)
    put(path, line_of(log(1))[:30] + line_of(looks_like_lines) + line_of(log(2)))
    records, damaged = read(path)
    assert (records[0], records[1].step, damaged) == (looks_like_lines, 2, 1)


def test_a_users_own_names_that_look_like_a_line_hide_none_that_is_looked_for_backwards(path: str) -> None:
    end = End(time=2, status=Status.FINISHED)
    looks_like_lines = Params(time=3, params=LOOKS_LIKE_LINES)
    tags = Tags(time=3, tags={"crc": "00000000", "type": "end"})
    each = [line_of(record) for record in (BEGIN, end, looks_like_lines, tags)]
    put(path, b"".join(each))
    assert last_record(path) == (tags, len(b"".join(each[:3])))
    assert last_record(path, Params, marker(Params)) == (looks_like_lines, len(b"".join(each[:2])))
    assert last_record(path, End, marker(End)) == (end, len(each[0]))
    assert last_record(path, Begin, marker(Begin)) == (BEGIN, 0)
    assert last_record(path, Log, marker(Log)) is None


def test_damage_longer_than_a_piece_does_not_look_like_the_end(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reader, "_PIECE", 64)
    put(path, b"garbage\n" * 100 + b"\0" * 1000 + b"\n" + line_of(log(1)))
    assert read(path) == ([Log(time=7, axis="epoch", step=1, metrics={"loss": 1.25}, ordinal=0)], 101)


# Reading on


def test_a_line_longer_than_a_piece_is_found_backwards(
    journal: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracklib._journal.tail._CHUNK", 64)
    journal.append(log(1, **{f"metric-{number}": 1.0 for number in range(100)}))
    journal.append(BEGIN)
    found: Any = last_record(path, Log, marker(Log))
    assert len(found[0].metrics) == 100


def test_a_torn_tail_is_left_for_its_writer(path: str) -> None:
    whole, torn = line_of(log(1)), line_of(log(2))
    put(path, whole + torn[:-3])
    reader = Reader(path)
    assert logged(reader.read()) == [1]
    assert (reader.read(), reader.damaged, reader.offset) == ([], 0, len(whole))
    with open(path, "ab") as file:
        file.write(torn[-3:])
    assert logged(reader.read()) == [2]
    reader.close()


def test_a_reader_goes_on_from_an_offset_and_an_ordinal(journal: Any, path: str) -> None:
    for step in range(5):
        journal.append(log(step))
    reader = Reader(path)
    end = reader.read()[2].end
    reader.close()
    later = Reader(path, offset=end, ordinal=3)
    found: list[Any] = [entry.record for entry in later.records()]
    assert [(record.step, record.ordinal) for record in found] == [(3, 3), (4, 4)]
    later.close()


def test_a_reader_follows_its_writer(journal: Any, path: str) -> None:
    reader = Reader(path)
    seen = []
    for step in range(3):
        assert reader.read() == []
        journal.append(log(step))
        seen += logged(reader.read())
    reader.close()
    assert seen == [0, 1, 2]


def test_a_long_journal_is_read_in_pieces(journal: Any, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reader, "_PIECE", 256)
    for step in range(50):
        journal.append(log(step))
    reader = Reader(path)
    assert 0 < len(reader.read()) < 50
    assert reader.is_behind
    assert len(list(reader.records())) > 0
    assert not reader.is_behind
    reader.close()
    assert steps(path) == list(range(50))


def test_a_line_longer_than_a_piece_is_read_whole(journal: Any, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reader, "_PIECE", 64)
    many = {f"metric/{number}": number / 8 for number in range(100)}
    journal.append(log(1))
    journal.append(log(2, **many))
    journal.append(log(3))
    assert [record.metrics for record in read(path)[0]] == [{"loss": 1.25}, many, {"loss": 3.25}]


def test_eachbehind_an_offset_are_counted_by_their_newlines(
    journal: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tail, "_CHUNK", 64)
    for step in range(5):
        journal.append(log(step))
    assert [count_said(path, 0), count_said(path, 2 * len(line_of(log(0)))), count_said(path, 10**6)] == [5, 3, 0]


# Many writers


def test_threads_append_at_once_and_no_record_is_lost_or_mixed(journal: Any, path: str) -> None:
    barrier = threading.Barrier(4)

    def write(thread: Any) -> None:
        barrier.wait()
        for number in range(250):
            journal.append(log(thread * 1000 + number, **{"m" * (number % 97 + 1): float(number)}))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found, damaged = read(path)
    assert damaged == 0
    for writer in range(4):
        own = [record.step for record in found if record.step // 1000 == writer]
        assert own == [writer * 1000 + number for number in range(250)]


def test_a_forked_child_appends_to_the_same_file(journal: Any, path: str) -> None:
    def child() -> None:
        journal.after_fork_in_child()
        journal.append(log(2))

    journal.append(log(1))
    in_child(child)
    journal.append(log(3))
    assert steps(path) == [1, 2, 3]


def test_a_forked_child_does_not_write_its_parents_backlog_again(
    journal: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        journal.append(log(1))

    def child() -> None:
        journal.after_fork_in_child()
        assert journal.waiting == 0
        journal.append(log(2))

    in_child(child)
    journal.append(log(3))
    assert steps(path) == [2, 1, 3]


def test_a_forked_childs_journal_begins_without_a_backlog(told: list[str]) -> None:
    journal = Journal("/dev/full", told.append)
    journal.append(log(1))
    journal.after_fork_in_child()
    assert journal.waiting == 0


def test_what_a_full_disk_refuses_in_a_forked_child_is_kept_elsewhere_at_once(told: list[str], tmp_path: Path) -> None:
    spill = str(tmp_path / "spill")
    journal = Journal("/dev/full", told.append)
    journal.after_fork_in_child(spill)
    journal.append(log(1))
    journal.append(log(2))
    journal.sync()
    assert steps(spill) == [1, 2]
    assert journal.waiting == 0
    assert told
    assert all("kept in" in trouble for trouble in told)


@pytest.mark.parametrize("spill", ["/dev/full", "/nowhere/spill"])
def test_where_that_is_full_too_it_waits_in_the_child(told: list[str], spill: str) -> None:
    journal = Journal("/dev/full", told.append)
    journal.after_fork_in_child(spill)
    journal.append(log(1))
    assert journal.waiting == 1
    assert "records wait in memory" in told[0]


def test_a_spill_that_takes_half_a_line_leaves_the_record_waiting(told: list[str], tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    journal = Journal("/dev/full", told.append)
    journal.after_fork_in_child(str(spill))
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    try:
        journal.append(log(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert spill.stat().st_size == 10
    assert journal.waiting == 1


def test_where_somebody_closed_and_deleted_it_records_wait(path: str, told: list[str]) -> None:
    journal = Journal(path, told.append)
    os.close(journal._file.fd)
    os.unlink(path)
    journal.append(log(1))
    assert journal.waiting == 1
    assert "records wait in memory" in told[0]


def test_a_child_forked_while_a_thread_held_the_backlog_can_append(journal: Any, path: str) -> None:
    def child() -> None:
        journal.after_fork_in_child()
        journal._torn = True  # the way that takes the lock
        signal.alarm(int(PATIENT))
        journal.append(log(2))

    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with journal._backlog_lock:
            taken.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    in_child(child)
    done.set()
    thread.join()
    assert steps(path) == [2]


# A disk that refuses


def refuse(fd: Any, line: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def scripted(monkeypatch: pytest.MonkeyPatch, *lengths: Any) -> None:
    """Let ``os.write`` take so many bytes at each call, None for all of them; afterwards all."""
    real, script = os.write, iter(lengths)

    def write(fd: Any, line: Any) -> Any:
        length = next(script, None)
        return real(fd, line if length is None else line[:length])

    monkeypatch.setattr(os, "write", write)


def test_what_a_full_device_refuses_waits_and_is_told_once(told: list[str]) -> None:
    journal = Journal("/dev/full", told.append)
    for step in range(3):
        journal.append(log(step))
    journal.sync()
    assert (journal.waiting, journal.lost) == (3, 0)
    (message,) = told
    assert "/dev/full" in message
    assert "No space left on device" in message


def test_a_file_at_its_size_limit_keeps_every_record_in_order(path: str) -> None:
    program = """
        import resource, signal, sys
        from tracklib._journal.journal import Journal
        from tracklib._journal.records import Log

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        journal = Journal(sys.argv[1], print)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        for step in range(20):
            journal.append(Log(time=1, axis="epoch", step=step, metrics={"loss": 0.5}))
        print(journal.waiting > 0, journal.lost)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        journal.sync()
        print(journal.waiting)
        journal.append(Log(time=1, axis="epoch", step=20, metrics={"loss": 0.5}))
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), path], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[1:] == ["True 0", "0"]
    assert "cannot be written" in ran.stdout
    records, damaged = read(path)
    assert [record.step for record in records] == list(range(21))
    assert damaged == 1


def test_the_backlog_is_spent_in_order_by_the_next_append(
    journal: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        for step in range(3):
            journal.append(log(step))
    journal.append(log(3))
    assert (journal.waiting, steps(path)) == (0, [0, 1, 2, 3])


def test_the_backlog_is_spent_by_sync_too(journal: Any, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        journal.append(log(1))
    journal.sync()
    assert (journal.waiting, steps(path)) == (0, [1])


def test_a_disk_that_fills_again_keeps_the_rest_in_order(
    journal: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        for step in range(3):
            journal.append(log(step))
    with monkeypatch.context() as short:
        scripted(short, None, 5)
        journal.append(log(3))
        assert (journal.waiting, steps(path)) == (3, [0])
    journal.append(log(4))
    assert (journal.waiting, steps(path)) == (0, [0, 1, 2, 3, 4])


def test_a_disk_that_recovers_and_fills_again_is_told_of_again(
    journal: Any, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with monkeypatch.context() as full:
            full.setattr(os, "write", refuse)
            journal.append(log(1))
            journal.append(log(2))
        journal.sync()
    assert len(told) == 2


@pytest.mark.parametrize("length", range(1, len(line_of(log(1)))))
def test_a_short_write_of_any_length_gives_the_record_once(
    journal: Any, path: str, monkeypatch: pytest.MonkeyPatch, length: Any
) -> None:
    with monkeypatch.context() as short:
        scripted(short, length)
        journal.append(log(1))
    journal.append(log(2))
    records, damaged = read(path)
    assert ([record.step for record in records], damaged) == ([1, 2], 1)


@pytest.mark.parametrize("second", range(1, len(line_of(log(1))) + 2))
def test_two_short_writes_give_the_record_once(
    journal: Any, path: str, monkeypatch: pytest.MonkeyPatch, second: Any
) -> None:
    with monkeypatch.context() as short:
        scripted(short, 20, second)
        journal.append(log(1))
        journal.sync()
    journal.append(log(2))
    assert steps(path) == [1, 2]


def test_a_torn_tail_that_cannot_be_mended_yet_keeps_the_record_waiting(
    path: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, line_of(log(1)) + b"0123")
    journal = Journal(path, told.append)
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        journal.append(log(2))
    assert (journal.waiting, steps(path)) == (1, [1])
    journal.append(log(3))
    assert steps(path) == [1, 2, 3]


def test_the_backlog_is_bounded_and_what_it_cannot_hold_is_counted_and_told_once(
    journal: Any, path: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_journal, "BACKLOG_BYTES", 3 * len(line_of(log(0))))
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        for step in range(8):
            journal.append(log(step))
    assert (journal.waiting, journal.lost) == (3, 5)
    assert [("being lost" in message) for message in told] == [False, True]
    journal.append(log(8))
    assert steps(path) == [0, 1, 2, 8]


def test_a_spent_backlog_has_all_its_room_again(journal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_journal, "BACKLOG_BYTES", 3 * len(line_of(log(0))))
    for _ in range(3):
        with monkeypatch.context() as full:
            full.setattr(os, "write", refuse)
            for step in range(3):
                journal.append(log(step))
        journal.sync()
    assert (journal.waiting, journal.lost) == (0, 0)


def test_the_record_is_kept_when_telling_the_trouble_raises(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(message: Any) -> None:
        raise UserWarning(message)

    journal = Journal(path, tell)
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        with pytest.raises(UserWarning):
            journal.append(log(1))
    journal.append(log(2))
    assert steps(path) == [1, 2]


def test_a_spill_holds_what_still_waits(tmp_path: Path, told: list[str]) -> None:
    journal = Journal("/dev/full", told.append)
    journal.append(log(1))
    journal.append(log(2))
    journal.spill(str(tmp_path / "spill.jsonl"))
    assert steps(tmp_path / "spill.jsonl") == [1, 2]
    assert journal.waiting == 0
    assert stat.S_IMODE(os.stat(tmp_path / "spill.jsonl").st_mode) == 0o600


def test_what_was_spilled_is_not_written_by_a_late_tick_as_well(
    journal: Any, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        journal.append(log(1))
    journal.spill(str(tmp_path / "spill.jsonl"))
    journal.sync()
    journal.append(log(2))
    assert steps(path) == [2]


def test_a_spill_overwrites_nothing(journal: Any, tmp_path: Path) -> None:
    (tmp_path / "spill.jsonl").write_text("precious")
    with pytest.raises(FileExistsError):
        journal.spill(str(tmp_path / "spill.jsonl"))
    assert (tmp_path / "spill.jsonl").read_text() == "precious"


# Syncing and closing


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Any:
    calls: list[int] = []
    monkeypatch.setattr(_journal, "_fdatasync", calls.append)
    return calls


def test_append_never_syncs_and_sync_does_once(journal: Any, synced: Any) -> None:
    journal.append(log(1))
    assert synced == []
    journal.sync()
    journal.sync()
    assert synced == [journal._file.fd]


def test_a_tick_syncs_about_once_a_second(journal: Any, synced: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    start = journal._synced_at
    now = [start + 0.9]
    monkeypatch.setattr(clock, "steady", lambda: now[0])
    journal.append(log(1))
    journal.tick()
    assert synced == []
    now[0] = start + 1.0
    journal.tick()
    assert len(synced) == 1
    journal.append(log(2))
    journal.tick()
    assert len(synced) == 1


def test_of_two_threads_that_tick_at_once_one_syncs(journal: Any, synced: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    journal._synced_at -= 10
    journal.append(log(1))

    def another_tick_while_it_syncs(fd: int) -> None:
        synced.append(fd)
        journal._synced_at -= 10
        journal._unsynced = True
        thread = threading.Thread(target=journal.tick)
        thread.start()
        thread.join()

    monkeypatch.setattr(_journal, "_fdatasync", another_tick_while_it_syncs)
    journal.tick()
    assert len(synced) == 1


def test_a_disk_that_cannot_sync_stops_nothing(told: list[str]) -> None:
    journal = Journal("/dev/null", told.append)  # takes every write, and has nothing to sync
    journal.append(log(1))
    journal.sync()
    assert told == []


def test_the_file_stays_open_until_nobody_can_append_any_more(path: str) -> None:
    journal = Journal(path, print)
    fd = journal._file.fd
    journal.let_go()
    journal.append(log(1))
    assert steps(path) == [1]
    del journal
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(fd)


def test_a_descriptor_that_somebody_else_closed_does_not_keep_a_run_from_ending(tmp_path: Path) -> None:
    journal = _journal.Journal(str(tmp_path / "journal.jsonl"), print)
    os.close(journal._file.fd)


TEN_YEARS = 315_360_000_000


@pytest.fixture
def set_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set the clock by so many milliseconds."""
    right = clock.wall
    return lambda by: monkeypatch.setattr(clock, "wall", lambda: right() + by)


def test_a_clock_that_is_set_ten_years_ahead_for_a_moment_dates_nothing_there(
    journal: Journal, set_by: Callable[[int], None]
) -> None:
    before = journal.now()
    set_by(TEN_YEARS)
    ahead = journal.now()
    set_by(0)
    assert before <= ahead <= journal.now() <= clock.wall()


def test_a_clock_that_was_years_behind_when_the_run_began_is_believed_a_minute_after_it_was_set_right(
    path: str, set_by: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_by(-TEN_YEARS)
    journal = Journal(path, print)
    set_by(0)
    assert journal.now() < clock.wall() - TEN_YEARS + 60_000
    boot = clock.since_boot
    monkeypatch.setattr(clock, "since_boot", lambda: boot() + 60_000)
    set_by(60_000)
    assert journal.now() >= clock.wall() - 1_000


def test_where_a_clock_that_was_years_ahead_is_set_right_time_goes_on_from_there(
    path: str, set_by: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_by(TEN_YEARS)
    journal = Journal(path, print)
    begun = journal.now()
    boot = clock.since_boot
    set_by(5_000)
    monkeypatch.setattr(clock, "since_boot", lambda: boot() + 5_000)
    assert 5_000 <= journal.now() - begun < 65_000
    resumed = Journal(path, print, after=begun)
    monkeypatch.setattr(clock, "since_boot", lambda: boot() + 10_000)
    assert 5_000 <= resumed.now() - begun < 65_000


def test_a_clock_that_is_ahead_for_two_moments_is_not_taken_for_one_that_stood_there_between_them(
    journal: Journal, set_by: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_by(TEN_YEARS)
    journal.now()
    set_by(0)
    journal.now()
    boot, wall = clock.since_boot, clock.wall
    monkeypatch.setattr(clock, "since_boot", lambda: boot() + 120_000)
    monkeypatch.setattr(clock, "wall", lambda: wall() + 120_000 + TEN_YEARS)
    assert journal.now() < wall() + TEN_YEARS
