"""t.note: a text at a moment, read back, shown, and told every tracker that has a place for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from kept import records

from tracklib import LifecycleError, load, tracking
from tracklib._journal.records import Note
from tracklib.testing import MemoryTracker


def noted(directory: Path) -> list[tuple[str, str, int | None]]:
    return [(note.text, note.axis, note.step) for note in load(directory).notes]


def test_a_note_is_where_the_run_is(tmp_path: Path) -> None:
    tracker = MemoryTracker()
    with tracking([tracker], output_run=tmp_path) as t:
        t.note("nothing was logged yet")
        t.log(7, {"loss": 1})
        t.note("in a loop by hand")
        for epoch in t.epochs(3):
            t.log(10 * epoch, {"batch_loss": 1}, axis="batch")
            if epoch == 2:
                t.note("in the loop")
                t.note("at a batch", axis="batch")
        t.note("behind it")
        t.note("said", 1)
        t.note("on an axis without a log", axis="other")
    assert noted(tmp_path) == [
        ("nothing was logged yet", "epoch", None),
        ("in a loop by hand", "epoch", 7),
        ("in the loop", "epoch", 2),
        ("at a batch", "batch", 20),
        ("behind it", "epoch", 2),
        ("said", "epoch", 1),
        ("on an axis without a log", "other", None),
    ]
    assert [note.text for note in tracker.notes] == [text for text, _, _ in noted(tmp_path)]
    assert load(tmp_path).as_dict()["notes"][2] | {"time": ""} == {
        "text": "in the loop", "axis": "epoch", "step": 2, "time": "",
    }  # fmt: skip


def test_secrets_are_masked_and_a_long_one_is_cut(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        t.note("api_key=hunter2hunter2")
        t.note("x" * 50_000)
        t.note("\udce9 odd")
    masked, long, odd = (text for text, _, _ in noted(tmp_path))
    assert "hunter2" not in masked
    assert 9_000 < len(long) <= 10_010
    assert odd == "\\udce9 odd"


def test_the_newest_thousand_are_remembered_and_the_journal_has_all(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for number in range(1005):
            t.note(str(number))
    assert [text for text, _, _ in noted(tmp_path)] == [str(number) for number in range(5, 1005)]
    assert len(records(tmp_path, Note)) == 1005


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ((3,), TypeError, r"a note must be text, as t.note\('lr lowered'\); got int"),
        ((" \n",), ValueError, "a note must say something"),
        (("x", "y"), ValueError, "epoch must be a whole number, as 7; got 'y'"),
    ],
)
@pytest.mark.parametrize("rank", [0, 1])
def test_wrong_use_is_told_on_every_rank(tmp_path: Path, rank: int, said: Any, error: Any, words: str) -> None:
    with tracking(output_run=tmp_path, rank=rank) as t:
        t.note("fine")
        with pytest.raises(error, match=words):
            t.note(*said)
        with pytest.raises(TypeError, match="axis"):
            t.note("x", axis=3)  # type: ignore[arg-type]
    with pytest.raises(LifecycleError, match="note after the end of the run"):
        t.note("late")


@pytest.mark.slow
def test_a_worker_may_note_something(tmp_path: Path) -> None:
    script = """
        import multiprocessing
        from tracklib import current, tracking

        def work(epoch):
            current().note(f"from a worker {epoch}", epoch)

        if __name__ == "__main__":
            for method in ("spawn", "fork"):
                with tracking(output_run=method) as t:
                    with multiprocessing.get_context(method).Pool(1) as pool:
                        pool.map(t.inside(work), [4])
    """
    run_bare(tmp_path, script)
    assert noted(tmp_path / "spawn") == noted(tmp_path / "fork") == [("from a worker 4", "epoch", 4)]
