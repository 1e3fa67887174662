"""The ``pycore`` command."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pycore.errors import InputError, refuse, require_name

__all__ = ["main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Stay or Leave: simulate and estimate consumer models, read the claim ledger.",
)


class ClaimFormat(StrEnum):
    """Output of ``pycore claims``."""

    JSON = "json"
    TABLE = "table"


def main() -> None:
    """Run the command; unusable input ends with one line on standard error and status 2."""
    try:
        app(standalone_mode=False)
    except InputError as error:
        sys.stderr.write(f"pycore: {error}\n")
        raise SystemExit(2) from None
    except typer.Abort:
        raise SystemExit(130) from None
    except KeyboardInterrupt:
        sys.stderr.write("pycore: stopped\n")
        raise SystemExit(130) from None
    except Exception as error:
        # Typer's own complaints (unknown option, missing argument) know how to show themselves.
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show()
            raise SystemExit(error.exit_code) from None
        raise


@app.command()
def info() -> None:
    """Version, compiler, flags and instruction sets."""
    from pycore.program.build import build_config

    typer.echo(json.dumps(build_config(), indent=2))


@app.command()
def claims(
    output: Annotated[ClaimFormat, typer.Option("--format", help="json or table")] = (
        ClaimFormat.TABLE
    ),
    document: Annotated[str | None, typer.Option(help="one document, D0 to D4")] = None,
) -> None:
    """The claim ledger: every claim with section, status, page and evidence."""
    from pycore.claims.report import as_records

    records = as_records()
    if document is not None:
        require_name("document", document, sorted({r["document"] for r in records}))
        records = [r for r in records if r["document"] == document]
    if output is ClaimFormat.JSON:
        typer.echo(json.dumps(records, ensure_ascii=False, indent=1))
        return
    for r in records:
        typer.echo(f"{r['id']}  {r['section']:<12} {r['status']:<13} {r['page'] or '—'}")


@app.command()
def simulate(
    model: Annotated[str, typer.Argument(help="a library model, or a model's JSON file")],
    consumers: Annotated[int, typer.Option()] = 100_000,
    periods: Annotated[int, typer.Option()] = 52,
    seed: Annotated[int, typer.Option()] = 1,
    scenario: Annotated[
        list[str] | None, typer.Option(help="name:lever=value,lever=value (repeatable)")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="write the run as NetCDF")] = None,
    provenance: Annotated[Path | None, typer.Option(help="write the provenance as JSON")] = None,
    threads: Annotated[int | None, typer.Option()] = None,
) -> None:
    """Simulate a model and print what happened by the last period."""
    import pycore as pc
    from pycore.simulation.provenance import write

    for path in (output, provenance):
        if path is not None and not path.parent.is_dir():
            raise refuse("output", str(path), "a file in a folder that exists")
    run = pc.simulate(
        _model(model), consumers=consumers, periods=periods, seed=seed, threads=threads,
        scenarios=_scenarios(scenario), progress=sys.stderr.isatty(),
    )  # fmt: skip
    if output is not None:
        run.to_netcdf(output)
    if provenance is not None:
        write(run, provenance)
    pooled = pc.pool(run).isel(draw=0, segment=0, period=-1)
    for name in [str(s) for s in pooled["scenario"].values]:
        typer.echo(f"scenario {name}, {run.sizes['period']} {run['period'].attrs['units']}s:")
        for variable, error in (("share", "share_mcse"),):
            if variable in pooled:
                for stage in pooled["stage"].values:
                    at = pooled.sel(scenario=name, stage=stage)
                    typer.echo(
                        f"  {stage}: {at[variable].item():.4f} ± {at[error].item():.4f} of all"
                    )
        for rate in sorted(str(v) for v in pooled if str(v).endswith("_rate")):
            typer.echo(f"  {rate}: {pooled[rate].sel(scenario=name).item():.4f} in the last period")


@app.command()
def estimate(
    model: Annotated[str, typer.Argument(help="a library model, or a model's JSON file")],
    data: Annotated[Path, typer.Argument(help="CSV of answers, one row per respondent")],
    seed: Annotated[int, typer.Option()] = 1,
    draws: Annotated[int, typer.Option()] = 1000,
    chains: Annotated[int, typer.Option()] = 4,
    group: Annotated[str | None, typer.Option(help="column of groups")] = None,
    output: Annotated[Path | None, typer.Option(help="write the fit as NetCDF")] = None,
) -> None:
    """Estimate a model from a table of answers and print its effects."""
    import pandas as pd

    import pycore as pc

    if not data.is_file():
        raise refuse("data", str(data), "a CSV file that exists")
    if output is not None and not output.parent.is_dir():
        raise refuse("output", str(output), "a file in a folder that exists")
    fit = pc.estimate(
        _model(model), pd.read_csv(data), group=group, draws=draws, chains=chains, seed=seed
    )
    if output is not None:
        fit.to_netcdf(output)
    typer.echo(pc.effects(fit).to_string())


def _model(name: str) -> Any:
    import pycore as pc

    path = Path(name)
    if path.suffix == ".json":
        if not path.is_file():
            raise refuse("model", name, "a JSON file that exists")
        return pc.Model.from_json(path.read_text())
    require_name("model", name, pc.library.__all__)
    return getattr(pc.library, name)()


def _scenarios(texts: list[str] | None) -> dict[str, dict[str, float]] | None:
    if not texts:
        return None
    found: dict[str, dict[str, float]] = {}
    for text in texts:
        name, _, rest = text.partition(":")
        found[name] = {}
        for part in filter(None, rest.split(",")):
            lever, sign, value = part.partition("=")
            try:
                found[name][lever.strip()] = float(value)
            except ValueError:
                raise refuse("scenario", text, "name:lever=number,lever=number") from None
            if not sign:
                raise refuse("scenario", text, "name:lever=number,lever=number")
    return found
