"""What the README, the docs and the examples show is true: it is run here."""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from click.testing import CliRunner
from lines import body_of
from patience import PATIENT
from wandb_file import WandbFile

from tracklib import Mlflow, Trackers, Wandb
from tracklib._journal import encoding as _encoding
from tracklib._journal import records as _records
from tracklib.cli import commands

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.rst"))]
BLOCK = {
    ".md": r"^```%s\n((?:.*\n)*?)```$",
    ".rst": r"^\.\. code-block:: %s\n\n((?:   .*\n|\n)+)",
}


def blocks(page: Path, language: str) -> list[str]:
    found = re.findall(BLOCK[page.suffix] % language, page.read_text(), re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def script_of(page: Path) -> str:
    """The page's Python blocks as one program, on the page's own line numbers, for the tracebacks."""
    script = ""
    for match in re.finditer(BLOCK[page.suffix] % "python", page.read_text(), re.MULTILINE):
        line = match.string[: match.start(1)].count("\n")
        script += "\n" * (line - script.count("\n")) + textwrap.dedent(match[1])
    return script


def run(folder: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in ``folder``, as a user would; what went wrong on the way is shown and fails."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "WANDB_MODE": "offline", **environment},
        capture_output=True,
        text=True,
        timeout=3 * PATIENT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "TrackerWarning" not in done.stderr, done.stderr
    return done


def run_page(page: Path, folder: Path, mlflow_uri: str) -> subprocess.CompletedProcess[str]:
    script = script_of(page).replace("http://localhost:5000", mlflow_uri)
    program = folder / f"{page.stem}.py"
    program.write_text(script)
    return run(folder, program, MLFLOW_TRACKING_URI=mlflow_uri)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def mlflow_runs(uri: str, experiment: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None, f"MLflow has no experiment {experiment!r}"
    return list(client.search_runs([found.experiment_id]))


RUN_BELOW = ("README.md", "first-run.rst", "sweep.rst", "trackers.rst")  # and what comes of it is looked at


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in RUN_BELOW and blocks(page, "python")],
    ids=lambda page: page.name,
)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, mlflow_database: Path) -> None:
    shutil.copy(mlflow_database, tmp_path / "server.db")
    run_page(page, tmp_path, f"sqlite:///{tmp_path}/server.db")


@pytest.mark.slow
def test_the_readmes_run_arrives_everywhere(tmp_path: Path, mlflow_database: Path) -> None:
    shutil.copy(mlflow_database, tmp_path / "server.db")
    uri = f"sqlite:///{tmp_path}/server.db"

    run_page(README, tmp_path, uri)

    assert [row["epoch"] for row in rows(tmp_path / "runs/digits/metrics.csv")] == [str(n) for n in range(20)]
    (run_at_mlflow,) = mlflow_runs(uri, "digits")
    assert run_at_mlflow.info.status == "FINISHED"
    assert run_at_mlflow.data.metrics == {"loss": 0.05, "accuracy": 0.975}
    assert len(WandbFile(tmp_path / "runs/digits").rows) == 20
    (next_lines,) = [block for block in blocks(README, "console") if "tracklib show first" in block]
    for line in next_lines.splitlines():
        command = line.partition("#")[0].replace("$ tracklib", f"{shlex.quote(sys.executable)} -m tracklib")
        subprocess.run(command, shell=True, cwd=tmp_path, stdout=subprocess.DEVNULL, check=True, timeout=PATIENT)
    assert (tmp_path / "report.html").is_file()


def test_no_example_stands_where_it_is_not_run() -> None:
    for page in PAGES:
        written = re.findall(r"^ *(?:\.\. code-block:: python$|```python$)", page.read_text(), re.MULTILINE)
        assert len(blocks(page, "python")) == len(written), page


@pytest.mark.slow
def test_the_trackers_pages_run_arrives_at_a_real_server(tmp_path: Path, mlflow_server: Any) -> None:
    run_page(DOCS / "reference/trackers.rst", tmp_path, mlflow_server.uri)

    newest, *_ = mlflow_runs(mlflow_server.uri, "my_experiment")
    assert newest.info.status == "FINISHED"
    assert newest.data.metrics == {"loss": 0.1, "accuracy": 0.9}
    assert rows(tmp_path / "logs/metrics.csv") == [{"epoch": "1", "loss": "0.1", "accuracy": "0.9"}]
    assert len(WandbFile(tmp_path / "logs").rows) == 1


@pytest.mark.slow
def test_the_tutorial_shows_the_csv_that_its_run_writes(tmp_path: Path, mlflow_database: Path) -> None:
    shutil.copy(mlflow_database, tmp_path / "server.db")
    shown = re.search(r"now holds::\n\n((?:   .+\n)+)", (DOCS / "tutorial/first-run.rst").read_text())
    assert shown is not None

    run_page(DOCS / "tutorial/first-run.rst", tmp_path, f"sqlite:///{tmp_path}/server.db")

    assert (tmp_path / "runs/first/metrics.csv").read_text() == textwrap.dedent(shown[1])


@pytest.mark.slow
def test_the_tutorials_first_run_and_its_commands_say_what_their_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = DOCS / "tutorial/first-run.rst"
    (tmp_path / "first.py").write_text(blocks(page, "python")[0])

    run(tmp_path, "first.py", TRACKLIB_ENVIRONMENT="0")

    monkeypatch.chdir(tmp_path)
    _say_what_is_shown(page, _settled)


def test_the_page_of_frameworks_shows_the_imports_of_its_examples() -> None:
    page = (DOCS / "how-to/frameworks.rst").read_text()
    shown = re.findall(r"literalinclude:: (\S+)\n(?:   :(?!prepend).*\n)*   :prepend: (.*\n(?:      .*\n)*)", page)

    assert len(shown) == page.count("examples/frameworks/with_")
    for example, lines in shown:
        assert set(textwrap.dedent(" " * 6 + lines).splitlines()) < set(
            (DOCS / "how-to" / example).read_text().splitlines()
        )


def test_the_page_of_values_shows_the_csv_that_its_run_writes(tmp_path: Path) -> None:
    shown = re.search(r"now holds::\n\n((?:   .+\n)+)", (DOCS / "reference/values.rst").read_text())
    assert shown is not None

    run_page(DOCS / "reference/values.rst", tmp_path, f"sqlite:///{tmp_path}/server.db")

    assert (tmp_path / "runs/values/metrics.csv").read_text() == textwrap.dedent(shown[1])
    assert (
        tmp_path / "runs/axes/metrics.csv"
    ).read_text() == "epoch,batch,batch_loss,loss\n,100,0.7,\n0,,,0.5\n-3,,,0.6\n"


def test_the_tutorials_toml_file_means_its_list_of_trackers(tmp_path: Path) -> None:
    (toml,) = blocks(DOCS / "tutorial/first-run.rst", "toml")
    path = tmp_path / "trackers.toml"
    path.write_text(toml)

    mlflow, wandb, _ = Trackers(path, tmp_path / "run").loggers

    assert isinstance(mlflow, Mlflow)
    assert isinstance(wandb, Wandb)
    assert (mlflow.tracking_uri, mlflow.experiment_name) == (f"sqlite:///{Path('mlflow.db').absolute()}", "tutorial")
    assert (wandb.project, wandb.mode) == ("tutorial", "offline")


def test_the_journal_page_shows_lines_as_they_are_written() -> None:
    (sample,) = blocks(DOCS / "reference/journal.rst", "text")
    for line in sample.strip().split("\n"):
        body = body_of(line.encode())
        assert _encoding.encode(_encoding.decode(body, ordinal=-1)) == body


@pytest.fixture
def journal_of_the_page(tmp_path: Path) -> Path:
    """The run that the journal's page makes, in ``runs/journal``."""
    run_page(DOCS / "reference/journal.rst", tmp_path, "")
    return tmp_path / "runs/journal/journal.jsonl"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq")
def test_jq_shows_the_journal_as_the_page_says(journal_of_the_page: Path, tmp_path: Path) -> None:
    (command,) = blocks(DOCS / "reference/journal.rst", "sh")
    (shown,) = blocks(DOCS / "reference/journal.rst", "json")

    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENT)
    assert (done.stdout, done.stderr) == (shown.strip() + "\n", "")

    in_between = journal_of_the_page.read_bytes()
    journal_of_the_page.write_bytes(b'{"crc":"00000000","type":"lo \n' + in_between + b'{"crc":"')
    tolerant = re.search(r"``(jq -cR '[^`]*')``", (DOCS / "reference/journal.rst").read_text())
    assert tolerant is not None
    argument = [*shlex.split(tolerant[1]), str(journal_of_the_page)]
    done = subprocess.run(argument, capture_output=True, text=True, timeout=PATIENT)
    assert [json.loads(line)["step"] for line in done.stdout.splitlines()] == [0, 1]


@pytest.mark.slow
def test_duckdb_reads_the_journal_as_the_page_says(
    journal_of_the_page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    (query,) = blocks(DOCS / "reference/journal.rst", "none")

    assert duckdb.sql(query).fetchall() == [(0, 0.5, math.inf), (1, 0.25, 1.5)]

    journal_of_the_page.write_bytes(journal_of_the_page.read_bytes() + b'{"crc":"00000000","type":"lo \n{"crc":"')
    tolerant = query.replace("columns =", "ignore_errors = true, columns =")
    assert duckdb.sql(tolerant).fetchall() == [(0, 0.5, math.inf), (1, 0.25, 1.5)]


@pytest.mark.parametrize(
    "record",
    get_args(_records.Record),
    ids=lambda record: record.__name__,
)
def test_the_journal_page_names_every_member_of_a_record(record: Any) -> None:
    page = (DOCS / "reference/journal.rst").read_text()
    members = set(record.__struct_fields__) - {"ordinal"}

    assert f"\n``{record.__struct_config__.tag}``\n" in page
    assert {member for member in members if f"``{member}``" not in page} == set()


def test_the_readmes_commands_are_one_line_each_the_small_one_first() -> None:
    lines = [block.strip() for block in blocks(README, "sh")]

    small, digits, tests = lines
    assert not any("\n" in line for line in lines)
    assert "-e . " in small
    assert "examples/digits.py" in digits
    assert tests.endswith("-m pytest -n 2")


def test_the_readmes_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (ROOT / target).exists(), target


@pytest.mark.slow
def test_digits_has_every_epoch_in_every_tracker_and_says_where(tmp_path: Path) -> None:
    done = run(tmp_path, ROOT / "examples/digits.py", "--wandb", "--epochs", "3")

    assert [row["epoch"] for row in rows(tmp_path / "runs/digits/metrics.csv")] == ["0", "1", "2"]
    (run_at_mlflow,) = mlflow_runs(f"sqlite:///{tmp_path}/runs/mlflow.db", "digits")
    assert run_at_mlflow.info.status == "FINISHED"
    assert set(run_at_mlflow.data.metrics) == {"train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    assert [row["epoch"] for row in WandbFile(tmp_path / "runs/digits").rows] == [0, 0, 1, 1, 2, 2]
    *_, mlflow, wandb, csv_file, look, page = done.stdout.splitlines()
    printed = dict(line.split(maxsplit=1) for line in (mlflow, wandb, csv_file))
    assert run_at_mlflow.info.run_id in printed["Mlflow"]
    assert Path(printed["Wandb"]).is_dir()
    assert Path(printed["CsvLogger"]).is_file()
    for command in (look, page):
        shown = subprocess.run(
            command.partition(":")[2], shell=True, cwd=tmp_path, capture_output=True, timeout=PATIENT
        )
        assert shown.returncode == 0, shown
    assert (tmp_path / "report.html").is_file()


@pytest.mark.slow
def test_digits_sends_to_the_server_it_is_told(tmp_path: Path, mlflow_server: Any) -> None:
    run(tmp_path, ROOT / "examples/digits.py", "--epochs", "2", "--tracking-uri", mlflow_server.uri)

    newest, *_ = mlflow_runs(mlflow_server.uri, "digits")
    assert newest.info.status == "FINISHED"
    assert not (tmp_path / "runs/mlflow.db").exists()


@pytest.mark.slow
def test_the_custom_tracker_keeps_a_line_for_each_epoch(tmp_path: Path) -> None:
    run(tmp_path, ROOT / "examples/custom_tracker.py")

    assert len((tmp_path / "runs/custom_tracker/metrics.jsonl").read_text().splitlines()) == 10


def test_the_pytorch_example_says_in_one_line_that_pytorch_is_absent(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError\n")

    done = run(tmp_path, ROOT / "examples/pytorch.py", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")

    assert re.fullmatch(r"PyTorch is not installed.*pip install torch\n", done.stdout)
    assert done.stderr == ""


@pytest.mark.slow
def test_the_sweep_has_a_child_run_for_each_learning_rate(tmp_path: Path, mlflow_server: Any) -> None:
    done = run(tmp_path, ROOT / "examples/sweep.py", "--tracking-uri", mlflow_server.uri)

    rates = ["lr=0.01", "lr=0.1", "lr=0.4", "lr=1.1"]
    assert sorted(path.name for path in (tmp_path / "runs/sweep/children").iterdir()) == rates
    assert [row["lr"] for row in rows(tmp_path / "runs/sweep/artifacts/losses.csv")] == ["0.01", "0.1", "0.4", "1.1"]
    *children, sweep = sorted(mlflow_runs(mlflow_server.uri, "sweep"), key=lambda run: run.info.run_name)
    assert [child.info.run_name for child in children] == rates
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {sweep.info.run_id}
    assert done.stdout.strip() == "The best learning rate is 0.4: see runs/sweep/children/lr=0.4"


@pytest.mark.slow
def test_the_killed_example_goes_on_as_one_run_with_each_epoch_once(tmp_path: Path) -> None:
    first = subprocess.run(
        [sys.executable, ROOT / "examples/resume.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=3 * PATIENT,
    )
    second = run(tmp_path, ROOT / "examples/resume.py")

    shown = "\n".join(block for block in blocks(DOCS / "index.rst", "console") if "resume.py" in block)
    said = [line for line in shown.splitlines() if re.match(r"epoch|All", line)]
    assert said == first.stdout.splitlines() + second.stdout.splitlines()
    assert first.returncode == -signal.SIGKILL
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[0] == "epoch 5"
    found = rows(tmp_path / "runs/resume/metrics.csv")
    assert [row["epoch"] for row in found] == [str(epoch) for epoch in range(10)]
    assert float(found[-1]["x"]) == pytest.approx(3 * 0.8**10)
    assert not (tmp_path / "runs/resume/previous").exists()


@pytest.mark.slow
def test_the_notebook_runs_as_it_is_shows_its_curves_without_a_warning_and_a_cell_runs_again(tmp_path: Path) -> None:
    script = f"""if True:
        import sys
        import nbformat
        from nbclient import NotebookClient

        book = nbformat.read(sys.argv[1], as_version=4)
        cells = [cell for cell in book.cells if cell.cell_type == "code"]
        book.cells.append(nbformat.v4.new_code_cell(cells[1].source))
        NotebookClient(book, timeout={2 * PATIENT}).execute()
        outputs = [output for cell in cells for output in cell.outputs]
        assert not any("Warning" in str(output) for output in outputs), outputs
        shown = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {{}})]
        assert sum("<svg" in each for each in shown) == 2, shown
    """
    run(tmp_path, "-c", script, ROOT / "examples/notebook.ipynb", JUPYTER_PLATFORM_DIRS="1")

    before = next((tmp_path / "runs/notebook/previous").iterdir())
    for each in (tmp_path / "runs/notebook", before):
        assert [row["epoch"] for row in rows(each / "metrics.csv")] == [str(n) for n in range(10)]
    assert [row["loss"] for row in rows(tmp_path / "runs/notebook-by-hand/metrics.csv")] == ["0.5", "0.25"]


def test_the_notebook_is_kept_without_its_outputs() -> None:
    cells = json.loads((ROOT / "examples/notebook.ipynb").read_text())["cells"]
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)


def _settled(text: str) -> list[str]:
    """What a command said, without what differs from one day and machine to the next."""
    for pattern, instead in {
        r"\d+(\.\d+)? (s|min|h|d)( \d+ (s|min|h))?": "TIME",
        r"\d{4}-\d\d-\d\d \d\d:\d\d": "DATE",
        r"uid [0-9a-f]{8}": "UID",
        r"\d+(\.\d+)? K?B": "SIZE",
        r",\d{13},": ",WHEN,",
        r"table-[0-9a-f]{6}": "table-ID",
        re.escape(platform.node()): "node7",
        r"\S*/(report\.html|sweep\.html|runs/sweep/)": r"\1",
        r"\bruns/sweep/": "",
    }.items():
        text = re.sub(pattern, instead, text)
    return [" ".join(line.split()) for line in text.splitlines()]


def _say_what_is_shown(page: Path, settled: Callable[[str], object]) -> None:
    """Each command of the page, in the working directory; in this process, as beginning one takes longer than they."""
    for block in blocks(page, "console"):
        for command, *shown in (part.splitlines() for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part):
            variables = dict(word.split("=") for word in command.split(" tracklib ")[0].split() if "COLUMNS" in word)
            words = shlex.split(command.partition("tracklib ")[2])
            done = CliRunner().invoke(commands.main, words, env={"COLUMNS": "80", **variables})

            assert done.exit_code == 0, (command, done.output)
            assert settled(done.stdout) == settled("\n".join(shown).rstrip()), command


@pytest.mark.slow
def test_the_commands_say_what_their_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, ROOT / "examples/sweep.py", TRACKLIB_ENVIRONMENT="0")

    monkeypatch.chdir(tmp_path)
    _say_what_is_shown(DOCS / "reference/commands.rst", _settled)


def _first_words(text: str) -> list[str]:
    """What a command's first line says, without numbers: what scikit-learn comes to is not the same everywhere."""
    return re.findall(r"[A-Za-z][\w/-]+", _settled(text)[0])


@pytest.mark.slow  # twelve real trainings
def test_the_tutorials_sweep_and_its_commands_say_what_their_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = DOCS / "tutorial/sweep.rst"
    (tmp_path / "sweep.py").write_text(script_of(page))

    done = run(tmp_path, "sweep.py", OMP_NUM_THREADS="1")

    assert done.stdout.startswith("adam-64-0.03 0.03 0.")
    monkeypatch.chdir(tmp_path)
    _say_what_is_shown(page, _first_words)


@pytest.mark.slow
def test_the_example_of_testing_passes_its_tests(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "examples/testing", "-W", "error")

    assert done.stdout.splitlines()[-1].startswith("2 passed")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_example_of_a_plug_in_passes_the_checks_as_its_page_says(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "examples/plugin", "-W", "error")

    (shown,) = [block for block in blocks(DOCS / "how-to/plugins.rst", "console") if "test_shelf" in block]
    assert done.stdout.splitlines()[-1].startswith(shown.splitlines()[-1])
    assert list(tmp_path.iterdir()) == []


def test_the_page_of_the_command_line_has_each_command() -> None:
    shown = re.findall(r":prog: tracklib (\w+)", (DOCS / "reference/command-line.rst").read_text())

    assert shown == commands.main.list_commands(click.Context(commands.main))


def test_the_page_of_variables_has_each_that_tracklib_reads_for_its_user() -> None:
    page = (DOCS / "reference/environment-variables.rst").read_text()
    read = re.findall(r'"(TRACKLIB_\w+|NO_COLOR)"', (ROOT / "tracklib/_common/variables.py").read_text())

    assert read
    assert [variable for variable in read if f"``{variable}" not in page] == []


def test_each_page_is_in_the_sites_table_of_contents() -> None:
    listed = re.findall(r"^   ([\w-]+/[\w-]+)$", (DOCS / "index.rst").read_text(), re.MULTILINE)

    assert sorted(listed) == sorted(str(page.relative_to(DOCS))[:-4] for page in DOCS.glob("*/*.rst"))


def test_each_file_that_a_page_names_is_there() -> None:
    pages = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
    named = r"(?<![\w/.<])((?:tests|docs|examples|trackers|reading|cli|_[a-z]+)/[\w/.-]+\.(?:py|rst|ipynb|png))"
    found = [(page.name, path) for page in pages for path in re.findall(named, page.read_text())]

    assert len(found) > 30
    assert [
        (page, path) for page, path in found if not (ROOT / path).exists() and not (ROOT / "tracklib" / path).exists()
    ] == []


def test_the_readme_names_each_extra_that_is_for_users() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    everything = re.fullmatch(r"tracklib-ml\[(.*)\]", declared["all"][0])
    told = " ".join(README.read_text().partition("The extras")[2].partition("`all`")[0].split())

    assert everything
    assert {*everything[1].split(",")} == {*re.findall(r"`(\w+)`", told)}


def test_the_version_and_its_date_are_the_same_wherever_they_stand() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (named, date), *_ = re.findall(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    citation = (ROOT / "CITATION.cff").read_text()
    assert named == version
    assert f"\nversion: {version}\n" in citation
    assert f'\ndate-released: "{date}"\n' in citation
