"""Plug-ins: real wheels, installed by pip, whose entry points offer trackers."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENT
from wheels import install, wheel

from tracklib import BaseTracker, ConfigError
from tracklib._delivery.sync import sync
from tracklib.trackers import _plug_ins
from tracklib.trackers._configs import build
from tracklib.trackers._identity import describe, type_name

TRACKER = """
import os
from tracklib import BaseTracker

class {name}(BaseTracker):
    {more}
    def __init__(self, *, shelf: str = "a", output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.shelf = shelf
    def init(self):
        self.state["run"] = self.state.get("run", self.begin.uid)
        self.location = os.path.join(self.output_run, "{name}.txt")
    def log(self, epoch, log_dict):
        with open(self.location, "a") as file:
            print(epoch, sorted(log_dict.items()), os.getpid(), file=file)
"""


def tracker(name: str, more: str = "") -> str:
    return TRACKER.format(name=name, more=more)


def group(*entries: str) -> str:
    return "\n".join(["[tracklib.trackers]", *entries, ""])


PLUGS = {
    "shelf-tracklib": (
        {"shelf/__init__.py": "from .core import Shelf\n", "shelf/core.py": tracker("Shelf")},
        "Shelf = shelf:Shelf",
    ),
    "shelf-sdk": ({"shelf_sdk.py": ""}, ""),
    "sdk-tracklib": (
        {"sdk_tracker.py": tracker("NeedsSdk", 'requires = ("shelf_sdk",)')},
        "NeedsSdk = sdk_tracker:NeedsSdk",
    ),
    "twin-one": ({"twin_one.py": tracker("Twin")}, "Twin = twin_one:Twin"),
    "twin-two": ({"twin_two.py": tracker("Twin")}, "Twin = twin_two:Twin"),
    "twin-three": ({}, "Shelf = shelf:Shelf"),  # the same class as another's: no conflict
    "not-wandb": ({"not_wandb.py": tracker("Wandb")}, "Wandb = not_wandb:Wandb"),
    "broken-tracklib": ({"broken_tracker.py": "import no_such_package_x\n"}, "Broken = broken_tracker:Broken"),
    "leaves-tracklib": ({"leaves.py": "raise SystemExit(3)\n"}, "Leaves = leaves:Leaves"),
    "future-tracklib": ({"future.py": tracker("Future", "contract = 99")}, "Future = future:Future"),
    "past-tracklib": ({"past.py": tracker("Past", "contract = 0")}, "Past = past:Past"),
    "half-tracklib": (
        {"half.py": "from tracklib import BaseTracker\nclass Half(BaseTracker): pass\n"},
        "Half = half:Half",
    ),
    "none-tracklib": ({"nothing.py": "NoTracker = 1\n"}, "NoTracker = nothing:NoTracker"),
    "extra-tracklib": (
        {"extra_one.py": tracker("Extra"), "extra_two.py": tracker("Full")},
        "Extra = extra_one:Extra [server]\nFull = extra_two:Full [small]",
    ),
    "lazy-tracklib": ({"lazy.py": tracker("Lazy", 'requires = ("no_such_sdk_y",)')}, "Lazy = lazy:Lazy [other]"),
    "garbled-tracklib": ({"garbled.py": ""}, "Fine = garbled:Fine"),
}
REQUIRES = {
    "extra-tracklib": [
        "Requires-Dist: no-such-server-sdk>=2; extra == 'server'",
        'Requires-Dist: shelf-sdk; extra == "small"',
        "Requires-Dist: no-such-other; python_version < '3' and extra == 'small'",
    ]
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed all of them."""
    built, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    wheels = [
        wheel(built, name, "1.2", files, group(entries) if entries else "", REQUIRES.get(name, ()))
        for name, (files, entries) in PLUGS.items()
    ]
    install(target, *wheels)
    with open(target / "garbled_tracklib-1.2.dist-info" / "entry_points.txt", "a") as file:
        file.write("this line says nothing\n")
    return target


@pytest.fixture
def installed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """They are on the path; modules of theirs that a test imported are forgotten."""
    monkeypatch.syspath_prepend(shop)
    before = set(sys.modules)
    yield shop
    for name in set(sys.modules) - before:
        if str(shop) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    gc.collect()  # a class that was imported is found by its name as long as it lives


def problem(name: str) -> str:
    with pytest.raises(ConfigError) as caught:
        build([{"type": name}])
    (line,) = caught.value.problems
    return line


def made(name: str, **options: Any) -> BaseTracker:
    (tracker,) = build([{"type": name, **options}])
    return tracker


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_a_plug_in_is_known_by_its_entry_points_name() -> None:
    found = made("Shelf", shelf="b")
    assert type_name(type(found)) == "shelf.core:Shelf"
    assert describe(found) == {"type": "shelf.core:Shelf", "shelf": "b"}


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_only_the_plug_in_that_is_named_is_imported() -> None:
    made("Shelf")
    assert not {"twin_one", "broken_tracker", "future", "sdk_tracker"} & set(sys.modules)


@pytest.mark.usefixtures("installed")
def test_two_distributions_for_one_name_are_named_with_the_way_out() -> None:
    assert problem("Twin") in (
        f"configs[0]: type 'Twin' is offered by twin-{a} 1.2 and twin-{b} 1.2: write 'type': 'twin_{a}:Twin' or "
        f"'type': 'twin_{b}:Twin', or uninstall all but one of them"
        for a, b in (("one", "two"), ("two", "one"))
    )
    assert type(made("twin_two:Twin")).__module__ == "twin_two"


@pytest.mark.usefixtures("installed")
def test_a_built_in_wins_over_a_plug_in() -> None:
    assert type(made("Wandb", project="p")).__module__ == "tracklib.trackers.wandb"
    assert "not_wandb" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_a_plug_in_wins_over_an_imported_subclass_so_that_no_import_changes_what_a_config_means() -> None:
    class Shelf(BaseTracker):
        def init(self) -> None: ...

        def log(self, epoch: int, log_dict: Any) -> None: ...

    assert type(made("Shelf")).__module__ == "shelf.core"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Broken", "type 'Broken' of broken-tracklib 1.2 cannot be imported: ModuleNotFoundError: No module named "
                   "'no_such_package_x'; run: pip install -U \"broken-tracklib\""),
        ("Leaves", "type 'Leaves' of leaves-tracklib 1.2 cannot be imported: SystemExit: 3; run: pip install -U "
                   '"leaves-tracklib"'),
        ("Future", "Future of future-tracklib 1.2 is written for contract 99 of trackers, and this tracklib has 1; "
                   'run: pip install -U "tracklib-ml"'),
        ("Past", "Past of past-tracklib 1.2 is written for contract 0 of trackers, and this tracklib has 1; run: "
                 'pip install -U "past-tracklib"'),
        ("Half", "Half of half-tracklib 1.2 is not complete: give it init, log"),
        ("NoTracker", "type 'NoTracker' of none-tracklib 1.2 is no subclass of tracklib.BaseTracker"),
        ("Extra", "type 'Extra' of extra-tracklib 1.2 needs no-such-server-sdk; run: pip install -U "
                  '"extra-tracklib[server]"'),
        ("Lazy", 'Lazy needs no_such_sdk_y; run: pip install -U "lazy-tracklib[other]"'),
    ],
)  # fmt: skip
def test_a_plug_in_that_cannot_be_used_names_its_distribution_and_what_mends_it(name: str, said: str) -> None:
    assert problem(name) == f"configs[0]: {said}"


@pytest.mark.usefixtures("installed")
def test_an_extra_whose_packages_are_there_is_no_trouble() -> None:
    assert type(made("Full")).__name__ == "Full"


@pytest.mark.usefixtures("installed")
def test_entry_points_that_cannot_be_read_are_no_trouble_of_another_distributions() -> None:
    assert type(made("Shelf")).__name__ == "Shelf"
    said = problem("zzzz")
    assert "Shelf" in said
    assert "garbled" not in said
    (found,) = _plug_ins.plug_ins()["(garbled-tracklib)"]
    assert found.problem.startswith("its entry_points.txt cannot be read: ")


@pytest.mark.usefixtures("installed")
def test_plug_ins_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_PLUGINS", "0")
    assert "unknown type 'Twin'" in problem("Twin")
    assert type(made("shelf:Shelf")).__name__ == "Shelf"  # a path needs no discovery


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_distributions_are_looked_through_once_and_again_where_one_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made("Shelf")
    asked = []
    distributions = metadata.distributions

    def look() -> Any:
        asked.append(1)
        return distributions()

    monkeypatch.setattr(metadata, "distributions", look)
    made("Shelf")
    made("Full")
    assert asked == []
    files = {"late.py": tracker("Late")}
    install(tmp_path / "site", wheel(tmp_path, "late-tracklib", "0.1", files, group("Late = late:Late")))
    monkeypatch.syspath_prepend(tmp_path / "site")
    made("Late")
    assert asked == [1]
    monkeypatch.delitem(sys.modules, "late")


def test_a_built_in_is_found_without_looking_through_the_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise AssertionError("looked through")

    monkeypatch.setattr(metadata, "distributions", refuse)
    monkeypatch.setattr(_plug_ins, "_found", (None, {}))
    made("CsvLogger")


PROGRAM = """
import os
from tracklib import tracking
with tracking([{"type": "Shelf"}, {"type": "NeedsSdk"}], output_run="run") as t:
    t.log(0, {"a": 1.0})
print(os.getpid())
"""


def ran(shop: Path, folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(shop)} | variables
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENT
    )


@pytest.mark.slow
def test_a_program_logs_to_plug_ins_and_those_with_packages_live_in_the_companion(shop: Path, tmp_path: Path) -> None:
    done = ran(shop, tmp_path, "-c", PROGRAM)
    assert (done.returncode, done.stderr) == (0, "")
    here = (tmp_path / "run" / "Shelf.txt").read_text()
    there = (tmp_path / "run" / "NeedsSdk.txt").read_text()
    assert here == f"0 [('a', 1.0)] {done.stdout}"
    assert there.startswith("0 [('a', 1.0)] ")
    assert there != here
    begin = json.loads((tmp_path / "run" / "journal.jsonl").read_text().splitlines()[0])
    assert [config["type"] for config in begin["configs"]] == ["shelf.core:Shelf", "sdk_tracker:NeedsSdk", "CsvLogger"]


@pytest.mark.slow
def test_a_run_is_delivered_later_where_plug_ins_are_switched_off(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(
        installed,
        tmp_path,
        "-c",
        "from tracklib import *\nwith tracking([], output_run='run') as t: t.log(3, {'a': 1})",
    )
    monkeypatch.setenv("TRACKLIB_PLUGINS", "0")
    sync(str(tmp_path / "run"), to={"type": "shelf.core:Shelf"})
    assert (tmp_path / "run" / "Shelf.txt").read_text().startswith("3 [('a', 1.0)]")


def test_the_command_lists_all_with_what_is_wrong(shop: Path, tmp_path: Path) -> None:
    done = ran(shop, tmp_path, "-m", "tracklib", "plugins", "--json")
    offers = json.loads(done.stdout)
    wrong = {offer["type"] for offer in offers if offer["problem"]}
    fine = {offer["type"] for offer in offers if not offer["problem"]}
    assert fine == {"Shelf", "NeedsSdk", "Full", "Lazy"}
    assert wrong == {
        "Twin", "Wandb", "Broken", "Leaves", "Future", "Past", "Half", "NoTracker", "Extra", "(garbled-tracklib)"
    }  # fmt: skip
    assert {offer["distribution"] for offer in offers if offer["type"] == "Twin"} == {"twin-one", "twin-two"}
    (hidden,) = (offer for offer in offers if offer["type"] == "Wandb")
    assert hidden["problem"] == "hidden by tracklib's own Wandb: write 'type': 'not_wandb:Wandb'"
    assert done.returncode == 1


@pytest.mark.slow
def test_the_command_is_a_table_for_a_reader(shop: Path, tmp_path: Path) -> None:
    said = ran(shop, tmp_path, "-m", "tracklib", "plugins").stdout.splitlines()
    assert said[0].split() == ["TYPE", "FROM", "CLASS", "STANDING"]
    assert "Shelf shelf-tracklib 1.2 shelf:Shelf can be used".split() in [line.split() for line in said]
    assert said[-1] == "15 plug-ins"
    assert any(line.startswith("broken-tracklib: type 'Broken' of broken-tracklib 1.2 cannot") for line in said)
    off = ran(shop, tmp_path, "-m", "tracklib", "plugins", TRACKLIB_PLUGINS="0")
    assert off.stdout == "0 plug-ins (TRACKLIB_PLUGINS switches them off)\n"
    assert off.returncode == 0
