"""A wrong number in a laboratory fails; noise of a sampler does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pycore.errors import InputError
from pycore.notebook.__main__ import main
from pycore.notebook.normalise import IGNORED_TAG, normalise, problems, read

# nbformat ships no types.
nbformat: Any = import_module("nbformat")
v4: Any = import_module("nbformat.v4")

ROOT = Path(__file__).parents[2]

SAMPLED = {"tags": ["sampled"]}


def laboratory(noise: str = "random.random() / 1000") -> Any:
    """Make a laboratory with an exact number, a picture, a table, noise and a checked sample."""
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Laboratory"),
            v4.new_code_cell(
                "import random\n"
                "import pandas as pd\n"
                "from pycore.notebook import figure_data, glue_number, glue_sampled, table\n"
                "frame = pd.DataFrame({'week': [1, 2], 'share': [0.25, 0.5]})"
            ),
            v4.new_code_cell("glue_number('half', 0.5)\n1 / 4"),
            v4.new_code_cell("frame"),
            v4.new_code_cell("figure_data('fig-share', frame)\ntable(frame)"),
            v4.new_code_cell(f"value = 0.35 + {noise}\nvalue", metadata=SAMPLED),
            v4.new_code_cell(
                "glue_sampled('path', value, expected=0.35, tolerance=0.01,\n"
                "             because='the noise is below 0.001')"
            ),
        ]
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of laboratories with this project's rules."""
    shutil.copy(ROOT / "notebooks" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def save(notebook: Any, folder: Path) -> Path:
    """Write a laboratory into the folder."""
    path = folder / "laboratory.ipynb"
    nbformat.write(notebook, path)
    return path


def run_again(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the notebook tests as `make test` does."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p",
         "no:cacheprovider", str(folder)],
        cwd=folder,
        env={**{k: v for k, v in os.environ.items() if k != "PYCORE_FAST"}, **environment},
        capture_output=True,
        text=True,
    )  # fmt: skip


def altered(path: Path, old: str, new: str) -> None:
    """Change a kept output, as a changed model would have changed the new one."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_git_keeps_texts_and_glued_numbers_and_no_pictures() -> None:
    picture = v4.new_output(
        "display_data",
        {"image/png": "iVBOR", "text/html": "<b>1</b>", "text/plain": "<Figure>"},
        metadata={"image/png": {"width": 640}},
    )
    notebook = v4.new_notebook(cells=[v4.new_code_cell("plot()", outputs=[picture])])
    notebook.metadata["widgets"] = {"state": {}}
    normalise(notebook)
    (output,) = notebook.cells[0].outputs
    assert output.data == {"text/plain": "<Figure>"}
    assert output.metadata == {}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_a_sampled_cell_keeps_nothing_and_is_not_compared() -> None:
    chatter = v4.new_output("stream", text="Sampling 4 chains …")
    cell = v4.new_code_cell("fit()", outputs=[chatter], metadata=SAMPLED, execution_count=1)
    notebook = v4.new_notebook(cells=[cell])
    assert problems(notebook) == [
        "cell 0: is tagged sampled but keeps an output",
        f"cell 0: is tagged sampled but not {IGNORED_TAG}",
    ]
    normalise(notebook)
    assert cell.outputs == []
    assert problems(notebook) == []


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (v4.new_code_cell("1"), "was never run"),
        (v4.new_code_cell("1", metadata={"tags": [IGNORED_TAG]}, execution_count=1), "hides it"),
        (v4.new_code_cell("1", metadata={"tags": ["nbval-skip"]}, execution_count=1), "hides it"),
        (v4.new_code_cell("# NBVAL_IGNORE_OUTPUT\n1", execution_count=1), "NBVAL comment"),
        (
            v4.new_code_cell(
                "1", outputs=[v4.new_output("stream", name="stderr", text="!")], execution_count=1
            ),
            "stderr",
        ),
        (
            v4.new_code_cell(
                "f",
                outputs=[v4.new_output("stream", text="<f at 0x7f00deadbeef>")],
                execution_count=1,
            ),
            "address",
        ),
        (
            v4.new_code_cell(
                "f",
                outputs=[v4.new_output("display_data", {"image/png": "iVBOR"})],
                execution_count=1,
            ),
            "keeps image/png",
        ),
        (v4.new_code_cell("1", execution_count=7), "not run once each"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cell_that_hides_from_comparison_is_named(cell: Any, problem: str) -> None:
    found = problems(v4.new_notebook(cells=[cell]))
    assert any(problem in line for line in found), found


def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="allowed is an existing"):
        read(tmp_path / "absent.ipynb")
    with pytest.raises(SystemExit):
        main(["check", str(tmp_path / "absent.ipynb")])


@pytest.mark.slow
def test_wrong_numbers_fail_and_right_ones_pass(folder: Path) -> None:
    path = save(laboratory(), folder)
    assert main(["update", str(path)]) == 0
    kept = path.read_text(encoding="utf-8")
    assert "text/html" not in kept

    right = run_again(folder)
    assert right.returncode == 0, right.stdout
    assert "6 passed" in right.stdout

    for old, new in (
        ('record/text/plain": "0.5"', 'record/text/plain": "0.51"'),  # a glued number
        ("0     1   0.25", "0     1   0.26"),  # a number in a table
        ("1,0.25\\n", "1,0.26\\n"),  # a number behind a figure
        ("0.35 + random.random()", "0.45 + random.random()"),  # a sampler that went wrong
    ):
        altered(path, old, new)
    wrong = run_again(folder)
    assert wrong.returncode == 1
    assert "4 failed, 2 passed" in wrong.stdout
    assert "is outside 0.35 ± 0.01 (the noise is below 0.001)" in wrong.stdout

    # The short mode has smaller populations, so its numbers are not those in git; what a sampler
    # gives is held to its tolerance all the same.
    short = run_again(folder, PYCORE_FAST="1")
    assert short.returncode == 1
    assert "1 failed, 5 passed" in short.stdout
