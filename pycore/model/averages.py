"""Means, slopes and covariances of responses at the base point, by quadrature.

Draws and drawn traits are integrated over a scrambled Sobol' net and its mirror image (an
equal-weight quadrature whose error falls nearly as one over the number of nodes); events are summed
over their outcomes with their probabilities.  The net is fixed, so the numbers are the same in
every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from pycore.model.distributions import Distribution
from pycore.model.longrun import LongRun
from pycore.model.numeric import evaluate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Averages"]

_NODES = 2**16  # evaluations per mean, shared between net nodes and outcomes of events
_MIN_NODES = 2**11
_MAX_SUMMED_EVENTS = 7  # beyond 128 outcomes an event is drawn through the net
_STEP = 0.01  # half width of the central difference, in units of max(1, |state|)


class Averages:
    """Averages of a set of responses over draws, events and drawn traits.

    Parameters
    ----------
    system : LongRun
        The model's long-run equations.
    responses : sequence of sympy.Expr
        What to average; states are arguments, everything random is integrated.
    """

    def __init__(self, system: LongRun, responses: Sequence[sp.Expr]) -> None:
        self.system = system
        self.responses = tuple(responses)
        self.reach = [self._ancestors(r) for r in self.responses]
        needed = set[str]().union(*self.reach)
        self.traits = [n for n in system.traits if n in needed]
        self.random = [n for n in system.order if n in needed]
        events = [n for n in self.random if n in system.events]
        self.summed = events[:_MAX_SUMMED_EVENTS]
        self._net: dict[int, Any] = {}

    def _ancestors(self, response: sp.Expr) -> set[str]:
        """Every name that a response depends on, directly or through chance."""
        found: set[str] = set()
        waiting = {s.name for s in response.free_symbols}
        while waiting:
            name = waiting.pop()
            found.add(name)
            inside: Iterable[sp.Expr] = ()
            if name in self.system.events:
                inside = (self.system.events[name],)
            elif name in self.system.draws:
                inside = self.system.draws[name].distribution.arguments.values()
            waiting |= {s.name for e in inside for s in e.free_symbols} - found
        return found

    def means(self, states: dict[str, float]) -> NDArray[np.float64]:
        """Mean response, shape (responses,)."""
        import numpy as np

        return np.array([float(h.mean()) for h in self._conditional(states, 0)])

    def slopes(self, states: dict[str, float]) -> NDArray[np.float64]:
        """Slope of each mean response in each state, shape (responses, states).

        A central difference of the mean response, not the mean of a derivative: a step has a slope
        too once chance has smoothed it.
        """
        import numpy as np

        found = np.zeros((len(self.responses), len(states)))
        for j, name in enumerate(states):
            touched = [k for k, reach in enumerate(self.reach) if name in reach]
            if not touched:
                continue
            step = _STEP * max(1.0, abs(states[name]))
            above = self._conditional({**states, name: states[name] + step}, 0, touched)
            below = self._conditional({**states, name: states[name] - step}, 0, touched)
            for k, up, down in zip(touched, above, below, strict=True):
                found[k, j] = float((up - down).mean()) / (2 * step)
        return found

    def trait_slopes(
        self, states: dict[str, float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least-squares slopes in the drawn traits, and what they leave unexplained.

        Returns
        -------
        slopes : ndarray, shape (responses, drawn traits)
            Cov(mean response, trait) / Var(trait) over consumers at the base states.
        remainder : ndarray, shape (responses, responses)
            Covariance between consumers that the slopes do not explain.
        """
        import numpy as np

        slopes = np.zeros((len(self.responses), len(self.system.traits)))
        remainder = np.zeros((len(self.responses),) * 2)
        if not self.traits:
            return slopes, remainder
        first = np.array([h + np.zeros(1) for h in _spread(self._conditional(states, 0))])
        other = np.array([h + np.zeros(1) for h in _spread(self._conditional(states, 1))])
        first -= first.mean(axis=1, keepdims=True)
        other -= other.mean(axis=1, keepdims=True)
        values = self._environment(states, 0)[0]
        columns = list(self.system.traits)
        drawn = [np.ravel(values[n]) for n in self.traits]
        for name, trait in zip(self.traits, drawn, strict=True):
            j = columns.index(name)
            centred = trait - trait.mean()
            touched = np.array([name in reach for reach in self.reach])
            slopes[:, j] = np.where(touched, first @ centred / (centred @ centred), 0.0)
            first = first - slopes[:, [j]] * centred
            other = other - slopes[:, [j]] * centred
        between = (first @ other.T + other @ first.T) / (2 * first.shape[1])
        # Estimated covariances may be a little indefinite; a variance is not.
        roots, vectors = np.linalg.eigh(between)
        remainder = (vectors * np.where(roots > 1e-6 * max(roots.max(), 1e-12), roots, 0.0)) @ (
            vectors.T
        )
        return slopes, np.where(self._share(self.traits), remainder, 0.0)

    def within(self, states: dict[str, float]) -> NDArray[np.float64]:
        """Covariance of the responses from period to period, shape (responses, responses)."""
        import numpy as np

        values, weight = self._environment(states, 0)
        whole = [self._value(r, values) for r in self.responses]
        mean = [np.sum(weight * h, axis=1) for h in whole]
        other = self._conditional(states, 1) if self.traits else mean
        size = len(whole)
        found = np.zeros((size, size))
        for k in range(size):
            for m in range(k, size):
                second = float(np.sum(weight * whole[k] * whole[m], axis=1).mean())
                first = (
                    float(((mean[k] * other[m] + mean[m] * other[k]) / 2).mean())
                    if self.traits
                    else float(mean[k].mean() * mean[m].mean())
                )
                found[k, m] = found[m, k] = second - first
        return np.where(self._share(self.random), found, 0.0)

    def _share(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Whether two responses have any of the names in common; if not they are independent."""
        import numpy as np

        has = np.array([[n in reach for n in names] for reach in self.reach], dtype=bool)
        has = has.reshape(len(self.reach), len(names))
        share: NDArray[np.bool_] = (has[:, None, :] & has[None, :, :]).any(axis=2)
        return share

    def _conditional(
        self, states: dict[str, float], copy: int, which: Sequence[int] | None = None
    ) -> list[Any]:
        """Responses at every node, events averaged out."""
        import numpy as np

        values, weight = self._environment(states, copy)
        memo: dict[sp.Basic, Any] = {}
        chosen = range(len(self.responses)) if which is None else which
        return [
            np.sum(weight * self._value(self.responses[k], values, memo), axis=1) for k in chosen
        ]

    def _value(self, e: sp.Expr, values: dict[str, Any], memo: Any = None) -> Any:
        return evaluate(e, values, memo=memo)

    def _environment(self, states: dict[str, float], copy: int) -> tuple[dict[str, Any], Any]:
        """Values of every name at every node and outcome, with the outcomes' probabilities.

        ``copy`` 1 keeps the consumers (traits) and draws their periods anew: the product of the two
        copies averages to the covariance between consumers.
        """
        import numpy as np

        net = self._uniform()
        values: dict[str, Any] = {**self.system.values, **states}
        outcomes = 2 ** len(self.summed)
        columns = iter(net.T[:, :, None])
        for name in self.traits:
            distribution = self.system.traits[name].distribution
            assert distribution is not None
            values[name] = _drawn(distribution, columns, values)
        for _ in range(copy * sum(map(self._width, self.random))):
            next(columns)
        weight = np.full((1, outcomes), 1.0)
        for name in self.random:
            if name not in self.system.events:
                values[name] = _drawn(self.system.draws[name].distribution, columns, values)
                continue
            uniform = next(columns)
            p = np.clip(evaluate(self.system.events[name], values), 0.0, 1.0)
            if name in self.summed:
                bit = self.summed.index(name)
                happens = (np.arange(outcomes) >> bit & 1)[None, :]
                values[name] = happens.astype(float)
                weight = weight * np.where(happens == 1, p, 1 - p)
            else:
                values[name] = (uniform < p).astype(float)
        return values, weight

    def _width(self, name: str) -> int:
        """Dimensions of the net that a word takes: its draw's standard numbers, or one."""
        drawn = self.system.traits.get(name) or self.system.draws.get(name)
        if drawn is None or drawn.distribution is None:
            return 1
        return len(drawn.distribution.bases)

    def _uniform(self) -> Any:
        import numpy as np
        from scipy.stats import qmc

        size = sum(map(self._width, self.traits)) + 2 * sum(map(self._width, self.random))
        if size == 0 or not (self.traits or set(self.random) - set(self.summed)):
            return np.full((1, max(size, 1)), 0.5)
        if size not in self._net:
            nodes = max(_MIN_NODES, _NODES // 2 ** len(self.summed)) // 2
            sobol = qmc.Sobol(size, scramble=True, rng=np.random.default_rng(0))
            half = np.clip(sobol.random(nodes), 2.0**-33, 1 - 2.0**-33)
            self._net[size] = np.concatenate([half, 1 - half])
        return self._net[size]


def _drawn(distribution: Distribution, columns: Iterator[Any], values: dict[str, Any]) -> Any:
    from scipy.special import ndtri

    known = dict(values)
    standard = []
    for k, base in enumerate(distribution.bases):
        standard.append(sp.Dummy(f"standard {k}", real=True))
        uniform = next(columns)
        known[standard[-1].name] = ndtri(uniform) if base == "normal" else uniform
    return evaluate(distribution.transform(*standard), known)


def _spread(rows: list[Any]) -> list[Any]:
    import numpy as np

    return list(np.broadcast_arrays(*rows))
