"""Keep what the benchmarks found, for the book: ``python -m tests.benchmarks.record``.

Reads ``build/bench.json``, ``build/billion.json`` and ``build/instructions.json``.
"""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUT = ROOT / "book" / "appendix" / "speed.json"


def main() -> int:
    """Write one file of all three, with the date."""
    found = {"date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    for name in ("bench", "billion", "instructions"):
        found[name] = json.loads((ROOT / "build" / f"{name}.json").read_text(encoding="utf-8"))
    OUT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
