"""The settings of the site: `sphinx-build -W -c docs . build/site` makes it, with the extra `gdl[docs]`.

The sources begin at the root of the checkout, so that the pages outside this folder (README, examples) are pages of the
site as well, and a link leads to the same place here and in a browser of the repository.
"""

from __future__ import annotations

import gdl

project = "GDL"
author = "the authors of GDL"
copyright = author
version = release = gdl.__version__

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md", "docs/**.md"]
exclude_patterns = ["**/.*", "build", "dist", "gdl", "tests", "stdlib", "grammar", "benchmarks", "**/node_modules"]
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # of the programs that show what a wrong text looks like

myst_heading_anchors = 3
highlight_language = "text"
pygments_style = "friendly"
pygments_dark_style = "github-dark"

html_theme = "furo"
html_title = "GDL"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["site"]  # index.html, which leads to the first page
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
