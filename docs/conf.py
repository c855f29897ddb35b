"""How Sphinx builds these pages."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

project = "tracklib"
author = "tracklib developers"
copyright = author
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
napoleon_use_ivar = True
python_maximum_signature_line_length = 100

html_theme = "alabaster"
html_theme_options = {"description": "Says what happened in a training run"}
html_show_sourcelink = False
