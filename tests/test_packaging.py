"""What is handed out: the wheel and the source distribution, and that the wheel works alone."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytest.importorskip("build")
pytest.importorskip("hatchling")
pytest.importorskip("hatch_fancy_pypi_readme")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with both distributions, the wheel made from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    return message_from_bytes(wheel.read(name))


@pytest.fixture(scope="module")
def source(built):
    """The names of the files of the source distribution, below its folder."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def tracked(*folders):
    done = subprocess.run(["git", "-C", ROOT, "ls-files", *folders], capture_output=True, text=True)
    if done.returncode or not done.stdout:
        pytest.skip("no repository here")
    return set(done.stdout.splitlines())


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {Path(name).suffix for name in names} <= {
        ".py", ".pyi", ".typed", ".mo", ".json", ".css", ".html", ".js", "",
    }  # fmt: skip
    assert {name.split("/")[0] for name in names} == {"tinygrad_fr"}
    assert not [name for name in names if "__pycache__" in name or "/test_" in name]


def test_the_wheel_lacks_no_file_of_the_package_but_the_catalogue_it_was_compiled_from(wheel):
    catalogue = "tinygrad_fr/locale/fr/LC_MESSAGES/tinygrad_fr.po"
    assert tracked("tinygrad_fr") - set(wheel.namelist()) == {catalogue}


def test_the_source_is_what_runs_the_tests_and_builds_the_site(source):
    wanted = tracked("tinygrad_fr", "tests", "docs", "examples", ".github", ".ci")
    wanted |= {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"}
    assert wanted - source == set()
    assert source - wanted <= {"PKG-INFO", ".gitignore"}


def test_the_readme_on_a_package_index_has_no_relative_link(metadata):
    text = metadata.get_payload(decode=True).decode()
    links = re.findall(r"\]\(([^)\s]+)", text) + re.findall(r"(?:href|src)=[\"']([^\"']+)", text)
    assert len(links) >= 10
    assert [link for link in links if not link.startswith("https://")] == []
    assert "/raw/main/docs/graph.svg)" in text


def test_the_links_of_the_readme_lead_to_the_projects_files(metadata):
    urls = dict(entry.split(", ") for entry in metadata.get_all("Project-URL"))
    text = metadata.get_payload(decode=True).decode()
    links = [link for link in re.findall(r"\]\(([^)\s]+)", text) if "github.com" in link]
    home = urls["Homepage"]
    assert urls["Source"] == home
    for link in [*links, *urls.values()]:
        assert link.startswith(home)
        path = link.removeprefix(home).partition("#")[0]
        path = re.sub("^/(blob|raw)/main/", "", path)
        assert (ROOT / path).exists(), link


def test_a_package_index_can_show_the_readme(built):
    pytest.importorskip("twine")
    command = [sys.executable, "-m", "twine", "check", "--strict", *built.iterdir()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_classifiers_say_for_whom_and_where_and_name_every_python(metadata):
    found = set(metadata.get_all("Classifier"))
    minors = range(int(metadata["Requires-Python"].removeprefix(">=3.")), 15)
    wanted = {f"Programming Language :: Python :: 3.{minor}" for minor in minors}
    assert wanted | {"Operating System :: OS Independent", "Framework :: Jupyter"} <= found
    assert metadata["License-Expression"] == "MIT"  # the modern form has no classifier beside it
    assert not [text for text in found if text.startswith("License ::")]
