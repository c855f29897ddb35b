"""The front door: what `import tracklib` gives, and what it does not do."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import tracklib


def in_a_new_interpreter(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    "package",
    ["mlflow", "wandb", "tensorboard", "rich", "tqdm", "torch", "numpy", "pandas", "click", "yaml", "sqlalchemy"],
)
def test_importing_does_not_import(package: str) -> None:
    assert in_a_new_interpreter(f"import tracklib, sys; print({package!r} in sys.modules)") == "False"


@pytest.mark.parametrize(
    ("what", "look"),
    [
        ("a thread", "threading.active_count()"),
        ("a signal handler", "[signal.getsignal(s) for s in signal.valid_signals()]"),
        ("the environment", "dict(os.environ)"),
        ("the warnings' filters", "list(warnings.filters)"),
        ("the log's handlers", "(logging.root.handlers, logging.getLogger('tracklib').handlers)"),
        ("the working directory", "(os.getcwd(), os.listdir())"),
        ("the interpreter's hooks", "(sys.excepthook, threading.excepthook, atexit._ncallbacks())"),
    ],
)
def test_importing_leaves_alone(what: str, look: str) -> None:
    code = f"""
import atexit, logging, os, signal, sys, threading, warnings
import wrapt, msgspec, asyncio, tempfile, importlib.metadata
before = {look}
import tracklib
print({look} == before)
"""
    assert in_a_new_interpreter(code) == "True"


def test_importing_prints_nothing() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", "import tracklib"], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize("package", ["wrapt", "asyncio", "tracklib._run.run", "tracklib.trackers"])
def test_who_only_reads_runs_does_not_import(package: str) -> None:
    code = f"import tracklib, sys; tracklib.load; tracklib.runs; print({package!r} in sys.modules)"
    assert in_a_new_interpreter(code) == "False"


@pytest.mark.parametrize(
    "package", ["wrapt", "asyncio", "importlib.metadata", "urllib.parse", "html", "wave", "tracklib._values.media"]
)
def test_a_block_does_not_import_what_only_some_words_need(package: str, tmp_path: Path) -> None:
    code = f"""
import sys
before = set(sys.modules)  # where the tests' coverage is measured, that has brought some
from tracklib import Trackers, tracked, tracking
with tracking(output_run={str(tmp_path)!r}, environment=False) as t:
    t.log(1, {{"loss": 0.5}})
print({package!r} in set(sys.modules) - before)"""
    assert in_a_new_interpreter(code) == "False"


def test_all_is_sorted_and_each_name_is_the_one_that_type_checkers_see() -> None:
    for_checkers = {
        alias.name: f"tracklib.{node.module}"
        for branch in ast.parse(Path(tracklib.__file__).read_text()).body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert tracklib.__all__ == sorted(tracklib.__all__)
    assert set(for_checkers) == set(tracklib.__all__)
    for name, module in for_checkers.items():
        assert getattr(tracklib, name) is getattr(importlib.import_module(module), name)
    assert set(tracklib.__all__) <= set(dir(tracklib))


RUN = """
again agree at_exit best checkpoint child directory ending epoch epochs finish flush init inside is_init log
log_artifact log_audio log_checkpoint log_confusion_matrix log_figure log_histogram log_html log_image log_params
log_pr_curve log_table log_tags log_text log_video loggers loggers_configs name note output_run preempted stop_epochs
uid wait_ready
"""


def test_a_run_has_no_word_by_accident(tmp_path: Path) -> None:
    with tracklib.tracking(output_run=tmp_path) as run:
        assert [name for name in dir(run) if not name.startswith("_")] == RUN.split()


def test_the_trackers_are_also_in_their_own_package() -> None:
    from tracklib import trackers

    for name in trackers.__all__:
        assert getattr(trackers, name) is getattr(tracklib, name)


@pytest.mark.parametrize("module", [tracklib, tracklib.trackers])
def test_a_name_that_is_not_there_is_an_attribute_error(module: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        module.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_the_version_is_the_distributions() -> None:
    assert tracklib.__version__ == version("tracklib-ml")
