"""What is handed out: the wheel and the source distribution, and that the wheel works alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import graphviz
import numpy as np
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
    for link in [*links, *(url for name, url in urls.items() if name != "Documentation")]:
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


# --- the wheel alone ---------------------------------------------------------------------------

LAYER = """
class Square:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, g):
        return 2 * self.x * g
"""


@pytest.fixture(scope="module")
def alone(built, tmp_path_factory):
    """Run Python where there are the wheel, NumPy and graphviz, and nothing else."""
    site, work = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("work")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        archive.extractall(site)
    for package in (np, graphviz):
        here = Path(package.__file__).parent
        for path in (here, here.with_name(f"{here.name}.libs")):
            if path.exists():
                (site / path.name).symlink_to(path)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-S", *map(str, arguments)], capture_output=True, text=True, cwd=work,
            env={**os.environ, "PYTHONPATH": str(site), "TINYGRAD_FR_LANG": "en"},
        )  # fmt: skip

    run.folder = work
    return run


def test_the_wheel_alone_can_be_imported(alone):
    done = alone("-c", "import tinygrad_fr as tg; print([getattr(tg, n) for n in tg.__all__][:0])")
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


@pytest.mark.parametrize(
    ("command", "packages", "extras"),
    [
        ("demo --out new", "scikit-learn, safetensors", "data,io,viz"),
        ("demo --out new --size 50", "scikit-learn, pillow, safetensors", "data,io,viz"),
        ("train photographs --out new.safetensors", "pillow, safetensors", "data,io"),
        ("train photographs --out new.npz", "pillow", "data"),
        ("predict weights.safetensors a.jpg", "pillow, safetensors", "data,io"),
        ("predict weights.npz a.jpg", "pillow", "data"),
    ],
)
def test_a_command_says_at_once_all_that_it_lacks_and_writes_nothing(
    alone, command, packages, extras
):
    before = set(alone.folder.iterdir())
    done = alone("-m", "tinygrad_fr", *command.split())
    assert done.returncode == 2
    assert done.stderr == (
        f'error: not installed: {packages}. pip install "tinygrad_fr[{extras}]"\n'
    )
    assert done.stdout == ""
    assert set(alone.folder.iterdir()) == before


def test_other_commands_need_nothing_else(alone):
    (alone.folder / "layer.py").write_text(LAYER, encoding="utf-8")
    checked = alone("-m", "tinygrad_fr", "check", "layer.py:Square", "--input", "3,4")
    assert checked.returncode == 0, checked.stderr
    assert alone("-m", "tinygrad_fr", "--version").stdout.startswith("tinygrad-fr ")
    made = alone("-m", "tinygrad_fr", "grade", "--new", "homework")
    assert made.returncode == 0, made.stderr
    homework = alone.folder / "homework"
    (alone.folder / "copies").mkdir()
    questions = next(homework.glob("*questions*.py"))
    marked = alone("-m", "tinygrad_fr", "grade", questions, "copies", "--out", "marks")
    assert "not installed" not in marked.stderr
    assert "Traceback" not in marked.stderr
