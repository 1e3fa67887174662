"""Keep what the benchmarks found, for the book: ``python -m tests.benchmarks.record [bench.json ...]``.

Reads ``build/billion.json``, ``build/instructions.json`` and ``build/bench.json`` or, of several runs
on a computer that others share, their files: the one whose ratio to NumPy is in the middle is kept, and
of all of them the ratios that have targets.  Of the run that was kept before there stay: those
ratios, if another processor made it, and benchmarks against peers that are not installed here.
"""

from __future__ import annotations

import datetime
import json
import math
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.__main__ import NOBODY_LEAVES, SCENARIOS, TARGETS

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


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def main(benches: list[str]) -> int:
    """Write one file of all, with the date."""
    found: dict[str, Any] = {"date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    for name in ("billion", "instructions"):
        found[name] = _read(ROOT / "build" / f"{name}.json")
    runs = [_read(Path(path)) for path in benches or [str(ROOT / "build" / "bench.json")]]
    runs.sort(key=lambda run: run[NOBODY_LEAVES]["ratio"])
    found["bench"] = runs[(len(runs) - 1) // 2]
    found["runs"] = {
        scenario: {
            pair: [run[scenario]["figures"][pair] for run in runs]
            for pair in TARGETS
            if all(pair in run[scenario]["figures"] for run in runs)
        }
        for scenario in SCENARIOS
    }
    kept = json.loads(OUT.read_text(encoding="utf-8"))
    for name, benchmark in found["bench"].items():
        if not math.isfinite(benchmark["ratio"]):
            found["bench"][name] = kept["bench"].get(name, benchmark)
    others = [_ratios(kept), *kept.get("elsewhere", [])]
    here = _ratios(found)["processor"]
    found["elsewhere"] = [run for run in others if run["processor"] != here]
    OUT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
