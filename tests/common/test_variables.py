"""The environment: read when asked for, and what each launcher's rank is."""

from typing import Any

import pytest

from tracklib._common import variables as _environment

LAUNCHERS = ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK"]


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*LAUNCHERS, "SLURM_JOB_ID"]:
        monkeypatch.delenv(name, raising=False)


def test_a_process_without_a_launcher_is_rank_0() -> None:
    assert _environment.rank() == 0


@pytest.mark.parametrize("name", LAUNCHERS)
def test_each_launcher_tells_the_rank(monkeypatch: pytest.MonkeyPatch, name: Any) -> None:
    monkeypatch.setenv(name, "3")
    assert _environment.rank() == 3


@pytest.mark.parametrize("nonsense", ["", "one", "-1", "1.5"])
def test_a_rank_that_is_no_whole_number_leaves_the_word_to_the_next_launcher(
    monkeypatch: pytest.MonkeyPatch, nonsense: str
) -> None:
    monkeypatch.setenv("RANK", nonsense)
    monkeypatch.setenv("PMI_RANK", "2")
    assert _environment.rank() == 2


def test_torchrun_under_srun_is_believed_before_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("RANK", "0")
    assert _environment.rank() == 0


def test_a_slurm_job_is_known_by_its_job_id(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _environment.in_slurm_job()
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert _environment.in_slurm_job()


def test_variables_are_those_of_this_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_TEST_VARIABLE", "now")
    assert ("TRACKLIB_TEST_VARIABLE", "now") in list(_environment.variables())
