"""Sphinx extension: numbered tables made by code, and the data of figures and tables as CSV.

A cell whose figure options have ``classes: table`` becomes "Table n"; the style sheet puts its
caption above.  Data that a cell attached with ``pycore.notebook.figure_data`` under the name of a
figure or table become a download link under the caption.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from myst_nb.ext.glue.crossref import read_glue_cache  # type: ignore[import-untyped]
from myst_nb.sphinx_ import NbMetadataCollector  # type: ignore[import-untyped]
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from pycore.notebook.figure_data import CSV

LOGGER = logging.getLogger(__name__)

#: Folder, relative to the build, where the CSV files wait for Sphinx to copy them.
WAITING = "figure_data"


class ComputedTable(nodes.figure):  # type: ignore[misc]
    """A table that a cell made, numbered among the tables."""


def visit_computed_table(self: Any, node: nodes.Element) -> None:
    """Open it as a figure; its class tells the style sheet."""
    self.visit_figure(node)


def depart_computed_table(self: Any, node: nodes.Element) -> None:
    """Close it."""
    self.depart_figure(node)


def caption_of(node: nodes.Node) -> str:
    """Text of a caption, for references to it."""
    for child in node:
        if isinstance(child, nodes.caption):
            return str(child.astext())
    return ""


class NumberTables(SphinxTransform):
    """Turn figures of class ``table`` into numbered tables before labels are collected."""

    default_priority = 800

    def apply(self, **_options: Any) -> None:
        """Replace the nodes in place."""
        for figure in list(self.document.findall(nodes.figure)):
            if "table" not in figure["classes"] or isinstance(figure, ComputedTable):
                continue
            table = ComputedTable("", **figure.attributes)
            table.source, table.line = figure.source, figure.line
            table.extend(figure.children)
            figure.replace_self(table)
            # The class asked for is a word of the theme's own style sheet as well.
            table["classes"] = ["computed-table"]
            for name in table["ids"]:
                self.document.ids[name] = table


class AttachData(SphinxTransform):
    """Put the link to a figure's data into its legend."""

    default_priority = 810

    def apply(self, **_options: Any) -> None:
        """Write the CSV files of the page and link them."""
        folder = Path(self.app.outdir).parent / WAITING / self.env.docname
        figures = {
            name: node for node in self.document.findall(nodes.figure) for name in node["names"]
        }
        for key, output in self._glued().items():
            if not key.endswith(CSV):
                continue
            figure = figures.get(key.removesuffix(CSV))
            if figure is None:
                message = "figure data %r belong to no figure of this page"
                LOGGER.warning(message, key, location=self.env.docname)
                continue
            folder.mkdir(parents=True, exist_ok=True)
            (folder / key).write_text(output["data"]["text/plain"], encoding="utf-8")
            figure += self._legend(f"/{(folder / key).relative_to(self.app.srcdir).as_posix()}")

    def _glued(self) -> dict[str, Any]:
        # A file of glued values outlives the cell that glued them; the environment knows better.
        if not NbMetadataCollector.get_doc_data(self.env)[self.env.docname].get("glue"):
            return {}
        read_glue_cache.cache_clear()
        build = self.env.mystnb_config.output_folder  # type: ignore[attr-defined]
        glued: dict[str, Any] = read_glue_cache(build, self.env.docname)
        return glued

    def _legend(self, target: str) -> nodes.Node:
        label = nodes.inline("", "Data as CSV")
        link = addnodes.download_reference(
            "", "", label, reftarget=target, refdoc=self.env.docname, classes=["figure-data"]
        )
        return nodes.legend("", nodes.paragraph("", "", link))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the table node and both transforms."""
    app.add_enumerable_node(
        ComputedTable,
        "table",
        caption_of,
        html=(visit_computed_table, depart_computed_table),
    )
    # Formulas may come from the cells of a table, which Sphinx does not count.
    app.set_html_assets_policy("always")
    app.add_transform(NumberTables)
    app.add_transform(AttachData)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
