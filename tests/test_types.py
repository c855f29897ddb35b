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


def test_mypy_strict_sees_the_right_types(tmp_path: Path) -> None:
    done = check(
        "mypy", "--strict", "--warn-unused-ignores", "--follow-imports=silent", "--cache-dir", str(tmp_path), TYPED
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_sees_the_right_types(tmp_path: Path) -> None:
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(json.dumps({
        "include": [os.path.join(ROOT, TYPED)], "extraPaths": [ROOT], "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": "none", "reportMissingTypeStubs": "none",
        "enableTypeIgnoreComments": False,
    }))  # fmt: skip
    done = check("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(settings))
    assert done.stdout.startswith("{"), done.stderr or done.stdout
    problems = [
        f"{found['range']['start']['line'] + 1}: {found['message']}"
        for found in json.loads(done.stdout)["generalDiagnostics"]
    ]
    assert problems == []


def test_the_package_says_that_it_is_typed() -> None:
    assert os.path.exists(os.path.join(ROOT, "tracklib", "py.typed"))
