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

    An environment stands at its start, a number: what is estimated are consumers in a society that
    does not move.
"""

from __future__ import annotations

from functools import lru_cache

from pycore.errors import refuse
from pycore.model.assembly import Assembly
from pycore.model.checks import finite
from pycore.model.linear_form import Linearised, Structural, StructuralNumbers
from pycore.model.longrun import long_run
from pycore.model.model import Model
from pycore.model.serialize import from_json

__all__ = ["Linearised", "Structural", "StructuralNumbers", "structural"]


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
    known = {n: finite(n, v) for n, v in fixed.items()}
    return _structural(model.to_json(), tuple(sorted(known.items())))


@lru_cache(maxsize=32)
def _structural(text: str, fixed: tuple[tuple[str, float], ...]) -> Structural:
    """Remember what was extracted: seconds for a large model, asked for by every fit of it."""
    model = from_json(text)
    system = long_run(model, dict(fixed))
    if not system.rows and not model.items:
        raise refuse(
            "model",
            model.name,
            "a model with at least one state that settles, or with survey items",
        )
    return Assembly(model, system).result(model)
