"""All pages of the built site in a browser, on a phone and on a desk, by day and by night.

``TINYGRAD_FR_SITE`` names the folder that Sphinx has written; without it these tests are skipped.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

SITE = Path(os.environ.get("TINYGRAD_FR_SITE") or "/nowhere").resolve()
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if "_static" not in path.parts
)
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(not PAGES, reason="TINYGRAD_FR_SITE names no built site")


@functools.cache
def browser():
    """A Chromium that lasts as long as its worker: a start costs more than a page."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    driver = sync_api.sync_playwright().start()
    return driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_whole_by_day_and_by_night_on_a_phone_and_on_a_desk(page):
    # The reader's choice in the theme has the last word: the system says the contrary here.
    context = browser().new_context(color_scheme="dark", viewport={"width": 390, "height": 900})
    said, asked = [], []
    sheet = context.new_page()
    sheet.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    sheet.on("pageerror", lambda error: said.append(str(error)))
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.add_init_script("try { localStorage.setItem('mode', 'light') } catch {}")
    try:
        sheet.goto((SITE / page).as_uri())
        for width in (390, 1400):
            sheet.set_viewport_size({"width": width, "height": 900})
            for theme in ("light", "dark"):
                if theme != "light" or width != 390:  # as the theme's button does
                    sheet.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
                faults = sheet.evaluate(SCRIPT, theme)
                assert not faults, "\n".join([f"{page}, {theme}, {width} px", *faults])
        assert not said
        assert not [url for url in asked if not url.startswith(("file:", "data:", "about:"))]
    finally:
        context.close()


# --- what needs no browser -------------------------------------------------------------------


class Page(HTMLParser):
    """The anchors of a page, what it links to, and its pictures without words."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.wordless = {""}, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag in ("a", "img", "script", "link") and (url := found.get("href", found.get("src"))):
            self.links.append(url)
        # The theme's own signs aside; Sphinx falls back to a picture's address.
        words = re.sub(r"\S*/\S*", "", found.get("alt") or "")
        if tag == "img" and "_static/" not in found["src"] and not re.search(r"\w\w", words):
            self.wordless.append(found["src"][:80])


@functools.cache
def read(path):
    return Page(path)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_inside_the_site_is_there(page):
    for link in read(SITE / page).links:
        url = urlsplit(link)
        if url.scheme or url.netloc:
            continue
        target = (SITE / page).parent / unquote(url.path) if url.path else SITE / page
        assert target.is_file(), link
        if target.suffix == ".html" and not url.fragment.startswith(":~:"):
            assert unquote(url.fragment) in read(target.resolve()).anchors, link


@pytest.mark.parametrize("page", PAGES)
def test_pictures_have_words_for_those_who_do_not_see_them(page):
    assert not read(SITE / page).wordless


@pytest.mark.parametrize("page", PAGES)
def test_no_cell_of_a_page_wrote_to_standard_error(page):
    assert 'class="output stderr' not in (SITE / page).read_text(encoding="utf-8")


# --- the notebooks ---------------------------------------------------------------------------

NOTEBOOKS = sorted((SITE / "_sources").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_its_installation_and_knows_no_place(path):
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["cells"][0]["source"].splitlines()[-1].startswith("%pip install")
    assert not re.findall(r"(?:/home/|/root/|/Users/)[^\s\"\\]*", text)
    assert str(Path(__file__).parents[1]) not in text


@pytest.mark.skipif(not NOTEBOOKS, reason="no notebooks there")
def test_a_notebook_runs_in_an_empty_folder(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    book = nbformat.read(SITE / "_sources" / "getting_started.ipynb", as_version=4)
    del book.cells[0]  # the library is installed
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3", resources=where).execute()
