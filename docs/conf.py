"""How Sphinx builds these pages."""

import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

project = "tracklib"
author = "tracklib developers"
copyright = author
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["_build"]

# A reference that leads nowhere is a warning, and `.ci/run` makes warnings errors. Others' pages are not looked
# up: building these needs no network.
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"(collections\.abc|datetime|mlflow|os|wandb)\..*"),
    ("py:class", r"tracklib\._journal\.(curves|records|statistics|summary)\..*"),  # what journal.rst describes
    ("py:class", r"tracklib\.reading\.(live\.Live|metrics\.LogColumns|showing\.Picture)"),  # what a notebook shows
]
nitpick_ignore = [
    ("py:class", "Access"),  # the two words that group_access may be
    ("py:class", "Run"),  # MLflow's, as mlflow.entities has it
    ("py:class", "optuna.Trial"),
    ("py:class", "tracklib._run.run.F"),  # the type of a function that finds the run elsewhere
    ("py:class", "tracklib._run.options.RunOptions"),  # as tracking lists them
    ("py:class", "tracklib._words.tracked.F"),  # the type of a decorated function
]

# None of them is needed to read about its adapter.
autodoc_mock_imports = ["accelerate", "hydra", "keras", "lightning", "omegaconf", "optuna", "transformers", "xgboost"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
napoleon_use_ivar = True
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"tracklib {release}"
html_show_sourcelink = False


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", _have_no_type_in_words, priority=400)  # before napoleon


def _have_no_type_in_words(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Napoleon takes what stands before an attribute's first colon for its type: let that be nothing."""
    if what in ("attribute", "data", "property") and lines:
        lines[0] = ": " + lines[0]
