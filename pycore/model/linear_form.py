"""The matrices of a long-run linear system, in symbols and in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy as sp

from pycore.errors import refuse
from pycore.model.longrun import Excluded
from pycore.model.notation import latex_symbol
from pycore.model.numeric import evaluate
from pycore.model.printing import LatexExpressions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Linearised", "Structural", "StructuralNumbers"]


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


@dataclass(frozen=True, eq=False)
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
    trait_covariance : sympy.ImmutableMatrix
        Covariance of the unmeasured traits.
    chance : sympy.ImmutableMatrix
        The part of Ψ that comes from chance within a life.
    base : dict of str to float
        Base steady state, around which terms are linearised.
    values : dict of str to float
        Parameters, constant traits and levers at the base point.
    parameters : tuple of str
        Model parameters that appear in the matrices, in the order of declaration; those of means
        only where no item is free to have any mean.
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
    trait_covariance: sp.ImmutableMatrix
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


def _column(entries: list[str]) -> str:
    return rf"\begin{{pmatrix}} {r' \\ '.join(entries)} \end{{pmatrix}}"


def _matrix(printer: LatexExpressions, matrix: sp.ImmutableMatrix) -> str:
    rows = [
        " & ".join(printer.doprint(matrix[i, j]) for j in range(matrix.cols))
        for i in range(matrix.rows)
    ]
    return rf"\begin{{pmatrix}} {r' \\ '.join(rows)} \end{{pmatrix}}"
