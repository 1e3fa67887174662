"""Provenance: everything a run depends on, and the run again from it.

Results depend on program, inputs, population and seed only; they are all here, so
:func:`reproduce` gives the same bits on any machine and checks that it did.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from pycore.errors import InputError, refuse
from pycore.model.model import Model
from pycore.program.program import Program
from pycore.simulation.network import Network
from pycore.simulation.population import population
from pycore.simulation.scenario import parameter_draws, resolve

__all__ = ["digest", "read", "reproduce", "write"]

FORMAT_VERSION = 1


def digest(ledger: xr.DataArray) -> str:
    """SHA-256 of the ledger's integers (little-endian, C order)."""
    data = np.ascontiguousarray(ledger.values.astype("<i8"))
    return hashlib.sha256(data.tobytes()).hexdigest()


def write(run: xr.Dataset, path: str | Path) -> None:
    """Write the provenance of a run as JSON, atomically."""
    from pycore.files import write_atomically

    write_atomically(Path(path), _text(run).encode())


def _text(run: xr.Dataset) -> str:
    try:
        return str(run.attrs["provenance"])
    except KeyError:
        raise refuse("run", type(run).__name__, "a Dataset that pc.simulate returned") from None


def read(source: str | Path | xr.Dataset) -> dict[str, Any]:
    """Provenance of a run, of its NetCDF file or Zarr folder, a JSON file or JSON text."""
    if isinstance(source, xr.Dataset):
        text = _text(source)
    elif isinstance(source, str) and source.lstrip().startswith("{"):
        text = source
    else:
        try:
            text = _stored(Path(source))
        except (OSError, TypeError, ValueError, ImportError) as error:
            raise refuse(
                "source", source, f"a run, its file, provenance JSON or its file ({error})"
            ) from None
    try:
        data: dict[str, Any] = json.loads(text)
        known = data["format"] == FORMAT_VERSION
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise InputError(f"source: not the provenance of a run ({error})") from None
    if not known:
        raise refuse("source", data["format"], f"provenance of format {FORMAT_VERSION}")
    return data


def _stored(path: Path) -> str:
    if path.is_dir():
        with xr.open_zarr(path, consolidated=False) as run:
            return _text(run)
    with path.open("rb") as file:
        hdf5 = file.read(4) == b"\x89HDF"
    if hdf5:
        with xr.open_dataset(path, engine="h5netcdf") as run:
            return _text(run)
    return path.read_text(encoding="utf-8")


def reproduce(
    source: str | Path | xr.Dataset,
    *,
    threads: int | None = None,
    network: Network | None = None,
) -> xr.Dataset:
    """Run again from provenance alone and check that every bit is the same.

    Parameters
    ----------
    source : Dataset, path or JSON text
        A run, the file or folder that ``run.to_netcdf`` or ``run.to_zarr`` made of it, or its
        provenance as JSON or in a JSON file.
    threads : int, optional
        Threads to use; they do not change the result.
    network : pycore.Network, optional
        The network, where one was given to the run as a graph; a generated one is made again.

    Returns
    -------
    xarray.Dataset
        The run, equal to the first one.

    Raises
    ------
    InputError
        If the source is no provenance, or the result differs from the recorded digest.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> run = pc.simulate(m, consumers=1000, periods=2, seed=7)
    >>> again = pc.reproduce(run)
    >>> bool((again["heads_count"] == run["heads_count"]).all())
    True
    """
    from pycore.simulation.simulate import check_size, run_settings

    p = read(source)
    try:
        model = Model.from_json(json.dumps(p["model"]))
        program = Program.from_json(json.dumps(p["program"]))
        consumers, periods, expected = p["consumers"], p["periods"], str(p["ledger_sha256"])
        check_size(consumers, periods)
        people = population(model, [
            {"segment": s["name"], "weight": s["weight"], **s["traits"]} for s in p["segments"]
        ])  # fmt: skip
        settings = resolve(model, p["scenarios"], periods)
        draws = parameter_draws(model, p["draws"] or None, None)
        if "network" in p and network is None:
            network = Network.from_json(p["network"])
        elif (network.to_json() if network is not None else None) != p.get("network"):
            raise refuse("network", network, "the network of the run")
        run = run_settings(
            model, program, people, settings, draws, consumers=consumers, periods=periods,
            seed=p["seed"], batches=p["batches"], threads=threads, network=network,
        )  # fmt: skip
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"source: incomplete provenance ({error!r})") from None
    found = digest(run["ledger"])
    if found != expected:
        raise InputError(
            f"source: the run gave ledger {found[:12]}…, its provenance says {expected[:12]}… "
            "(the provenance was edited, or this version computes differently: see CHANGELOG)"
        )
    return run
