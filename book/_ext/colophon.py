"""Sphinx extension: ``{colophon}``, what this very build was made of.

A directive and no executed cell, because a cell's output may come from the cache: the date and the
commit must be those of the build that the reader holds.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes  # type: ignore[import-untyped]
from provenance import built_at, commit
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

import pycore
from pycore.notebook.mode import mode
from pycore.program.build import build_config

#: What the pages were computed and made with, in this order.
PACKAGES = (
    "numpy",
    "scipy",
    "sympy",
    "pandas",
    "xarray",
    "matplotlib",
    "pymc",
    "pytensor",
    "nutpie",
    "arviz",
    "jupyter-book",
    "sphinx",
    "myst-nb",
    "jupyter-cache",
    "ipykernel",
)


def packages() -> list[tuple[str, str]]:
    """Installed packages with their versions."""
    found = []
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return found


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable) and not isinstance(value, dict):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)


class Colophon(SphinxDirective):
    """One of three tables: ``build``, ``machine`` or ``packages``."""

    required_arguments = 1
    parts: ClassVar[tuple[str, ...]] = ("build", "machine", "packages")

    def run(self) -> list[nodes.Node]:
        """Return the table asked for; the page is made anew at every build."""
        part = self.arguments[0]
        if part not in self.parts:
            raise self.error(f"received {part!r}, allowed is one of {', '.join(self.parts)}")
        self.env.note_reread()
        rows = {"build": self._build, "machine": self._machine, "packages": packages}[part]()
        return [self._table(rows)]

    def _build(self) -> list[tuple[str, str]]:
        root = Path(self.env.srcdir)
        pins = (root / "constraints.txt").read_bytes()
        return [
            ("Version", pycore.__version__),
            ("Commit", commit(root) or "built outside a git checkout"),
            ("Built", built_at().strftime("%Y-%m-%d %H:%M UTC")),
            ("Mode", mode()),
            ("Key of all numbers", self.config.execution_cache_key),
            ("Pinned packages, SHA-256", hashlib.sha256(pins).hexdigest()[:16]),
            ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
            ("System", f"{platform.system()} {platform.machine()}"),
        ]

    def _machine(self) -> list[tuple[str, str]]:
        config = build_config()
        return [(key.replace("_", " "), _shown(config[key])) for key in config if key != "isas"]

    def _table(self, rows: list[tuple[str, str]]) -> nodes.table:
        group = nodes.tgroup(cols=2)
        group += [nodes.colspec(colwidth=35, stub=1), nodes.colspec(colwidth=65)]
        body = nodes.tbody()
        for name, value in rows:
            cells = (nodes.paragraph(name, name), nodes.literal(value, value))
            entries = (
                nodes.entry("", cells[0]),
                nodes.entry("", nodes.paragraph("", "", cells[1])),
            )
            body += nodes.row("", *entries)
        group += body
        return nodes.table("", group, classes=["colophon"])


class WordsForMarks(SphinxPostTransform):
    """Write in words what MyST-NB's table of executions says by emoji, which many fonts lack."""

    default_priority = 9  # the table itself is made at 8
    words: ClassVar[dict[str, str]] = {"✅": "ran", "❌": "failed"}

    def run(self, **_options: Any) -> None:
        """Replace the marks in tables."""
        for table in self.document.findall(nodes.table):
            for text in list(table.findall(nodes.Text)):
                if text in self.words:
                    text.parent.replace(text, nodes.Text(self.words[text]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("colophon", Colophon)
    app.add_post_transform(WordsForMarks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
