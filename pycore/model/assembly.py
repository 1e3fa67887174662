"""From long-run equations to matrices: base steady state, slopes, disturbances, identification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sympy as sp

from pycore.errors import InputError, refuse
from pycore.model.averages import Averages
from pycore.model.elements import Parameter
from pycore.model.expressions import symbol
from pycore.model.linear_form import Linearised, Structural
from pycore.model.longrun import LongRun
from pycore.model.model import Model
from pycore.model.numeric import evaluate
from pycore.model.window import Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Assembly"]

_SETTLED = 1e-10
_MOST_STEPS = 2000


class Assembly:
    """Numbers at the base point, then matrices."""

    def __init__(self, model: Model, system: LongRun) -> None:
        self.system = system
        self.window = model.recall
        order = [step.name for step in model.order if step.kind == "update"]
        self.updates = [order.index(n) for n in system.rows]
        self.states = tuple(system.rows)
        self.all_traits = tuple(system.traits)
        self.model = model
        measured = {name for item in model.items.values() for name in item.loadings}
        self.exogenous = tuple(t for t in self.all_traits if t in measured)
        self.unmeasured = tuple(t for t in self.all_traits if t not in measured)
        self.averaged = _distinct(r for row in system.rows.values() for _, r in row.averaged)
        self.random = _distinct(r for row in system.rows.values() for _, r in row.random)
        self.averages = Averages(system, self.averaged)
        self.base = self._settle()
        self.slopes = self.averages.slopes(self.base)
        self.trait_slopes, self.remainder = self.averages.trait_slopes(self.base)

    def result(self, model: Model) -> Structural:
        """All matrices of the linear form."""
        B = sp.Matrix(len(self.states), len(self.states), self._path)
        Gamma = sp.Matrix(
            len(self.states), len(self.exogenous),
            lambda i, j: self._trait_path(i, self.exogenous[j]),
        )  # fmt: skip
        paths = sp.Matrix(
            len(self.states), len(self.unmeasured),
            lambda i, j: self._trait_path(i, self.unmeasured[j]),
        )  # fmt: skip
        moments = {n: _moments(self.system, n) for n in self.all_traits}
        variances = tuple(moments[n][1] for n in self.unmeasured)
        between = self._covariance(self.unmeasured, moments)
        chance = self._chance()
        Psi = chance + paths * between * paths.T if variances else chance
        Phi = self._covariance(self.exogenous, moments)
        means = {n: moments[n][0] for n in self.all_traits}
        measurement = self._measurement(model, (*self.states, *self.exogenous))
        used = set().union(*(m.free_symbols for m in (B, Gamma, Psi, Phi, *measurement)))
        if not any(item.free for item in model.items.values()):
            # Where intercepts are not all free, what the states' own constants are matters.
            used |= self._intercepts(means).free_symbols
            used |= set().union(*(means[n].free_symbols for n in self.exogenous))
        return Structural(
            states=self.states, exogenous=self.exogenous, disturbances=self.unmeasured,
            items=tuple(model.items), B=B.as_immutable(), Gamma=Gamma.as_immutable(),
            Psi=Psi.as_immutable(), Phi=Phi.as_immutable(),
            intercepts=self._intercepts(means).as_immutable(),
            exogenous_means=sp.ImmutableMatrix(
                len(self.exogenous), 1, [means[n] for n in self.exogenous]
            ),
            Lambda=measurement[0], Theta=measurement[1], nu=measurement[2],
            trait_paths=paths.as_immutable(), trait_covariance=between.as_immutable(),
            chance=chance.as_immutable(), base=self.base, values=dict(self.system.values),
            parameters=tuple(n for n in model.of_kind(Parameter) if symbol(n) in used),
            linearised=tuple(self._linearised(model)), excluded=self.system.excluded,
            unidentified=_unidentified(model, self.system.values, B, Gamma, Psi),
            recall=model.recall,
            _symbols={n: e.symbol for n, e in model.elements.items()},
        )  # fmt: skip

    def _covariance(
        self, traits: tuple[str, ...], moments: Mapping[str, tuple[sp.Expr, sp.Expr]]
    ) -> sp.Matrix:
        """Variances of drawn traits, and the covariances that the model declares."""
        found = sp.zeros(len(traits), len(traits))
        for k, name in enumerate(traits):
            found[k, k] = moments[name][1]
        for (one, other), value in self.model.trait_covariances.items():
            if (one in traits) != (other in traits):
                raise refuse("covary", f"{one}, {other}",
                             "traits that are both measured by items, or neither")  # fmt: skip
            if one in traits:
                i, j = traits.index(one), traits.index(other)
                found[i, j] = found[j, i] = self.system.clean(value)
        return found

    # -------------------------------------------------------------- base steady state

    def _number(self, expression: sp.Expr) -> float:
        return float(evaluate(expression, self.system.values))

    def _settle(self) -> dict[str, float]:
        """Steady state of the mean responses: the linear part solved, the rest iterated, damped."""
        import numpy as np

        size = len(self.states)
        rows = list(self.system.rows.values())
        means = {n: self._number(_moments(self.system, n)[0]) for n in self.all_traits}
        linear = np.zeros((size, size))
        constant = np.zeros(size)
        weights = np.zeros((size, len(self.averaged)))
        for i, row in enumerate(rows):
            constant[i] = self._number(row.constant)
            for name, coefficient in row.linear.items():
                if name in means:
                    constant[i] += self._number(coefficient) * means[name]
                else:
                    linear[i, self.states.index(name)] += self._number(coefficient)
            for coefficient, response in row.averaged:
                weights[i, self.averaged.index(response)] += self._number(coefficient)
        if not size:
            return {}
        inverse = np.linalg.inv(np.eye(size) - linear)
        x = inverse @ constant
        if not self.averaged:
            return dict(zip(self.states, x.tolist(), strict=True))
        damping, last = 1.0, np.inf
        for _ in range(_MOST_STEPS):
            with np.errstate(all="ignore"):  # a runaway overflows; it is refused below
                response = self.averages.means(dict(zip(self.states, x.tolist(), strict=True)))
            move = inverse @ (constant + weights @ response) - x
            size_of_move = float(np.abs(move).max())
            if not np.isfinite(size_of_move):
                break
            if size_of_move < _SETTLED * (1 + float(np.abs(x).max())):
                return dict(zip(self.states, (x + move).tolist(), strict=True))
            if size_of_move > 0.9 * last:
                damping = max(damping / 2, 1 / 64)
            last = size_of_move
            x = x + damping * move
        raise InputError(
            f"model: states {', '.join(self.states)} settle nowhere at the base values, allowed is "
            "a model whose mean responses have a steady state"
        )

    # ------------------------------------------------------------------------ matrices

    def _path(self, i: int, j: int) -> sp.Expr:
        row = self.system.rows[self.states[i]]
        return row.linear.get(self.states[j], sp.S.Zero) + self._sloped(row, self.slopes[:, j])

    def _trait_path(self, i: int, trait: str) -> sp.Expr:
        row = self.system.rows[self.states[i]]
        column = self.trait_slopes[:, self.all_traits.index(trait)]
        return row.linear.get(trait, sp.S.Zero) + self._sloped(row, column)

    def _sloped(self, row: Any, slopes: NDArray[np.float64]) -> sp.Expr:
        total = sp.S.Zero
        for coefficient, response in row.averaged:
            slope = float(slopes[self.averaged.index(response)])
            if slope != 0.0:
                total += coefficient * sp.Float(slope)
        return total

    def _intercepts(self, means: Mapping[str, sp.Expr]) -> sp.Matrix:
        """α, chosen so that the linear system passes through the base steady state."""
        level = self.averages.means(self.base)
        for j, name in enumerate(self.states):
            level = level - self.slopes[:, j] * self.base[name]
        for j, name in enumerate(self.all_traits):
            level = level - self.trait_slopes[:, j] * self._number(means[name])
        column: list[sp.Expr] = []
        for row in self.system.rows.values():
            total = row.constant + self._sloped(row, level)
            for name in self.unmeasured:
                total += self._trait_path(len(column), name) * means[name]
            column.append(total)
        return sp.Matrix(column)

    def _chance(self) -> sp.Matrix:
        """Ψ's part from chance within a life, averaged over the recall window.

        The window's covariance is linear in the covariance Q of one period's chance, so each entry
        of Q, symbolic, is multiplied by what a unit of it leaves in (I − B)·average.
        """
        import numpy as np

        rows = list(self.system.rows.values())
        if not rows:
            return sp.zeros(0, 0)
        C = Averages(self.system, self.random).within(self.base)
        size = len(rows)
        found = sp.zeros(size, size)
        carry = np.array([row.carry for row in rows])
        B = np.array([[self._number(self._path(i, j)) for j in range(size)] for i in range(size)])
        window = Window(B, carry, self.updates, self.window)
        for i, one in enumerate(rows):
            for j in range(i, size):
                two = rows[j]
                share = (1 - one.carry) * (1 - two.carry)
                chance = _bilinear(one.random, two.random, self.random, share * C)
                if i == j and one.noise != 0:
                    chance += self._mean_square(one.noise)
                lasting = self._between(one, two)
                found[i, j] += lasting
                if i != j:
                    found[j, i] += lasting
                if chance != 0:
                    left = window.left_over(i, j)
                    for a, b in zip(*np.nonzero(left), strict=True):
                        found[int(a), int(b)] += chance * sp.Float(float(left[a, b]))
        return found

    def _between(self, one: Any, two: Any) -> sp.Expr:
        """Lasting differences that the slopes in drawn traits leave over; not shrunk."""
        return _bilinear(one.averaged, two.averaged, self.averaged, self.remainder)

    def _measurement(
        self, model: Model, latents: tuple[str, ...]
    ) -> tuple[sp.ImmutableMatrix, sp.ImmutableMatrix, sp.ImmutableMatrix]:
        """Λ, Θ and ν as declared."""
        items = list(model.items)
        loadings = sp.zeros(len(items), len(latents))
        errors = sp.zeros(len(items), len(items))
        intercepts = sp.zeros(len(items), 1)
        for i, item in enumerate(model.items.values()):
            for name, loading in item.loadings.items():
                if name not in latents:
                    raise refuse(f"item {item.name!r}", name, "a state that has a long run")
                loadings[i, latents.index(name)] = self.system.clean(loading)
            errors[i, i] = self.system.clean(item.error) ** 2
            intercepts[i] = self.system.clean(item.intercept)
        for (one, other), value in model.error_covariances.items():
            i, j = items.index(one), items.index(other)
            errors[i, j] = errors[j, i] = self.system.clean(value)
        return loadings.as_immutable(), errors.as_immutable(), intercepts.as_immutable()

    def _mean_square(self, noise: sp.Expr) -> sp.Expr:
        if all(s.name in self.system.values for s in noise.free_symbols):
            return noise**2
        return sp.Float(float(Averages(self.system, [noise**2]).means(self.base)[0]))

    def _linearised(self, model: Model) -> Iterable[Linearised]:
        for name, row in self.system.rows.items():
            for _, response in row.averaged:
                k = self.averaged.index(response)
                causes = {n: self.slopes[k, j] for j, n in enumerate(self.states)}
                causes |= {n: self.trait_slopes[k, j] for j, n in enumerate(self.all_traits)}
                for cause, slope in causes.items():
                    if cause in self.averages.reach[k]:
                        yield Linearised(
                            name, cause, f"{response} has slope {slope:.4g} on average at the base"
                        )
            state = model.element(name)
            for bound in ("low", "high"):
                limit = getattr(state, bound)
                if limit is not None:
                    yield Linearised(
                        name, name,
                        f"kept within {bound} = {limit:g} in a life, not in the linear system "
                        f"(base {self.base[name]:.4g})",
                    )  # fmt: skip


def _bilinear(
    one: list[tuple[sp.Expr, sp.Expr]],
    two: list[tuple[sp.Expr, sp.Expr]],
    responses: list[sp.Expr],
    covariance: NDArray[np.float64],
) -> sp.Expr:
    total = sp.S.Zero
    for a, first in one:
        for b, second in two:
            number = float(covariance[responses.index(first), responses.index(second)])
            if number != 0.0:
                total += a * b * sp.Float(number)
    return total


def _moments(system: LongRun, trait: str) -> tuple[sp.Expr, sp.Expr]:
    distribution = system.traits[trait].distribution
    assert distribution is not None
    return distribution.moments()


def _distinct(responses: Iterable[sp.Expr]) -> list[sp.Expr]:
    return list(dict.fromkeys(responses))


def _unidentified(
    model: Model, values: Mapping[str, float], *matrices: sp.Matrix
) -> tuple[str, ...]:
    """Parameters in the null space of ∂(B, Γ, Ψ)/∂θ, stacked over the model's segments."""
    import numpy as np

    entries = _distinct(e for m in matrices for e in m if e.free_symbols)
    names = [
        n for n in model.of_kind(Parameter) if any(symbol(n) in e.free_symbols for e in entries)
    ]
    if not names:
        return ()
    # Central differences, all names at once: entries may contain functions whose derivative has no
    # number.  Name k is moved up in place k and down in place K + k.
    steps = np.array([1e-5 * max(1.0, abs(values[n])) for n in names])
    rows = []
    for segment in model.segments.values():
        point: dict[str, Any] = {**values, **segment.traits}
        for k, n in enumerate(names):
            point[n] = np.full(2 * len(names), point[n])
            point[n][[k, len(names) + k]] += [steps[k], -steps[k]]
        memo: dict[sp.Basic, Any] = {}
        for entry in entries:
            above, below = np.split(
                np.broadcast_to(evaluate(entry, point, memo=memo), 2 * len(names)), 2
            )
            rows.append((above - below) / (2 * steps))
    jacobian = np.array(rows)
    scale = np.linalg.norm(jacobian, axis=0)
    jacobian = jacobian / np.where(scale > 0, scale, 1.0)
    _, singular, directions = np.linalg.svd(jacobian, full_matrices=True)
    rank = int((singular > 1e-6 * max(singular[0], 1e-300)).sum())
    null = directions[rank:]
    return tuple(n for k, n in enumerate(names) if (np.abs(null[:, k]) > 1e-3).any())
