"""``python -m tracklib``."""

from .cli.commands import main

main(prog_name="tracklib")
