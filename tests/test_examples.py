"""The examples run as they stand, as scripts and as notebooks, with the extras that they name."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_fr as tg

from . import notebooks

# What each extra brings along; what no extra of an example names cannot be imported by it.
MODULES = {
    "data": ("PIL", "sklearn"), "plot": ("matplotlib", "PIL"), "io": ("safetensors",),
    "train": ("tqdm",), "viz": ("pygraphviz",),
}  # fmt: skip
# The long ones make only a few steps here, unless asked for: WHOLE_EXAMPLES=1 pytest ...
SHORT = {} if "WHOLE_EXAMPLES" in os.environ else {"EXEMPLE_COURT": "1"}
SOURCES = pytest.mark.parametrize("source", notebooks.SOURCES, ids=lambda path: path.stem)
RUN = """
import runpy, sys

class Missing:
    names = sys.argv[1].split(",")

    def find_spec(name, *_):
        if name.partition(".")[0] in Missing.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing)
sys.argv[:2] = []
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def extras(source):
    """The extras that an example says it needs."""
    first = re.search(r"pip install -e \"?\.(?:\[([a-z,]+)\])?", source.read_text("utf-8"))
    assert first, "an example says at its top what to install"
    return (first[1] or "").split(",") if first[1] else []


def needed(source):
    """The modules of its extras; the test is skipped where one is not installed."""
    modules = {module for extra in extras(source) for module in MODULES[extra]}
    for module in modules:
        pytest.importorskip(module)
    return modules


def run(source, folder, *arguments, without=()):
    """What an example prints, in an empty folder, where some modules are not installed."""
    paths = [str(notebooks.EXAMPLES.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TINYGRAD_FR_LANG": "fr",
           "MPLBACKEND": "Agg", "PYTHONIOENCODING": "cp1252", **SHORT}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", RUN, ",".join(without) or "-",
         str(source), *arguments],
        cwd=folder, env=env, capture_output=True, timeout=60 if SHORT else 600,
    )  # fmt: skip
    text = done.stdout.decode("cp1252")
    assert done.returncode == 0, text + done.stderr.decode("utf-8", "replace")
    return text


@SOURCES
def test_an_example_runs_with_the_extras_it_names_and_no_other(source, tmp_path):
    allowed = needed(source)
    blocked = {module for group in MODULES.values() for module in group} - allowed | {"torch"}
    text = run(source, tmp_path, without=sorted(blocked))
    figures = re.findall(r"figure enregistrée\s*: (\S+)", text)
    assert len(figures) == source.read_text("utf-8").count("montrer(") - ("plot" in extras(source))
    assert all((tmp_path / figure).stat().st_size for figure in figures)
    assert ("PyTorch n'est pas installé" in text) == (source.stem == "to_pytorch")


def test_the_weights_are_the_same_in_pytorch(tmp_path):
    pytest.importorskip("torch")
    source = notebooks.EXAMPLES / "to_pytorch.py"
    needed(source)
    text = run(source, tmp_path)
    assert "plus grand écart entre les scores" in text
    assert text.count("écart des gradients") == 4


def test_photographs_of_a_folder_of_ones_own(tmp_path):
    source = notebooks.EXAMPLES / "course_cnn_photos.py"
    needed(source)
    from PIL import Image

    for name, colour in {"bleu": (20, 30, 200), "rouge": (200, 30, 20)}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            picture = Image.new("RGB", (60, 40 + i), tuple(c + i for c in colour))
            picture.save(tmp_path / "photos" / name / f"{i}.png")
    text = run(source, tmp_path, "photos")
    assert "2 classes" in text
    assert "100\u00a0% de bonnes réponses" in text
    assert (tmp_path / "photos" / "bleu").is_dir()


# --- what the longer ones are made of -----------------------------------------------------------


@pytest.fixture
def parts(monkeypatch, tmp_path):
    """The functions and classes of an example, after a short run of it."""

    def load(name):
        source = notebooks.EXAMPLES / f"{name}.py"
        needed(source)
        monkeypatch.setenv("EXEMPLE_COURT", "1")
        monkeypatch.setenv("MPLBACKEND", "Agg")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [str(source)])
        return runpy.run_path(str(source))

    return load


def test_counted_characters_are_probabilities(parts):
    fables = parts("character_rnn")
    p = fables["ngramme"](fables["entrainement"], [1, 3, 10])
    assert p.shape == (fables["V"],) * 3
    assert np.allclose(p.sum(axis=-1), 1)
    assert p.min() > 0
    bigram = fables["ngramme"](np.array([0, 1, 0, 1, 0, 2]), [1e-9, 1e-9])
    assert np.allclose(bigram[0, :3], [0, 2 / 3, 1 / 3])
    assert np.allclose(fables["perte_ngramme"](bigram, np.array([5, 0, 1])), np.log(3 / 2))


def test_a_text_is_read_in_one_go_or_one_by_one(parts):
    fables = parts("character_rnn")
    model, text = fables["Modele"](tg.nn.LSTM).eval(), fables["test"][:20]
    whole, _ = model(text[None])
    state, alone = None, []
    for character in text:
        scores, state = model(np.array([[character]]), state)
        alone.append(scores.data[0, 0])
    assert np.allclose(whole.data[0], alone, atol=1e-5)
    right = tg.log_softmax(whole.data[0, 1:-1])[np.arange(18), text[2:]]
    assert np.isclose(fables["perte_modele"](model, text), -right.mean(), rtol=1e-5)
    written = fables["ecrire"](model, "le loup", 30)
    assert written.startswith("le loup")
    assert len(written) == 37


def test_a_small_gpt_learns_a_few_additions_by_heart(parts):
    gpt = parts("gpt_addition")
    few = gpt["phrases"](np.array([37, 7, 99, 20]), np.array([85, 85, 99, 4]))
    assert [*map(gpt["texte"], few)] == ["37+85=221", "07+85=290", "99+99=891", "20+04=420"]
    assert [*map(gpt["lire"], few)] == ["37+85=122", "07+85=092", "99+99=198", "20+04=024"]
    questions = {gpt["texte"](row[:6]) for part in ("entrainement", "test") for row in gpt[part]}
    assert len(questions) == 10_000
    model = gpt["GPT"](largeur=32, tetes=2)
    gpt["entrainer"](model, few, pas=80, graine=0, lot=8)
    assert np.array_equal(gpt["repondre"](model, few[:, :6]), few)
    for weights in gpt["attentions"](model, few[:, :-1]):
        assert np.allclose(weights.sum(axis=-1), 1, atol=1e-6)
        assert not np.triu(weights, 1).any()


def test_the_loss_of_the_digits_is_a_log_likelihood(parts):
    vae = parts("vae_digits")
    from scipy.stats import binom

    rng = np.random.default_rng(0)
    scores, counts = rng.normal(size=(5, 64)), rng.integers(0, 17, (5, 64))
    expected = -binom.logpmf(counts, 16, tg.sigmoid(scores)).sum() / 5
    assert np.isclose(vae["reconstruction"](scores, counts), expected)


# --- notebooks -----------------------------------------------------------------------------------


@SOURCES
@pytest.mark.filterwarnings("ignore")
def test_a_notebook_is_its_script(source):
    pytest.importorskip("jupytext")
    nbformat = pytest.importorskip("nbformat")
    path = source.with_suffix(".ipynb")
    book = nbformat.read(path, as_version=4)
    again = notebooks.notebook(source)
    cells = [[(c.cell_type, c.source) for c in b.cells] for b in (book, again)]
    assert cells[0] == cells[1], f"run: python -m tests.notebooks {source.stem}"
    assert book.metadata == again.metadata
    assert path.stat().st_size < notebooks.LARGEST
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert any(outputs)
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert str(notebooks.EXAMPLES.parent) not in path.read_text("utf-8")


@SOURCES
@pytest.mark.filterwarnings("ignore")
def test_a_notebook_executes(source):
    for module in ("jupytext", "nbclient", "ipykernel"):
        pytest.importorskip(module)
    needed(source)
    book = notebooks.executed(notebooks.notebook(source), **SHORT)  # raises where a cell fails
    if "plot" in extras(source):
        outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
        pictures = [output for output in outputs if "image/png" in output.get("data", {})]
        assert len(pictures) == source.read_text("utf-8").count("montrer(") - 1
