"""A process that takes frames and gives frames."""

import os
import struct
import sys
import time

import pytest

from tinygrad_fr.worker.child import Child, EndedError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sessions and signals of Unix")


@pytest.fixture
def started():
    made = []

    def start(code, **how):
        child = Child([sys.executable, "-c", f"import os, sys, time\n{code}"], os.environ, **how)
        made.append(child)
        return child

    yield start
    for child in made:
        child.end()


def test_frames_go_and_come(started):
    child = started("while True:\n"
                    "    head = sys.stdin.buffer.read(8)\n"
                    "    body = sys.stdin.buffer.read(int.from_bytes(head))\n"
                    "    sys.stdout.buffer.write(head + body); sys.stdout.flush()")  # fmt: skip
    for body in (b"", b"abc", bytes(300_000)):
        child.send(body, 20)
        assert child.receive(20) == body


def test_frames_that_come_in_pieces_are_put_together(started):
    child = started("for b in bytes(7) + bytes([2]) + b'ok': os.write(1, bytes([b])); "
                    "time.sleep(0.01)")  # fmt: skip
    assert child.receive(20) == b"ok"
    with pytest.raises(EndedError):
        child.receive(20)


@pytest.mark.parametrize("code", ["time.sleep(60)", "while True: os.write(1, b'\\0')"])
def test_one_that_does_not_read_does_not_hold_us_up(started, code):
    child, start = started(code), time.monotonic()
    with pytest.raises(TimeoutError):
        child.send(bytes(1 << 22), 0.5)
    assert time.monotonic() - start < 10


def test_one_that_says_nothing_or_too_much(started):
    with pytest.raises(TimeoutError):
        started("os.write(1, bytes(3)); time.sleep(60)").receive(1.0)
    child = started("os.write(1, b'\\x7f' * 8); time.sleep(60)", longest=100)
    with pytest.raises(ValueError, match=r"^$"):
        child.receive(20)


def test_one_that_has_ended_is_told(started):
    child = started("os._exit(3)")
    with pytest.raises(EndedError):
        child.receive(20)
    with pytest.raises(EndedError):
        child.send(bytes(1 << 22), 1)
    child.end()
    assert not child.usable


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="the system does not tell")  # noqa: PTH112
def test_work_is_told_from_sleep(started):
    child = started(
        "until = time.time() + 0.5\nwhile time.time() < until: pass\n"
        "os.write(1, bytes(8)); time.sleep(60)"
    )
    child.receive(20)
    worked, _sleeps = child.work()
    time.sleep(0.3)
    again, sleeps = child.work()
    assert worked > 0.1
    assert again - worked < 0.1
    assert sleeps


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="the system does not tell")  # noqa: PTH112
def test_what_it_has_started_ends_with_it_wherever_it_has_gone(started):
    child = started(
        "if not os.fork():\n    os.setsid()\n    if not os.fork():\n"
        "        import struct\n"
        "        os.write(1, struct.pack('>Q', 8) + struct.pack('>Q', os.getpid()))\n"
        "        time.sleep(60)\n    os._exit(0)\ntime.sleep(60)"
    )
    (pid,) = struct.unpack(">Q", child.receive(20))
    child.end()
    for _wait in range(50):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
                if file.read().split()[2] == "Z":
                    return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.1)
    raise AssertionError(pid)
