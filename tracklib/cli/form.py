"""In what form a command tells what it found: as text for a reader, as JSON or CSV for a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import click

from .tables import as_json, print_csv, print_json

F = TypeVar("F", bound=Callable[..., Any])

Form = Literal["json", "csv", "md"] | None
"""None is text."""


def form_options(
    *,
    json: str = "As JSON: numbers as numbers, in full.",
    csv: str = "As CSV, in full digits.",
    has_markdown: bool = False,
) -> Callable[[F], F]:
    """The options that every command has for programs, as its parameter ``form``: of several the last one counts.

    Args:
        json: the help of ``--json``.
        csv: that of ``--csv``.
        has_markdown: whether there is ``--md``, too.
    """
    helps = {"json": json, "csv": csv} | ({"md": "As a table of Markdown."} if has_markdown else {})

    def with_options(command: F) -> F:
        for form, told in reversed(helps.items()):
            command = click.option(f"--{form}", "form", flag_value=form, default=None, help=told)(command)
        return command

    return with_options


def print_rows(form: Form, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Several things, each a list of JSON's objects, or a row of CSV with these ``names``, which each has."""
    if form == "json":
        print_json(rows)
    else:
        print_csv(names, [[row[name] for name in names] for row in rows])


def print_one(form: Form, row: Mapping[str, Any]) -> None:
    """One thing, as an object or a row."""
    if form == "json":
        click.echo(as_json(row))
    else:
        print_csv([*row], [[*row.values()]])
