"""What a laboratory keeps in git: the text outputs of deterministic cells, and nothing else.

Those texts are compared exactly when the notebooks are run again, which the same-bits contract of
the machine makes possible.  Pictures and HTML are dropped because the book draws them anew; a cell
tagged ``sampled`` keeps nothing, because its last digits depend on the processor.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pycore.errors import refuse
from pycore.files import write_atomically
from pycore.notebook.record import EXACT, SAMPLED

#: Tag of a cell whose output differs in its last digits between machines.
SAMPLED_TAG = "sampled"

#: What tells the notebook tests not to compare a cell; always goes with :data:`SAMPLED_TAG`.
IGNORED_TAG = "nbval-ignore-output"

#: MIME types of an output that stay in git; everything else is dropped.
KEPT = ("text/plain", "text/latex", "text/markdown", f"{EXACT}text/plain")

#: MIME types the notebook tests must not compare, because git does not keep them.
NOT_COMPARED = (
    "image/png",
    "image/jpeg",
    "image/svg+xml",
    "text/html",
    "application/json",
    "application/javascript",
    f"{SAMPLED}text/plain",
)

_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read(path: Path) -> Any:
    """Read a notebook file.

    Raises
    ------
    InputError
        If the file is not an existing notebook.

    Examples
    --------
    >>> read(Path("absent.ipynb"))
    Traceback (most recent call last):
    ...
    pycore.errors.InputError: notebook: received 'absent.ipynb', allowed is an existing .ipynb file
    """
    import nbformat

    if path.suffix != ".ipynb" or not path.is_file():
        raise refuse("notebook", str(path), "an existing .ipynb file")
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def write(notebook: Any, path: Path) -> None:
    """Write a notebook whole or not at all."""
    import nbformat

    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    write_atomically(path, f"{text.rstrip()}\n".encode())


def execute(notebook: Any, folder: Path, *, timeout: int = 1800) -> None:
    """Run all cells in the full mode, in place.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place.
    folder : Path
        Working directory of the kernel, as in the book and in the tests.
    timeout : int
        Seconds one cell may take.
    """
    from nbclient import NotebookClient

    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        # At every start a kernel warns that its local sockets are not encrypted.
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(folder)}},
    )
    # What git keeps are the published numbers, whatever mode the caller is in.
    environment = {key: value for key, value in os.environ.items() if key != "PYCORE_FAST"}
    client.execute(env=environment)


def _output(output: Any) -> Any | None:
    """An output as git keeps it, or None."""
    if output.output_type not in ("display_data", "execute_result"):
        return output
    output.data = {kind: value for kind, value in output.data.items() if kind in KEPT}
    record = output.metadata.get("scrapbook")
    output.metadata = {"scrapbook": record} if record else {}
    return output if output.data else None


def normalise(notebook: Any) -> None:
    """Drop from a notebook, in place, what git must not keep.

    Parameters
    ----------
    notebook : NotebookNode
        As Jupyter wrote it or as :func:`execute` left it.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> picture = v4.new_output("display_data", {"image/png": "iVBOR", "text/plain": "<Figure>"})
    >>> notebook = v4.new_notebook(cells=[v4.new_code_cell("plot()", outputs=[picture])])
    >>> normalise(notebook)
    >>> notebook.cells[0].outputs[0].data
    {'text/plain': '<Figure>'}
    """
    notebook.metadata = {"kernelspec": dict(_KERNEL), "language_info": {"name": "python"}}
    for cell in notebook.cells:
        # Folding, scrolling and run times are the editor's; tags and figure options are ours.
        kept = {key: cell.metadata[key] for key in ("tags", "mystnb") if key in cell.metadata}
        if cell.cell_type != "code":
            cell.metadata = kept
            continue
        tags = list(kept.get("tags", []))
        if SAMPLED_TAG in tags:
            if IGNORED_TAG not in tags:
                kept["tags"] = [*tags, IGNORED_TAG]
            cell.outputs = []
        else:
            cell.outputs = [kept for kept in map(_output, cell.outputs) if kept is not None]
        cell.metadata = kept


def problems(notebook: Any) -> list[str]:
    """What keeps the notebook tests from seeing a wrong number, cell by cell.

    Parameters
    ----------
    notebook : NotebookNode
        As git has it.

    Returns
    -------
    list of str
        Empty if every cell was run, keeps text only, and is either compared or tagged.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> problems(v4.new_notebook(cells=[v4.new_code_cell("1 + 1")]))
    ['cell 0: was never run, so its output would not be compared']
    """
    found: list[str] = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code):
        found += [f"cell {number}: {problem}" for problem in _cell_problems(cell)]
    counts = [cell.execution_count for cell in code]
    if None not in counts and counts != list(range(1, len(code) + 1)):
        found.append("the cells were not run once each, from first to last")
    return found


def _cell_problems(cell: Any) -> Iterator[str]:
    tags = cell.metadata.get("tags", [])
    if cell.execution_count is None:
        yield "was never run, so its output would not be compared"
    if SAMPLED_TAG in tags:
        if cell.outputs:
            yield f"is tagged {SAMPLED_TAG} but keeps an output"
        if IGNORED_TAG not in tags:
            yield f"is tagged {SAMPLED_TAG} but not {IGNORED_TAG}"
        return
    for tag in ("nbval-ignore-output", "nbval-skip", "raises-exception"):
        if tag in tags:
            yield f"is tagged {tag}, which hides it from comparison; only {SAMPLED_TAG} may"
    if re.search(r"^\s*#\s*(NBVAL_|PYTEST_VALIDATE)", cell.source, flags=re.MULTILINE):
        yield "has an NBVAL comment; use tags"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"raised {output.ename}: {output.evalue}"
            continue
        if output.output_type == "stream":
            texts = {output.name: output.text}
            if output.name == "stderr":
                yield f"writes to stderr; silence it or tag the cell {SAMPLED_TAG}"
        else:
            texts = {kind: str(value) for kind, value in output.data.items()}
            for kind in sorted(texts.keys() - set(KEPT)):
                yield f"keeps {kind}"
        if any(_ADDRESS.search(text) for text in texts.values()):
            yield "prints an address in memory, which differs at every run"
