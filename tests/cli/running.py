"""The command line, called as a user would."""

from __future__ import annotations

from click.testing import CliRunner, Result

from tracklib.cli.commands import main


def tracklib(*arguments: object, columns: int = 80, answer: str | None = None) -> Result:
    """What a command says, in a terminal of so many columns."""
    return CliRunner().invoke(main, [*map(str, arguments)], env={"COLUMNS": str(columns)}, input=answer)
