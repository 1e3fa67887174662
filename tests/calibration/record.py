"""The kept record of a hundred replicates per model, and whether it belongs to the present models.

Written by ``python -m tests.calibration``; read by the book's appendix on estimation and by the
tests.  It holds ranks, from which the band, the p values and the coverage are computed where they
are shown.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import pycore as pc
from pycore.estimation.uniformity import of_ranks
from tests.calibration.designs import Kind, asked, held, settings

PATH = Path(__file__).parents[2] / "book" / "appendix" / "calibration.json"
FAMILY = 0.01  # chance that a model which is right is called wrong
FAR = 4.0  # posterior deviations
_PRESENTATION = {"doc", "title", "claims", "symbol", "unit", "source"}


def fingerprint(name: str, kind: Kind) -> str:
    """Digest of all that decides what is calibrated: equations, priors, items, what is held."""
    model = _bare(json.loads(asked(name, kind).to_json()))
    parts = [model, held(name, kind), settings(name, kind)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _bare(value: Any) -> Any:
    """Without what is only shown, so that a better wording does not make a record stale."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k not in _PRESENTATION}
    return [_bare(v) for v in value] if isinstance(value, list) else value


def entry(name: str, kind: Kind, check: xr.Dataset, cpu: float) -> dict[str, Any]:
    """What is kept of a calibration; a row of numbers is one line of text."""
    z = (check["mean"] - check["truth"]) / check["sd"]
    far = z.where(abs(z) > FAR).to_series().dropna()
    return {
        "fingerprint": fingerprint(name, kind),
        "seed": check.attrs["seed"],
        "replicates": check.sizes["replicate"],
        "respondents": check.attrs["respondents"],
        "thinned": check.attrs["thinned"],
        "method": check.attrs["method"],
        "cpu seconds": round(cpu, 1),
        "held": held(name, kind),
        "rhat": _line(check["rhat"], ".3f"),
        "effective draws": _line(check["ess"], ".0f"),
        "divergences": _line(check["divergences"], ".0f"),
        "ranks": {
            str(n): _line(check["rank"].sel(parameter=n), ".0f") for n in z["parameter"].values
        },
        "errors in posterior deviations": {
            str(n): _line(z.sel(parameter=n), ".2f") for n in z["parameter"].values
        },
        "true values missed by far": {
            f"{n} ({k})": float(f"{check['truth'].sel(replicate=k, parameter=n).item():.3g}")
            for k, n in far.index
        },
    }


def _line(values: xr.DataArray, digits: str) -> str:
    return " ".join(format(float(v), digits) for v in values.values)


def read() -> dict[str, Any]:
    """The file: date, versions, and ``models`` → ``scores`` or ``questionnaire`` → entry."""
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return found


def is_current(name: str, kind: Kind, kept: dict[str, Any]) -> bool:
    """Whether an entry was made of the model as it is now."""
    return bool(kept["fingerprint"] == fingerprint(name, kind))


def dataset(kept: dict[str, Any]) -> xr.Dataset:
    """An entry as :func:`pycore.calibration_check` returned it, but for truths and means."""
    ranks = np.array([_numbers(line) for line in kept["ranks"].values()]).astype(int).T
    errors = np.array([_numbers(line) for line in kept["errors in posterior deviations"].values()])
    found = of_ranks(ranks, list(kept["ranks"]), kept["thinned"])
    return found.assign(
        error=(("replicate", "parameter"), errors.T),
        rhat=("replicate", _numbers(kept["rhat"])),
        ess=("replicate", _numbers(kept["effective draws"])),
        divergences=("replicate", _numbers(kept["divergences"])),
    )


def _numbers(line: str) -> list[float]:
    return [float(v) for v in line.split()]


def strays(check: xr.Dataset) -> dict[str, float]:
    """Parameters whose ranks are not uniform, with their p values.

    One model has many parameters: by Bonferroni's rule, which needs no independence, a p value is
    small if it is below ``FAMILY`` over their number.
    """
    p = check["p_value"]
    return {
        str(n): float(v) for n, v in zip(p["parameter"].values, p.values, strict=True)
        if v * p.size < FAMILY
    }  # fmt: skip


def trusted(check: xr.Dataset) -> NDArray[np.bool_]:
    """Replicates whose draws are good: chains that agree, or weights that are even.

    Weighted draws are kept only if Pareto's k and their effective number allow it, and have no
    R-hat.
    """
    agree = ~(check["rhat"] >= 1.05) & (check["divergences"] == 0) & (check["ess"] >= 50)
    return np.asarray(agree.values)


def versions() -> dict[str, str]:
    """What the ranks were made with."""
    from importlib.metadata import version

    return {"pycore": pc.__version__, **{n: version(n) for n in ("nutpie", "numpy", "sympy")}}
