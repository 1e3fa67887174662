"""Calibrate the library and keep what was found: ``python -m tests.calibration [model …]``.

Without names, every model.  Results enter the file as they come, so that an interrupted run is not
lost; about half a CPU hour in all.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from typing import Any

from tests.calibration import record
from tests.calibration.designs import DESIGNS, KINDS, Kind, checked

SEED = 2026
REPLICATES: dict[Kind, int] = {"scores": 100, "questionnaire": 25}


def keep(name: str, kind: Kind, kept: dict[str, Any]) -> None:
    """Put one entry into the file."""
    found = record.read() if record.PATH.exists() else {"models": {}}
    found["models"].setdefault(name, {})[kind] = kept
    found["models"] = {n: found["models"][n] for n in DESIGNS if n in found["models"]}
    text = json.dumps({
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": "python -m tests.calibration",
        "versions": record.versions(),
        "models": found["models"],
    }, indent=1, ensure_ascii=False)  # fmt: skip
    record.PATH.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run, keep, say; fail if a model's ranks stray."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="model", help=", ".join(DESIGNS))
    parser.add_argument("--kind", choices=KINDS, help="only one of the two")
    given = parser.parse_args(arguments)
    unknown = [n for n in given.models if n not in DESIGNS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known are {', '.join(DESIGNS)}")
    wrong = 0
    for name in given.models or DESIGNS:
        for kind in (given.kind,) if given.kind else KINDS:
            if kind == "questionnaire" and not DESIGNS[name].questionnaire:
                continue
            begin = time.process_time()
            check = checked(name, kind, REPLICATES[kind], SEED)
            keep(name, kind, record.entry(name, kind, check, time.process_time() - begin))
            strays = record.strays(check) if kind == "scores" else {}
            wrong += bool(strays)
            sys.stdout.write(f"{name}, {kind}: {strays or 'kept'}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
