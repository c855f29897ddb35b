"""How Sphinx builds these pages."""

import os
import re
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

extensions = [
    "myst_parser",  # for CHANGELOG.md
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_sitemap",
]
exclude_patterns = ["_build"]

# Building needs no network: the names of Python's own documentation are here as Debian's python3.11-doc has them.
intersphinx_mapping = {"python": ("https://docs.python.org/3", "_inventories/python.inv")}

# A reference that leads nowhere is a warning, and `nox -s docs` makes warnings errors.
nitpicky = True
toc_object_entries_show_parents = "hide"  # beside a page of one class its name need not stand before each method
nitpick_ignore_regex = [
    ("py:class", r"(mlflow|wandb)\..*"),  # their inventories are megabytes
    ("py:class", r"tracklib\._journal\..*"),  # what journal.rst describes
    ("py:class", r"tracklib\.reading\.(live\.Live|metrics\.LogColumns|showing\.Picture)"),  # what a notebook shows
]
# Aliases of types, which a signature may name, have no page of their own: as Access, the two words of group_access.
ALIASES = {
    alias
    for path in ROOT.glob("tracklib/**/*.py")
    for alias in re.findall(r"^([A-Z]\w*[a-z]\w*)(?:: TypeAlias)? = ", path.read_text(), re.MULTILINE)
}
nitpick_ignore = [
    *(("py:class", alias) for alias in sorted(ALIASES)),
    ("py:class", "Run"),  # MLflow's, as mlflow.entities has it
    ("py:class", "optuna.Trial"),
    ("py:class", "tracklib._run.run.F"),  # the type of a function that finds the run elsewhere
    ("py:class", "tracklib._run.options.RunOptions"),  # as tracking lists them
    ("py:class", "tracklib._words.tracked.F"),  # the type of a decorated function
]

# None of them is needed to read about its adapter.
autodoc_mock_imports = (
    "accelerate fastai hydra ignite keras lightning omegaconf optuna ray skorch stable_baselines3 transformers xgboost"
).split()
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
napoleon_use_ivar = True
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 80

highlight_language = "text"  # what follows `::` is what something printed

html_theme = "furo"
html_title = f"tracklib {release}"
html_static_path = ["_static"]
html_css_files = ["tracklib.css"]
html_search_scorer = str(ROOT / "docs/scorer.js")  # made part of the search's own script
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#7cc0ff", "color-brand-content": "#7cc0ff"},
}

# Where the site is served: Read the Docs says so, and else `python -m http.server -d docs/_build`.
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "http://localhost:8000/")
sitemap_url_scheme = "{link}"
sitemap_show_lastmod = False

# A command is copied without its prompt and without what it printed.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True


def setup(app: Any) -> None:
    app.connect("sphinx-click-process-arguments", _leave_arguments_to_the_usage)
    app.connect("sphinx-click-process-description", _leave_words_of_a_shell)
    app.connect("sphinx-click-process-options", _leave_words_of_a_shell)
    app.connect("autodoc-process-docstring", _have_no_type_in_words, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", _color_code, priority=600)  # behind it


def _leave_arguments_to_the_usage(app: Any, context: Any, lines: list[str]) -> None:
    """Else a section says that they are optional arguments."""
    lines.clear()


def _leave_words_of_a_shell(app: Any, context: Any, lines: list[str]) -> None:
    """Two hyphens would become a dash, and the quotes of a condition others than a shell knows."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith(".."):
            lines[number] = re.sub(r"(?<![\w`])(--[a-z][\w-]*|'[^']+')(?![\w`])", r"``\1``", line)


def _have_no_type_in_words(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Napoleon takes what stands before an attribute's first colon for its type: let that be nothing."""
    if what in ("attribute", "data", "property") and lines:
        lines[0] = ": " + lines[0]


def _color_code(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """What follows ``::`` in a docstring is Python, but for a module's; ``default`` leaves alone what is not."""
    for number, line in reversed(list(enumerate(lines))):
        if what != "module" and line.endswith("::") and not line.lstrip().startswith(".."):
            indent = line[: len(line) - len(line.lstrip())]
            sentence = [] if line.strip() == "::" else [line[:-1], ""]
            lines[number : number + 1] = [*sentence, f"{indent}.. code-block:: default"]
