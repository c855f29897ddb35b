"""Small matters of a run's directory: a child's folder, an error's advice, a masked patch, a journal's own path."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from click.testing import CliRunner

from tracklib import tracking
from tracklib._journal.directory import cannot_be_used
from tracklib._run.provenance import _masked
from tracklib.cli import sync


def test_a_childs_folder_is_called_as_the_child_where_a_file_system_takes_it(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t, t.child("C=1,gamma=0.01") as child:
        pass
    assert Path(child.directory).name == "C=1,gamma=0.01"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOLCK, "has no locks.*choose a directory on a local disk"),
        (errno.EMFILE, "close some, or raise the limit .ulimit -n"),
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "choose a directory that can be written, or mend its permissions"),
    ],
)
def test_the_advice_is_what_mends_it(code: int, told: str) -> None:
    with pytest.raises(OSError, match=told):
        raise cannot_be_used("run", OSError(code, "so it is"))


def test_a_patch_in_which_something_is_masked_says_so_in_its_head() -> None:
    patch = 'diff --git a/a.py b/a.py\n+api_key = "sk-1234567890abcdef1234"\n'
    assert _masked(patch).startswith("Secrets in this patch are masked: where one was, it does not apply any more.\n\n")
    assert "sk-1234567890abcdef1234" not in _masked(patch)
    harmless = "diff --git a/a.py b/a.py\n+number_of_tokens = 3\n"
    assert _masked(harmless) == harmless


def test_sync_takes_a_journals_own_path_for_its_run(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    done = CliRunner().invoke(sync.command, [str(tmp_path / "run/journal.jsonl")])
    assert done.exit_code == 0, done.output
