"""Pictures of graphs."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError, DTypeError, GraphError, ShapeError
from tinygrad_fr.graph.drawing import rendering
from tinygrad_fr.graph.drawing.style import NIGHT

from .. import networks

RENDERERS = ["dot", "pygraphviz"]


@pytest.fixture(params=RENDERERS)
def renderer(request, monkeypatch):
    """Each way to draw, where it is there."""
    if request.param == "dot":
        if not shutil.which("dot"):
            pytest.skip("no dot on the path")
    else:
        pytest.importorskip("pygraphviz")
        monkeypatch.setattr(shutil, "which", lambda name: None)
    return request.param


def words(svg):
    """The text of a picture, its spaces plain."""
    found = [e.text or "" for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    return "".join(found).replace("\xa0", " ")


@pytest.mark.parametrize("build", networks.ALL, ids=lambda f: f.__name__)
def test_every_kind_of_graph_is_drawn(build, renderer):
    drawing = tg.draw(build(), names="tensors")
    root = ET.fromstring(drawing.svg)
    nodes = [e for e in root.iter() if (e.get("class") or "") == "node"]
    assert len(nodes) == len(drawing._sheet.outline.items)
    assert all(e.find("{http://www.w3.org/2000/svg}title") is not None for e in nodes)


def test_an_edge_says_upstream_times_local_is_downstream(renderer):
    drawn = words(tg.draw(networks.fan_out()).svg)
    assert "upstream1× local-2= downstream-2" in drawn
    assert "∂L/∂x = -2 + 1 = -1" in drawn  # the sum at a fan-out (003, equation 16)


def test_a_bracket_stays_on_its_line(renderer):
    x, y = (tg.Tensor(v, requires_grad=True, name=n) for v, n in [(3.0, "x"), (2.0, "y")])
    drawn = ET.fromstring(tg.draw(tg.maximum(x, y), names="tensors").svg)
    said = [e.text for e in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert said.count("]") == 2  # of [x > y] and [y > x]


def test_two_uses_by_one_operation_are_two_edges():
    x = tg.Tensor(3.0, requires_grad=True)
    assert tg.draw(x * x).dot.count("n0 -> n1") == 2


def test_kinds_look_different():
    drawn = tg.draw(networks.dense()).dot
    assert 'BORDER="3"' in drawn  # a parameter
    assert 'STYLE="DASHED"' in drawn  # a constant
    for word in ("parameter", "input", "constant"):
        assert word in drawn


def test_a_gradient_that_was_not_computed_is_not_zero():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    y = tg.Tensor([3.0, 4.0], requires_grad=True, name="y")
    text = tg.draw((x * 0.0 + y.step()).sum()).text
    assert "∂L/∂x = [0, 0]" in text
    assert "not computed" not in text.split("∂L/∂x = [0, 0]")[0]


def test_grad_is_left_alone():
    loss = networks.neuron()
    tg.draw(loss)
    tg.replay(loss)
    w = next(v.tensor for v in tg.graph.extract(loss).vertices if v.name == "w")
    assert w.grad is None


def test_pictures_of_a_differentiated_graph_and_of_a_released_one():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward()
    assert "∂y/∂x = [2, 4]" in tg.draw(y).text
    big = tg.Tensor(np.ones(3_000_000), requires_grad=True)
    z = (big * 2.0).sum()
    z.backward()
    with pytest.raises(GraphError, match=r"read it before, or call backward\(retain_graph=True\)"):
        tg.draw(z)


def test_a_graph_without_gradients():
    x = tg.Tensor([1.0, 2.0], name="x")
    assert tg.draw(x.exp()).text == "x₁: input, (2,) float64, value [2.718, 7.389]"
    loss = networks.neuron()
    assert "∂" not in tg.draw(loss, gradients=False).dot


def test_the_gradients_of_an_array_are_those_of_its_sum():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    assert "sum of the output's entries" in tg.draw(x * x).text


def test_a_thumbnail_keeps_its_pixels_together_in_a_wide_node(renderer):
    image = np.arange(64.0).reshape(1, 1, 8, 8)
    x = tg.Tensor(image, requires_grad=True, name="an_image_whose_name_is_long")
    pictures = re.findall(r"<image [^>]*>", tg.draw(x.sum()).svg)
    assert len(pictures) == 2  # its value and its gradient
    assert all('width="40px" height="40px"' in picture for picture in pictures)
    assert all("data:image/png;base64," in picture for picture in pictures)


def test_a_thumbnail_lies_beside_a_dot_file_and_within_all_others(tmp_path, renderer):
    x = tg.Tensor(np.arange(64.0).reshape(1, 1, 8, 8), requires_grad=True)
    drawing = tg.draw(x.sum())
    for kind in ("svg", "png", "pdf"):
        drawing.save(tmp_path / f"graph.{kind}")
    assert len(list(tmp_path.iterdir())) == 3
    dot = drawing.save(tmp_path / "graph.dot").read_text(encoding="utf-8")
    images = list((tmp_path / "graph.images").iterdir())
    assert len(images) == 2
    assert all(image.name in dot for image in images)
    assert 'imagepath="graph.images"' in dot


# --- modules ----------------------------------------------------------------------------------


def test_modules_are_nested_boxes():
    drawn = tg.draw(networks.two_layers()).dot
    assert drawn.count("subgraph cluster") == 4
    assert "Sequential" in drawn
    assert "2 (Linear)" in drawn


@pytest.mark.parametrize(("depth", "items"), [(0, 4), (1, 6), (2, 10), (None, 10)])
def test_depth_closes_modules(depth, items):
    drawing = tg.draw(networks.two_layers(), depth=depth)
    assert len(drawing._sheet.outline.items) == items
    names = [str(i.call) for i in drawing._sheet.outline.items if i.call is not None]
    assert names == {0: ["Sequential"], 1: ["0 (Linear)", "1 (ReLU)", "2 (Linear)"]}.get(depth, [])


def test_blocks_that_repeat_are_drawn_once_with_their_count():
    drawing = tg.draw(networks.residuals(), depth=1)
    counts = {str(i.call): i.count for i in drawing._sheet.outline.items if i.call is not None}
    assert counts == {"0 (Residual)": 8, "8 (Linear)": 1}
    assert "× 8" in drawing.dot
    assert "(× 8)" in drawing.text
    open_one = tg.draw(networks.residuals())  # large: the block is open, and there once
    assert "8 times the same block" in open_one.dot
    assert len(open_one._sheet.outline.items) == 15
    long = tg.draw(networks.chain(1000))
    assert len(long._sheet.outline.items) == 4
    assert "1000 times the same block" in long.dot


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_steps_in_time_are_drawn_once_with_their_count(kind):
    tg.manual_seed(0)
    outputs, _last = getattr(tg.nn, kind)(3, 4)(np.ones((20, 2, 3)))
    drawing = tg.draw(outputs.sum())
    assert "20 times the same block" in drawing.dot
    assert len(drawing._sheet.outline.items) <= 30
    rows = np.ones((2, 20, 4))
    h = tg.Tensor(np.ones((2, 4)), requires_grad=True)
    for t in range(20):  # a loop of one's own, that reads columns
        h = tg.tanh(rows[:, t] * 1.0 + h * tg.Tensor(rows)[:, t])
    assert len(tg.draw(h)._sheet.outline.items) < 20


def test_rows_taken_by_arrays_are_drawn_and_replayed(tmp_path):
    x = tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    for index in (np.array([0, 1]), (np.arange(2), np.array([0, 1])), x.data > 2, [1, 0]):
        tg.replay(x[index].sum(), tmp_path / "r.html")
        tg.draw(x[index].sum()).save(tmp_path / "d.html")


def test_blocks_that_differ_are_not_merged():
    x = tg.Tensor(0.5, requires_grad=True, name="x")
    h = x
    for i in range(100):
        h = h.tanh() if i % 7 else h.sin() * float(i + 2)
    items = tg.draw(h)._sheet.outline.items
    operations = sum(i.count for i in items if i.call is None and i.members[0] != 0)
    assert operations >= 100  # nothing is lost


def test_two_calls_of_one_module_are_two_boxes():
    tg.manual_seed(0)
    cell = tg.nn.Linear(3, 3)
    y = cell(cell(np.ones((1, 3), "float32")))
    assert tg.draw(y).dot.count("subgraph cluster") == 2
    closed = [i for i in tg.draw(y, depth=0)._sheet.outline.items if i.call is not None]
    assert [i.count for i in closed] == [2]


def test_two_thousand_operations():
    drawing = tg.draw(networks.tangle())
    assert len(drawing._sheet.outline.items) > 1000
    assert drawing.dot.count("->") > 1000


# --- errors and arguments -----------------------------------------------------------------------


def test_a_shape_error_is_drawn_up_to_the_operation_that_failed():
    x = tg.Tensor(np.ones((6, 4)), name="x")
    W = tg.Tensor(np.ones((3, 4)), requires_grad=True, name="W")
    with pytest.raises(ShapeError) as caught:
        x @ (W * 2.0)
    drawing = tg.draw(caught.value)
    assert "✗ matmul" in drawing.dot
    assert "fails here" in drawing.dot
    assert drawing.text.splitlines()[-2:] == [
        "✗ matmul fails here",
        "matmul: x (6, 4) and b (3, 4) do not align: 4 (axis 1 of x) != 3 (axis 0 of b)",
    ]
    with pytest.raises(ShapeError) as caught:
        tg.concatenate([x, W], axis=1)
    assert "✗ concatenate" in tg.draw(caught.value).dot


@pytest.mark.parametrize(
    "options",
    [{"values": "some"}, {"direction": "XY"}, {"depth": -1}, {"depth": "deep"}, {"names": 3}],
)
def test_wrong_arguments(options):
    with pytest.raises(ArgumentError):
        tg.draw(networks.neuron(), **options)


def test_what_cannot_be_drawn():
    for thing in (3.0, np.ones(3), None, ValueError("x")):
        with pytest.raises(DTypeError, match="the graph is read from"):
            tg.draw(thing)


def test_saving_goes_by_the_suffix(tmp_path, renderer):
    drawing = tg.draw(networks.neuron())
    heads = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph"}
    for kind, head in heads.items():
        path = drawing.save(tmp_path / f"graph.{kind}")
        assert path.read_bytes().startswith(head)
    with pytest.raises(ArgumentError, match="svg, png, pdf, dot"):
        drawing.save(tmp_path / "graph.gif")


def test_without_graphviz_the_error_names_the_extra_and_offers_the_text(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    drawing = tg.draw(networks.neuron())
    with pytest.raises(rendering.RenderingError, match=r"tinygrad_fr\[viz\]") as caught:
        drawing.svg  # noqa: B018
    assert caught.value.dot == drawing.dot
    shown = drawing._repr_mimebundle_()
    assert "image/svg+xml" not in shown
    assert "<iframe" in shown["text/html"]
    assert "∂L/∂w" in shown["text/plain"]


def test_what_the_renderer_says_to_itself_does_not_reach_the_reader(monkeypatch, capfd):
    pygraphviz = pytest.importorskip("pygraphviz")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    draw = pygraphviz.AGraph.draw

    def talkative(*args, **named):
        os.write(2, b"Fontconfig warning: no such thing\n")
        print("Warning: layout may take a long time", file=sys.stderr)
        return draw(*args, **named)

    monkeypatch.setattr(pygraphviz.AGraph, "draw", talkative)
    assert tg.draw(networks.neuron()).svg.startswith("<svg")
    assert capfd.readouterr().err == ""
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


def test_notebooks_get_a_picture_and_words(renderer):
    shown = tg.draw(networks.neuron())._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<svg")
    assert "z = v₂ + b: add" in shown["text/plain"]


# --- safety and sameness ------------------------------------------------------------------------

EVIL = [
    "<script>alert(1)</script>",
    'a"b\n{|}\\N\\L',
    "&amp;]]>",
    "{{style}}",
    "x" * 300,
    " ",
    "\x00",
]


@pytest.mark.parametrize("name", EVIL)
def test_names_harm_nothing(name, renderer):
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name=name)
    drawing = tg.draw((x * x).sum())
    ET.fromstring(drawing.svg)
    assert "<script" not in drawing.svg
    if name.isprintable() and name.strip() and len(name) < 60:
        assert name.replace("\n", " ") in words(drawing.svg)


def test_the_same_graph_gives_the_same_bytes(tmp_path):
    root = str(Path(tg.__file__).parent.parent)
    code = (
        f"import sys; sys.path.insert(0, {root!r})\n"
        "import hashlib\n"
        "import tinygrad_fr as tg\n"
        "from tests.graph import networks\n"
        "for f in (networks.dense, networks.two_layers):\n"
        "    d = tg.draw(f(), names='tensors')\n"
        "    for text in (d.dot, d.svg, tg.replay(f()).html, tg.derive(f(), f.wrt).latex):\n"
        "        print(hashlib.md5(text.encode()).hexdigest())\n"
    ).replace("f.wrt", "'W' if f is networks.dense else '0.weight'")
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1
    assert outputs.pop().count("\n") == 8


def test_colours_of_day_and_night_can_be_told_apart():
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a, b):
        dark, bright = sorted((light(a), light(b)))
        return (bright + 0.05) / (dark + 0.05)

    from tinygrad_fr.graph.drawing import style

    papers = ("PAPER", "PARAMETER", "INPUT", "OPERATION", "BOX", "FAILURE", "OUTPUT")
    for ink in ("INK", "PALE", "GRADIENT"):
        for paper in papers:
            day = getattr(style, ink), getattr(style, paper)
            least = 4.5 if ink == "INK" or paper in ("PAPER", "BOX") else 4.0
            assert contrast(*day) >= least, (ink, paper)
            assert contrast(*(NIGHT[c] for c in day)) >= least, (ink, paper, "night")


def test_the_picture_of_the_readme_is_the_projects():
    svg = (Path(tg.__file__).parent.parent / "docs" / "graph.svg").read_text(encoding="utf-8")
    from ... import pictures

    tg.set_language("en")
    assert words(svg) == words(pictures.drawing().svg) or not shutil.which("dot")
    assert re.search(r"prefers-color-scheme", svg)


def test_a_closing_bracket_stays_where_it_is(renderer):
    out = tg.Tensor([0.1, 0.2, 0.7], requires_grad=True, name="out")
    svg = tg.draw(-tg.log(out[1])).svg
    texts = [e.text for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    before = texts[texts.index("getitem") - 1]
    assert before.endswith("out[1]")  # Graphviz put the formula's last bracket after the next line


def test_scripts_keep_to_the_room_that_graphviz_gives_them(renderer):
    """Graphviz measures them smaller than it writes them: they ran into the next bracket."""
    z = tg.Tensor(np.zeros((6, 3)), requires_grad=True, name="z")
    root = ET.fromstring(tg.draw(tg.cross_entropy(z, [0, 1, 2, 0, 1, 2]), names="tensors").svg)
    found = root.iter("{http://www.w3.org/2000/svg}text")
    for here, after in itertools.pairwise(e for e in found if e.get("font-size") != "9.00"):
        room = float(after.get("x")) - float(here.get("x"))
        if here.get("baseline-shift"):
            assert room <= 0 or 0.56 * float(here.get("font-size")) <= room + 0.6  # a digit's width
        elif "softmax(" in (here.text or ""):
            assert float(here.get("textLength")) == pytest.approx(room, abs=0.1)


def test_cells_of_a_table_are_not_stretched(renderer):
    x = tg.Tensor([0.1257, -0.1321, 0.6404], name="x")
    assert "textLength" not in tg.draw(x).svg


def test_a_large_gradient_is_told_by_its_norm():
    x = tg.Tensor(np.ones((4, 4)), requires_grad=True, name="x")
    y = (x * 2.0).exp().sum()
    assert "upstream, norm 29.56" in words(tg.draw(y).svg)
    tg.set_language("fr")
    drawn = words(tg.draw(y).svg)
    assert "amont, norme 29.56" in drawn
    assert "‖" not in drawn


def test_the_bars_of_a_matrix_stand_apart_from_its_numbers(renderer):
    """A number wider than it was measured touched the bar on its right."""
    x = tg.Tensor([0.1257, -0.1321, 0.6404, 0.2737], name="x")
    root = ET.fromstring(tg.draw(x).svg)
    svg = "{http://www.w3.org/2000/svg}"
    last = next(e for e in root.iter(f"{svg}text") if e.text == "0.2737")
    end = float(last.get("x")) + 0.556 * 5 * 11 + 0.278 * 11  # Helvetica: five digits, a point
    bars = [float(e.get("points").split(",")[0]) for e in root.iter(f"{svg}polyline")]
    assert max(bars) - end > 4
