"""The figures of docs/inside/decisions/: ``python -m tests.benchmarks.decisions``.

One function for each page, which measures the decision beside what it was decided against; name
some to run these alone: ``python -m tests.benchmarks.decisions ranks cycles``.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr.autograd.op import registry
from tinygrad_fr.graph.formulas import parse
from tinygrad_fr.messages import LOCALE


def median(f: Callable[[], Any], times: int = 7) -> float:
    """The median of the seconds that a call takes."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        f()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def in_a_new_process(code: str) -> float:
    """The number that a program prints; the median of five."""
    run = lambda: subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return statistics.median(float(run().stdout) for _ in range(5))


# --- ranks instead of a topological sort -----------------------------------------------------


def ranks(n: int = 100_000) -> None:
    """A chain: the whole backward pass, and only the sort that it does without."""
    x, a = (tg.Tensor(np.ones(4), requires_grad=True) for _ in range(2))
    y = x
    for _ in range(n):
        y = y * a
    seed = np.ones(4)
    walk = median(lambda: y.backward(seed, retain_graph=True), 5)
    order = median(lambda: sort(y), 5)
    print(f"backward pass of {n:,} operations: {walk / n * 1e6:.2f} us each")
    print(f"a depth-first topological sort of them alone: {order / n * 1e6:.2f} us each")


def sort(output: Any) -> list[Any]:
    """The nodes, each after its inputs, without recursion."""
    order, seen, stack = [], {id(output)}, [(output, iter(output._inputs))]
    while stack:
        node, inputs = stack[-1]
        for x in inputs:
            if id(x) not in seen:
                seen.add(id(x))
                stack.append((x, iter(x._inputs)))
                break
        else:
            order.append(node)
            stack.pop()
    return order


# --- closures never capture their output -----------------------------------------------------


class Value:
    """A node as in micrograd: its closure reads the gradient of the output that it captures."""

    def __init__(self, data: Any, *inputs: Value) -> None:
        self.data, self.grad = data, np.zeros_like(data)
        self.inputs, self.back = inputs, lambda: None

    def __mul__(self, other: Value) -> Value:
        out = Value(self.data * other.data, self, other)

        def back() -> None:
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.back = back
        return out


def cycles(steps: int = 30, depth: int = 50, size: int = 10_000) -> None:
    """What is left of graphs that nobody refers to, while the garbage collector does not run."""
    for name, new in (
        ("closures that capture their output", lambda x: Value(x)),
        ("tinygrad_fr", lambda x: tg.Tensor(x, requires_grad=True)),
    ):
        x, w = new(np.ones(size)), new(np.ones(size))
        gc.collect()
        gc.disable()
        tracemalloc.start()
        for _ in range(steps):
            y = x
            for _ in range(depth):
                y = y * w
        del y
        left = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        gc.enable()
        print(f"left of {steps} graphs of {depth} operations, {name}: {left / 1e6:.1f} MB")


# --- reference counts decide about copies ----------------------------------------------------


def reference_counts() -> None:
    """A step of a dense layer, and the copy of its gradient that reference counts save."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 784)).astype(np.float32)
    w = tg.Tensor(rng.standard_normal((784, 256)).astype(np.float32), requires_grad=True)

    def step() -> None:
        w.grad = None
        tg.relu(x @ w).sum().backward()

    def copied() -> None:
        step()
        w.grad.data.copy()  # type: ignore[union-attr]

    step()
    alone, with_a_copy = median(step, 400), median(copied, 400)
    print(f"forward and backward of a layer 784x256, one row: {alone * 1e6:.0f} us")
    print(f"with a copy of the weight's gradient: {with_a_copy * 1e6:.0f} us")


# --- kinks are judged along random directions ------------------------------------------------


def kinks() -> None:
    """``mask = (x == max)``, which pays both of two equal maxima, entry by entry and together."""
    x, mask = np.array([1.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0])
    h = 1e-6

    def between(d: np.ndarray) -> str:
        left, right = (x.max() - (x - h * d).max()) / h, ((x + h * d).max() - x.max()) / h
        claimed = float(mask @ d)
        fits = min(left, right) - 1e-6 <= claimed <= max(left, right) + 1e-6
        return f"{claimed:+.2f} in [{left:+.2f}, {right:+.2f}]: {'accepted' if fits else 'REFUSED'}"

    for k, d in enumerate(np.eye(3)):
        print(f"entry {k}: {between(d)}")
    rng = np.random.default_rng(0)
    for _ in range(3):
        print(f"a random direction: {between(rng.uniform(0.5, 1.5, 3) * rng.choice([-1, 1], 3))}")


# --- extrapolated differences with an estimate of the error ----------------------------------

FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "log": (np.log, lambda x: 1 / x),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "x^3 + 1000": (lambda x: x**3 + 1000, lambda x: 3 * x**2),
}
POINTS = (1e-3, 0.03, 0.7, 2.0, 9.0)


def differences() -> None:
    """The relative errors over functions and points; how often the estimate covers them."""
    cases = [(f, df(x), x) for f, df in FUNCTIONS.values() for x in POINTS]
    for h in (1e-2, 1e-4, 1e-5, 1e-6, 1e-8):
        errors = [abs((f(x + h) - f(x - h)) / (2 * h) - true) / abs(true)
                  for f, true, x in cases if x > h]  # fmt: skip
        print(f"central differences, h = {h:.0e}: {summary(errors)}")
    errors, covered, calls = [], 0, 0

    def counted(f: Callable[[Any], Any], x: np.ndarray) -> float:
        nonlocal calls
        calls += 1
        return float(f(x[()]))

    for f, true, x in cases:
        found, estimate = tg.verify.derivative(lambda z, f=f: counted(f, z), np.array(x))
        errors.append(abs(float(found) - true) / abs(true))
        covered += abs(float(found) - true) <= float(estimate) + 1e-15 * abs(true)
    print(f"extrapolated: {summary(errors)}; {calls / len(cases):.1f} evaluations each")
    print(f"the estimate covers the error in {covered} cases of {len(cases)}")


def summary(errors: list[float]) -> str:
    return f"error {statistics.median(errors):.0e} (median), {max(errors):.0e} (largest)"


# --- French first ----------------------------------------------------------------------------


def french() -> None:
    """What two languages cost: the import, the first text, the others."""
    clock = (
        "import time, numpy; start = time.perf_counter(); {}; print(time.perf_counter() - start)"
    )
    whole = in_a_new_process(clock.format("import tinygrad_fr"))
    first = "import tinygrad_fr.messages as m; start = time.perf_counter(); m._('loss')"
    text = in_a_new_process(clock.format(first))
    again = median(lambda: [tg.messages._("loss") for _ in range(1000)]) / 1000
    size = sum(path.stat().st_size for path in Path(LOCALE).rglob("*.mo"))
    print(f"import of the library after NumPy: {whole * 1e3:.0f} ms")
    print(f"the first text: {text * 1e3:.1f} ms (a catalogue of {size / 1e3:.0f} kB)")
    print(f"each text after it: {again * 1e6:.2f} us")


# --- recurrent layers ------------------------------------------------------------------------


def sequences(steps: int = 50, n: int = 32, inputs: int = 32, size: int = 64) -> None:
    """A step of training of each recurrent layer, in single operations and fused."""
    x = np.random.default_rng(0).standard_normal((steps, n, inputs)).astype(np.float32)
    layers = {
        "RNN": tg.nn.RNN(inputs, size), "GRU": tg.nn.GRU(inputs, size),
        "LSTM": tg.nn.LSTM(inputs, size), "fused LSTM": tg.nn.LSTM(inputs, size, fused=True),
    }  # fmt: skip
    for name, layer in layers.items():

        def train(layer: Any = layer) -> None:
            layer.zero_grad()
            layer(x)[0].sum().backward()

        train()
        nodes = len(tg.graph.extract(layer(x)[0].sum()).vertices)
        print(f"{name}: {median(train, 15) * 1e3:.1f} ms, {nodes} nodes")


# --- pages and formulas ----------------------------------------------------------------------


def pages() -> None:
    """The course's network on one image: its replay, and its numbers written out."""
    model = tg.nn.models.course_cnn()
    image = np.random.default_rng(0).random((1, 1, 50, 50), np.float32)
    loss = tg.cross_entropy(model(image), [1])
    graph = tg.graph.extract(loss)
    flow = tg.graph.recorded.flow.flow(graph)
    made = tg.replay(loss).html
    arrays = [v.value for v in graph.vertices] + list(flow.upstream.values())
    stored = sum(np.asarray(a).size * 4 * 4 // 3 for a in arrays)
    taken = median(lambda: tg.replay(loss))
    print(f"the page: {len(made.encode()) / 1000:.0f} kB, {taken * 1e3:.0f} ms")
    print(f"its values and gradients in base64, as float32: {stored / 1000:.0f} kB")


def latex() -> None:
    """Reading every formula and every rule of the registry."""
    formulas = [operation.latex for operation in registry.values()]
    for operation in registry.values():
        for args, kwargs in operation.samples()[:1] if not operation.composed else []:
            out = operation.body(*args, **kwargs)
            closures = out[1:] if isinstance(out, tuple) else ()
            formulas += [closure.__doc__ for closure in closures if closure is not None]
    formulas = [formula for formula in dict.fromkeys(formulas) if formula]
    uncached = getattr(parse, "__wrapped__", parse)
    start = time.perf_counter()
    for formula in formulas:
        uncached(formula)
    taken = time.perf_counter() - start
    print(f"{len(formulas)} formulas and rules are read in {taken * 1e3:.0f} ms")


PAGES = (ranks, cycles, reference_counts, kinks, differences, french, latex, pages, sequences)
DECISIONS = {page.__name__: page for page in PAGES}

if __name__ == "__main__":
    for name in sys.argv[1:] or DECISIONS:
        print(f"--- {name}")
        DECISIONS[name]()
