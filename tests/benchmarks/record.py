"""Keep what the benchmarks found, for the book: ``python -m tests.benchmarks.record``.

Reads ``build/bench.json``, ``build/billion.json`` and ``build/instructions.json``.  Of the run that was
kept before, if another processor made it, the ratios that have targets stay.
"""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.__main__ import NOBODY_LEAVES, TARGETS

ROOT = Path(__file__).parents[2]
OUT = ROOT / "book" / "appendix" / "speed.json"


def _ratios(run: dict[str, Any]) -> dict[str, Any]:
    """Date, processor and the ratios that have targets."""
    figures = run["bench"][NOBODY_LEAVES]["figures"]
    return {
        "date": run["date"],
        "processor": figures["processor"],
        "ratios": {pair: figures[pair] for pair in TARGETS if pair in figures},
    }


def main() -> int:
    """Write one file of all three, with the date."""
    found: dict[str, Any] = {"date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    for name in ("bench", "billion", "instructions"):
        found[name] = json.loads((ROOT / "build" / f"{name}.json").read_text(encoding="utf-8"))
    kept = json.loads(OUT.read_text(encoding="utf-8"))
    runs = [_ratios(kept), *kept.get("elsewhere", [])]
    here = _ratios(found)["processor"]
    found["elsewhere"] = [run for run in runs if run["processor"] != here]
    OUT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
