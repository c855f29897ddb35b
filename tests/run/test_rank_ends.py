"""How another rank than 0 ended is kept: what one failed of is why the run failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from kept import records, statuses

from tracklib import Terminated, Trackers, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.records import End

Be = Callable[[int], None]


@pytest.fixture
def be(monkeypatch: pytest.MonkeyPatch) -> Be:
    """This process is that rank of four of one launch."""
    monkeypatch.setenv("WORLD_SIZE", "4")
    return lambda rank: monkeypatch.setenv("RANK", str(rank))


def fail(run: Path, be: Be, rank: int, error: BaseException) -> None:
    """That rank enters the run, and fails."""
    be(rank)
    with pytest.raises(type(error)), tracking(output_run=run):
        raise error


def last_end(run: Path) -> tuple[str, str, str]:
    end = records(run, End)[-1]
    return end.status.value, end.error, end.message


def test_a_run_whose_rank_failed_has_failed_with_that_ranks_message(tmp_path: Path, be: Be) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run"):
        fail(tmp_path / "run", be, 3, ValueError("bad batch"))
    assert last_end(tmp_path / "run") == ("failed", "ValueError", "rank 3: bad batch")


def test_what_rank_0_sees_of_it_is_its_consequence(tmp_path: Path, be: Be) -> None:
    be(0)
    with pytest.raises(RuntimeError, match="closed by peer"), tracking(output_run=tmp_path / "run"):
        fail(tmp_path / "run", be, 1, ValueError("bad batch"))
        fail(tmp_path / "run", be, 2, RuntimeError("Connection closed by peer"))
        raise RuntimeError("Connection closed by peer")
    assert last_end(tmp_path / "run") == ("failed", "ValueError", "rank 1: bad batch")


def test_sigterm_that_the_launcher_sends_for_it_is_its_consequence(tmp_path: Path, be: Be) -> None:
    be(0)
    with pytest.raises(Terminated), tracking(output_run=tmp_path / "run"):
        fail(tmp_path / "run", be, 1, ValueError("bad batch"))
        raise Terminated(143)
    assert last_end(tmp_path / "run")[0] == "failed"


def test_what_another_rank_meets_after_rank_0_failed_changes_nothing(tmp_path: Path, be: Be) -> None:
    late: list[Trackers] = []
    be(0)
    with pytest.raises(ZeroDivisionError), tracking(output_run=tmp_path / "run"):
        be(1)
        late.append(Trackers(output_run=tmp_path / "run"))
        late[0].init()
        raise ZeroDivisionError("mine")
    late[0].finish(error=RuntimeError("Connection closed by peer"))
    sync(str(tmp_path / "run"))
    assert last_end(tmp_path / "run") == ("failed", "ZeroDivisionError", "mine")


def test_a_rank_that_fails_after_rank_0_has_left_is_told_by_sync(tmp_path: Path, be: Be) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run"):
        be(1)
        late = Trackers(output_run=tmp_path / "run")
        late.init()
    late.finish(error=ValueError("bad batch"))
    assert statuses(tmp_path / "run") == ["finished"]
    for _ in range(2):
        assert sync(str(tmp_path / "run")).status == "failed"
    assert statuses(tmp_path / "run") == ["finished", "failed"]
    assert last_end(tmp_path / "run") == ("failed", "ValueError", "rank 1: bad batch")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(0)], ids=repr)
def test_a_rank_that_was_killed_or_left_well_does_not_fail_the_run(
    tmp_path: Path, be: Be, error: BaseException
) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run"):
        fail(tmp_path / "run", be, 1, error)
    assert last_end(tmp_path / "run")[0] == "finished"


def test_a_rank_that_ended_well_leaves_no_file(tmp_path: Path, be: Be) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run"):
        be(1)
        with tracking(output_run=tmp_path / "run"):
            pass
    assert not (tmp_path / "run/ranks").exists()


def test_a_failure_in_an_earlier_attempt_is_that_attempts(tmp_path: Path, be: Be) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run"):
        fail(tmp_path / "run", be, 1, ValueError("bad batch"))
    be(0)
    with tracking(output_run=tmp_path / "run", resume=True):
        pass
    assert statuses(tmp_path / "run") == ["failed", "finished"]


def test_secrets_in_a_ranks_message_are_masked(tmp_path: Path, be: Be, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "s3cr3t-s3cr3t")
    be(0)
    with tracking(output_run=tmp_path / "run"):
        fail(tmp_path / "run", be, 1, ValueError("s3cr3t-s3cr3t was refused"))
    assert "s3cr3t" not in last_end(tmp_path / "run")[2]
    assert "s3cr3t" not in (tmp_path / "run/ranks/1.jsonl").read_text()
