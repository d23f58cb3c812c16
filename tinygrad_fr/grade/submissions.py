"""What is handed in: files, notebooks, folders, archives, as a course platform gives them."""

import ast
import io
import itertools
import re
import stat
import tokenize
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import FileError
from ..messages import _, spelled

# Bytes of a file, of its code, and of all files of a copy; files of a copy; letters of a name.
_FILE, _CODE, _ALL, _FILES, _NAME = 8 << 20, 1 << 20, 32 << 20, 50, 80
# Lea Martin_12345_assignsubmission_file_, as Moodle names a download.
_MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(file|onlinetext)_?(?P<rest>.*)"
)
_KINDS = (".py", ".ipynb")
# What somebody may have handed in instead.
_OTHERS = (".pdf", ".doc", ".docx", ".odt", ".rar", ".7z", ".gz", ".tar", ".html")
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

    def trees(self) -> Iterator[ast.AST]:
        """What its files say, those that can be read, and in no time."""
        left = _CODE // 4
        for text in self.files.values():
            left -= len(text)
            if left < 0:
                return
            with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                yield ast.parse(text)


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
    if path.is_dir():  # whoever has a folder has a mark, whatever is in it
        folders = (p.name for p in sorted(path.iterdir()) if p.is_dir())
        groups = {name: [] for name in folders if not _is_hidden(name)}
    for parts, content in _files(path):
        groups.setdefault(parts[0], []).append(("/".join(parts[1:] or parts), content))
    # The name of a file is that of its copy, but where two files differ by their endings only.
    stems = Counter(_stem(entry).casefold() for entry in groups)
    alone = {entry: stems[_stem(entry).casefold()] == 1 for entry in groups}
    groups = {_stem(entry) if alone[entry] else entry: files for entry, files in groups.items()}
    found = [_submission(whose, files, asked) for whose, files in groups.items()]
    if not found:
        raise FileError("{path}: there is no copy in it (.py, .ipynb, .zip)", path=path)
    return sorted(found, key=lambda s: (s.name.casefold(), s.number))


def _stem(entry: str) -> str:
    """The name of a file without its ending; that of a folder as it is."""
    path = PurePosixPath(entry)
    return path.stem if path.suffix.lower() in (*_KINDS, ".zip", *_OTHERS) else entry


def _files(path: Path) -> Iterator[_Found]:
    """The files of all copies: the way to each, and its bytes; or why it has none."""
    if path.is_file() and path.suffix.lower() == ".zip":
        yield from _unzipped(path.read_bytes(), (), path.name)
    elif path.is_file():
        if path.suffix.lower() in _KINDS:
            yield (path.name, path.name), path.read_bytes()
    else:
        for file in sorted(path.rglob("*")):
            parts = file.relative_to(path).parts
            kind = file.suffix.lower()
            if any(_is_hidden(part) for part in parts) or not (file.is_symlink() or file.is_file()):
                continue
            if file.is_symlink():
                yield parts, _("a link, which is not followed")
            elif kind == ".zip":
                yield from _unzipped(file.read_bytes(), parts[:1], file.name)
            elif kind in _KINDS:
                yield parts, file.read_bytes() if file.stat().st_size <= _FILE else _("too large")
            elif kind in _OTHERS or _MOODLE.fullmatch(parts[0]):
                yield (parts[0], ""), ""  # somebody has handed in something


def _unzipped(data: bytes, before: tuple[str, ...], name: str) -> Iterator[_Found]:
    """The files of an archive; one that is damaged is a copy that cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            read: dict[str, int] = {}
            for info in archive.infolist():
                way = PurePosixPath(_as_written(info)).parts
                parts = (*before, *(p for p in way if p not in ("..", "/")))
                if parts == before or any(map(_is_hidden, parts)):
                    continue
                kind = PurePosixPath(parts[-1]).suffix.lower()
                plain = not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16)
                if not plain or kind not in (*_KINDS, ".zip"):
                    if info.is_dir() or len(parts) > 1 or kind in _OTHERS:
                        yield (parts[0], ""), ""
                    continue
                read[parts[0]] = read.get(parts[0], 0) + info.file_size
                if info.file_size > _FILE or read[parts[0]] > _ALL:
                    yield parts, _("too large")
                elif kind != ".zip":
                    yield parts, archive.read(info)
                elif before:
                    yield parts, _("an archive in an archive")
                else:  # one for each student
                    yield from _unzipped(archive.read(info), parts[:1], parts[-1])
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, ValueError, EOFError):
        yield (*(before or (name,)), name), _("the archive is damaged, or has a password")


def _as_written(info: zipfile.ZipInfo) -> str:
    """The name of a file in an archive; many write UTF-8 and do not say so."""
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__")) or name == "MACOSX"


def _submission(whose: str, files: list[tuple[str, bytes | str]], asked: set[str]) -> Submission:
    moodle = _MOODLE.fullmatch(whose)
    called = " ".join(spelled(moodle["name"] if moodle else whose).split())
    made = Submission(called, moodle["number"] if moodle else "")
    problems: list[str] = []
    for name, content in [f for f in files if f[0]][:_FILES]:
        name = PurePosixPath(name).name
        if isinstance(content, str):
            problems.append(f"{spelled(name)[:_NAME]}: {content}")
            continue
        try:
            text = _code_of(name, content)
        except (ValueError, SyntaxError, RecursionError) as error:
            problems.append(f"{spelled(name)[:_NAME]}: {spelled(str(error))[:200]}")
            continue
        made.files[_free(PurePosixPath(name).stem, made.files)] = text
    counts = {name: _defines(text, asked) for name, text in made.files.items()}
    best = max(counts.values(), default=0)
    mains = [name for name, count in counts.items() if count == best]
    if len(mains) == 1:
        made.main = mains[0]
    elif mains:
        names = ", ".join(mains[:5])
        made.problem = _("several files answer the questions: {names}", names=names)
    made.remarks += problems[:10]
    if not made.files:
        made.problem = "; ".join(problems[:5]) or _("there is no Python file in it")
    return made


def _free(stem: str, taken: Collection[str]) -> str:
    """A name for a file that no other has, on any system, and as Python imports it."""
    stem = spelled(stem)[:_NAME]
    names = (f"{stem}{'' if k == 1 else f'_{k}'}.py" for k in itertools.count(1))
    known = {name.casefold() for name in taken}
    return next(name for name in names if name.casefold() not in known)


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
    return _checked(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))


def _checked(code: str) -> str:
    if len(code) > _CODE:
        raise ValueError(_("too large"))
    return code.encode("utf-8", "replace").decode()


def _code_of_notebook(content: bytes) -> str:
    """The code of a notebook: of the cells with a tag of the homework, or else of all."""
    import json

    try:
        cells = json.loads(content.decode("utf-8-sig"))["cells"]
        code = [c for c in cells if c["cell_type"] == "code"]
        tagged = [c for c in code if _is_tagged(c)]
        texts = ["".join(c["source"]) for c in tagged or code]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(_("this is no notebook")) from error
    return _checked("\n\n".join(map(_without_magic, texts)) + "\n")


def _is_tagged(cell: dict[str, Any]) -> bool:
    tags = cell.get("metadata", {}).get("tags", [])
    return isinstance(tags, list) and "grade" in tags


def _without_magic(text: str) -> str:
    """The code of a cell, without what is for the notebook alone."""
    if text.lstrip().startswith("%%"):
        return ""
    return re.sub(r"^([ \t]*)(?:[%!?].*|[\w.]+\?{1,2})$", r"\1pass", text, flags=re.M)
