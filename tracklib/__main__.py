"""``python -m tracklib``."""

from .cli import main

main(prog_name="tracklib")
