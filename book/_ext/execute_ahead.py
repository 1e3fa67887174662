"""Sphinx extension: pages that must be executed are, two at a time, before Sphinx reads any.

Sphinx reads, and so executes, one page after the other and leaves a core idle.  What is executed
here goes to the cache in which MyST-NB looks first; a page that fails is left to MyST-NB, which runs
it again and reports.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def execute_ahead(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute the pages among these that the cache does not hold."""
    settings: Any = env.mystnb_config  # type: ignore[attr-defined]
    cache = get_cache(settings.execution_cache_path)
    waiting = []
    for docname in docnames:
        path = Path(env.doc2path(docname))
        content = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), env.myst_config, settings, content)  # type: ignore[attr-defined]
        if reader is None:
            continue
        notebook = reader.read(content)
        if not any(cell.cell_type == "code" for cell in notebook.cells):
            continue
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            waiting.append((len(content), path, notebook))
    # The long ones first, so that none of them is left alone at the end.
    waiting.sort(key=lambda page: -page[0])
    at_once = min(os.cpu_count() or 1, len(waiting), 4)  # a kernel takes half a gigabyte
    if at_once < 2:
        return
    LOGGER.info("executing %d pages, %d at a time", len(waiting), at_once)
    pool = ThreadPoolExecutor(at_once)  # each page runs in a kernel, a process of its own
    try:
        running = {
            pool.submit(
                single_nb_execution, notebook, str(path.parent), settings.execution_timeout, False
            ): path
            for _, path, notebook in waiting
        }
        for done in as_completed(running):
            result, path = done.result(), running[done]
            if result.err is None:
                cache.cache_notebook_bundle(
                    CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time}),
                    check_validity=False, overwrite=True,
                )  # fmt: skip
            LOGGER.info("%s: %.0f s", path.relative_to(app.srcdir), result.time)
    finally:
        pool.shutdown(cancel_futures=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Run before the pages are read."""
    app.connect("env-before-read-docs", execute_ahead)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
