"""A process beside this one."""

import os
import time
from pathlib import Path

import pytest

from tinygrad_fr.worker import limits, process


def counting(n):
    yield from range(n)


def endless():
    yield "begun"
    while True:
        pass


def guarded():
    for seconds in (0.1, 5.0):
        try:
            with limits.guarded(seconds):
                while seconds < 1:
                    pass
            yield "in time"
        except limits.TookTooLong:
            yield "ended"


def slow():
    time.sleep(0.7)
    yield 1


def failing():
    yield 1
    raise ValueError("no")


def trying(what):
    try:
        if what == "write":
            open("somewhere", "w")  # noqa: SIM115, PTH123
        elif what == "read":
            open(os.devnull).close()  # noqa: PTH123
        elif what == "remove":
            os.remove("somewhere")  # noqa: PTH107
        else:
            os.system("true")
        yield "done"
    except limits.Refused:
        yield "refused"


def talking():
    print("not an answer")
    yield "an answer"


@pytest.fixture
def beside(monkeypatch):
    """A process that finds the functions of this file."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (Path.cwd(), Path(__file__).parent))))
    made = process.Process()

    def asked(f, *arguments, seconds=20.0, into=None, **how):
        f.__module__ = "test_process"
        found = [] if into is None else into
        for answer in made.answers(f, *arguments, seconds=seconds, **how):
            found.append(answer)
        return found

    yield asked
    made.end()


def test_answers_come_one_by_one(beside):
    assert beside(counting, 3) == [0, 1, 2]
    assert beside(counting, 2) == [0, 1]  # the same process


def test_what_is_printed_is_no_answer(beside):
    assert beside(talking) == ["an answer"]


def test_a_task_without_end_is_ended(beside):
    start = time.perf_counter()
    assert beside(endless, seconds=0.5) == ["begun"]
    assert time.perf_counter() - start < 15


def test_who_waits_can_show_that(beside):
    ticks = []
    beside(slow, waiting=lambda: ticks.append(1))
    assert len(ticks) >= 2


def test_one_run_is_ended_and_the_next_goes_on(beside):
    assert beside(guarded) == ["ended", "in time"]


def test_an_error_over_there_is_told_after_the_answers(beside):
    found = []
    with pytest.raises(process.TaskError, match="ValueError: no"):
        beside(failing, into=found)
    assert found == [1]


@pytest.mark.parametrize(
    ("what", "answer"),
    [("write", "refused"), ("remove", "refused"), ("system", "refused"), ("read", "done")],
)
def test_files_and_processes_are_refused(beside, what, answer):
    assert beside(trying, what) == [answer]


def test_dangers_are_seen_before_anything_runs():
    def saves(x):
        import numpy as np

        np.save("weights", x)

    def harmless(input, layers):
        layers.remove(3)
        return input.compile

    assert limits.dangers([saves.__code__]) == ["save"]
    assert limits.dangers([harmless.__code__]) == []
    assert limits.dangers([trying.__code__]) == ["open", "os", "system"]
