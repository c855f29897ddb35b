"""Trackers whose SDK writes a folder: where it is, and what of it is theirs. The SDKs are in ``tests/backends``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tracklib import LifecycleError, Log
from tracklib._journal.format import FORMAT
from tracklib._journal.records import Begin
from tracklib.trackers._folder_tracker import FolderTracker
from tracklib.trackers._texts import params_of, title, words_of
from tracklib.trackers.neptune import Neptune
from tracklib.trackers.swanlab import SwanLab


class Writer(FolderTracker):
    """Writes a file for each record."""

    folder_name = "writer"
    owns_folder = True

    def __init__(self, *, folder: str | None = None, output_run: str | None = None) -> None:
        super().__init__(folder=folder, output_run=output_run)

    def init(self) -> None:
        self._make_place()
        self._sdk_run = Path(self._place)

    def log_batch(self, records: Sequence[Log]) -> None:
        for record in records:
            self._need().joinpath(str(record.step)).write_text(str(record.metrics))


def begun(uid: str, name: str = "") -> Begin:
    return Begin(time=1, format=FORMAT, uid=uid, attempt=1, name=name, pid=1, host="h", configs=[])


def made(folder: Path | None, uid: str, directory: Path) -> Writer:
    tracker = Writer(folder=None if folder is None else str(folder))
    tracker.attach(begun(uid), str(directory))
    tracker.init()
    return tracker


def test_a_folder_in_the_runs_directory_is_the_runs_own(tmp_path: Path) -> None:
    made(None, "a", tmp_path).log(1, {"loss": 1.0})
    again = made(None, "a", tmp_path)
    assert again.files == ("writer",)
    assert [path.name for path in tmp_path.rglob("*")] == ["writer"]  # which is emptied, as it is written anew


def test_in_a_given_folder_a_run_empties_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "thesis.tex").write_text("years of work")
    made(given, "a", tmp_path).log(1, {"loss": 1.0})
    second = made(given, "b", tmp_path)
    assert second.files == ()
    assert (given / "thesis.tex").read_text() == "years of work"
    assert {str(path.relative_to(given)) for path in given.rglob("*")} == {"thesis.tex", "a", "a/1", "b"}


@pytest.mark.parametrize("uid", ["..", "../x", "/", "a/../../x", ".", "\ud800", ""])
def test_a_uid_that_somebody_wrote_into_a_journal_leads_nowhere_else(tmp_path: Path, uid: str) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (tmp_path / "x").mkdir()
    (given / "thesis.tex").write_text("years of work")
    made(given, uid, tmp_path)
    assert (tmp_path / "x").is_dir()
    assert (given / "thesis.tex").is_file()


@pytest.mark.parametrize("kind", [Neptune, SwanLab])
def test_the_trackers_that_empty_their_folder_have_one_of_their_own(kind: type[FolderTracker]) -> None:
    assert kind.owns_folder


def test_who_logs_before_init_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(LifecycleError, match=r"Writer's run has not begun: call init\(\) before log\(\)"):
        Writer(output_run=str(tmp_path)).log(1, {"loss": 1.0})


def test_a_full_disk_may_have_room_again(tmp_path: Path) -> None:
    assert Writer().is_transient(OSError(28, "no space"))
    assert not Writer().is_transient(ValueError())


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"tracklib": 1, "param_tracklib": 2}, {"param_tracklib": 1, "param_tracklib-2": 2}),
        ({"\ud800": 1, "\\ud800": 2}, {"\\ud800": 1, "\\ud800-2": 2}),
        ({"a": {"\ud800": 1}}, {"a": {"\\ud800": 1}}),
        ({"api_key": "hunter2hunter2"}, {"api_key": "***"}),
    ],
)
def test_no_param_takes_the_place_of_another(params: Mapping[str, object], told: Mapping[str, object]) -> None:
    assert params_of(params, "tracklib".__eq__) == told


def test_a_title_is_the_given_name_else_the_runs_else_its_uid() -> None:
    assert title("mine\n", begun("u", "run"), 10) == "mine_"
    assert title(None, begun("u", "run")) == "run"
    assert title(None, begun("u")) == "u"


def test_tags_are_words() -> None:
    assert words_of({"bare": "", "stage": "test"}) == ["bare", "stage:test"]
