"""The house: imports point down, and each thing is known in one place."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracklib

HOUSE = Path(tracklib.__file__).parent
ROOMS = [  # from the roof to the ground; a module imports from its own room and from those below
    {"__main__", "cli", "testing"},
    {"integrations"},
    {"__init__"},
    {"_words", "reading"},
    {"_run"},
    {"_delivery"},
    {"trackers"},
    {"_journal", "_values"},
    {"_common", "errors", "limits"},
]
FLOOR = {room: len(ROOMS) - index for index, rooms in enumerate(ROOMS) for room in rooms}
NEIGHBOURS = [{"_journal", "_values"}, {"_words", "reading"}]  # on one floor, and neither knows the other's inside


def modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(HOUSE.rglob("*.py")):
        name = ".".join(path.relative_to(HOUSE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text())
    return found


MODULES = modules()


def imports(module: str, tree: ast.AST) -> Iterator[str]:
    """What a module imports when it runs: ours as ``tracklib.<module>``, others by their full name."""
    package = ["tracklib", *module.split(".")]
    if not (HOUSE / module.replace(".", "/")).is_dir():
        package = package[:-1]
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, node.module or ""]).strip(".")
            submodules = [f"{origin}.{alias.name}" for alias in node.names]
            ours = [name for name in submodules if name.removeprefix("tracklib.") in MODULES]
            yield from ours or [origin]
        else:
            yield from imports(module, node)


@functools.cache
def imported_by(module: str) -> frozenset[str]:
    return frozenset(imports(module, MODULES[module]))


def importers_of(*packages: str) -> set[str]:
    return {module for module in MODULES if any(name.split(".")[0] in packages for name in imported_by(module))}


def users_of(expression: str) -> set[str]:
    return {
        module
        for module, tree in MODULES.items()
        if any(isinstance(node, ast.Attribute) and ast.unparse(node) == expression for node in ast.walk(tree))
    }


def room(module: str) -> str:
    return module.split(".")[0]


@functools.cache
def ours(module: str) -> set[str]:
    """The modules of the house that ``module`` imports."""
    found = {name.removeprefix("tracklib.") for name in imported_by(module) if name.startswith("tracklib")}
    handed_on = {"_run.run"} if module == "trackers" else set()  # `Trackers`, when it is asked for
    return {name for name in found if name in MODULES} - handed_on


def test_every_module_is_in_a_room() -> None:
    assert {room(module) for module in MODULES} == set(FLOOR)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    assert {name for name in ours(module) if FLOOR[room(name)] > FLOOR[room(module)]} == set()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_neighbours_do_not_know_each_others_inside(module: str) -> None:
    assert {name for name in ours(module) if {room(name), room(module)} in NEIGHBOURS} == set()


def test_no_import_goes_in_a_circle() -> None:
    graphlib.TopologicalSorter({module: ours(module) for module in MODULES}).prepare()


def test_only_the_kits_know_pytest() -> None:
    assert all(room(module) == "testing" for module in importers_of("pytest"))


def test_only_the_words_know_wrapt() -> None:
    assert importers_of("wrapt") == {"_words.wrapper"}


def test_only_one_place_knows_context_variables() -> None:
    assert importers_of("contextvars") == {"_run.current"}


def test_only_the_delivery_starts_threads() -> None:
    assert users_of("threading.Thread") == {
        "_delivery.worker",
        "_delivery.companion",
        "_run.background",
        "reading.live",
    }


def test_only_a_backends_file_knows_its_sdk() -> None:
    assert all(module.startswith(("trackers.mlflow", "trackers._mlflow_")) for module in importers_of("mlflow"))
    assert all(module.startswith(("trackers.wandb", "trackers._wandb_")) for module in importers_of("wandb"))
    assert importers_of("tensorboard") == {"trackers._tensorboard_events", "trackers._tensorboard_history"}
    assert importers_of("aim") == {"trackers.aim"}
    assert importers_of("comet_ml") == {"trackers.comet"}
    assert importers_of("neptune_scale") == {"trackers.neptune"}
    assert importers_of("dvclive") == {"trackers.dvclive"}
    assert importers_of("swanlab") == {"trackers.swanlab"}
    assert importers_of("trackio") == {"trackers.trackio"}
    assert importers_of("rich") == {"trackers._console_table"}


def test_only_one_module_reads_the_environment() -> None:
    assert users_of("os.environ") | users_of("os.getenv") == {"_common.variables"}


def test_only_one_place_asks_for_the_rank() -> None:
    assert {module for module in MODULES if "_run.rank" in ours(module)} == {"_run.attempt", "_run.launch"}


def test_the_map_of_the_house_in_contributing_names_every_room() -> None:
    text = (HOUSE.parent / "CONTRIBUTING.md").read_text()
    drawn = re.findall(
        r"^  (\w+)(?:\.py|/)", text[: text.index("Between `_delivery`")].replace(", ", "\n  "), re.MULTILINE
    )
    assert set(drawn) >= set(FLOOR) - {"__main__"}


def test_what_few_need_is_imported_by_the_word_that_needs_it() -> None:
    """In the thread of who calls it, never in one of ours; everywhere else, imports stand at a module's head.

    Only words that open a file are among these: where none can be opened any more, a run says what its journal takes.
    """
    late = {
        module
        for module, tree in MODULES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and node.level
    }
    assert {module for module in late if room(module)[0] == "_"} == {
        "_run.artifacts",
        "_run.printed",
        "_run.showing_media",
        "_words.tracked",
        "_words.tracking",
    }
