"""Sphinx extension: executed pages are kept under a key of all that their numbers depend on.

jupyter-cache recognises a page by its code alone.  A changed model would then show old numbers, so
each key gets a cache of its own; when the key changes, Sphinx reads, and so executes, every page
again.  A page that prints a number glued by another page is read again when that page changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from myst_nb.ext.glue.utils import PendingGlueReference  # type: ignore[import-untyped]
from provenance import cache_key
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)

#: Folder of the caches, relative to the checkout.
CACHES = Path("build") / "jupyter-cache"

#: Caches kept: the two modes, before and after a change.
KEPT = 4


def choose_cache(app: Sphinx, config: Config) -> None:
    """Point MyST-NB to the cache of this key; a new key makes Sphinx read every page again."""
    key = cache_key(Path(app.srcdir))
    folder = Path(app.srcdir) / CACHES / key
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    own_profile(Path(app.srcdir) / "build" / "ipython")
    config.nb_execution_cache_path = str(folder)
    config.execution_cache_key = key
    config.page_code_hash = page_code_hash()
    by_age = sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_age[KEPT:]:
        shutil.rmtree(old)
    LOGGER.info("executions kept in %s", folder.relative_to(app.srcdir))


def page_code_hash() -> str:
    """Hash of these extensions: when they change, pages are read, though not executed, again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def own_profile(folder: Path) -> None:
    """Run kernels under a profile of the build, not of the user whose start-up files may differ."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    # At every start a kernel warns that its local sockets are not encrypted; errors still show.
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n")
    os.environ["IPYTHONDIR"] = str(folder)


def follow_glue(app: Sphinx, doctree: nodes.document) -> None:
    """Make a page depend on the pages whose numbers it prints."""
    for reference in doctree.findall(PendingGlueReference):
        app.env.note_dependency(app.env.doc2path(reference.refdoc))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the cache."""
    app.add_config_value("execution_cache_key", "", "env", str)
    app.add_config_value("page_code_hash", "", "env", str)
    app.connect("config-inited", choose_cache)
    app.connect("doctree-read", follow_glue)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
