"""The environment: read when asked for, and nothing kept of it."""

import os

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


@pytest.mark.parametrize("before", ["x", None])
def test_a_variable_that_was_put_aside_is_what_it_was_whatever_is_set_meanwhile(
    monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    name = "TRACKLIB_TEST_VARIABLE"
    monkeypatch.delenv(name, raising=False)
    if before:
        monkeypatch.setenv(name, before)
    with _environment.put_aside(name):
        assert _environment.text(name) is None
        os.environ[name] = "meanwhile"
    assert _environment.text(name) == before
