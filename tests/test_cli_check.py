"""``tinygrad-fr check``: whatever a file does, the verdict is ours, and status 0 means right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import cli, messages
from tinygrad_fr.cli import apart, console, verification
from tinygrad_fr.cli.photographs import save_model
from tinygrad_fr.nn.models import course_cnn

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals, forks and descriptors of POSIX")

# A right layer that a file may spoil: before it, in its methods, after it.
LAYER = """
import argparse, atexit, os, sys, threading, time, unittest
import numpy as np
{before}
class Tanh:
    def __init__(self):
        {init}
    def forward(self, x):
        {forward}
        self.y = np.tanh(x)
        return self.y
    def backward(self, d):
        {backward}
        return d * (1 - self.y**{power})
{after}
"""


def spoilt(**parts):
    """What stands in the holes of the layer."""
    return parts


def write(path, *, before="", init="pass", forward="pass", backward="pass", power=2, after=""):
    path.write_text(
        LAYER.format(before=before, init=init, forward=forward, backward=backward, power=power,
                     after=after), encoding="utf-8",
    )  # fmt: skip
    return path


@pytest.fixture
def check(capfd, monkeypatch):
    """Run ``check`` as text and as JSON for the price of one process; status, document, output."""
    monkeypatch.setattr(messages, "language", "en")

    def run(what, *arguments, shape="4,3"):
        kept = []

        def once(*request):
            if not kept:
                try:
                    answer = apart.run_apart(*request)
                    kept.append(lambda: dict(answer))
                except Exception as error:
                    kept.append(lambda error=error: (_ for _ in ()).throw(error))
            return kept[0]()

        with monkeypatch.context() as patched:
            patched.setattr(verification, "run_apart", once)
            command = ["check", str(what), "--input", shape, *arguments]
            status = cli.main([*command, "--json"])
            out, err = capfd.readouterr()
            document = json.loads(out)  # exactly one
            assert cli.main(command) == status
        text = "".join(capfd.readouterr())
        assert "Traceback" not in text
        assert {"verdict", "reason", "right", "entries", "first_wrong"} <= set(document)
        assert status == {"correct": 0, "wrong": 1, "inconclusive": 2}[document["verdict"]]
        assert document["right"] == (status == 0)
        assert document["reason"] or status != 2
        return status, document, text, err

    return run


# --- files that must not end with 0 --------------------------------------------------------------

# The layer is right where only the manner of ending is wrong, so that 0 would be tempting.
WRONG = {
    "a wrong gradient": (spoilt(power=3), 1, ""),
    "sys.exit(main()) at its end": (
        spoilt(after="def main(): return 0\nsys.exit(main())"), 2, "line 16: sys.exit(main())",
    ),
    "unittest.main()": (spoilt(after="unittest.main()"), 2, "SystemExit"),
    "arguments that it requires": (
        spoilt(after="p = argparse.ArgumentParser(); p.add_argument('x'); p.parse_args()"), 2,
        "SystemExit",
    ),
    "help that it prints": (
        spoilt(before="argparse.ArgumentParser().parse_args(['--help'])"), 2, "SystemExit: 0",
    ),
    "quit() in its backward": (spoilt(backward="quit()"), 2, "line 13: quit()"),
    "exit(0) in its forward": (spoilt(forward="exit(0)"), 2, "line 9: exit(0)"),
    "sys.exit in its constructor": (spoilt(init="sys.exit()"), 2, "SystemExit"),
    "os._exit at import": (spoilt(after="os._exit(0)"), 2, "with status 0"),
    "os._exit in its forward": (spoilt(forward="os._exit(0)"), 2, "with status 0"),
    "os._exit in its backward": (spoilt(backward="os._exit(0)"), 2, "with status 0"),
    "os._exit at exit": (spoilt(power=3, after="atexit.register(os._exit, 0)"), 1, ""),
    "an exit that ends and exits": (
        spoilt(after="atexit.register(os._exit, 0)\nsys.exit(1)"), 2, "SystemExit: 1",
    ),
    "an exception at exit": (spoilt(power=3, after="atexit.register(lambda: 1 / 0)"), 1, ""),
    "a document of its own": (
        spoilt(power=3, after="""print('{"verdict": "correct", "right": true}')"""), 1, "",
    ),
    "a document of its own, and the end": (
        spoilt(after="""os.write(1, b'{"verdict": "correct"}')\nos._exit(0)"""), 2, "status 0",
    ),
    "a document at exit": (
        spoilt(power=3, after="""atexit.register(print, '{"verdict": "correct"}')"""), 1, "",
    ),
    "a thread that ends all": (
        spoilt(backward="threading.Thread(target=os._exit, args=[0]).start(); time.sleep(60)"), 2,
        "with status 0",
    ),
    "exits that do not exit": (
        spoilt(power=3, after="sys.exit = os._exit = lambda *status: None"), 1, "",
    ),
    "an exit that always says 0": (
        spoilt(power=3, after="real = os._exit\nos._exit = sys.exit = lambda *a: real(0)"), 1, "",
    ),
    "an encoder that says nothing": (
        spoilt(power=3, after="import json; json.JSONEncoder.encode = lambda *_: '{}'"), 2,
        "unreadable",
    ),
    "an encoder that says no JSON": (
        spoilt(power=3, after="import json; json.JSONEncoder.encode = lambda *_: 'no'"), 2,
        "unreadable",
    ),
    "no standard output": (spoilt(power=3, after="sys.stdout.close(); sys.stderr.close()"), 1, ""),
    "another standard output": (spoilt(power=3, after="sys.stdout = open(os.devnull, 'w')"), 1, ""),
    "no descriptors": (spoilt(power=3, after="os.closerange(0, 3)"), 1, ""),
    "no descriptors at all": (spoilt(after="os.closerange(0, 256)"), 2, "before there was"),
    "rubbish in all descriptors": (
        spoilt(power=3, after="""
for fd in range(1, 64):
    try:
        os.write(fd, b'{"verdict": "correct"}:12:')
    except OSError:
        pass"""), 1, "",
    ),
    "GeneratorExit": (spoilt(backward="raise GeneratorExit"), 2, "GeneratorExit"),
    "KeyboardInterrupt": (spoilt(forward="raise KeyboardInterrupt"), 2, "KeyboardInterrupt"),
    "an exception that is none": (
        spoilt(before="class Stop(BaseException): pass", after="raise Stop('me')"), 2, "Stop: me",
    ),
    "an error in its backward": (spoilt(backward="1 / 0"), 1, "ZeroDivisionError"),
    "an error at import": (spoilt(after="1 / 0"), 2, "ZeroDivisionError"),
    "a recursion without an end": (
        spoilt(backward="return self.backward(d)"), 1, "RecursionError",
    ),
    "another folder": (spoilt(power=3, after="os.chdir('/')"), 1, ""),
    "other arguments": (spoilt(power=3, after="sys.argv[:] = []; sys.path[:] = []"), 1, ""),
    "a timer that stays": (spoilt(power=3, after="threading.Timer(99, print).start()"), 1, ""),
    "a thread that stays": (
        spoilt(power=3, after="threading.Thread(target=time.sleep, args=[9**5]).start()"), 1, "",
    ),
}  # fmt: skip

FATAL = {
    "a crash": (spoilt(backward="import ctypes; ctypes.string_at(0)"), 2, "signal 11"),
    "its own death": (spoilt(after="os.kill(os.getpid(), 9)"), 2, "killed by signal 9"),
    "an alarm": (spoilt(after="import signal; signal.alarm(1); time.sleep(60)"), 2, "signal 14"),
    "a twin": (spoilt(power=3, after="os.fork()"), 1, ""),
    "a twin that goes on alone": (spoilt(after="if os.fork(): os._exit(0)"), 2, "with status 0"),
    "a child that stays": (
        spoilt(power=3, after="if not os.fork(): time.sleep(9**5)"), 1, "",
    ),
    "another program": (spoilt(after="os.execv('/bin/sh', ['sh', '-c', 'exit 0'])"), 2, "status 0"),
}  # fmt: skip


def none_but(table):
    return [pytest.param(*case, id=name) for name, case in table.items()]


@pytest.mark.parametrize(("file", "status", "words"), none_but(WRONG))
def test_no_file_ends_with_0_but_by_a_verdict(file, status, words, tmp_path, check):
    got, document, text, _err = check(f"{write(tmp_path / 'layer.py', **file)}:Tanh")
    assert got == status
    assert words in text
    assert words in document["reason"] or status == 1


@POSIX
@pytest.mark.parametrize(("file", "status", "words"), none_but(FATAL))
def test_nor_does_one_that_a_signal_or_a_fork_ends(file, status, words, tmp_path, check):
    got, document, text, _err = check(f"{write(tmp_path / 'layer.py', **file)}:Tanh")
    assert got == status
    assert words in text
    assert words in document["reason"] or status == 1


@pytest.mark.parametrize(
    "file",
    [spoilt(forward="\n        while True: pass"), spoilt(after="time.sleep(10**6)")],
    ids=["a loop", "a sleep"],
)
def test_a_file_that_does_not_end_is_ended(file, tmp_path, check):
    path = write(tmp_path / "layer.py", **file)
    status, document, _text, err = check(f"{path}:Tanh", "--timeout", "3")
    assert status == 2
    assert "took longer than 3 s" in document["reason"]
    assert 'layer.py", line' in err  # where it was


# --- right files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        {},
        spoilt(after="print('x' * 10**6); os.system('echo {}'); os.write(1, b'{}')"),
        spoilt(after="atexit.register(os._exit, 3)"),
        spoilt(after="sys.stdout.close(); sys.argv.clear()"),
        spoilt(after="import subprocess; subprocess.Popen([sys.executable, '-c', 'input()'])"),
        spoilt(after="if __name__ == '__main__': sys.exit(1)"),
        spoilt(after="os.closerange(0, 3)"),
    ],
    ids=["quiet", "noisy", "atexit", "no stdout", "a process", "main", "no descriptors"],
)
def test_a_right_file_is_right_whatever_it_prints(file, tmp_path, check):
    status, document, text, err = check(f"{write(tmp_path / 'layer.py', **file)}:Tanh")
    assert status == 0
    assert document["entries"]["input"]["verdict"] == "correct"
    assert "correct" in text
    assert len(err) < 30_000


def test_what_a_file_prints_is_visible_and_cut(tmp_path, check):
    escapes = r"\x1b[2J\x1b]0;title\x07\r\u202e\x00\x9b31m"
    after = f'print("{escapes}é")\nos.write(2, b"\\xff\\n")\nprint("y" * 10**6)'
    path = write(tmp_path / "layer.py", after=after)
    status, _document, _text, err = check(f"{path}:Tanh")
    assert status == 0
    assert rf"{escapes}é" in err
    assert r"\xff" in err
    assert not any(character in err for character in "\x1b\x07\r\u202e\x00\x9b")
    assert len(err) < 30_000


def test_what_a_file_raises_is_visible_and_cut(tmp_path, check):
    after = r'raise ValueError("\x1b[31m\r" + "\ud800" + "z" * 10**7 + "\n" * 10**5)'
    path = write(tmp_path / "layer.py", after=after)
    status, document, text, _err = check(f"{path}:Tanh")
    assert status == 2
    for shown in (document["reason"], text):
        assert r"\x1b[31m\r\ud800zzz" in shown
        assert "line 15" in shown  # the end stays
        assert len(shown) < 5_000


def test_what_parameters_are_called_is_visible(tmp_path, check):
    init = r"self.parts = {'W\x1b[31m\n': np.ones(3)}"
    after = "Tanh.forward = lambda self, x: x * sum(self.parts.values())"
    path = write(tmp_path / "layer.py", init=init, backward="return d", after=after)
    status, document, text, _err = check(f"{path}:Tanh")
    assert status == 1
    assert set(document["entries"]) == {"input"}  # without a gradient it is a constant
    assert "W\\x1b[31m\n" in text
    assert "\x1b" not in text


def test_what_weights_and_folders_are_called_is_visible_and_cut(tmp_path, capfd):
    image = pytest.importorskip("PIL.Image").new("L", (8, 8))
    classes = ["\x1b[31mred\r", "\u202eb" + "c" * 10**6]
    for name in ("\x1b]0;a\x07", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(3):
            image.save(tmp_path / "photos" / name / f"{i}.png")
    model = course_cnn(2, 8, 1)
    save_model(model, tmp_path / "w.npz", "course_cnn", classes, 8, 1)
    assert cli.main(["predict", str(tmp_path / "w.npz"), str(tmp_path / "photos/b/1.png")]) == 0
    tg.save({"a": np.zeros(1)}, tmp_path / "v.npz", {"kind": "\x1b"})
    assert cli.main(["predict", str(tmp_path / "v.npz"), "\x1b[31m.png"]) == 2
    train = ["train", str(tmp_path / "photos"), "--size", "8", "--epochs", "1"]
    assert cli.main([*train, "--out", str(tmp_path / "u.npz")]) == 0
    with pytest.raises(SystemExit):
        cli.main(["demo", "--\x1b[2J"])
    text = "".join(capfd.readouterr())
    for shown in (r"\x1b[31mred\r ", r"\u202ebccc", r"\x1b]0;a\x07", r"--\x1b[2J"):
        assert shown in text
    assert not any(character in text for character in "\x1b\x07\r\u202e")
    assert len(text) < 20_000


def test_texts_are_made_visible_once():
    text = "\x1b[0m é\xa0!\n\t" + "a" * 10_000 + "\n" * 1000
    shown = console.visible(text)
    assert shown.startswith("\\x1b[0m é\xa0!\n\t")
    assert len(shown) < 3000
    assert console.visible(shown) == shown
    assert console.visible({"\x00": ["\u2028", 1, None]}) == {"\\x00": ["\\u2028", 1, None]}


# --- how files are found -------------------------------------------------------------------------

LOSSES = """
def mse(prediction, target): return ((prediction - target) ** 2).mean()
def mse_prime(prediction, target): return 2 * (prediction - target) / prediction.size
def carre(y_true, y_pred): return ((y_true - y_pred) ** 2).mean()
def carre_prime(y_true, y_pred): return 2 * (y_pred - y_true) / y_true.size
def faux_prime(y_true, y_pred): return (y_pred - y_true) / y_true.size
def bce(p, labels):
    return -(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean()
def bce_prime(p, labels): return (p - labels) / (p * (1 - p)) / p.size
import numpy as np
"""


def test_a_function_is_checked_with_that_of_its_gradient(tmp_path, check):
    (tmp_path / "losses.py").write_text(LOSSES, encoding="utf-8")
    file = tmp_path / "losses.py"
    for name, gradient, shape, target in (
        ("mse", "mse_prime", "4,3", "target"),
        ("carre", "carre_prime", "4,3", "y_true"),
        ("bce", "bce_prime", "6,1", "labels"),
    ):
        status, document, text, _err = check(f"{file}:{name}", "--backward", gradient, shape=shape)
        assert status == 0
        assert f"the target {target} was drawn" in text
        assert list(document["entries"]) == ["input"]
    assert check(f"{file}:carre", "--backward", "faux_prime")[0] == 1
    status, document, *_ = check(f"{file}:mse", "--backward", "mse_grad")
    assert status == 2
    assert "no mse_grad; there are mse, mse_prime" in document["reason"]
    assert "--backward" in check(f"{file}:mse")[1]["reason"]


RELATIVE = """from .base import Base
import numpy as np
class Tanh(Base):
    def forward(self, x): self.y = np.tanh(x); return self.y
    def backward(self, d): return d * (1 - self.y ** 2)
"""


def test_a_file_imports_from_its_package_and_from_the_current_folder(tmp_path, check, monkeypatch):
    inner = tmp_path / "project" / "paquet" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").write_text("", encoding="utf-8")
        (folder / "base.py").write_text("class Base: pass\n", encoding="utf-8")
    files = {
        inner.parent / "couche.py": RELATIVE,
        inner.parent / "absolute.py": RELATIVE.replace(".base", "paquet.base"),
        inner.parent / "beside.py": RELATIVE.replace(".base", "base"),
        inner / "deep - v1.2.py": RELATIVE.replace(".base", "..couche"),
    }
    (inner.parent / "couche.py").write_text(RELATIVE + "Base = Tanh\n", encoding="utf-8")
    for file, text in files.items():
        file.write_text(text + ("Base = Tanh\n" if file.stem == "couche" else ""), encoding="utf-8")
        assert check(f"{file}:Tanh")[0] == 0, file
    monkeypatch.chdir(inner.parent.parent)
    assert check("paquet/absolute.py:Tanh")[0] == 0
    outside = tmp_path / "elsewhere.py"
    outside.write_text(RELATIVE.replace(".base", "paquet.base"), encoding="utf-8")
    assert check(f"{outside}:Tanh")[0] == 0  # from the current folder


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.ipynb", b"{}", "is a notebook"),
        ("x.txt", b"x = 1", "no Python file"),
        ("x.py", b"x = 1\ndef f(:\n", "line 2"),
        ("x.py", b"x = '\xe9'\n", "utf-8"),
        ("x.py", b"x = 1\0\n", "null bytes"),
        ("x.py", b"class A: pass\nimport numpy as np\na = A()\n", "has no Tanh; there are A, a"),
        ("x.py", b"from .base import Base\n", "relative import"),
        ("x.py", b"Tanh = 3\n", "int has no forward method"),
        ("x.py", b"def Tanh(x): return x\n", "--backward"),
    ],
)
def test_a_file_that_gives_no_layer_is_told_why(name, content, words, tmp_path, check):
    (tmp_path / name).write_bytes(content)
    status, document, _text, err = check(f"{tmp_path / name}:Tanh")
    assert status == 2
    assert words in document["reason"]
    assert not err


def test_folders_and_files_that_are_not_there_are_told(tmp_path, check):
    assert "is a folder" in check(f"{tmp_path}:Tanh")[1]["reason"]
    assert "no such file" in check(f"{tmp_path / 'x.py'}:Tanh")[1]["reason"]


@pytest.mark.parametrize("name", ["my layer.py", "tp-1.v2.py", "numpy.py", "couche é.py"])
def test_files_of_any_name_are_checked(name, tmp_path, check):
    path = write(tmp_path / name)
    if name == "my layer.py":
        path.write_bytes(b"# coding: latin-1\n# \xe9\n" + path.read_bytes())
    assert check(f"{path}:Tanh")[0] == 0


def test_a_folder_with_names_of_the_standard_library_does_no_harm(tmp_path, check, monkeypatch):
    for name in ("json", "re", "numpy", "tinygrad_fr", "faulthandler", "subprocess"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(0)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert check(f"{write(tmp_path / 'layer.py', before='import json')}:Tanh")[0] == 0


# --- the process ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "status"),
    [({}, 0), (spoilt(power=3), 1), (spoilt(after="print('{}')\nsys.exit(0)"), 2)],
    ids=["right", "wrong", "exit"],
)
def test_where_no_process_can_be_started_the_rule_is_the_same(
    file, status, tmp_path, check, monkeypatch
):
    def refuse(*arguments, **named):
        raise BlockingIOError("no processes here")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    for name in ("path", "argv"):
        monkeypatch.setattr(sys, name, list(getattr(sys, name)))
    got, _document, _text, err = check(f"{write(tmp_path / 'layer.py', **file)}:Tanh")
    assert got == status
    assert "no process can be started" in err


@POSIX
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_no_process_is_left_behind(number, status, tmp_path):
    mark = tmp_path / "pids"
    after = f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(10**5)"])
with open({str(mark)!r}, "w") as file: file.write(f"{{os.getpid()}} {{child.pid}} .")
time.sleep(10**5)"""
    path = write(tmp_path / "layer.py", after=after)
    command = [sys.executable, "-m", "tinygrad_fr", "check", f"{path}:Tanh", "--input", "4,3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: mark.exists() and mark.read_text().endswith("."))
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert not out + err
    for pid in mark.read_text().split()[:2]:
        wait_for(lambda pid=pid: not alive(int(pid)))


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(pid):
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no ps here")
    return done.stdout.strip()[:1] not in ("", "Z")
