"""``python -m pycore.notebook update notebooks/*.ipynb``: laboratories as git keeps them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pycore.errors import InputError
from pycore.notebook.normalise import execute, normalise, problems, read, write


def main(arguments: Sequence[str] | None = None) -> int:
    """Update, strip or check notebooks; 1 if one of them is not as git should keep it."""
    parser = argparse.ArgumentParser(prog="python -m pycore.notebook", description=__doc__)
    parser.add_argument(
        "action",
        choices=("update", "strip", "check"),
        help="update: run in the full mode and keep the text outputs; "
        "strip: drop what git must not keep, without running; check: only report",
    )
    parser.add_argument("notebooks", nargs="+", type=Path)
    chosen = parser.parse_args(arguments)
    bad = 0
    for path in chosen.notebooks:
        try:
            notebook = read(path)
        except InputError as error:
            parser.error(str(error))
        if chosen.action == "update":
            execute(notebook, path.parent)
        if chosen.action != "check":
            normalise(notebook)
            write(notebook, path)
        for problem in problems(notebook):
            bad += 1
            sys.stderr.write(f"{path}: {problem}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
