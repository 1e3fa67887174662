"""Scenarios: what decision makers set, per scenario and over time.

A scenario maps a lever (or, for a what-if, a parameter) to a number, to one number per period, or
to a function of the period.  The result is one table of scalar inputs per scenario, parameter draw
and segment: a *cell* of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycore.errors import InputError, refuse, require_name
from pycore.model.elements import Calendar, Draw, Environment, Lever, Parameter, Trait
from pycore.model.model import Model
from pycore.model.numeric import evaluate
from pycore.program.instructions import Op
from pycore.program.interpret import scalar_files
from pycore.program.program import Program
from pycore.simulation.population import Population

__all__ = ["Settings", "cell_inputs", "check_probabilities", "parameter_draws", "resolve"]

Value = float | Sequence[float] | Callable[[int], float]
# scenario → name → one value, or one per period
Settings = dict[str, dict[str, list[float]]]
Table = npt.NDArray[np.float32]
_ROWS = 2**14


def resolve(
    model: Model, scenarios: Mapping[str, Mapping[str, Value]] | None, periods: int
) -> Settings:
    """Check scenarios and write every setting as a list of one or ``periods`` numbers."""
    series = {n: _series(c, periods) for n, c in model.of_kind(Calendar).items()}
    if scenarios is None:
        return {"base": series}
    if not isinstance(scenarios, Mapping) or not scenarios:
        raise refuse("scenarios", scenarios, "a mapping of scenario name to settings")
    levers, parameters = model.of_kind(Lever), model.of_kind(Parameter)
    settings: Settings = {}
    for scenario, values in scenarios.items():
        if not isinstance(scenario, str) or not isinstance(values, Mapping):
            raise refuse("scenarios", {scenario: values}, "{'name': {'lever': value}}")
        settings[scenario] = dict(series)
        for name, value in values.items():
            argument = f"scenarios[{scenario!r}]"
            require_name(argument, name, [*levers, *parameters, *series])
            path = _path(f"{argument}[{name!r}]", value, periods)
            if name in levers:
                low, high = levers[name].low, levers[name].high
                outside = [v for v in path if not low <= v <= high]
                if outside:
                    raise refuse(f"{argument}[{name!r}]", outside[0], f"{low:g} to {high:g}")
            settings[scenario][name] = path
    return settings


def _series(calendar: Calendar, periods: int) -> list[float]:
    if not calendar.values:
        return [float(t + 1) for t in range(periods)]
    if periods > len(calendar.values) and not calendar.repeat:
        raise refuse(
            "periods", periods,
            f"at most the {len(calendar.values)} periods of calendar {calendar.name!r} "
            "(repeat=True starts it again)",
        )  # fmt: skip
    return [calendar.values[t % len(calendar.values)] for t in range(periods)]


def _path(argument: str, value: Any, periods: int) -> list[float]:
    allowed = "a finite number, one per period, or a function of the period"
    try:
        if callable(value):
            value = [float(v) for v in map(value, range(periods))]
        values = np.atleast_1d(np.asarray(value))
    except (TypeError, ValueError, OverflowError):  # lists of different lengths among them
        raise refuse(argument, value, allowed) from None
    if values.dtype.kind not in "iuf" or values.ndim != 1 or not np.isfinite(values).all():
        raise refuse(argument, value, allowed)
    if len(values) not in (1, periods):
        raise refuse(argument, f"{len(values)} values", f"1 value or {periods}, one per period")
    return [float(v) for v in values]


def parameter_draws(
    model: Model, posterior: Any, draws: int | None
) -> dict[str, npt.NDArray[np.float64]]:
    """Draws of the model's parameters from a fit or a mapping, thinned evenly to ``draws``.

    Parameters
    ----------
    posterior : object with ``.posterior``, or mapping of name to array
        A fit (dimensions chain and draw are stacked), or draws by parameter name.
    draws : int, optional
        How many; all by default.
    """
    if draws is not None and (isinstance(draws, bool) or not isinstance(draws, int) or draws < 1):
        raise refuse("draws", draws, "an integer of at least 1, or None")
    if posterior is None:
        if draws is not None:
            raise refuse("draws", draws, "None unless posterior= is given")
        return {}
    known = model.of_kind(Parameter)
    # A DataTree is a mapping of its groups, too.
    if isinstance(posterior, Mapping) and not hasattr(posterior, "children"):
        for name in posterior:
            require_name("posterior", name, known)
        found = {n: _drawn(n, v) for n, v in posterior.items()}
    else:
        try:
            group = posterior["posterior"] if hasattr(posterior, "children") else (
                posterior.posterior)  # fmt: skip
        except (AttributeError, KeyError):
            raise refuse("posterior", type(posterior).__name__, "a fit or a mapping") from None
        found = {
            name: _drawn(name, group[name].values)
            for name in known
            if name in group and group[name].dims == ("chain", "draw")
        }
    if not found:
        raise refuse("posterior", type(posterior).__name__,
                     f"draws of at least one parameter of {model.name!r}")  # fmt: skip
    lengths = {len(v) for v in found.values()}
    total = lengths.pop()
    if lengths or total == 0:
        raise refuse("posterior", "draws of different or zero lengths", "equal lengths above 0")
    if draws is not None and draws > total:
        raise refuse("draws", draws, f"at most the {total} draws of the posterior")
    for name, values in found.items():
        if not np.isfinite(values).all():
            raise refuse(f"posterior[{name!r}]", "non-finite draws", "finite draws")
    chosen = np.linspace(0, total - 1, draws or total).round().astype(int)
    return {n: v[chosen] for n, v in found.items()}


def _drawn(name: str, values: Any) -> npt.NDArray[np.float64]:
    """Real numbers as they are; what NumPy would make a number of (texts, dates) is refused."""
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf":
        raise refuse(f"posterior[{name!r}]", values, "an array of real numbers")
    return array.astype(np.float64).reshape(-1)


def cell_inputs(
    model: Model,
    program: Program,
    people: Population,
    settings: Settings,
    draws: Mapping[str, npt.NDArray[np.float64]],
) -> list[Table]:
    """Scalar inputs of every cell, scenario-major, then draw, then segment.

    A draw replaces a parameter's value; a scenario's what-if replaces both.  Environments stand at
    their start; a run moves them.
    """
    base: dict[str, float] = {n: p.value for n, p in model.of_kind(Parameter).items()}
    base |= {n: lever.default for n, lever in model.of_kind(Lever).items()}
    base |= {n: t.value for n, t in model.constant_traits.items()}
    base |= dict.fromkeys(model.of_kind(Calendar), 0.0)  # every setting has its series
    base |= {n: e.start for n, e in model.of_kind(Environment).items()}
    count = len(next(iter(draws.values()))) if draws else 1
    cells = []
    for setting in settings.values():
        rows = max((len(v) for v in setting.values()), default=1)
        for k in range(count):
            drawn = {n: float(v[k]) for n, v in draws.items()}
            for segment in people.segments:
                values = base | drawn | segment.traits
                table = np.empty((rows, len(program.inputs)), dtype=np.float32)
                with np.errstate(over="ignore"):  # refused below
                    for column, name in enumerate(program.inputs):
                        table[:, column] = setting.get(name, values[name])
                cells.append(table)
    for table in cells:
        if not np.isfinite(table).all():
            raise InputError("parameters: received a value beyond float32, allowed are finite ones")
    return cells


def check_probabilities(model: Model, program: Program, cells: Sequence[Table]) -> None:
    """Refuse probabilities outside [0, 1] and scalar expressions that are not finite.

    Arguments of distributions that depend on scalar inputs only are held to their ranges, too.
    """
    _check_arguments(model, program, cells)
    from pycore.program.compile import slot

    names = {slot(f"event:{n}"): n for n in model.elements}
    events = [
        (names.get(program.step_streams[row[11]], "?"), row[6])
        for row in program.step_code
        if row[0] == Op.EVENT_S
    ]
    # Draws and periods repeat rows; a thousand draws at once cost little more than one.
    rows = list({row.tobytes(): row for table in cells for row in table}.values())
    for first in range(0, len(rows), _ROWS):
        some = np.stack(rows[first : first + _ROWS])
        scalars = scalar_files(program, some)
        finite = np.isfinite(scalars).all(axis=0)
        if not finite.all():
            row = some[np.argmin(finite)].tolist()
            raise InputError(
                f"parameters: received {dict(zip(program.inputs, row, strict=True))}, "
                "allowed are values for which every expression of the model is finite"
            )
        for name, register in events:
            known = scalars[register]
            bad = known[~((known >= 0) & (known <= 1))]
            if bad.size:
                raise refuse(f"event {name!r}.probability", float(bad[0]),
                             "a probability in [0, 1]")  # fmt: skip


def _check_arguments(model: Model, program: Program, cells: Sequence[Table]) -> None:
    for name, element in model.elements.items():
        drawn = element.distribution if isinstance(element, Draw | Trait) else None
        if drawn is None:
            continue
        for argument, expression in drawn.arguments.items():
            low, high = drawn.within.get(argument, (-np.inf, np.inf))
            above = argument in drawn.positive
            used = {s.name for s in expression.free_symbols}
            if not (above or argument in drawn.within) or not used <= set(program.inputs):
                continue
            for table in cells if used else ():
                columns = {n: table[:, program.inputs.index(n)].astype(float) for n in used}
                values = np.atleast_1d(evaluate(expression, columns))
                bad = values[~(values > 0 if above else (values >= low) & (values <= high))]
                if bad.size:
                    allowed = "above 0" if above else f"from {low:g} to {high:g}"
                    raise refuse(f"{name!r}.{argument}", float(bad[0]), f"a number {allowed}")
