"""The environment: read when asked for, and nothing kept of it."""

import pytest

from tracklib._common import variables as _environment


@pytest.mark.parametrize(
    ("value", "number"), [("3", 3), ("0", 0), ("", None), ("one", None), ("-1", None), ("1.5", None)]
)
def test_a_variable_is_a_whole_number_or_none(monkeypatch: pytest.MonkeyPatch, value: str, number: int | None) -> None:
    monkeypatch.setenv("TRACKLIB_TEST_VARIABLE", value)
    assert _environment.number("TRACKLIB_TEST_VARIABLE") == number
    assert _environment.is_set("TRACKLIB_TEST_VARIABLE")


def test_a_variable_that_is_not_there_is_no_number() -> None:
    assert _environment.number("TRACKLIB_TEST_VARIABLE") is None
    assert not _environment.is_set("TRACKLIB_TEST_VARIABLE")


def test_a_slurm_job_is_known_by_its_job_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert not _environment.in_slurm_job()
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert _environment.in_slurm_job()


def test_variables_are_those_of_this_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_TEST_VARIABLE", "now")
    assert ("TRACKLIB_TEST_VARIABLE", "now") in list(_environment.variables())
