"""Sphinx extension: every page says how to cite it, what made it and where its source is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from myst_nb.sphinx_ import NbMetadataCollector  # type: ignore[import-untyped]
from provenance import commit
from sphinx.application import Sphinx

import pycore
from pycore.notebook.mode import mode


def add_provenance(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Fill the variables of ``_templates/provenance.html``."""
    executed = NbMetadataCollector.get_doc_data(app.env).get(pagename, {}).get("exec_data")
    source = str(app.env.doc2path(pagename, base=False)) if pagename in app.env.all_docs else ""
    context["made"] = {
        "version": pycore.__version__,
        "commit": commit(Path(app.srcdir)),
        "mode": mode(),
        "key": app.config.execution_cache_key,
        "executed": executed is not None,
        "seconds": None if executed is None else executed.get("runtime"),
        "source": source,
        "is_notebook": source.endswith(".ipynb"),
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Fill the footer of every page."""
    app.connect("html-page-context", add_provenance)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
