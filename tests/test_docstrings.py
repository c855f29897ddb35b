"""What a reader of the reference needs: each public class, function and method says what its parameters mean, in which
unit, and what it raises itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tracklib import integrations

PACKAGES = [
    "tracklib",
    "tracklib.trackers",
    "tracklib.reading",
    "tracklib.errors",
    "tracklib.integrations",
    "tracklib.testing",
]
UNIT = re.compile(r"\bseconds?\b")
PURE_NUMBERS = {"weight", "value"}  # that have no unit
ROOT = Path(__file__).parent.parent
SOURCES = {path: path.read_text() for path in (ROOT / "tracklib").rglob("*.py")}
ADAPTERS = sorted(path for path in Path(integrations.__file__).parent.glob("*.py") if path.name[0] != "_")
ELSEWHERE = {  # what says once what the parameters of these mean
    "Trackers": "tracking",
    "Trackers.child": "tracking",
}


class Documented(NamedTuple):
    """A public class, function or method: its name, what is documented, and the function that has its parameters."""

    name: str
    item: Any
    function: Any


def public() -> Iterator[Documented]:
    seen = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            item = getattr(module, name)
            for found in of(name, item):
                if id(found.item) not in seen and (found.item.__module__ or "").startswith("tracklib"):
                    seen.add(id(found.item))
                    yield found


def of(name: str, item: Any) -> Iterator[Documented]:
    if inspect.isclass(item):
        yield Documented(name, item, vars(item).get("__init__"))
        for kind in item.__mro__:
            for member, function in vars(kind).items():
                function = getattr(function, "__func__", function)
                is_public = member[0] != "_" and not member.startswith("test_")
                if is_public and inspect.isfunction(function) and not is_promised_above(kind, member):
                    yield Documented(f"{name}.{member}", function, function)
    elif inspect.isfunction(item):
        yield Documented(name, item, item)


def is_promised_above(kind: type, member: str) -> bool:
    """Whether it is an override, whose contract stands on the base."""
    return any(member in vars(base) for base in kind.__mro__[1:])


ALL = {found.name: found for found in public()}


@pytest.mark.parametrize("name", ALL)
def test_a_public_name_says_what_its_parameters_mean(name: str) -> None:
    found = ALL[name]
    told = inspect.getdoc(found.item) or ""
    assert told
    names = list(inspect.signature(found.function).parameters) if inspect.isfunction(found.function) else []
    wanted = [each for each in names if each not in ("self", "cls") and each[0] != "_"]
    if name in ELSEWHERE:
        told += inspect.getdoc(ALL[ELSEWHERE[name]].item) or ""
    assert [each for each in wanted if not re.search(rf"\b{each}\b", told)] == []


@pytest.mark.parametrize("name", [name for name, found in ALL.items() if inspect.isfunction(found.item)])
def test_what_a_public_function_raises_itself_stands_in_its_docstring(name: str) -> None:
    function = ALL[name].function
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
    raised = {ast.unparse(node.exc).split("(")[0] for node in nodes if isinstance(node, ast.Raise) and node.exc}
    kinds = {kind for kind in raised if kind[0].isupper()} - {"NotImplementedError"}
    assert {kind for kind in kinds if kind not in (inspect.getdoc(function) or "")} == set()


def entry_of(name: str, docstring: str) -> str:
    """What stands in a docstring of one parameter: up to the next one, or the section's end."""
    found = re.search(rf"^( +){name}: (.*(?:\n\1 +.*)*)", docstring, re.MULTILINE)
    return found[2] if found else docstring


def with_unit() -> list[tuple[str, str]]:
    return [
        (name, each.name)
        for name, found in ALL.items()
        if inspect.isfunction(found.function)
        for each in inspect.signature(found.function).parameters.values()
        if "float" in str(each.annotation).split(" | ") and each.name not in PURE_NUMBERS
    ]


@pytest.mark.parametrize(("name", "parameter"), with_unit())
def test_a_parameter_that_is_a_length_of_time_or_a_rate_says_its_unit(name: str, parameter: str) -> None:
    told = inspect.getdoc(ALL[ELSEWHERE.get(name, name)].item) or ""
    assert UNIT.search(entry_of(parameter, told))


def test_what_returns_a_bool_says_whether() -> None:
    tests = {
        name: inspect.getdoc(found.item) or ""
        for name, found in ALL.items()
        if inspect.isfunction(found.item) and found.item.__annotations__.get("return") == "bool"
    }
    assert tests
    assert [name for name, told in tests.items() if "whether" not in told.lower()] == []


def test_no_time_is_counted_since_the_epoch_which_is_a_word_of_training_here() -> None:
    assert [path.name for path, text in SOURCES.items() if "since the epoch" in text] == []


def test_a_page_that_the_code_names_is_there() -> None:
    named = {page for text in SOURCES.values() for page in re.findall(r"\bdocs/[\w/-]+\.rst\b", text)}
    assert named
    assert [page for page in named if not (ROOT / page).exists()] == []


@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: path.stem)
def test_an_adapter_says_what_its_parameters_mean_whether_its_framework_is_here_or_not(path: Path) -> None:
    public = [
        item
        for item in ast.parse(path.read_text()).body
        if isinstance(item, ast.ClassDef | ast.FunctionDef) and item.name[0] != "_"
    ]
    silent = [
        f"{item.name}: {name}"
        for item in public
        for name in parameters_of(item)
        if not re.search(rf"\b{name}\b", ast.get_docstring(item) or "")
    ]
    assert silent == []


def parameters_of(item: ast.ClassDef | ast.FunctionDef) -> list[str]:
    if isinstance(item, ast.ClassDef):
        made = [each for each in item.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        return [name for function in made for name in parameters_of(function)]
    return [each.arg for each in [*item.args.args, *item.args.kwonlyargs] if each.arg != "self"]
