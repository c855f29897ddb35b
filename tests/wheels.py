"""Small wheels, built by hand, and installed by pip into a folder of their own."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from patience import PATIENT


def wheel(
    folder: Path, name: str, version: str, files: Mapping[str, str], entries: str = "", requires: Sequence[str] = ()
) -> Path:
    """A wheel of ``files``; ``entries`` stands in its ``entry_points.txt``, ``requires`` in its METADATA."""
    normal = name.replace("-", "_")
    info = f"{normal}-{version}.dist-info"
    metadata = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *requires])
    content = {
        **files,
        f"{info}/METADATA": metadata + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if entries:
        content[f"{info}/entry_points.txt"] = entries
    content[f"{info}/RECORD"] = "".join(map(_record, content, content.values())) + f"{info}/RECORD,,\n"
    path = folder / f"{normal}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in content.items():
            archive.writestr(inside, text)
    return path


def _record(path: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(text.encode())}\n"


def install(target: Path, *wheels: Path) -> None:
    """Install the wheels into ``target``, as pip does for a user, without a network."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(target), *map(str, wheels)],
        check=True,
        timeout=PATIENT,
    )
