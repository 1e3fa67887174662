"""What a user relies on: names, lazy import, layers that look one way."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import pycore as pc

PACKAGE = Path(pc.__file__).parent
# Each layer may import those before it.
LAYERS = (
    {"errors", "files", "gates"},
    {"model"},
    {"program"},
    {"simulation", "estimation"},
    {"facts", "histories", "library"},
    {"claims", "plot", "notebook"},
    {"cli"},
)


def test_importing_the_package_needs_neither_sympy_nor_pymc() -> None:
    code = (
        "import sys, pycore\n"
        "heavy = {'sympy', 'pymc', 'pytensor', 'xarray', 'pandas', 'numpy', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_simulating_needs_no_pymc() -> None:
    code = (
        "import sys, pycore as pc\n"
        "pc.simulate(pc.library.disengagement(), consumers=100, periods=2, seed=1)\n"
        "assert not {'pymc', 'pytensor', 'arviz'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", [n for n in pc.__all__ if n != "__version__"])
def test_every_public_name_exists_and_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(pc, name))


def test_functions_stay_functions_after_their_modules_are_imported() -> None:
    """A package named like a public function would replace it on first import."""
    for name in ("simulate", "estimate", "compare", "answers", "trajectories", "reproduce"):
        assert callable(getattr(pc, name)), name


def _layer(module: str) -> int | None:
    parts = module.split(".")
    if parts[0] != "pycore" or len(parts) == 1:
        return None
    for rank, names in enumerate(LAYERS):
        if parts[1] in names:
            return rank
    return None


def test_imports_go_one_way() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        relative = path.relative_to(PACKAGE.parent).with_suffix("")
        mine = _layer(".".join(relative.parts))
        if mine is None:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            modules: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                modules = [node.module]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            wrong += [
                f"{path.relative_to(PACKAGE)} imports {module}"
                for module in modules
                if (theirs := _layer(module)) is not None and theirs > mine
            ]
    assert not wrong, "\n".join(wrong)


def test_every_file_of_the_package_is_in_a_layer() -> None:
    known = set().union(*LAYERS) | {"__init__", "_core"}
    found = {p.stem if p.is_file() else p.name for p in PACKAGE.iterdir() if p.name[:1] not in "_."}
    assert found - {"py"} <= known, found - known
