"""How the pages become a site: `sphinx-build --fail-on-warning --nitpicky docs docs/_site`."""

from importlib import metadata

project = "taskproc"
author = "taskproc contributors"
release = metadata.version("taskproc")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
default_role = "code"
html_theme = "furo"
html_title = "taskproc"
exclude_patterns = ["_site"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_type_aliases = {"T": "T"}
napoleon_use_ivar = True
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r".*")]  # annotations name what only type checkers see
