"""``tracklib completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_HINT = {
    "bash": 'eval "$(tracklib completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(tracklib completion zsh)"    # in ~/.zshrc',
    "fish": "tracklib completion fish | source    # in ~/.config/fish/config.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_HINT)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print what has your shell complete commands, options, runs and metrics."""
    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    click.echo(kind(ctx.find_root().command, {}, "tracklib", "_TRACKLIB_COMPLETE").source())
    click.echo(f"# {_HINT[shell]}")
