r"""The long-run linear system of a model: the bridge between a survey and a life.

A survey sees a consumer's states averaged over many periods.  There

.. math:: \eta = \alpha + B\,\eta + \Gamma\,\xi + \zeta, \qquad
          \operatorname{Var}\zeta = \Psi, \quad \operatorname{Var}\xi = \Phi,

with η the states, ξ the drawn traits that are measured by items, and ζ everything else that makes
consumers differ.  The matrices are SymPy expressions of the model's own parameters, so what is
estimated through them can be simulated.

What is exact and what is not
    Terms linear in states and drawn traits are exact.  Draws and events that enter as factors count
    with their means, which is exact too.  Every other term enters as its symbolic coefficient times
    the slope of its mean response at the base steady state, averaged over draws, events and drawn
    traits, and is named in :attr:`Structural.linearised`.

    Ψ has two parts.  Unmeasured drawn traits enter by their symbolic coefficients and variances.
    Chance within a life enters by its symbolic coefficients times the numerical covariance of the
    period's chance at the base point, shrunk by averaging over ``model.recall`` periods of the
    linear system with its carry-overs (for a state alone: a first-order autoregression).  An
    average lags its causes at both ends of the window, which leaves small covariances between
    disturbances that a system without memory would not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy as sp

from pycore.errors import InputError, refuse
from pycore.model.averages import Averages
from pycore.model.elements import Parameter
from pycore.model.expressions import symbol
from pycore.model.longrun import Excluded, LongRun, long_run
from pycore.model.model import Model
from pycore.model.notation import latex_symbol
from pycore.model.numeric import evaluate
from pycore.model.printing import LatexExpressions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Linearised", "Structural", "StructuralNumbers", "averaging", "structural"]

_SETTLED = 1e-10
_MOST_STEPS = 2000


@dataclass(frozen=True, slots=True)
class Linearised:
    """A term that is not linear, replaced by a slope."""

    state: str
    cause: str
    reason: str


@dataclass(frozen=True)
class StructuralNumbers:
    """The matrices of a :class:`Structural` at given parameter values.

    Attributes
    ----------
    B, Gamma, Psi, Phi : ndarray
        Paths between states, paths from measured traits, disturbance and trait covariances.
    intercepts, exogenous_means : ndarray
        α and the means of ξ.
    Lambda, Theta, nu : ndarray
        Loadings on states then traits, error covariances, intercepts of the items.
    """

    B: NDArray[np.float64]
    Gamma: NDArray[np.float64]
    Psi: NDArray[np.float64]
    Phi: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    exogenous_means: NDArray[np.float64]
    Lambda: NDArray[np.float64]
    Theta: NDArray[np.float64]
    nu: NDArray[np.float64]

    @property
    def total_effects(self) -> NDArray[np.float64]:
        """Effect of a unit change of each disturbance on each state: (I − B)⁻¹."""
        import numpy as np

        size = len(self.B)
        return np.linalg.solve(np.eye(size) - self.B, np.eye(size))

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Model-implied covariance of states then traits."""
        import numpy as np

        total = self.total_effects
        across = total @ self.Gamma @ self.Phi
        states = across @ self.Gamma.T @ total.T + total @ self.Psi @ total.T
        return np.block([[states, across], [across.T, self.Phi]])

    @property
    def mean(self) -> NDArray[np.float64]:
        """Model-implied mean of states then traits."""
        import numpy as np

        states = self.total_effects @ (self.intercepts + self.Gamma @ self.exogenous_means)
        return np.concatenate([states, self.exogenous_means])

    @property
    def item_covariance(self) -> NDArray[np.float64]:
        """Model-implied covariance of the items."""
        return self.Lambda @ self.covariance @ self.Lambda.T + self.Theta

    @property
    def item_mean(self) -> NDArray[np.float64]:
        """Model-implied mean of the items, before answers are cut into categories."""
        return self.nu + self.Lambda @ self.mean


@dataclass(frozen=True)
class Structural:
    """The long-run linear system of a model, in symbols.

    Attributes
    ----------
    states, exogenous, disturbances, items : tuple of str
        States with a long run; drawn traits that items measure; drawn traits that none measures;
        items, in the order of the matrices.
    B, Gamma, Psi, Phi, intercepts, exogenous_means : sympy.ImmutableMatrix
        See the module; vectors are columns.
    Lambda, Theta, nu : sympy.ImmutableMatrix
        Measurement as the model declares it: items × (states, exogenous), items × items, items.
    trait_paths : sympy.ImmutableMatrix
        States × disturbances: coefficients of the unmeasured traits inside Ψ.
    trait_variances : tuple of sympy.Expr
        Variances of the unmeasured traits.
    chance : sympy.ImmutableMatrix
        The part of Ψ that comes from chance within a life.
    base : dict of str to float
        Base steady state, around which terms are linearised.
    values : dict of str to float
        Parameters, constant traits and levers at the base point.
    parameters : tuple of str
        Model parameters that appear in B, Γ, Ψ or Φ, in the order of declaration.
    linearised : tuple of Linearised
        Terms that are not exact.
    excluded : tuple of Excluded
        States without a long run.
    unidentified : tuple of str
        Parameters that no data can tell apart through B, Γ and Ψ (over the model's segments).
    recall : int
        Periods over which an answer averages.
    """

    states: tuple[str, ...]
    exogenous: tuple[str, ...]
    disturbances: tuple[str, ...]
    items: tuple[str, ...]
    B: sp.ImmutableMatrix
    Gamma: sp.ImmutableMatrix
    Psi: sp.ImmutableMatrix
    Phi: sp.ImmutableMatrix
    intercepts: sp.ImmutableMatrix
    exogenous_means: sp.ImmutableMatrix
    Lambda: sp.ImmutableMatrix
    Theta: sp.ImmutableMatrix
    nu: sp.ImmutableMatrix
    trait_paths: sp.ImmutableMatrix
    trait_variances: tuple[sp.Expr, ...]
    chance: sp.ImmutableMatrix
    base: dict[str, float]
    values: dict[str, float]
    parameters: tuple[str, ...]
    linearised: tuple[Linearised, ...]
    excluded: tuple[Excluded, ...]
    unidentified: tuple[str, ...]
    recall: int
    _symbols: dict[str, str] = field(default_factory=dict, repr=False)

    def at(self, **values: float) -> StructuralNumbers:
        """Numeric matrices at the base point, or with some values changed.

        Slopes of linearised terms stay those of the base point.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("chain")
        >>> cause = m.trait("cause", pc.Normal(0, 1))
        >>> _ = m.survey(cause, 3)
        >>> effect = m.state("effect", carry=0.5, target=m.parameter("beta", 0.4) * cause)
        >>> m.structural().at(beta=0.7).Gamma
        array([[0.7]])
        """
        import numpy as np

        point = dict(self.values)
        for name, number in values.items():
            if name not in point:
                raise refuse("values", name, f"one of {', '.join(point)}")
            point[name] = float(number)
        memo: dict[sp.Basic, Any] = {}

        def numbers(matrix: Any) -> NDArray[np.float64]:
            flat = [float(evaluate(e, point, memo=memo)) for e in matrix]
            return np.array(flat, dtype=np.float64).reshape(matrix.shape)

        return StructuralNumbers(
            B=numbers(self.B), Gamma=numbers(self.Gamma), Psi=numbers(self.Psi),
            Phi=numbers(self.Phi), intercepts=numbers(self.intercepts).ravel(),
            exogenous_means=numbers(self.exogenous_means).ravel(), Lambda=numbers(self.Lambda),
            Theta=numbers(self.Theta), nu=numbers(self.nu).ravel(),
        )  # fmt: skip

    def _repr_latex_(self) -> str:
        naming = {n: latex_symbol(s, n) for n, s in self._symbols.items()}
        printer = LatexExpressions(lambda n: naming.get(n, latex_symbol("", n)), {})
        states = _column([naming[n] for n in self.states])
        traits = _column([naming[n] for n in self.exogenous])
        parts = [
            rf"B &= {_matrix(printer, self.B)}",
            rf"\Psi &= \operatorname{{Var}}\zeta = {_matrix(printer, self.Psi)}",
        ]
        equation = r"\eta &= \alpha + B\,\eta + \zeta"
        if self.exogenous:
            equation = r"\eta &= \alpha + B\,\eta + \Gamma\,\xi + \zeta"
            parts.insert(1, rf"\Gamma &= {_matrix(printer, self.Gamma)}")
            parts.append(rf"\Phi &= \operatorname{{Var}}\xi = {_matrix(printer, self.Phi)}")
            where = rf"\eta &= {states}, \quad \xi = {traits}"
        else:
            where = rf"\eta &= {states}"
        lines = r" \\ ".join([equation, where, *parts])
        return rf"$\displaystyle \begin{{aligned}} {lines} \end{{aligned}}$"


def structural(model: Model, **fixed: float) -> Structural:
    """Extract the long-run linear system of a model.

    Parameters
    ----------
    model : Model
        The model.
    **fixed : float
        Numbers for constant traits and levers, whose symbols they replace, or for parameters, whose
        symbols stay but whose averages are then taken at that number.

    Returns
    -------
    Structural
        Matrices in the symbols of the parameters and of the constant traits and levers that
        ``fixed`` does not name.

    Raises
    ------
    InputError
        For an unknown name, a model without a long run, or one that settles nowhere.

    Examples
    --------
    A rectified shortfall is flat at the mean draw; its mean response is not.

    >>> import pycore as pc
    >>> import sympy as sp
    >>> m = pc.Model("shortfall")
    >>> expected = m.trait("expected", pc.Normal(0, 1))
    >>> _ = m.survey(expected, 3)
    >>> got = m.draw("got", pc.Normal(0, 1))
    >>> hurt = m.state(
    ...     "hurt", carry=0.5, target=m.parameter("beta", 0.6) * sp.Max(0, expected - got)
    ... )
    >>> form = m.structural()
    >>> print(form.Gamma.evalf(3))
    Matrix([[0.5*beta]])
    >>> form.linearised[0].cause
    'expected'
    """
    system = long_run(model, fixed)
    if not system.rows:
        raise refuse("model", model.name, "a model with at least one state that settles")
    return _Assembly(model, system).result(model)


class _Assembly:
    """Numbers at the base point, then matrices."""

    def __init__(self, model: Model, system: LongRun) -> None:
        self.system = system
        self.window = model.recall
        order = [step.name for step in model.order if step.kind == "update"]
        self.updates = [order.index(n) for n in system.rows]
        self.states = tuple(system.rows)
        self.all_traits = tuple(system.traits)
        measured = {item.measures for item in model.items.values()}
        self.exogenous = tuple(t for t in self.all_traits if t in measured)
        self.unmeasured = tuple(t for t in self.all_traits if t not in measured)
        self.averaged = _distinct(r for row in system.rows.values() for _, r in row.averaged)
        self.random = _distinct(r for row in system.rows.values() for _, r in row.random)
        self.averages = Averages(system, self.averaged)
        self.base = self._settle()
        self.slopes = self.averages.slopes(self.base)
        self.trait_slopes, self.remainder = self.averages.trait_slopes(self.base)

    def result(self, model: Model) -> Structural:
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
        chance = self._chance()
        Psi = chance + paths * sp.diag(*variances) * paths.T if variances else chance
        Phi = sp.diag(*(moments[n][1] for n in self.exogenous))
        if not self.exogenous:
            Phi = sp.zeros(0, 0)
        means = {n: moments[n][0] for n in self.all_traits}
        measurement = _measurement(model, (*self.states, *self.exogenous))
        used = set().union(*(m.free_symbols for m in (B, Gamma, Psi, Phi)))
        return Structural(
            states=self.states, exogenous=self.exogenous, disturbances=self.unmeasured,
            items=tuple(model.items), B=B.as_immutable(), Gamma=Gamma.as_immutable(),
            Psi=Psi.as_immutable(), Phi=Phi.as_immutable(),
            intercepts=self._intercepts(means).as_immutable(),
            exogenous_means=sp.ImmutableMatrix(
                len(self.exogenous), 1, [means[n] for n in self.exogenous]
            ),
            Lambda=measurement[0], Theta=measurement[1], nu=measurement[2],
            trait_paths=paths.as_immutable(), trait_variances=variances,
            chance=chance.as_immutable(), base=self.base, values=dict(self.system.values),
            parameters=tuple(n for n in model.of_kind(Parameter) if symbol(n) in used),
            linearised=tuple(self._linearised(model)), excluded=self.system.excluded,
            unidentified=_unidentified(model, self.system.values, B, Gamma, Psi),
            recall=model.recall,
            _symbols={n: e.symbol for n, e in model.elements.items()},
        )  # fmt: skip

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
        C = Averages(self.system, self.random).within(self.base)
        size = len(rows)
        found = sp.zeros(size, size)
        carry = np.array([row.carry for row in rows])
        B = np.array([[self._number(self._path(i, j)) for j in range(size)] for i in range(size)])
        window = _Window(B, carry, self.updates, self.window)
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


class _Window:
    """What chance within a life leaves in averages over a window, in the linear system.

    One period is x ← F x + G w: a state reads those updated before it in the same period at their
    new value, the others at the old one.

    Parameters
    ----------
    B : ndarray
        Paths between states.
    carry : ndarray
        Carry-overs.
    updates : sequence of int
        Place of each state's update in the period.
    periods : int
        Length of the window.
    """

    def __init__(
        self,
        B: NDArray[np.float64],
        carry: NDArray[np.float64],
        updates: Sequence[int],
        periods: int,
    ) -> None:
        import numpy as np

        size = len(B)
        place = np.asarray(updates)
        now = np.where(place[:, None] > place[None, :], B, 0.0)
        moved = np.eye(size) - (1 - carry)[:, None] * now
        self.G = np.linalg.inv(moved)
        self.F = self.G @ (np.diag(carry) + (1 - carry)[:, None] * (B - now))
        if np.abs(np.linalg.eigvals(self.F)).max() >= 1:
            raise InputError(
                "model: received states that feed back on each other without settling, allowed is "
                "a model whose steady state is stable"
            )
        self.rest = np.eye(size) - B
        self.periods = periods

    def left_over(self, i: int, j: int) -> NDArray[np.float64]:
        """(I − B)·Var(average)·(I − B)ᵀ for unit covariance of the chance of two states."""
        import numpy as np
        from scipy.linalg import solve_discrete_lyapunov

        unit = np.zeros_like(self.F)
        unit[i, j] = unit[j, i] = 1.0
        still = solve_discrete_lyapunov(self.F, self.G @ unit @ self.G.T)
        total = self.periods * still
        lagged = still
        for k in range(1, self.periods):
            lagged = self.F @ lagged
            total = total + (self.periods - k) * (lagged + lagged.T)
        left = self.rest @ (total / self.periods**2) @ self.rest.T
        return np.where(np.abs(left) > 1e-12, (left + left.T) / 2, 0.0)


def averaging(one: float, two: float, window: int) -> float:
    """Covariance of the averages of two autoregressions driven by the same unit-variance chance.

    Parameters
    ----------
    one, two : float
        Their carry-overs, below 1.
    window : int
        Number of periods averaged.

    Returns
    -------
    float
        For equal carry-overs, the variance of the average.

    Examples
    --------
    Without carry-over it is the variance of a mean of independent numbers.

    >>> averaging(0.0, 0.0, 4)
    0.25
    """
    lagged = sum((window - k) * (one**k + two**k) for k in range(1, window))
    return (window + lagged) / (window**2 * (1 - one * two))


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


def _measurement(
    model: Model, latents: tuple[str, ...]
) -> tuple[sp.ImmutableMatrix, sp.ImmutableMatrix, sp.ImmutableMatrix]:
    items = list(model.items.values())
    loadings = sp.zeros(len(items), len(latents))
    for i, item in enumerate(items):
        if item.measures not in latents:
            raise refuse(f"item {item.name!r}", item.measures, "a state that has a long run")
        loadings[i, latents.index(item.measures)] = sp.Float(item.loading)
    errors = sp.diag(*(sp.Float(item.error) ** 2 for item in items)) if items else sp.zeros(0, 0)
    intercepts = sp.Matrix(len(items), 1, [sp.Float(item.intercept) for item in items])
    return loadings.as_immutable(), errors.as_immutable(), intercepts.as_immutable()


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
    rows: list[list[float]] = []
    for segment in model.segments.values():
        point = {**values, **segment.traits}
        rows += [[_derivative(e, n, point) for n in names] for e in entries]
    jacobian = np.array(rows)
    scale = np.linalg.norm(jacobian, axis=0)
    jacobian = jacobian / np.where(scale > 0, scale, 1.0)
    _, singular, directions = np.linalg.svd(jacobian, full_matrices=True)
    rank = int((singular > 1e-6 * max(singular[0], 1e-300)).sum())
    null = directions[rank:]
    return tuple(n for k, n in enumerate(names) if (np.abs(null[:, k]) > 1e-3).any())


def _derivative(expression: sp.Expr, name: str, point: Mapping[str, float]) -> float:
    """Central difference; entries may contain functions whose derivative has no number."""
    if symbol(name) not in expression.free_symbols:
        return 0.0
    step = 1e-5 * max(1.0, abs(point[name]))
    above = evaluate(expression, {**point, name: point[name] + step})
    below = evaluate(expression, {**point, name: point[name] - step})
    return float(above - below) / (2 * step)


def _column(entries: list[str]) -> str:
    return rf"\begin{{pmatrix}} {r' \\ '.join(entries)} \end{{pmatrix}}"


def _matrix(printer: LatexExpressions, matrix: sp.ImmutableMatrix) -> str:
    rows = [
        " & ".join(printer.doprint(matrix[i, j]) for j in range(matrix.cols))
        for i in range(matrix.rows)
    ]
    return rf"\begin{{pmatrix}} {r' \\ '.join(rows)} \end{{pmatrix}}"
