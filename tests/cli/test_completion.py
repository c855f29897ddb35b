"""What a shell completes: names of runs and of metrics, in each command."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete
from patience import PATIENT
from running import tracklib

from tracklib import tracking
from tracklib.cli.commands import main
from tracklib.cli.completing import AnyPath, FieldName, MetricName, RunName, RunPath

COMMANDS = {name: main.get_command(click.Context(main), name) for name in main.list_commands(click.Context(main))}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    with tracking(output_run=place / "runs/sweep", environment=False) as t:
        for lr in (0.01, 0.1):
            with t.child(name=f"lr={lr}") as child:
                child.log(0, {"loss": lr, "val/loss": lr})
    for directory, name in (("odd", "new\nline"), ("base one", "base one"), ("x:y", "x:y"), ("a,b", "a,b")):
        with tracking(output_run=place / "runs" / directory, name=name, environment=False) as t:
            t.log(0, {f"m {directory}": 1, "not\none line": 2}, axis="step")
    return place


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def completed(*words: str) -> list[str]:
    """What completes the last of the words of a command, without paths."""
    found = BashComplete(main, {}, "tracklib", "_TRACKLIB_COMPLETE").get_completions(list(words[:-1]), words[-1])
    return [item.value for item in found if item.type == "plain"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("sho", ["show"]),
        ("show lr", ["lr=0.01", "lr=0.1"]),
        ("show --root runs/sweep s", ["sweep"]),
        ("show --root nowhere s", []),
        ("show o", ["odd"]),
        ("plot lr=0.1 -m v", ["val/loss"]),
        ("plot runs/sweep/children/lr=0.1 -m ", ["loss", "val/loss"]),
        ("compare x:y odd -m ", ["m x:y", "m odd"]),
        ("export x:y -m m", ["m x:y"]),
        ("watch x:y -m m", ["m x:y"]),
        ("show -m m", ["m a,b", "m base one", "m odd", "m x:y"]),
        ("ls --sort m", ["m a,b", "m base one", "m odd", "m x:y"]),
        ("ls --group stat", ["status"]),
    ],
)
def test_names_of_runs_and_metrics_are_completed(words: str, names: list[str]) -> None:
    assert completed(*words.split(" ")) == names


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("serve", "completion", "plugins")])
def test_each_command_knows_what_its_arguments_are(name: str) -> None:
    command = COMMANDS[name]
    assert command
    types = {type(parameter.type) for parameter in command.params if parameter.name in ("name", "names", "places")}
    types |= {type(parameter.type) for parameter in command.params if parameter.name in ("directories", "roots")}
    assert types in ({RunName}, {RunPath}, {AnyPath})
    assert {type(each.type) for each in command.params if each.name == "metrics"} <= {MetricName}
    assert {type(each.type) for each in command.params if each.name in ("sort", "group")} <= {FieldName}


def tried(here: Path, shell: str, script: str) -> list[str]:
    """The lines that a script says behind the completion's own, in a shell that finds this tracklib."""
    if not shutil.which(shell):  # pragma: no cover  # it is not on this machine
        pytest.skip(f"{shell} is not there")
    program = here / "bin/tracklib"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tracklib "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    command = [shell, "-c", STUBS[shell] + tracklib("completion", shell).output + script]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENT)
    return done.stdout.splitlines()


STUBS = {
    "bash": "compopt() { :; }\n",
    "fish": "",
    "zsh": 'compdef() { :; }; _path_files() { :; }; compadd() { print -l -- "${completions[@]}"; }\n',
}
ASK = 'COMPREPLY=(); _tracklib_completion tracklib; printf "%s\\n" "${COMPREPLY[@]}"; '


@pytest.mark.slow  # a tracklib for each question
def test_bash_completes_names_that_it_parts_or_would_have_to_quote(here: Path) -> None:
    script = ""
    for line, words, place in [
        ("tracklib show lr=0.0", "tracklib show lr = 0.0", 4),
        ("tracklib show x:", "tracklib show x :", 3),
        ("tracklib show base", "tracklib show base", 2),
    ]:
        script += f"COMP_LINE={shlex.quote(line)}; COMP_WORDS=({words}); COMP_CWORD={place}; {ASK}"

    assert tried(here, "bash", script) == ["0.01", "y", "base\\ one"]


@pytest.mark.slow
def test_fish_completes_names_with_commas(here: Path) -> None:
    assert tried(here, "fish", 'complete -C "tracklib show a,"') == ["a,b"]


@pytest.mark.slow
def test_zsh_is_handed_the_names(here: Path) -> None:
    assert tried(here, "zsh", "words=(tracklib show lr); CURRENT=3; _tracklib_completion") == ["lr=0.01", "lr=0.1"]
