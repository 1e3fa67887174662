"""What a synthetic population lives by: numbers from the very priors that an estimate gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.plan import Plan
from pycore.estimation.prior_draws import no_data, prior_values
from pycore.estimation.priors import choose
from pycore.estimation.quantities import systems
from pycore.estimation.sample import Sample
from pycore.estimation.specification import make_plan
from pycore.model.elements import Parameter
from pycore.model.model import Model
from pycore.model.numeric import evaluate
from pycore.model.structural import structural

__all__ = ["Source", "Truths"]

Source = Literal["prior", "declared"]
_MOST_TRIES = 1000


class Truths:
    """True parameters of a model, one set after the other, and the plan that estimates them.

    A prior in units of the data cannot be drawn from before there are data.  Where a parameter has
    no prior of its own (lavaan's syntax), the default priors are therefore taken in units of the
    model, by the draws and by the estimate alike.

    Parameters
    ----------
    model : Model
        With survey items.
    priors : mapping, "blavaan" or None
        As in :func:`pycore.estimate`.
    source : {"prior", "declared"}
        Draws from the priors, or the model's own values every time.

    Attributes
    ----------
    names : tuple of str
        What is estimated.
    held : dict
        What stays at a number, in the population and in the estimate.

    Raises
    ------
    InputError
        If there is nothing to estimate, or traits covary, which simulated consumers' do not.
    """

    def __init__(
        self, model: Model, priors: Mapping[str, Any] | str | None, source: Source
    ) -> None:
        used = structural(model).parameters
        known = tuple(n for n in model.of_kind(Parameter) if n in used)
        chosen, self.held, _ = choose(model, known, priors)
        self._model, self._priors, self._source = model, priors, source
        self._raw = any(prior is None for prior in chosen.values())
        self._plan = self.plan(no_data(model))
        self.names = tuple(self._plan.parameters)
        if not self.names:
            raise refuse("priors", priors, "at least one parameter that is not held")
        values = {n: float(p.value) for n, p in model.of_kind(Parameter).items()} | self.held
        self._values = {n: values[n] for n in self.names}
        for pair, covariance in model.trait_covariances.items():
            inside = set() if isinstance(covariance, float) else {
                s.name for s in covariance.free_symbols
            }  # fmt: skip
            if inside & set(self.names) or evaluate(covariance, values) != 0:
                raise refuse(
                    f"covariance of {pair[0]} and {pair[1]}", str(covariance),
                    "0: a simulation draws traits independently, so no answers come from it",
                )  # fmt: skip

    def plan(self, sample: Sample) -> Plan:
        """What is free, given data."""
        return make_plan(self._model, sample, self._priors, raw=self._raw)

    def one(self, rng: np.random.Generator) -> dict[str, float]:
        """The next true values."""
        if self._source == "declared":
            return dict(self._values)
        for _ in range(_MOST_TRIES):
            known = prior_values(self._plan, 1, rng)
            if _possible(self._plan, known):
                return {n: float(v[0]) for n, v in parameters(self._plan, known).items()}
        raise refuse("priors", self._priors, "priors under which covariances are possible together")


def parameters(
    plan: Plan, environment: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """The model's parameters at every point, those that all groups share."""
    return {
        name: np.asarray(evaluate(expressions[0], environment))
        for name, expressions in plan.parameters.items()
    }


def _possible(plan: Plan, environment: Mapping[str, NDArray[np.float64]]) -> bool:
    """Whether covariances with priors of their own make matrices that are covariances."""
    if not plan.model.error_covariances:
        return True
    error = systems(plan, environment)[0].error[0]
    return bool(np.linalg.eigvalsh(error).min() >= 0)
