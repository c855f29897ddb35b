"""The CSV: every row kept, every column found, and a table that pandas can read at any moment."""

import csv
import errno
import math
import os
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tracklib import Trackers, tracking
from tracklib._common.names import with_hash
from tracklib._journal import layout
from tracklib._journal.records import Begin, Log, Status
from tracklib.errors import LifecycleError, TrackerLost, TrackerWarning
from tracklib.trackers import CsvLogger, _projection, csv_logger


def csv_of(run: Trackers) -> CsvLogger:
    logger = run.loggers[-1]
    assert isinstance(logger, CsvLogger)
    return logger


def record(step: Any, axis: str = "epoch", **metrics: Any) -> Any:
    return Log(time=7, axis=axis, step=step, metrics=metrics)


@pytest.fixture
def path(tmp_path: Path) -> Any:
    return tmp_path / "metrics.csv"


@pytest.fixture
def logger(tmp_path: Path) -> Iterator[Any]:
    logger = CsvLogger(output_run=str(tmp_path))
    logger.init()
    yield logger
    logger.close()


def managed(directory: Any) -> Any:
    logger = CsvLogger(output_run=str(directory))
    logger.begin = Begin(time=1, format=1, uid="u", attempt=1, name="n", pid=2, host="h", configs=[])
    return logger


def table(path: Path) -> Any:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


# The table


def test_a_new_file_has_the_epoch_as_its_header(logger: Any, path: Path) -> None:
    assert path.read_bytes() == b"epoch\n"
    assert (logger.file_initialized, logger.fieldnames) == (True, ["epoch"])
    assert logger.location == str(path)


def test_before_init_nothing_is_there(tmp_path: Path, path: Path) -> None:
    logger = CsvLogger(output_run=str(tmp_path))
    assert (logger.file_initialized, logger.fieldnames, logger.location) == (False, [], "")
    assert not path.exists()


def test_each_epoch_is_a_row_with_a_column_for_each_metric_in_order_of_appearance(logger: Any, path: Path) -> None:
    logger.log(epoch=1, log_dict={"loss": 0.5, "accuracy": 0.25})
    logger.log(epoch=2, log_dict={"accuracy": 0.75, "loss": 0.125})
    assert path.read_text() == "epoch,loss,accuracy\n1,0.5,0.25\n2,0.125,0.75\n"
    assert logger.fieldnames == ["epoch", "loss", "accuracy"]


def test_a_column_that_comes_late_extends_the_header_and_every_row(logger: Any, path: Path) -> None:
    logger.log(epoch=1, log_dict={"loss": 0.5})
    logger.log(epoch=2, log_dict={"loss": 0.25, "lr": 0.1})
    logger.log(epoch=3, log_dict={"f1": 1.0, "loss": 0.125})
    assert path.read_text() == "epoch,loss,lr,f1\n1,0.5,,\n2,0.25,0.1,\n3,0.125,,1.0\n"


def test_disjoint_metrics_of_one_epoch_make_one_row(logger: Any, path: Path) -> None:
    for epoch in (1, 2):
        logger.log(epoch=epoch, log_dict={"train": 0.5})
        logger.log(epoch=epoch, log_dict={"val": 0.25})
    assert path.read_text() == "epoch,train,val\n1,0.5,0.25\n2,0.5,0.25\n"


def test_overlapping_metrics_of_one_epoch_make_two_rows(logger: Any, path: Path) -> None:
    logger.log(epoch=1, log_dict={"loss": 0.5})
    logger.log(epoch=1, log_dict={"loss": 0.25, "lr": 0.1})
    assert path.read_text() == "epoch,loss,lr\n1,0.5,\n1,0.25,0.1\n"


def test_only_the_newest_row_is_completed(logger: Any, path: Path) -> None:
    logger.log(epoch=1, log_dict={"train": 0.5})
    logger.log(epoch=2, log_dict={"train": 0.25})
    logger.log(epoch=1, log_dict={"val": 1.0})
    assert path.read_text() == "epoch,train,val\n1,0.5,\n2,0.25,\n1,,1.0\n"


def test_another_axis_is_a_column_of_its_own(logger: Any, path: Path) -> None:
    logger.log_batch([record(10, "step", loss=0.5), record(1, val=0.25), record(1, "step", lr=0.1)])
    assert path.read_text() == "epoch,step,loss,val,lr\n,10,0.5,,\n1,,,0.25,\n,1,,,0.1\n"


def test_a_metric_called_epoch_does_not_replace_the_epoch(logger: Any, path: Path) -> None:
    with pytest.warns(TrackerWarning, match="epoch"):
        logger.log(epoch=3, log_dict={"epoch": 0.5})
    assert table(path) == [["epoch", with_hash("epoch", "epoch")], ["3", "0.5"]]


def test_a_batch_makes_the_same_table_as_its_records_one_by_one(tmp_path: Path) -> None:
    records = [record(1, a=0.5), record(1, b=0.5), record(2, a=1.0), record(2, a=2.0), record(9, "step", c=1.0)]
    whole, single = CsvLogger(output_run=str(tmp_path / "whole")), CsvLogger(output_run=str(tmp_path / "single"))
    for logger, batches in ((whole, [records]), (single, [[one] for one in records])):
        logger.init()
        for batch in batches:
            logger.log_batch(batch)
        logger.finish(Status.FINISHED)
    assert table(tmp_path / "whole" / "metrics.csv") == table(tmp_path / "single" / "metrics.csv")


def test_an_epoch_without_metrics_is_a_row_once(logger: Any, path: Path) -> None:
    logger.log(epoch=1, log_dict={})
    logger.log(epoch=1, log_dict={})
    assert path.read_text() == "epoch\n1\n"


@pytest.mark.parametrize(
    "value", [0.1, -0.0, 1e300, 5e-324, 1 / 3, math.pi * 1e-10, math.inf, -math.inf, math.nan, 2.0**60]
)
def test_every_float_is_read_back_exactly(logger: Any, path: Path, value: Any) -> None:
    logger.log(epoch=1, log_dict={"x": value})
    read = table(path)[1][1]
    assert repr(float(read)) == repr(value)


def test_by_hand_a_number_of_any_package_is_taken_and_what_is_none_is_said(logger: Any, path: Path) -> None:
    with pytest.warns(TrackerWarning, match="metric 'note' is not logged: str is no number") as warned:
        logger.log(epoch=np.int64(1), log_dict={"a": np.float64(0.5), "b": 1, "note": "x,y", "in": {"c": True}})
    assert len(warned) == 1
    assert path.read_text() == "epoch,a,b,in/c\n1,0.5,1.0,1.0\n"


# Names


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_column_is_a_formula_and_numbers_stay_numbers(logger: Any, path: Path, first: str) -> None:
    logger.log(epoch=-1, log_dict={f"{first}cmd": -0.5})
    assert table(path) == [["epoch", f"'{first}cmd"], ["-1", "-0.5"]]


@pytest.mark.parametrize("name", ["a,b", 'say "loss"', "two\nlines", "two\r\nlines", "é", " ", "a\x00b", "'", "nan"])
def test_a_name_of_any_characters_is_a_column_and_survives_a_late_one(logger: Any, path: Path, name: str) -> None:
    logger.log(epoch=1, log_dict={name: 0.5})
    logger.log(epoch=2, log_dict={name: 0.25, "late": 1.0})
    logger.log(epoch=3, log_dict={name: 0.125, "late": 2.0})
    expected = [["epoch", name, "late"], ["1", "0.5", ""], ["2", "0.25", "1.0"], ["3", "0.125", "2.0"]]
    assert table(path) == expected


def test_the_empty_name_is_one_column(logger: Any, path: Path) -> None:
    for epoch in (1, 2, 3):
        logger.log(epoch=epoch, log_dict={"": 0.5})
    assert table(path) == [["epoch", "unnamed"], ["1", "0.5"], ["2", "0.5"], ["3", "0.5"]]


def test_a_name_that_utf_8_has_no_bytes_for_is_spelled_out(logger: Any, path: Path) -> None:
    logger.log(epoch=1, log_dict={"caf\udce9": 0.5})
    assert table(path)[0] == ["epoch", "caf\\udce9"]


# The file


@pytest.mark.parametrize("late", [{}, {"late": 1.0}])
def test_the_file_is_for_its_owner_alone(logger: Any, path: Path, late: dict[str, Any]) -> None:
    before = os.umask(0)
    try:
        logger.log(epoch=1, log_dict={"loss": 0.5})
        logger.log(epoch=2, log_dict={"loss": 0.5, **late})
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_nothing_but_the_table_is_left_behind(logger: Any, tmp_path: Path) -> None:
    for epoch in range(300):
        logger.log(epoch=epoch, log_dict={"a": 0.5, f"late{epoch // 100}": 1.0})
    assert os.listdir(tmp_path) == ["metrics.csv"]
    assert logger.files == ("metrics.csv",)


@pytest.mark.parametrize("name", ["a/b.csv", "../x.csv", "..", ".", "", "a/", "a\0", "x" * 300])
def test_a_name_with_a_folder_or_that_no_file_can_have_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="csv_filename="):
        CsvLogger(csv_filename=name)


@pytest.mark.parametrize("name", [*layout.OWN, "children", "wandb", "tensorboard", "Children", "JOURNAL.jsonl"])
def test_a_name_that_the_runs_directory_needs_itself_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="csv_filename="):
        CsvLogger(csv_filename=name)


def test_another_filename_is_taken(tmp_path: Path) -> None:
    logger = CsvLogger(csv_filename="train.csv", output_run=str(tmp_path))
    logger.init()
    logger.close()
    assert (logger.files, os.listdir(tmp_path)) == (("train.csv",), ["train.csv"])


def test_csv_filename_is_the_path_of_the_file(tmp_path: Path) -> None:
    logger = CsvLogger(csv_filename="train.csv", output_run=str(tmp_path))
    logger.init()
    logger.log(epoch=1, log_dict={"loss": 0.5})
    assert pd.read_csv(logger.csv_filename)["loss"].tolist() == [0.5]


def test_in_a_run_csv_filename_is_the_path_of_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with tracking([{"type": "CsvLogger", "csv_filename": "train.csv"}], output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 0.5})
    assert csv_of(t).csv_filename == str(tmp_path / "run" / "train.csv")
    assert pd.read_csv(csv_of(t).csv_filename)["loss"].tolist() == [0.5]


def test_an_absolute_path_is_taken_and_what_is_there_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "tables" / "all.csv"
    path.parent.mkdir()
    path.write_text("precious")
    config = {"type": "CsvLogger", "csv_filename": str(path)}
    with tracking([config], output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 0.5})
        with t.child("fold") as fold:
            fold.log(0, {"loss": 7.0})
    with tracking([config], output_run=tmp_path / "run", resume=True) as t:
        t.log(1, {"loss": 0.25})
    assert pd.read_csv(path)["loss"].tolist() == [0.5, 0.25]
    assert pd.read_csv(csv_of(fold).csv_filename)["loss"].tolist() == [7.0]
    assert sorted(file.read_text() for file in path.parent.iterdir() if file != path) == ["precious"]


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    logger = CsvLogger(output_run=str(tmp_path / "a" / "b"))
    logger.init()
    logger.close()
    assert stat.S_IMODE(os.stat(tmp_path / "a" / "b").st_mode) == 0o700


@pytest.mark.parametrize("content", ["epoch,secret\n1,2\n", ""])
def test_by_hand_a_symlink_is_not_followed(tmp_path: Path, path: Path, content: str) -> None:
    (tmp_path / "target.csv").write_text(content)
    os.symlink(tmp_path / "target.csv", path)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        CsvLogger(output_run=str(tmp_path)).init()
    assert (tmp_path / "target.csv").read_text() == content


def test_in_a_managed_run_a_symlink_is_replaced_and_its_target_kept(tmp_path: Path, path: Path) -> None:
    (tmp_path / "target.csv").write_text("precious")
    os.symlink(tmp_path / "target.csv", path)
    logger = managed(tmp_path)
    logger.init()
    logger.log(epoch=1, log_dict={"loss": 0.5})
    logger.close()
    assert (tmp_path / "target.csv").read_text() == "precious"
    assert not path.is_symlink()


def test_a_managed_run_builds_its_table_anew(tmp_path: Path, path: Path) -> None:
    path.write_text("epoch,loss\n1,0.5\n")
    logger = managed(tmp_path)
    for _ in range(2):  # init comes again after a failure
        logger.init()
        logger.log_batch([record(1, accuracy=0.5)])
    logger.close()
    assert path.read_text() == "epoch,accuracy\n1,0.5\n"


# By hand, on a file that is there


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("epoch,loss\n1,0.5\n", [["1", "0.5", ""]]),
        ("epoch,loss\r\n1,0.5\r\n", [["1", "0.5", ""]]),
        ("\ufeffepoch,loss\n1,0.5\n", [["1", "0.5", ""]]),
        ('"epoch","loss"\n"1","0.5"\n', [["1", "0.5", ""]]),
        ("epoch,loss\n1,0.5", [["1", "0.5", ""]]),
        ("epoch,loss\n1,0.5\n2", [["1", "0.5", ""], ["2", "", ""]]),
        ("epoch,loss\n\n1,0.5\n\n", [["1", "0.5", ""]]),
        ("epoch,loss\n", []),
        ("epoch,loss", []),
    ],
)
def test_by_hand_rows_are_added_to_the_file_that_is_there(tmp_path: Path, path: Path, content: str, rows: Any) -> None:
    path.write_bytes(content.encode())
    logger = CsvLogger(output_run=str(tmp_path))
    logger.init()
    assert logger.fieldnames == ["epoch", "loss"]
    logger.log(epoch=3, log_dict={"loss": 0.25})
    logger.log(epoch=3, log_dict={"lr": 0.1})
    logger.log(epoch=4, log_dict={"loss": 0.125, "lr": 0.01})
    logger.close()
    assert table(path) == [["epoch", "loss", "lr"], *rows, ["3", "0.25", "0.1"], ["4", "0.125", "0.01"]]


@pytest.mark.parametrize("content", ["", "\n", "\r\n\n"])
def test_by_hand_an_empty_file_is_a_new_one(tmp_path: Path, path: Path, content: str) -> None:
    path.write_bytes(content.encode())
    logger = CsvLogger(output_run=str(tmp_path))
    logger.init()
    logger.log(epoch=1, log_dict={"loss": 0.5})
    logger.close()
    assert path.read_text() == "epoch,loss\n1,0.5\n"


def test_by_hand_text_in_an_existing_table_is_kept(tmp_path: Path, path: Path) -> None:
    path.write_text('note,epoch\n"a, ""b""",1\n')
    logger = CsvLogger(output_run=str(tmp_path))
    logger.init()
    logger.log(epoch=2, log_dict={"loss": 0.5})
    logger.close()
    assert table(path) == [["note", "epoch", "loss"], ['a, "b"', "1", ""], ["", "2", "0.5"]]


def test_by_hand_a_file_with_cells_of_several_lines_is_refused_and_kept(tmp_path: Path, path: Path) -> None:
    path.write_text('note,epoch\n"a\nb",1\n')
    with pytest.raises(ValueError, match=r"metrics\.csv has cells of several lines"):
        CsvLogger(output_run=str(tmp_path)).init()
    assert path.read_text() == 'note,epoch\n"a\nb",1\n'


def test_by_hand_one_may_close_and_go_on(logger: Any, path: Path) -> None:
    logger.log(epoch=1, log_dict={"loss": 0.5})
    logger.close()
    logger.close()
    logger.init()
    logger.log(epoch=2, log_dict={"loss": 0.25})
    assert path.read_text() == "epoch,loss\n1,0.5\n2,0.25\n"


def test_log_before_init_or_after_close_is_refused_with_the_way_out(tmp_path: Path, logger: Any) -> None:
    with pytest.raises(LifecycleError, match="call init"):
        CsvLogger(output_run=str(tmp_path)).log(epoch=1, log_dict={"loss": 0.5})
    logger.close()
    with pytest.raises(LifecycleError, match="call init"):
        logger.log(epoch=1, log_dict={"loss": 0.5})


# Trouble


def test_a_full_disk_may_be_tried_again_and_other_errors_may_not(logger: Any) -> None:
    assert logger.is_transient(OSError(errno.ENOSPC, "No space left on device"))
    assert not logger.is_transient(ValueError())


@pytest.mark.parametrize("late", ["", "late"])
def test_after_a_full_disk_the_same_records_make_the_table_whole(tmp_path: Path, path: Path, late: str) -> None:
    program = """
        import os, resource, signal, sys
        from tracklib.trackers import CsvLogger

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        logger = CsvLogger(output_run=sys.argv[1])
        logger.init()
        for epoch in range(10):
            logger.log(epoch=epoch, log_dict={"loss": 0.5})
        size = os.path.getsize(logger.csv_filename)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 3, resource.RLIM_INFINITY))
        try:
            logger.log(epoch=10, log_dict={"loss": 0.5, **({sys.argv[2]: 1.0} if sys.argv[2] else {})})
        except OSError as error:
            print(error.errno, logger.is_transient(error), os.listdir(sys.argv[1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        logger.log(epoch=10, log_dict={"loss": 0.5, **({sys.argv[2]: 1.0} if sys.argv[2] else {})})
        logger.log(epoch=11, log_dict={"loss": 0.5})
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path), late],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout == f"{errno.EFBIG} True ['metrics.csv']\n"
    read = pd.read_csv(path)
    assert list(read["epoch"]) == list(range(12))
    assert list(read["loss"]) == [0.5] * 12


def test_short_writes_make_the_table_whole(logger: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, rest, at: real(fd, rest[:3], at))
    logger.log(epoch=1, log_dict={"loss": 0.5})
    logger.log(epoch=2, log_dict={"loss": 0.25})
    assert path.read_text() == "epoch,loss\n1,0.5\n2,0.25\n"


def test_a_table_that_someone_cut_short_is_told_and_goes_on_from_what_is_left(logger: Any, path: Path) -> None:
    for epoch in range(5):
        logger.log(epoch=epoch, log_dict={"loss": 0.5})
    os.truncate(path, len("epoch,loss\n0,0.5\n"))
    with pytest.raises(TrackerLost):
        logger.log(epoch=5, log_dict={"loss": 0.5, "late": 1.0})
    logger.init()
    logger.log(epoch=5, log_dict={"loss": 0.5, "late": 1.0})
    assert table(path) == [["epoch", "loss", "late"], ["0", "0.5", ""], ["5", "0.5", "1.0"]]


# Large tables


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a table be large after 200 bytes."""
    monkeypatch.setattr(csv_logger, "_REPLACED_BYTES", 200)
    monkeypatch.setattr(_projection, "_COPY_BYTES", 16)


def test_a_large_table_is_written_in_place_and_is_the_same(logger: Any, path: Path, small_limits: Any) -> None:
    expected = []
    for epoch in range(100):
        logger.log(epoch=epoch, log_dict={"train": 0.5})
        logger.log(epoch=epoch, log_dict={"val": 0.25})
        expected.append([str(epoch), "0.5", "0.25"])
    inode = os.stat(path).st_ino
    logger.log_batch([record(100, train=0.5), record(100, val=0.25)])
    assert os.stat(path).st_ino == inode
    logger.log(epoch=101, log_dict={"late": 1.0})
    rows = [[*row, ""] for row in [*expected, ["100", "0.5", "0.25"]]]
    assert table(path) == [["epoch", "train", "val", "late"], *rows, ["101", "", "", "1.0"]]


# At any moment


def test_a_write_that_a_reader_could_see_in_parts_replaces_the_file(logger: Any, path: Path) -> None:
    inodes, sizes, texts = [], [], []
    for epoch in range(1200):
        with open(path, "rb") as before:
            logger.log(epoch=epoch, log_dict={"loss": 0.5})
            inodes.append(os.stat(path).st_ino == os.fstat(before.fileno()).st_ino)
            sizes.append(os.path.getsize(path))
            texts.append(before.read())
    grown = zip([0, *sizes], sizes, inodes, strict=False)
    assert all(not in_place or old // 4096 == (new - 1) // 4096 for old, new, in_place in grown)
    assert sum(inodes) > 1000  # and as a rule a row is appended


def test_a_row_that_is_completed_is_never_written_over(logger: Any, path: Path) -> None:
    logger.log(epoch=1, log_dict={"train": 0.5, "val2": 1.0})
    logger.log(epoch=2, log_dict={"train": 0.5})
    with open(path) as before:
        logger.log(epoch=2, log_dict={"val2": 0.25})
        assert before.read() == "epoch,train,val2\n1,0.5,1.0\n2,0.5,\n"
    assert path.read_text() == "epoch,train,val2\n1,0.5,1.0\n2,0.5,0.25\n"


@pytest.mark.slow
def test_pandas_reads_the_table_at_any_moment_while_it_grows(logger: Any, path: Path) -> None:
    def expected(name: Any, epoch: Any) -> Any:
        return epoch + (0.125 if name == "train" else 0.25 if name == "val" else 0.5)

    def write() -> None:
        for epoch in range(2000):
            logger.log(epoch=epoch, log_dict={"train": expected("train", epoch)})
            late = f"late{epoch // 100}"
            logger.log(epoch=epoch, log_dict={"val": expected("val", epoch), late: expected(late, epoch)})

    def check(read: Any) -> None:
        assert list(read["epoch"]) == list(range(len(read)))
        for name in read.columns.drop("epoch"):
            known = read[["epoch", name]].dropna()
            assert (known[name] == [expected(name, epoch) for epoch in known["epoch"]]).all(), name
        if len(read) > 1:
            assert read[["train", "val"]][:-1].notna().all(axis=None)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        reads = 0
        while thread.is_alive() or reads == 0:
            check(pd.read_csv(path))
            reads += 1
    finally:
        thread.join()
    read = pd.read_csv(path)
    check(read)
    assert read.shape == (2000, 23)
