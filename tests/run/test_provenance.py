"""What a run says about its environment: of real repositories and programs, without secrets, whatever fails."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENT

from tracklib._run import provenance as _capture
from tracklib._run.program import this_program


@pytest.fixture(autouse=True)
def _git_without_the_developers_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setattr(sys.modules["__main__"], "__file__", None, raising=False)  # as in a notebook


def git(folder: Path, *command: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", "-C", str(folder), *author, *command], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    (folder / "train.py").write_text("lr = 0.1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "begin")
    return folder


def tags(folder: Path | str) -> dict[str, str]:
    return {name: value for part in _capture.tags(this_program(str(folder))) for name, value in part.items()}


def files(folder: Path | str) -> dict[str, str]:
    return dict(_capture.files(this_program(str(folder))))


def of_git(found: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if name.startswith("git.")}


def ours(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, script: str) -> None:
    """Have a program of ours stand before the real one of that name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + script)
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


# The code ---------------------------------------------------------------------------------------------


def test_a_clean_repository_has_a_commit_and_a_branch_and_no_patch(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert of_git(tags(repository)) == {"git.commit": commit, "git.branch": "trunk", "git.dirty": "false"}
    assert list(files(repository)) == ["requirements.txt"]


def test_a_changed_tree_is_dirty_and_its_patch_can_be_applied(repository: Path) -> None:
    git(repository, "config", "diff.noprefix", "true")
    git(repository, "config", "color.diff", "always")
    git(repository, "config", "diff.external", "false")
    (repository / "train.py").write_text("lr = 0.2\n")
    (repository / "folder").mkdir()

    assert tags(repository / "folder")["git.dirty"] == "true"
    (repository.parent / "git.patch").write_text(files(repository / "folder")["git.patch"])
    git(repository, "stash")
    git(repository, "apply", str(repository.parent / "git.patch"))
    assert (repository / "train.py").read_text() == "lr = 0.2\n"


def test_a_staged_change_is_in_the_patch(repository: Path) -> None:
    (repository / "new.py").write_text("new = 1\n")
    git(repository, "add", "new.py")
    assert "+new = 1" in files(repository)["git.patch"]


def test_a_file_that_git_does_not_know_is_no_change(repository: Path) -> None:
    (repository / "model.pt").write_text("weights")
    assert tags(repository)["git.dirty"] == "false"


def test_a_repository_without_a_commit_says_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert of_git(tags(tmp_path)) == {}
    assert list(files(tmp_path)) == ["requirements.txt"]


@pytest.mark.parametrize("folder", ["", "gone"])
def test_without_a_repository_the_rest_is_there(tmp_path: Path, folder: str) -> None:
    found = tags(tmp_path / folder)
    assert of_git(found) == {}
    assert {"command", "python", "host", "os", "cpus"} <= found.keys()
    assert list(files(tmp_path / folder)) == ["requirements.txt"]


def test_without_git_the_rest_is_there(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = tags(repository)
    assert of_git(found) == {}
    assert "python" in found


def test_a_git_that_hangs_is_ended_with_all_that_it_started(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "never")
    ours(monkeypatch, tmp_path / "bin", "git", f"cat {tmp_path}/never & echo $! > {tmp_path}/pid; wait\n")
    monkeypatch.setattr(_capture, "_SECONDS", 0.3)
    found = tags(repository)
    assert of_git(found) == {}
    assert "python" in found
    child = int((tmp_path / "pid").read_text())
    for _ in range(600):  # until the system has buried it
        if not is_alive(child):
            break
        time.sleep(0.01)
    assert not is_alive(child)


def is_alive(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] not in ("", "Z")


def test_a_patch_that_has_no_end_is_left_out(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours(monkeypatch, tmp_path / "bin", "git", 'case "$*" in *diff*) yes ;; *) echo x ;; esac\n')
    assert list(files(repository)) == ["requirements.txt"]


SCRIPT = """
    import json, os, sys
    from tracklib._run import provenance as _capture
    from tracklib._run.program import this_program
    program = this_program(sys.argv[1])
    os.chdir("/")
    print(json.dumps([part for part in _capture.tags(program)]))
"""


def test_the_repository_is_the_one_of_the_script_wherever_it_is_started(repository: Path, tmp_path: Path) -> None:
    (repository / "train.py").write_text(textwrap.dedent(SCRIPT))
    other = tmp_path / "other"
    other.mkdir()
    done = subprocess.run(
        [sys.executable, "../repository/train.py", str(other)],
        cwd=other,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENT,
        env={**os.environ, "PYTHONPATH": str(Path(_capture.__file__).parents[2])},
    )
    assert git(repository, "rev-parse", "HEAD") in done.stdout


def test_an_installed_program_has_the_repository_that_it_is_started_in(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", os.path.join(sys.prefix, "bin", "train"), raising=False)
    assert tags(repository)["git.branch"] == "trunk"


# Secrets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["train.py", "--lr", "0.1"], "train.py --lr 0.1"),
        (["train.py", "--api-key", "abcdefgh", "--lr", "1"], "train.py --api-key '***' --lr 1"),
        (["train.py", "--token=abcdefgh"], "train.py '--token=***'"),
        (["train.py", "db.password=abcdefgh"], "train.py 'db.password=***'"),
        (["train.py", "--db", "mysql://me:secret@host/x"], "train.py --db 'mysql://***@host/x'"),
        (["train.py", "--name", "a b; c"], "train.py --name 'a b; c'"),
    ],
)
def test_the_command_is_what_a_shell_would_take_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], command: str
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert tags(tmp_path)["command"] == command


def test_a_secret_of_the_environment_is_masked_in_every_tag(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2hunter2")
    git(repository, "checkout", "-qb", "hunter2hunter2")
    assert tags(repository)["git.branch"] == "***"


# The packages and the machine -------------------------------------------------------------------------


def test_the_packages_have_their_versions(tmp_path: Path) -> None:
    lines = files(tmp_path)["requirements.txt"].splitlines()
    assert f"pytest=={pytest.__version__}" in lines
    assert lines == sorted(set(lines), key=str.lower)


def test_a_package_with_damaged_metadata_costs_its_own_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info/METADATA").write_bytes(b"\xff\xfe\x00")
    monkeypatch.syspath_prepend(tmp_path)
    assert f"pytest=={pytest.__version__}" in files(tmp_path)["requirements.txt"]
    assert "None" not in files(tmp_path)["requirements.txt"]


def test_the_gpus_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours(monkeypatch, tmp_path / "bin", "nvidia-smi", "echo NVIDIA H100\necho NVIDIA H100\n")
    assert tags(tmp_path)["gpus"] == "NVIDIA H100, NVIDIA H100"


@pytest.mark.parametrize("script", ["exit 9\n", "echo x; kill -9 $$\n"])
def test_a_driver_that_fails_costs_its_own_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    ours(monkeypatch, tmp_path / "bin", "nvidia-smi", script)
    found = tags(tmp_path)
    assert "gpus" not in found
    assert "cpus" in found


def test_whatever_a_question_raises_costs_its_own_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> str:
        raise RuntimeError

    questions: list[Callable[[], None]] = [
        lambda: monkeypatch.setattr(platform, "node", fails),
        lambda: monkeypatch.setattr(importlib.metadata, "version", fails),
        lambda: monkeypatch.setattr(importlib.metadata, "distributions", fails),
    ]
    for fail in questions:
        fail()
    assert tags(tmp_path).keys() == {"command", "python"}
    assert files(tmp_path) == {}
