"""The benchmarks measure what they say: contenders compute the same, and figures are right."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from . import report
from .contenders import OURS, installed, started
from .measuring import Deviation, Result, Schedule, Timing, deviation, measure
from .scaling import SWEEPS, fit
from .workloads import WORKLOADS, Workload, in_tinygrad_fr

# One step of each is enough.
ONCE = Schedule(rounds=1, seconds=0, budget=60)
SMALL = {
    "course": (2,),
    "lenet": (2,),
    "mlp": (3, 20, 16, 5),
    "chain": (40,),
    "convolution": (2, 3, 4, 6),
    "max_pool": (2, 3, 6),
    "cross_entropy": (4, 7),
    "composed_cross_entropy": (4, 7),
    "layer_norm": (4, 10),
    "composed_layer_norm": (4, 10),
    "small_vgg": (4, 16),
    "adam": (1000,),
    "digits": (256, 64, 2),
    "course_run": (3, 2),
    "attention": (2, 8, 16, 4),
    "lstm": (4, 3, 4, 6),
    "norm_relu": (2, 3, 8),
}


def test_every_sweep_can_be_built_and_computes_what_torch_does():
    theirs = pytest.importorskip("tests.benchmarks.workloads.in_torch")
    for sweep in SWEEPS.values():
        trials = [
            getattr(module, sweep.builder)(*sweep.at(4))
            for module in (in_tinygrad_fr, theirs)
            if hasattr(module, sweep.builder)
        ]
        outcomes = [trial.outcome() for trial in trials]
        for other in outcomes[1:]:
            for a, b in zip(outcomes[0], other, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_every_builder_has_a_small_size():
    assert set(SMALL) == {workload.builder for workload in WORKLOADS.values()}


@pytest.mark.parametrize("name", installed())
def test_a_contender_computes_what_tinygrad_fr_computes(name):
    with started(dict.fromkeys(["tinygrad_fr", name]), 1) as (processes, unusable):
        if name in unusable and name not in OURS:
            pytest.skip(unusable[name])
        assert not unusable
        for builder, sizes in SMALL.items():
            workload = Workload(builder, builder, builder, sizes)
            results = measure(workload, True, processes, 1, ONCE)
            assert not report.problems(results)
            assert results[0].timings["tinygrad_fr"].median > 0


def test_a_wrong_gradient_is_named():
    right = [np.float32(1.5), np.ones(3, np.float32), np.ones((2, 2), np.float32), np.empty(0)]
    wrong = [*right[:2], np.float32([[1, 1], [1, 1.01]]), right[3]]
    found = deviation(wrong, right)
    assert found.where == "gradient 2"
    assert found.relative == pytest.approx(0.01, rel=1e-4)
    result = Result(WORKLOADS["W1"], modules=False, threads=1, deviations={"other": found})
    (line,) = report.problems([result])
    assert line == (
        "W1, 1 thread: other disagrees: gradient 2 is off by 1.0e-02 of its largest entry, "
        "1e-04 is allowed"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        [np.float32(1.5), np.full(3, np.nan, np.float32), np.empty(0)],
        [np.float32(1.5), np.ones((3, 1), np.float32), np.empty(0)],
        [np.float32(1.5), np.empty(0)],
    ],
    ids=["not a number", "another shape", "one is missing"],
)
def test_what_cannot_be_compared_disagrees(wrong):
    right = [np.float32(1.5), np.ones(3, np.float32), np.empty(0)]
    assert deviation(wrong, right).relative == float("inf")
    assert deviation(right, right).relative == 0


def results():
    timings = {
        "tinygrad_fr": Timing([[1.0, 2.0, 3.0], [4.0], [2.0, 2.0]]),
        "torch": Timing([[4.0], [4.0], [8.0]]),
        "dezero": Timing([[12.0]]),
    }
    agreed = dict.fromkeys(timings, Deviation("gradient 1", 0.0, 1e-4))
    return [Result(WORKLOADS["W1"], False, 1, timings, agreed)]


def test_ratios_are_those_of_the_medians_of_the_rounds():
    (result,) = results()
    assert dataclasses.astuple(result.ratio("tinygrad_fr")) == (0.5, 0.25, 1.0)
    assert dataclasses.astuple(result.ratio("dezero")) == (3.0, 1.5, 3.0)
    assert (result.timings["tinygrad_fr"].median, result.timings["tinygrad_fr"].minimum) == (2, 1)


def test_rounds_in_which_pytorch_was_disturbed_are_left_out():
    (result,) = results()
    result.timings["torch"].rounds[2] = [4.0, 400.0, 400.0]
    assert dataclasses.astuple(result.ratio("tinygrad_fr")) == (0.75, 0.5, 1.0)
    assert report.problems([result]) == [
        "W1, 1 thread: left out 1 of 3 rounds: torch was disturbed"
    ]
    result.timings["torch"].rounds = [[4.0, 400.0, 400.0]]
    assert result.ratio("tinygrad_fr") is None
    assert report.table([result])[1][1] == "-"


def test_reports_say_what_is_reached():
    head, row, mean = report.table(results())
    assert dict(zip(head, row)) == {
        "": "W1", "tinygrad_fr": "0.50", "must": "0.50", "moonshot": "0.33", "meets": "must",
        "PyTorch ms": "4", "DeZero": "3.00",
    }  # fmt: skip
    assert mean[0] == "geometric mean"
    assert "6.0 times as fast as DeZero (at least 5): met" in report.summary(results())
    assert report.markdown(results()).count("\n|") == 4
    (entry,) = json.loads(json.dumps(report.as_json(results())))
    assert entry["contenders"]["tinygrad_fr"]["ratio"]["low"] == 0.25


def test_the_exponent_of_a_power_law_is_found_in_its_upper_half():
    sizes = [2**k for k in range(8)]
    times = [5.0, 5.0, 5.0, 5.0, *(3.0 * n**1.5 for n in sizes[4:])]
    found = fit(sizes, times)
    assert found.exponent == pytest.approx(1.5)
    assert found.standard_error == pytest.approx(0, abs=1e-6)
