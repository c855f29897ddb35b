"""What a reader of the reference needs: each public class, function and method says what its parameters mean, and what
it raises itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

PACKAGES = ["tracklib", "tracklib.trackers", "tracklib.reading", "tracklib.errors", "tracklib.integrations"]
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
                if member[0] != "_" and inspect.isfunction(function) and not is_promised_above(kind, member):
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
