"""The command line: ``tracklib ...``, the same as ``python -m tracklib ...``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from .._common import variables
from ..errors import TracklibError
from .words import plain

# A command is imported when it is called: listing runs needs no tracker, delivering no table.
_COMMANDS = {
    "ls": "list the runs: sorted, filtered, or groups of them",
    "show": "one run: what it was told, and what came of it",
    "compare": "what differs between runs",
    "plot": "draw metrics in the terminal",
    "watch": "follow a run that goes on",
    "report": "write one HTML file that shows the runs",
    "serve": "show the same page, always up to date, on this machine",
    "export": "the points as Parquet, CSV or JSON lines",
    "doctor": "what is wrong with runs, and what mends it",
    "tag": "tag a run, also one that has ended",
    "note": "write a note about a run, also one that has ended",
    "sync": "deliver what is left of runs",
    "import": "make runs of what TensorBoard, W&B, MLflow and CSV files have",
    "rm": "delete runs",
    "plugins": "list the trackers that other packages offer",
    "completion": "have the shell complete commands, runs and metrics",
}

_MODULES = {"import": "importing"}  # which is a word of Python's own


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f".{_MODULES.get(cmd_name, cmd_name)}", __package__)
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """What is raised on purpose is a message, not a traceback: a run may be moved or deleted while it is shown."""
        try:
            return super().invoke(ctx)
        except TracklibError as error:
            raise click.ClickException(plain(str(error))) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tracklib-ml")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Look at runs, and deliver what is left of them.

    RUN is a run's directory, or its name or the beginning of its uid below ./runs.
    """
    if variables.wants_no_colour():
        ctx.color = False
