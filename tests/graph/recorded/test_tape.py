"""Arguments by name, the graph played again, and how its values move."""

from __future__ import annotations

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr.graph.recorded.arguments import bound
from tinygrad_fr.graph.recorded.tape import Tape

RNG = np.random.default_rng(0)


def test_arguments_are_bound_by_name_with_the_defaults():
    x = tg.Tensor(RNG.standard_normal((3, 4)), requires_grad=True)
    for call in (tg.softmax(x, 0), tg.softmax(x, axis=0)):
        assert bound(call)["axis"] == 0
    assert bound(tg.softmax(x))["axis"] == -1
    assert bound(x.sum(1))["axis"] == bound(x.sum(axis=1, keepdims=True))["axis"] == 1
    image = tg.Tensor(np.ones((1, 1, 4, 4)), requires_grad=True)
    pool = bound(tg.max_pool2d(image, 2))
    assert (pool["kernel_size"], pool["dilation"], pool["ceil_mode"]) == (2, 1, False)
    assert bound(x.reshape(2, 6))["shape"] == [2, 6]


def network():
    x = tg.Tensor(RNG.standard_normal((5, 3)), requires_grad=True, name="x")
    w = tg.Tensor(RNG.standard_normal((3, 2)), requires_grad=True, name="w")
    h = tg.tanh(x @ w).named("h")
    return Tape((tg.softmax(h) * h).sum())


def test_only_what_lies_after_a_change_is_played_again():
    tape = network()
    h = tape.names["h"]
    other = tape.replayed(values={h: np.zeros(tape.nodes[h].shape)})
    assert other.output.item() == 0
    assert other.twin(tape.nodes[h]) == other.names["h"]
    turned = tape.replayed({h: lambda z: -tg.tanh(z)})
    for name in ("x", "w"):
        assert turned.nodes[turned.names[name]] is tape.nodes[tape.names[name]]
    assert tape.replayed().output is tape.output


def test_moves_are_the_transpose_of_the_pull():
    tape = network()
    target = tape.names["w"]
    direction = RNG.standard_normal(tape.nodes[target].shape)
    moves = tape.moves(target, direction)
    u = np.array(1.7)
    assert np.isclose((tape.pull(u)[target] * direction).sum(), moves[len(tape.nodes) - 1] * u)
    held = tape.moves(target, direction, {tape.names["h"]})
    assert tape.names["h"] not in held
