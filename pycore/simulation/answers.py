"""Synthetic questionnaires: the answers that a simulated population would give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pycore.errors import refuse
from pycore.model.elements import Coefficient, Item
from pycore.model.longrun import base_values
from pycore.model.model import Model
from pycore.model.numeric import evaluate
from pycore.program.arithmetic import normal
from pycore.program.compile import compile_model, slot
from pycore.program.interpret import SURVEY, consumer_ids
from pycore.program.philox import philox
from pycore.program.program import Program
from pycore.simulation.outcomes import observed
from pycore.simulation.population import MAX_CONSUMERS, population
from pycore.simulation.scenario import Value, cell_inputs, check_probabilities, resolve
from pycore.simulation.simulate import MAX_PERIODS, _whole
from pycore.simulation.thresholds import default_thresholds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["answers"]

_CHUNK = 4096


def answers(
    model: Model,
    *,
    respondents: int = 500,
    seed: int,
    burn_in: int = 52,
    recall: int | None = None,
    segments: pd.DataFrame | list[dict[str, Any]] | None = None,
    scenario: Mapping[str, Value] | None = None,
) -> pd.DataFrame:
    """Survey a simulated cohort.

    The whole cohort answers: stages are switched off, so nobody is missing because she left.
    After ``burn_in`` periods each respondent averages what she lived through over ``recall``
    periods; an item is intercept + loading·average + error, cut into answer categories.  Over a
    long recall the averages obey the model's long-run equations, which is what lets
    :func:`pycore.estimate` recover the coefficients (the bridge; an assumption about real
    respondents).  As there, an environment stands at its start: respondents are a sample from a
    society that does not move, not a society of their own.

    Parameters
    ----------
    model : Model
        A model with survey items.
    respondents : int
        Number of respondents; respondent k gives the same answers whatever this number is.
    seed : int
        Key of the random numbers.
    burn_in, recall : int
        Periods before the window, and its length (``model.recall`` by default).
    segments : table, optional
        As in :func:`pycore.simulate`.
    scenario : mapping, optional
        Settings of one scenario.

    Returns
    -------
    pandas.DataFrame
        One row per respondent: ``segment``, the constant traits, the items, the outcomes. Synthetic
        data.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("mood")
    >>> x = m.trait("disposition", pc.Normal(0, 1))
    >>> y = m.state("mood_level", carry=0.5, target=x, noise=0.2)
    >>> _ = m.survey(y, 2, points=5)
    >>> pc.answers(m, respondents=3, seed=1)
      segment  mood_level_1  mood_level_2
    0     all             1             1
    1     all             5             5
    2     all             4             4
    """
    import pandas as pd

    if not isinstance(model, Model):
        raise refuse("model", model, "a pycore Model")
    if not model.items:
        raise refuse("model", model.name, "a model with survey items, see Model.survey")
    _whole("respondents", respondents, 1, min(MAX_CONSUMERS, 10**8))
    _whole("seed", seed, 0, 2**64 - 1)
    _whole("burn_in", burn_in, 0, MAX_PERIODS)
    window = model.recall if recall is None else recall
    _whole("recall", window, 1, MAX_PERIODS)
    program = compile_model(model, keep="everything", stages=False)
    people = population(model, segments)
    settings = resolve(model, {"survey": dict(scenario or {})}, burn_in + window)
    cells = cell_inputs(model, program, people, settings, {})
    check_probabilities(model, program, cells)
    columns: dict[str, list[Any]] = {n: [] for n in ("segment", *model.constant_traits)}
    asked = (*model.items, *model.outcomes)
    columns |= {name: [] for name in asked}
    for g, count in enumerate(people.counts(respondents)):
        part = people.segments[g]
        # A lever or parameter that moves, on average over what was lived through.
        moved = {n: fmean(path) for n, path in settings["survey"].items()}
        values: dict[str, Any] = base_values(model) | moved | part.traits
        columns["segment"] += [part.name] * count
        for name, trait in model.constant_traits.items():
            columns[name] += [part.traits.get(name, trait.value)] * count
        for first in range(0, count, _CHUNK):
            ids = consumer_ids(g, np.arange(first, min(first + _CHUNK, count)))
            lives = _Lives(program, cells[g], g, ids, burn_in, window, seed)
            averages = lives.averages(model)
            errors = _errors(model, values, ids, seed)
            for item in model.items.values():
                columns[item.name].append(_answer(item, values, averages, errors[item.name]))
            for outcome in model.outcomes.values():
                columns[outcome.name].append(observed(outcome, values | averages, ids, seed))
    for name in asked:
        columns[name] = list(np.concatenate(columns[name]))
    return pd.DataFrame(columns)


@dataclass(frozen=True, slots=True)
class _Lives:
    """Respondents of one segment and the window their answers look back on."""

    program: Program
    inputs: npt.NDArray[np.float32]
    segment: int
    ids: npt.NDArray[np.uint64]
    burn_in: int
    window: int
    seed: int

    def averages(self, model: Model) -> dict[str, npt.NDArray[np.float64]]:
        """Mean of every measured quantity over the window."""
        from pycore import _core

        names = sorted(
            {name for item in model.items.values() for name in item.loadings}
            | {
                s.name
                for outcome in model.outcomes.values()
                for s in outcome.predictor.free_symbols
                if s.name in self.program.traced
            }
        )
        registers = np.asarray([self.program.traced[n] for n in names], dtype=np.int32)
        last = self.burn_in + self.window
        lives = _core.trace(
            self.program.to_core(), [self.inputs], np.asarray([self.segment], dtype=np.uint32),
            self.ids, registers, last, self.seed,
        )  # fmt: skip
        total = np.zeros((len(self.ids), len(names)))
        for period in range(self.burn_in, last):  # one by one: a fixed order of additions
            total += lives[:, period]
        return {name: total[:, k] / self.window for k, name in enumerate(names)}


def _errors(
    model: Model, values: Mapping[str, float], ids: npt.NDArray[np.uint64], seed: int
) -> dict[str, npt.NDArray[np.float64]]:
    """Errors of all items; those that covary are mixed by the root of their covariance."""
    found: dict[str, npt.NDArray[np.float64]] = {}
    for item in model.items.values():
        error = _number(item.error, values)
        found[item.name] = np.zeros(len(ids))
        if error > 0:
            words = philox(ids, 0, SURVEY, slot(f"item:{item.name}"), seed)[0]
            found[item.name] = error * normal(words).astype(np.float64)
    pairs = {pair: _number(v, values) for pair, v in model.error_covariances.items()}
    names = [n for n in model.items if any(n in pair for pair in pairs)]
    if not names:
        return found
    sd = np.array([_number(model.items[n].error, values) for n in names])
    covariance = np.diag(sd**2)
    for (one, other), value in pairs.items():
        i, j = names.index(one), names.index(other)
        covariance[i, j] = covariance[j, i] = value
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise refuse("covary", f"covariances between {', '.join(names)} that no errors have",
                     "a positive definite covariance of the errors") from None  # fmt: skip
    mixed = root @ (np.array([found[n] for n in names]) / sd[:, None])
    return found | dict(zip(names, mixed, strict=True))


def _number(value: Coefficient, values: Mapping[str, float]) -> float:
    return value if isinstance(value, float) else float(evaluate(value, values))


def _answer(
    item: Item,
    values: Mapping[str, float],
    averages: Mapping[str, npt.NDArray[np.float64]],
    error: npt.NDArray[np.float64],
) -> npt.NDArray[Any]:
    first, *others = item.loadings.items()
    latent = _number(item.intercept, values) + _number(first[1], values) * averages[first[0]]
    for name, loading in others:
        latent = latent + _number(loading, values) * averages[name]
    latent = latent + error
    if item.points == 0:
        return np.asarray(latent)
    cuts = item.thresholds or default_thresholds(item.points)
    return np.searchsorted(np.asarray(cuts), latent, side="right") + 1
