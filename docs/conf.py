"""The site of the documentation: ``python -m sphinx -W docs docs/_build/html``."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import myst_nb.core.render as rendering

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
# The chapters' cells run in kernels of their own: they too take the library from this checkout.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
)
os.environ["TINYGRAD_FR_LANG"] = "fr"

PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "tinygrad_fr"
author = "les auteurs de tinygrad_fr"
copyright = author
language = "fr"

extensions = [
    "myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "sphinx_design",
    "clean", "formulas", "mathml", "notebooks", "words",
]  # fmt: skip
exclude_patterns = ["_build", "_ext", "README.md"]

# Every cell of a page that is read is executed; an error in one fails the build. There is no cache
# of results: it would show what an older library gave, and parallel builds quarrel over making it.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_code_prompt_show = "Afficher le code"
nb_code_prompt_hide = "Masquer le code"
# A drawing is a picture here, which is light and prints; replays and explanations are live.
nb_mime_priority_overrides = [("html", "image/svg+xml", 5)]
nb_render_markdown_format = "myst"  # formulas in what a cell shows
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False

html_theme = "sphinx_book_theme"
html_title = "tinygrad_fr"
# Where the site stands: it has one setting, [project.urls] in pyproject.toml, and may have none.
html_baseurl = PROJECT.get("urls", {}).get("Documentation", "")
html_theme_options = {
    "use_download_button": True,  # a chapter as a notebook
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "search_bar_text": "Recherche…",
    "show_navbar_depth": 1,
    "show_toc_level": 2,
}
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_show_copyright = False
copybutton_exclude = ".linenos, .gp, .go"


def whole_lines(outputs: list[Any]) -> list[Any]:
    """Join what a cell printed as it was printed.

    A kernel sends its output in pieces, where time falls; MyST-NB ends a line after each of them.
    """
    joined: list[Any] = []
    for output in outputs:
        before = joined[-1] if joined else None
        if before and output.get("name") and output["name"] == before.get("name"):
            before["text"] += output["text"]
        else:
            joined.append(output)
    return merge_streams(joined)


merge_streams = rendering.coalesce_streams
rendering.coalesce_streams = whole_lines
