"""What a run prints, from first to last: as docs/reference/output.rst says."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
import textwrap
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENT

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/reference/output.rst").read_text()
PRINTED = "epoch 0\nepoch 1\nepoch 2\n"


def block(language: str, number: int = 0) -> str:
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", PAGE, re.MULTILINE)
    return textwrap.dedent(found[number]).strip() + "\n"


PROGRAM = block("python")


def start(folder: Path, code: str, **streams: Any) -> subprocess.Popen[bytes]:
    (folder / "train.py").write_text(code)
    environment = os.environ | {"TRACKLIB_ENVIRONMENT": "0", "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "train.py"], cwd=folder, env=environment, **streams)


def on_a_terminal(folder: Path, code: str = PROGRAM) -> str:
    """What stands on the screen when stdout and stderr are a terminal, line by line."""
    reader, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    said = b""
    with start(folder, code, stdout=terminal, stderr=terminal):
        os.close(terminal)
        while part := _read(reader):
            said += part
    os.close(reader)
    lines = [line.rstrip().split("\r")[-1] for line in said.decode().replace("\r\n", "\n").split("\n")]
    return "\n".join(lines)


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # nobody writes any more
        return b""


def settled(text: str) -> str:
    """Without what differs from run to run: the bar's width and times, a uid."""
    text = re.sub(r"\|█+\|", "|█|", text)
    return re.sub(r"[\d.]+epoch/s|\d\d:\d\d|[0-9a-f]{16}", "N", text)


def in_pipes(folder: Path, code: str = PROGRAM) -> tuple[str, str]:
    with start(folder, code, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=PATIENT)
    return out.decode(), err.decode()


@pytest.mark.slow
def test_a_terminal_shows_what_the_page_shows(tmp_path: Path) -> None:
    assert settled(on_a_terminal(tmp_path)) == settled(block("text"))

    first, *_ = on_a_terminal(tmp_path).splitlines()
    assert settled(first) == settled(block("text", 1)).strip()


def test_a_warning_has_a_line_of_its_own_while_the_bar_is_drawn(tmp_path: Path) -> None:
    with_a_text = PROGRAM.replace(
        "        train_epoch(epoch)\n", '        train_epoch(epoch)\n        t.log({"name": "text"})\n'
    )

    said = on_a_terminal(tmp_path, with_a_text)

    lines = [line.partition("\x1b")[0] for line in said.splitlines()]
    assert any(re.match(r"\S+train\.py:\d+: TrackerWarning: metric 'name'", line) for line in lines), said
    assert settled(lines[-2]).startswith("first: 100%|█| 3/3")


@pytest.mark.slow
def test_a_pipe_gets_what_the_program_prints_and_nothing_else(tmp_path: Path) -> None:
    assert in_pipes(tmp_path) == (PRINTED, "")
    assert in_pipes(tmp_path) == (PRINTED, "")


@pytest.mark.slow
def test_pytest_captures_what_the_program_prints_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(capfd):\n"
        + textwrap.indent(PROGRAM, "    ")
        + f"    assert capfd.readouterr() == ({PRINTED!r}, '')\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_it.py"],
        cwd=tmp_path,
        env=os.environ | {"TRACKLIB_ENVIRONMENT": "0", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENT,
    )

    assert done.stdout.splitlines()[-1].startswith("1 passed in"), done.stdout
    assert done.stderr == ""


@pytest.mark.slow  # a kernel is started
def test_a_notebook_shows_the_bar_and_what_the_program_prints(tmp_path: Path) -> None:
    script = f"""if True:
        import sys
        import nbformat
        from nbclient import NotebookClient

        book = nbformat.v4.new_notebook()
        book.cells = [nbformat.v4.new_code_cell(open("program").read())]
        NotebookClient(book, timeout={2 * PATIENT}).execute()
        for stream in "stdout", "stderr":
            print(stream, repr("".join(said.text for said in book.cells[0].outputs if said.name == stream)))
    """
    (tmp_path / "program").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"JUPYTER_PLATFORM_DIRS": "1", "TRACKLIB_ENVIRONMENT": "0", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=3 * PATIENT,
    )

    out, err = done.stdout.splitlines()
    assert out == f"stdout {PRINTED!r}"
    assert re.fullmatch(r"stderr '(\\rfirst: [^\\]*)+\\n'", err), err


def test_an_offline_run_says_in_a_terminal_who_had_nothing_yet(tmp_path: Path) -> None:
    code = PROGRAM.replace("tracking(", "tracking([{'type': 'TensorBoard'}], ", 1)
    code = "import os; os.environ['TRACKLIB_MODE'] = 'offline'\n" + code.replace("t.epochs(3)", "range(1)")

    *_, last = on_a_terminal(tmp_path, code).splitlines()

    assert last == "tracklib: offline, so TensorBoard had nothing yet · tracklib sync runs/first"


def test_a_warning_is_said_in_a_pipe_too_once_and_at_the_users_line(tmp_path: Path) -> None:
    out, err = in_pipes(tmp_path, PROGRAM.replace('"loss": 1 /', '"name": "x", "loss": 1 /'))

    assert out == PRINTED
    assert len(re.findall(r"^\S*train\.py:\d+: TrackerWarning: ", err, re.MULTILINE)) == 1, err
