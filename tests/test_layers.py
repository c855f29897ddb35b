"""The house: imports point down, and each thing is known in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracklib

HOUSE = Path(tracklib.__file__).parent
LAYERS = [  # from the roof to the ground; a module imports from its own layer and from those below
    {"__main__", "cli"},
    {"__init__"},
    {"_tracking", "_tracked", "_current", "_callables", "_signals"},
    {"_sync", "_silent"},
    {"_trackers", "_process", "_leaving"},
    {"_run_log", "_background"},
    {"_draining", "_left", "_delivery"},
    {"_config"},
    {
        "trackers",
        "trackers.base",
        "trackers.console",
        "trackers.csv_logger",
        "trackers.mlflow",
        "trackers._mlflow_client",
        "trackers._wandb_core",
        "trackers._wandb_file",
        "trackers.tensorboard",
        "trackers.wandb",
    },
    {
        *(
            "_apart",
            "_bell",
            "_capture",
            "_directory",
            "_earlier",
            "_epochs",
            "_media",
            "_metrics",
            "_environment",
            "_folder",
            "_inputs",
            "_journal",
            "_lock",
            "_mirror",
            "_names",
            "_records",
            "_redact",
            "_spill",
            "_state",
            "_system",
            "_values",
            "_warn",
        ),
        "errors",
        "limits",
    },
]
FLOOR = {module: len(LAYERS) - index for index, layer in enumerate(LAYERS) for module in layer}


def modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(HOUSE.rglob("*.py")):
        name = ".".join(path.relative_to(HOUSE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text())
    return found


MODULES = modules()


def imports(module: str, tree: ast.AST) -> Iterator[str]:
    """What a module imports when it runs: ours as ``tracklib.<module>``, others by their full name."""
    package = ["tracklib", *module.split(".")][:-1] if module != "trackers" else ["tracklib", "trackers"]
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


def importers_of(*packages: str) -> set[str]:
    return {
        module
        for module, tree in MODULES.items()
        if any(name.split(".")[0] in packages for name in imports(module, tree))
    }


def users_of(expression: str) -> set[str]:
    return {
        module
        for module, tree in MODULES.items()
        if any(isinstance(node, ast.Attribute) and ast.unparse(node) == expression for node in ast.walk(tree))
    }


def test_every_module_has_its_floor() -> None:
    assert set(MODULES) == set(FLOOR)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    ours = {name.removeprefix("tracklib.") for name in imports(module, MODULES[module]) if name.startswith("tracklib.")}
    if module == "trackers":
        ours.discard("_trackers")  # handed on when asked for: it stands on the modules of this package
    assert {name for name in ours if FLOOR[name] > FLOOR[module]} == set()


def test_only_the_words_know_wrapt() -> None:
    assert importers_of("wrapt") == {"_callables", "_warn"}  # _warn asks where it lies, to pass over its frames


def test_only_the_words_know_context_variables() -> None:
    assert importers_of("contextvars") == {"_current"}


def test_only_the_delivery_starts_threads() -> None:
    assert users_of("threading.Thread") == {"_delivery", "_background"}


def test_only_a_backends_file_knows_its_sdk() -> None:
    assert importers_of("mlflow") == {"trackers.mlflow", "trackers._mlflow_client"}
    assert importers_of("wandb") == {"trackers.wandb", "trackers._wandb_core"}
    assert importers_of("tensorboard") == {"trackers.tensorboard"}
    assert importers_of("rich") == {"trackers.console"}


def test_only_one_module_reads_the_environment() -> None:
    assert users_of("os.environ") | users_of("os.getenv") == {"_environment"}


def test_only_one_place_asks_for_the_rank() -> None:
    assert users_of("_environment.rank") == {"_tracking"}
