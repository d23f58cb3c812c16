"""What is handed in: files, notebooks, folders, archives, as a course platform gives them."""

import io
import re
import stat
import tokenize
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..errors import FileError
from ..messages import _, spelled

# Bytes of a file, and of all files of a copy; files of a copy.
_FILE, _ALL, _FILES = 8 << 20, 64 << 20, 200
# Lea Martin_12345_assignsubmission_file_, as Moodle names a download.
_MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(file|onlinetext)_?(?P<rest>.*)"
)
_KINDS = (".py", ".ipynb")
# The way to a file, and its bytes, or why it has none.
_Found = tuple[tuple[str, ...], bytes | str]


@dataclass
class Submission:
    """A copy.

    Attributes
    ----------
    name, number : str
        Whose it is; Moodle's number, or nothing.
    files : dict of str to str
        The text of each Python file, by its name; notebooks as the code in them.
    main : str
        The file that answers the questions; empty if there is none, or more than one.
    problem : str
        Why it cannot be judged.
    remarks : list of str
    """

    name: str
    number: str = ""
    files: dict[str, str] = field(default_factory=dict)
    main: str = ""
    problem: str = ""
    remarks: list[str] = field(default_factory=list)


def submissions_of(place: str | Path, asked: set[str]) -> list[Submission]:
    """The copies in a folder or an archive, in the order of their names.

    Parameters
    ----------
    asked
        The names that the questions ask for: the file that defines most of them is the one.
    """
    path = Path(place)
    if not path.exists():
        raise FileError("{path}: there is no such file or folder", path=path)
    groups: dict[str, list[tuple[str, bytes | str]]] = {}
    for parts, content in _files(path):
        whose = parts[0] if len(parts) > 1 or path.is_file() else PurePosixPath(parts[0]).stem
        groups.setdefault(whose, []).append(("/".join(parts[1:] or parts), content))
    found = [_submission(whose, files, asked) for whose, files in groups.items()]
    if not found:
        raise FileError("{path}: there is no copy in it (.py, .ipynb, .zip)", path=path)
    return sorted(found, key=lambda s: (s.name.casefold(), s.number))


def _files(path: Path) -> Iterator[_Found]:
    """The files of all copies: the way to each, and its bytes; or why it has none."""
    if path.is_file() and path.suffix.lower() == ".zip":
        yield from _unzipped(path.read_bytes(), ())
    elif path.is_file():
        yield (path.stem, path.name), path.read_bytes()
    else:
        for file in sorted(path.rglob("*")):
            parts = file.relative_to(path).parts
            if any(_is_hidden(part) for part in parts) or file.is_symlink() or not file.is_file():
                continue
            if file.suffix.lower() == ".zip":
                inside = parts if len(parts) > 1 else (file.stem,)
                yield from _unzipped(file.read_bytes(), inside[:1])
            elif file.suffix.lower() in _KINDS:
                yield parts, file.read_bytes() if file.stat().st_size <= _FILE else _("too large")


def _unzipped(
    data: bytes, before: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], bytes | str]]:
    """The files of an archive; one that is damaged is a copy that cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [
                i for i in archive.infolist()
                if not i.is_dir() and not stat.S_ISLNK(i.external_attr >> 16)
                and not any(_is_hidden(part) for part in PurePosixPath(i.filename).parts)
                and (i.filename.lower().endswith((*_KINDS, ".zip")))
            ]  # fmt: skip
            for info in names[: 50 * _FILES]:
                parts = tuple(p for p in PurePosixPath(info.filename).parts if p not in ("..", "/"))
                if info.file_size > _FILE:
                    yield (*before, *parts), _("too large")
                elif info.filename.lower().endswith(".zip"):
                    if not before:  # one for each student
                        whose = parts[0] if len(parts) > 1 else PurePosixPath(parts[0]).stem
                        yield from _unzipped(archive.read(info), (whose,))
                else:
                    yield (*before, *parts), archive.read(info)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, ValueError, EOFError):
        yield (*(before or ("?",)), "archive.zip"), _("the archive is damaged, or has a password")


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__")) or name == "MACOSX"


def _submission(whose: str, files: list[tuple[str, bytes | str]], asked: set[str]) -> Submission:
    moodle = _MOODLE.fullmatch(whose)
    made = Submission(
        spelled(moodle["name"] if moodle else whose), moodle["number"] if moodle else ""
    )
    problems, size = [], 0
    for name, content in files[:_FILES]:
        size += len(content)
        name = PurePosixPath(name).name
        if isinstance(content, str) or size > _ALL:
            problems.append(
                f"{spelled(name)}: {content if isinstance(content, str) else _('too large')}"
            )
            continue
        try:
            text = _code_of(name, content)
        except (ValueError, SyntaxError, RecursionError) as error:
            problems.append(f"{spelled(name)}: {spelled(str(error))[:200]}")
            continue
        made.files[str(PurePosixPath(name).with_suffix(".py"))] = text
    counts = {name: _defines(text, asked) for name, text in made.files.items()}
    best = max(counts.values(), default=0)
    mains = [name for name, count in counts.items() if count == best]
    if len(mains) == 1:
        made.main = mains[0]
    elif mains:
        made.problem = _("several files answer the questions: {names}", names=", ".join(mains))
    made.remarks += problems
    if not made.files:
        made.problem = "; ".join(problems) or _("there is no Python file in it")
    return made


def _defines(text: str, asked: set[str]) -> int:
    """How many of the names that are asked for a text defines."""
    return sum(bool(re.search(rf"^(class|def)\s+{re.escape(n)}\b", text, re.M)) for n in asked)


def _code_of(name: str, content: bytes) -> str:
    if name.lower().endswith(".ipynb"):
        return _code_of_notebook(content)
    try:
        encoding, _lines = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (UnicodeDecodeError, SyntaxError, LookupError):  # no encoding, or a wrong one, is told
        text = content.decode("latin-1")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _code_of_notebook(content: bytes) -> str:
    """The code of a notebook: of the cells with a tag of the homework, or else of all."""
    import json

    try:
        cells = json.loads(content.decode("utf-8-sig"))["cells"]
        code = [c for c in cells if c["cell_type"] == "code"]
        tagged = [c for c in code if "grade" in c.get("metadata", {}).get("tags", [])]
        texts = ["".join(c["source"]) for c in tagged or code]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(_("this is no notebook")) from error
    return "\n\n".join(map(_without_magic, texts)) + "\n"


def _without_magic(text: str) -> str:
    """The code of a cell, without what is for the notebook alone."""
    if text.lstrip().startswith("%%"):
        return ""
    return re.sub(r"^(\s*)[%!?].*$", r"\1pass", text, flags=re.M)
