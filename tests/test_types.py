"""The public API has the right types: mypy and pyright agree on typed_api.py."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TYPED = os.path.join("tests", "typed_api.py")


def check(*command: Any) -> Any:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=os.environ | {"PYTHONPATH": ROOT}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_mypy_strict_sees_the_right_types(tmp_path: Path, long: bool) -> None:
    if not long:
        pytest.skip("runs with --long: mypy without a cache; nox -s lint has it read the same file as strictly")
    done = check(
        "mypy", "--strict", "--warn-unused-ignores", "--follow-imports=silent", "--cache-dir", str(tmp_path), TYPED
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_sees_the_right_types(tmp_path: Path) -> None:
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(json.dumps({
        "include": [os.path.relpath(os.path.join(ROOT, TYPED), tmp_path)], "extraPaths": [ROOT],
        "typeCheckingMode": "strict", "reportUnnecessaryTypeIgnoreComment": "error", "reportMissingTypeStubs": "none",
        "enableTypeIgnoreComments": False,
    }))  # fmt: skip
    done = check("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(settings))
    assert done.stdout.startswith("{"), done.stderr or done.stdout
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] == 1
    problems = [f"{each['range']['start']['line'] + 1}: {each['message']}" for each in found["generalDiagnostics"]]
    assert problems == []


def test_the_package_says_that_it_is_typed() -> None:
    assert os.path.exists(os.path.join(ROOT, "tracklib", "py.typed"))
