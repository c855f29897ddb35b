"""``doctor``, ``rm``, ``sync`` and ``serve``: what mends, deletes, delivers, and shows over a port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import tracklib
from somebody import as_nobody

from tracklib import CsvLogger, tracking
from tracklib._journal import layout

KILLED = """
import os, signal, sys
from tracklib import CsvLogger, tracking
with tracking(output_run=sys.argv[1]) as t:
    t.log(0, {"loss": 0.5})
    os.kill(os.getpid(), signal.SIGKILL)
"""


def finished_run(path: Path, **options: Any) -> Path:
    with tracking(output_run=path, **options) as t:
        t.log(0, {"loss": 0.5})
        t.log_text("note", "hello")
    return path


def killed_run(path: Path) -> Path:
    done = subprocess.run([sys.executable, "-c", KILLED, path], env={**os.environ, "TRACKLIB_ENVIRONMENT": "0"})
    assert done.returncode == -signal.SIGKILL
    return path


def test_the_doctor_finds_nothing_where_all_is_right(tmp_path: Path) -> None:
    finished_run(tmp_path / "run")

    said = tracklib("doctor", tmp_path)

    assert (said.exit_code, said.output.split(" in ")[0]) == (0, "1 run")
    assert said.output.endswith("all right\n")


def test_the_doctor_finds_a_dead_process_and_names_what_mends_it(tmp_path: Path) -> None:
    run = killed_run(tmp_path / "run")

    said = tracklib("doctor", tmp_path)
    assert said.exit_code == 1
    assert f"{run}  its process died, trackers do not know  tracklib sync {run}" in said.output

    assert tracklib("sync", run).exit_code == 0
    assert tracklib("doctor", tmp_path).exit_code == 0


def test_the_doctor_finds_damage_and_artifacts_that_are_not_what_was_logged(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    journal = (run / "journal.jsonl").read_bytes()
    (run / "journal.jsonl").write_bytes(journal.replace(b'"loss":0.5', b'"loss":0.6'))
    (run / "artifacts/note.txt").write_text("other")

    said = json.loads(tracklib("doctor", tmp_path, "--json").output)

    assert {(one["kind"], one["problem"]) for one in said} >= {
        ("damaged", "1 damaged line in the journal"),
        ("artifact", "artifacts/note.txt is not the file that was logged (SHA-256)"),
    }
    assert "artifact" not in tracklib("doctor", tmp_path, "--json", "--quick").output
    (run / "artifacts/note.txt").unlink()
    assert "artifacts/note.txt is no longer there" in tracklib("doctor", tmp_path).output


def test_the_doctor_finds_a_line_that_was_damaged_since_the_runs_end(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for step in range(50):
            t.log(step, {"loss": 0.5})
    journal = tmp_path / "run/journal.jsonl"
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 2
    journal.write_bytes(content)

    assert "1 damaged line in the journal" in tracklib("doctor", tmp_path).output
    assert tracklib("doctor", tmp_path, "--quick").exit_code == 0


def test_the_doctor_finds_what_a_server_has_not(tmp_path: Path) -> None:
    config = {"type": "Mlflow", "tracking_uri": "http://127.0.0.1:9", "experiment_name": "x"}
    program = """
import json, os, sys
from tracklib import CsvLogger, tracking
with tracking([json.loads(sys.argv[2])], output_run=sys.argv[1]) as t:
    t.log(0, {"loss": 0.5})
    os._exit(1)
"""
    subprocess.run([sys.executable, "-c", program, tmp_path / "run", json.dumps(config)])

    said = tracklib("doctor", tmp_path)

    assert said.exit_code == 1
    assert "Mlflow: 1 record not delivered" in said.output


def test_the_doctor_counts_runs_that_cannot_be_read_wherever_they_were_named(tmp_path: Path) -> None:
    finished_run(tmp_path / "runs/run")
    (tmp_path / "runs/ill/journal.jsonl").mkdir(parents=True)

    for places in (["--root", tmp_path / "runs"], [tmp_path / "runs"], [tmp_path / "runs/ill"]):
        said = tracklib("doctor", *places)
        assert said.exit_code == 1, places
        assert "its journal.jsonl is no file" in said.stdout
    assert tracklib("doctor", tmp_path / "runs/run/journal.jsonl").exit_code == 0


def test_rm_says_what_goes_asks_and_leaves_what_no_run_wrote(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    (run / "mine.txt").write_text("mine")

    said = tracklib("rm", run, answer="n\n")
    assert said.exit_code == 1
    assert "mine.txt stays: no run wrote it" in said.output
    assert (run / "journal.jsonl").exists()

    assert tracklib("rm", run, answer="y\n").exit_code == 0
    assert [path.name for path in run.iterdir()] == ["mine.txt"]


def test_rm_deletes_the_directory_of_a_run_that_shares_it_with_nothing(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")

    assert tracklib("rm", run, "-y").exit_code == 0

    assert not run.exists()


def test_rm_deletes_what_a_run_printed_and_what_its_alerts_said(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    for name in (layout.CONSOLE, layout.ALERTS, layout.LEASE, layout.REJECTED):
        (run / name).write_text("")

    assert "no run wrote it" not in tracklib("rm", run, "-y").output
    assert not run.exists()


def test_rm_only_says_what_would_go(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}

    said = tracklib("rm", "--root", tmp_path, "--where", "loss = 0.5", "-n")

    assert "nothing was deleted, 1 run would be" in said.output
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_rm_never_deletes_a_run_that_goes_on(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        said = tracklib("rm", tmp_path / "run", "-y", "--force")
        t.log(0, {"a": 1})

    assert said.exit_code == 1
    assert "it goes on: end it first" in said.output
    assert (tmp_path / "run/journal.jsonl").exists()


@pytest.mark.slow
def test_rm_leaves_what_was_not_delivered_unless_it_is_forced(tmp_path: Path) -> None:
    run = killed_run(tmp_path / "run")

    said = tracklib("rm", run, "-y")
    assert said.exit_code == 1
    assert "not delivered to CsvLogger: tracklib sync, or --force" in said.output
    assert tracklib("rm", run, "-y", "--force").exit_code == 0
    assert not run.exists()


def test_rm_deletes_a_run_whose_journal_is_damaged_at_its_beginning_with_the_files_of_all_its_attempts(
    tmp_path: Path,
) -> None:
    for name in ("first.csv", "second.csv"):
        with tracking([CsvLogger(csv_filename=name)], output_run=tmp_path / "run", resume=True) as t:
            t.log(0, {"loss": 0.5})
    journal = tmp_path / "run/journal.jsonl"

    assert "stays" not in tracklib("rm", tmp_path / "run", "-n").output
    journal.write_bytes(journal.read_bytes().replace(b'"type":"begin"', b'"type":"bexin"'))
    assert tracklib("rm", tmp_path / "run", "-y").exit_code == 0

    assert not journal.exists()


def test_rm_leaves_a_run_around_one_of_which_nobody_can_say_whether_it_goes_on(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    (run / "children/newer/journal.jsonl").mkdir(parents=True)

    said = tracklib("rm", run, "-y")

    assert said.exit_code == 1
    assert "nobody can say whether this goes on" in said.output
    assert (run / "journal.jsonl").exists()


def test_rm_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    run = finished_run(tmp_path / "run")
    (run / "artifacts/link").symlink_to(outside)
    (tmp_path / "alias").symlink_to(run)

    assert "it is a symbolic link" in tracklib("rm", tmp_path / "alias", "-y").output
    assert tracklib("rm", run, "-y").exit_code == 0

    assert (outside / "precious").read_text() == "mine"


def test_rm_deletes_children_with_their_run_and_says_so(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t, t.child("fold"):
        pass

    said = tracklib("rm", tmp_path / "run", "-y")

    assert "with 1 child" in said.output
    assert not (tmp_path / "run").exists()


def test_sync_tells_missing_in_use_and_broken_apart(tmp_path: Path) -> None:
    done = finished_run(tmp_path / "done")
    broken = finished_run(tmp_path / "broken")
    (broken / "journal.jsonl").unlink()
    (broken / "journal.jsonl").mkdir()

    with tracking(output_run=tmp_path / "live"):
        codes = [tracklib("sync", tmp_path / name).exit_code for name in ("done", "none", "live", "broken")]
        together = tracklib("sync", done, tmp_path / "live", "--json")

    assert codes == [0, 4, 3, 5]
    assert together.exit_code == 3
    assert [one["verdict"] for one in json.loads(together.stdout)] == ["complete", "in use"]


@pytest.mark.slow
def test_syncs_dry_run_says_what_is_left_and_changes_nothing(tmp_path: Path) -> None:
    run = killed_run(tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}

    said = tracklib("sync", run, "--dry-run")

    assert said.exit_code == 1
    assert f"{run}: its process died: no status was told to anybody" in said.output
    assert f"{run}: CsvLogger: 1 record to deliver" in said.output
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


@pytest.mark.slow
def test_sync_of_many_runs_ends_with_one_line_for_all(tmp_path: Path) -> None:
    finished_run(tmp_path / "a")
    killed_run(tmp_path / "b")

    assert tracklib("sync", "--all", tmp_path).output.splitlines()[-1] == "2 runs: 2 complete"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    finished_run(tmp_path / "runs/run")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "runs/run/artifacts/link").symlink_to(tmp_path / "secret.txt")
    command = [sys.executable, "-m", "tracklib", "serve", str(tmp_path / "runs"), "--every", "0.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        server.send_signal(signal.SIGINT)
    assert server.returncode == 0


def get(address: str, **headers: str) -> tuple[int, str, Any]:
    request = urllib.request.Request(
        address, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def test_the_served_page_is_made_anew_and_has_a_mark_of_what_is_in_it(served: str, tmp_path: Path) -> None:
    status, page, headers = get(served)
    assert (status, '"name":"run"' in page) == (200, True)
    assert headers["Cache-Control"] == "no-store"
    assert get(served, If_None_Match=headers["ETag"])[0] == 304

    finished_run(tmp_path / "runs/second")

    assert get(served, If_None_Match=headers["ETag"])[0] == 200
    assert '"name":"second"' in get(served)[1]


def test_an_artifact_is_served_and_nothing_outside(served: str) -> None:
    assert get(f"{served}run/artifacts/note.txt")[:2] == (200, "hello")
    for path in (
        "run/artifacts/link",
        "run/journal.jsonl",
        "run/artifacts/../journal.jsonl",
        "run/artifacts/%2e%2e/journal.jsonl",
        "../secret.txt",
        "run/artifacts/../../../secret.txt",
        "%2e%2e/secret.txt",
        "run/artifacts/..%2f..%2f..%2fsecret.txt",
        "/etc/passwd",
    ):
        status, body, _ = get(served + path)
        assert (status, '"crc"' in body or "secret" in body) in ((404, False), (403, False)), path


def test_without_the_token_or_by_another_name_nobody_gets_anything(served: str) -> None:
    place, token = served.rstrip("/").rsplit("/", 1)

    for address in (place, f"{place}/", f"{place}/{token[:-1]}/", f"{place}/{token}x/", f"{place}/é/"):
        assert get(address.encode("ascii", "ignore").decode())[0] == 403
    assert get(served, Host="evil.example:80")[0] == 403


def test_rm_and_doctor_and_import_say_it_for_programs_too(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("loss\n0.5\n")
    root = tmp_path / "runs"
    (made,) = json.loads(tracklib("import", "csv", tmp_path / "mine.csv", "--root", root, "--json").output)
    (again,) = json.loads(tracklib("import", "csv", tmp_path / "mine.csv", "--root", root, "--json").output)
    directory = Path(made["directory"])
    (directory / "journal.jsonl").write_bytes((directory / "journal.jsonl").read_bytes() + b"damaged\n")

    ill = tracklib("doctor", root, "--csv")
    (shown,) = json.loads(tracklib("rm", directory, "-n", "--json").output)
    (gone,) = json.loads(tracklib("rm", directory, "-y", "--json").output)

    assert (made["imported"], again) == (True, made | {"imported": False})
    assert ill.exit_code == 1
    assert ill.output.splitlines()[0] == "directory,kind,problem,mend"
    assert "1 damaged line" in ill.output
    assert (shown["deleted"], gone["deleted"], shown["refused"]) == (False, True, "")
    assert shown["bytes"] == gone["bytes"] > 0
    assert not directory.exists()


def test_a_run_that_goes_on_is_not_taken_for_dead_by_a_dry_run(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "live"):
        named = tracklib("sync", tmp_path / "live", "--dry-run")
        walked = tracklib("sync", "--all", tmp_path, "--dry-run")

    assert (named.exit_code, named.stderr) == (3, f"{tmp_path / 'live'}: it goes on: look again when it has ended\n")
    assert (walked.exit_code, walked.output) == (0, f"{tmp_path / 'live'}: still going on, and left alone\n")


def test_another_users_run_is_no_missing_one_and_their_root_hinders_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, mine = finished_run(tmp_path / "runs/theirs"), finished_run(tmp_path / "mine")
    tracklib("ls", tmp_path)  # imports what nobody may not read, where Python is in somebody's home
    (tmp_path / "runs").chmod(0o000)
    for path in (mine, *mine.rglob("*"), *list(tmp_path.parents)[:-2], tmp_path):
        path.chmod(0o755)
    monkeypatch.chdir(tmp_path)

    def ask() -> str:
        said = [tracklib("sync", theirs, *more) for more in ((), ("--dry-run",))]
        shown = tracklib("show", "mine"), tracklib("ls")
        return str([(done.exit_code, "Permission denied" in done.stderr) for done in [*said, *shown]])

    assert as_nobody(ask) == "[(5, True), (5, True), (0, False), (1, True)]"
    (tmp_path / "runs").chmod(0o700)


@pytest.mark.parametrize(
    "words", [["rm", "", "-y"], ["rm", "a", "--root", "", "-y"], ["sync", ""], ["sync", "--all", ""]]
)
def test_an_empty_word_as_of_a_variable_that_is_not_set_means_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    finished_run(tmp_path / "runs/a")

    done = tracklib(*words)

    assert (done.exit_code, "it is empty: name a run" in done.stderr) == (2, True)
    assert (tmp_path / "runs/a/journal.jsonl").exists()
