"""What exists in a checkout: tests, glue keys, labels, headings and claim marks.

Everything is read from the sources, so the checks need neither a built book nor a test run.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FENCE = re.compile(r"^(?P<ticks>`{3,}|:{3,}|~{3,})\s*(?P<info>.*?)\s*$")
_TARGET = re.compile(r"^\((?P<label>[^()\s]+)\)=\s*$")
_HEADING = re.compile(r"^#{1,6}\s+\S")
_OPTION_LABEL = re.compile(r"^\s*:?(?:name|label):\s*(?P<label>\S+)\s*$")
_MARK = re.compile(r"\{claim\}`(?P<id>[^`]+)`")
_SECTION_TABLE = re.compile(r"\{claims\}")
_SECTION_OPTION = re.compile(r"^\s*:section:\s*(?P<section>\S+)\s*$")
_ORIGINAL = re.compile(r"\{original-title\}\s*(?P<section>\S+)")


@cache
def names_of_tests(path: Path) -> frozenset[str]:
    """Names of the tests a file defines: ``test_x`` and ``TestY::test_z``.

    Parameters
    ----------
    path : Path
        A Python file.

    Returns
    -------
    frozenset of str
        Empty if the file does not exist.
    """
    if not path.is_file():
        return frozenset()
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.update(
                f"{node.name}::{item.name}"
                for item in node.body
                if isinstance(item, ast.FunctionDef)
            )
    return frozenset(name for name in names if name.split("::")[-1].startswith("test"))


def _without_magics(code: str) -> str:
    return "\n".join(
        "" if line.lstrip().startswith(("%", "!")) else line for line in code.split("\n")
    )


def _glued(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(_without_magics(code))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func
        name = (
            called.id
            if isinstance(called, ast.Name)
            else called.attr
            if isinstance(called, ast.Attribute)
            else ""
        )
        first = node.args[0]
        if (
            ("glue" in name or name == "figure_data")
            and isinstance(first, ast.Constant)
            and isinstance(first.value, str)
        ):
            yield first.value


@cache
def glue_keys(path: Path) -> frozenset[str]:
    """Keys that the code of a notebook or an executable page glues.

    A key counts when it is the literal first argument of a call whose name contains ``glue``, or
    of ``figure_data``, which exports what a figure draws.

    Parameters
    ----------
    path : Path
        A notebook (``.ipynb``) or a page (``.md``) with ``code-cell`` blocks.

    Returns
    -------
    frozenset of str
        Empty if the file does not exist.
    """
    if not path.is_file():
        return frozenset()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [
            "".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code"
        ]
    else:
        cells = list(_code_cells(text))
    return frozenset(key for cell in cells for key in _glued(cell))


def _code_cells(text: str) -> Iterator[str]:
    inside: str | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if inside is None:
            if fence and fence["info"].startswith("{code-cell}"):
                inside, lines = fence["ticks"], []
        elif fence and not fence["info"] and len(fence["ticks"]) >= len(inside):
            yield "\n".join(entry for entry in lines if not entry.lstrip().startswith(":"))
            inside = None
        else:
            lines.append(line)


@dataclass(frozen=True)
class Page:
    """What the checks need to know of one page.

    Attributes
    ----------
    headings : dict
        Anchor -> number of headings it stands directly above.
    labels : frozenset of str
        All targets and figure or table names.
    marks : tuple of str
        Claim ids cited with the ``claim`` role, in order.
    tables : frozenset of str
        Sections whose verdict table the page shows.
    originals : frozenset of str
        Sections whose original title the page prints by directive.
    text : str
        The page's prose.
    """

    headings: dict[str, int]
    labels: frozenset[str]
    marks: tuple[str, ...]
    tables: frozenset[str]
    originals: frozenset[str]
    text: str


def _prose(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return text


def _lines_outside_samples(text: str) -> Iterator[str]:
    """Lines of a page without its samples: a fence that is no directive shows, it does not act."""
    sample: str | None = None
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if sample is None and fence and fence["info"] and not fence["info"].startswith("{"):
            sample = fence["ticks"]
        elif sample is not None:
            if fence and not fence["info"] and fence["ticks"].startswith(sample):
                sample = None
        else:
            yield line


@cache
def read_page(path: Path) -> Page:
    """Read one page (``.md`` or ``.ipynb``).

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    Page
    """
    lines = list(_lines_outside_samples(_prose(path)))
    headings: dict[str, int] = {}
    labels: set[str] = set()
    tables: set[str] = set()
    pending: list[str] = []
    expects_section = False
    for line in lines:
        target = _TARGET.match(line)
        if target:
            pending.append(target["label"])
            labels.add(target["label"])
            continue
        if _HEADING.match(line):
            for label in pending:
                headings[label] = headings.get(label, 0) + 1
        if line.strip():
            pending = []
        option = _OPTION_LABEL.match(line)
        if option:
            labels.add(option["label"])
        asked = _SECTION_OPTION.match(line)
        if asked and expects_section:
            tables.add(asked["section"])
        expects_section = bool(_SECTION_TABLE.search(line)) or (
            expects_section and line.lstrip().startswith(":")
        )
    text = "\n".join(lines)
    return Page(
        headings=headings,
        labels=frozenset(labels),
        marks=tuple(match["id"].strip() for match in _MARK.finditer(text)),
        tables=frozenset(tables),
        originals=frozenset(match["section"] for match in _ORIGINAL.finditer(text)),
        text=text,
    )


def pages_below(folder: Path) -> tuple[Path, ...]:
    """Pages of a book folder, without builds and checkpoints, in order of path."""
    if not folder.is_dir():
        return ()
    found = (path for suffix in ("*.md", "*.ipynb") for path in folder.rglob(suffix))
    return tuple(
        sorted(
            path
            for path in found
            if not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
        )
    )
